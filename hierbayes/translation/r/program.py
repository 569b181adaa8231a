"""An R program up to the call that fits a model: what its names hold by then."""

from __future__ import annotations

from hierbayes.translation.dialect import pointed
from hierbayes.translation.prepared_data import PreparedData
from hierbayes.translation.program_names import ProgramNames
from hierbayes.translation.r.frames import column_made, frame_of, strings_of
from hierbayes.translation.r.syntax import Node

ASSIGN = {"<-": (0, 1), "<<-": (0, 1), "=": (0, 1), "->": (1, 0), "->>": (1, 0)}
_UNREAD = {
    "assign", "source", "sys.source", "eval", "evalq", "local", "set", "setnames", "delayedAssign",
    "makeActiveBinding", "setattr", "do.call",
}  # fmt: skip  # calls that may change the data without an arrow
_OPTIONS = ("contrasts", "na.action")
_ELSEWHERE = {
    "within", "eval", "evalq", "quote", "bquote", "substitute", "expression", "local", "subset",
    "transform", "mutate",
}  # fmt: skip  # where a call sees other data than at the top
_NAMES_OF_ROWS = ("rownames", "row.names")


class Program(ProgramNames[Node, Node]):
    """The names of an R program, statement by statement."""

    def take(self, node: Node) -> None:
        """One statement that stands before the call.

        Raises
        ------
        FormulaError
            For a statement that may change anything.
        """
        if node.kind in ("braces", "paren"):
            for part in node.parts:
                self.take(part)
        elif node.kind == "infix" and node.text in ASSIGN:
            target, value = (node.parts[k] for k in ASSIGN[node.text])
            self._assign(target, value)
        elif node.kind == "infix" and node.text == "%<>%" and node.parts[0].kind == "name":
            trouble = "'%<>%' changes the data; do it in the data, and leave it out of the code"
            self.trouble(node.parts[0].text, trouble, node.place)
        elif node.kind == "call":
            self._call(node)
        elif node.kind == "index":
            self._changed_in_place(node)

    def with_call(self, statement: Node, call: Node) -> PreparedData | None:
        """What stands before a call within its own statement; the data where ``with`` gives them.

        Raises
        ------
        FormulaError
            Where the call stands in a function, or sees other data than at the top.
        """
        node, data = statement, None
        while node is not call:
            at = next(i for i, part in enumerate(node.parts) if _holds(part, call))
            if node.kind == "braces":
                for part in node.parts[:at]:
                    self.take(part)
            elif node.function == "with" and at == 2:
                data = frame_of(node.parts[1], self.frames, self.columns)
            elif node.kind == "function" or node.function in _ELSEWHERE:
                what = node.function or "function"
                raise pointed(
                    self.text,
                    node.place,
                    f"{call.function} stands inside {what}(...), whose data are not known; write "
                    "the call by itself",
                )
            node = node.parts[at]
        return data

    def _assign(self, target: Node, value: Node) -> None:
        if value.kind == "infix" and value.text in ASSIGN:
            self.take(value)
            value = value.parts[ASSIGN[value.text][0]]
        if target.kind in ("name", "string"):
            name = target.text.strip("\"'")
            self.values[name] = value
            self.frames[name] = frame_of(value, self.frames, self.columns)
            if value.kind == "function":
                self.functions[name] = value
            return
        frame, column, whole = _target(target)
        if not column:
            if target.function in _NAMES_OF_ROWS:
                return
            why = "this changes the data; do it there, and leave it out of the code"
            self.trouble(frame, why, target.place)
            return
        if whole:
            self.frames[frame] = column_made(self.frame(frame), column, value, self.columns)
        else:
            self.change(frame, column, target.place)

    def _call(self, node: Node) -> None:
        options = node.function == "options" and any(name in _OPTIONS for name in node.names)
        if node.function in _UNREAD or options:
            raise pointed(
                self.text,
                node.place,
                f"{node.function}(...) before the model is not read: it may change the data or "
                "what the model means; do it in the data, and leave it out of the code",
            )
        for part in node.parts[1:]:
            if part.kind in ("infix", "call", "braces", "paren"):
                self.take(part)

    def _changed_in_place(self, node: Node) -> None:
        """``d[, x := 2 * x]`` of data.table."""
        marked = [part for part in node.parts[1:] if part.text == ":="]
        for part in marked:
            names = strings_of(part.parts[0]) or (part.parts[0].text,)
            for name in names:
                self.change(node.parts[0].text, name, part.place)


def _holds(node: Node, call: Node) -> bool:
    return any(part is call for part in node.walk())


def _target(node: Node) -> tuple[str, str, bool]:
    """Data frame and column that an arrow points at, and whether at the whole column.

    The column is empty where it is not one.
    """
    if node.kind == "name":
        return node.text, "", False
    if node.kind == "infix" and node.text == "$":
        frame, column, _ = _target(node.parts[0])
        return frame, column or node.parts[1].text.strip("\"'"), not column
    if node.kind == "index":
        frame, column, _ = _target(node.parts[0])
        if column:
            return frame, column, False
        names = strings_of(node.parts[-1])
        rows = node.parts[1] if len(node.parts) == 3 else None
        if names is None or len(names) > 1:
            return frame, "", False
        return frame, names[0], rows is None or rows.kind == "empty"
    if node.kind == "call" and len(node.parts) > 1:
        frame, column, _ = _target(node.parts[1])
        return frame, column, False
    return "", "", False
