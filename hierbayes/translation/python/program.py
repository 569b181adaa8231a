"""A Python program up to the call that states a model: what its names hold by then."""

from __future__ import annotations

import ast
from collections.abc import Sequence

from hierbayes.translation.dialect import pointed
from hierbayes.translation.program_names import ProgramNames
from hierbayes.translation.python.frames import column_made, frame_of, place_of

_HARMLESS = {"print", "len", "display", "type", "repr", "str", "id", "sorted", "list", "set"}
_IN_PLACE = ("pop", "insert", "update", "setitem", "__setitem__", "eval", "mask", "where")

_NO_COLUMNS = ("columns", "index", "loc", "iloc", "at", "iat", "values")


class Program(ProgramNames[ast.expr, ast.FunctionDef]):
    """The names of a Python program, statement by statement."""

    def run(self, statements: Sequence[ast.stmt], call: ast.Call) -> None:
        """Statements in order, up to the one that holds the call.

        Raises
        ------
        FormulaError
            Where the call stands in a function, a loop or a condition.
        """
        for statement in statements:
            holds = any(node is call for node in ast.walk(statement))
            if isinstance(statement, ast.With):
                self.run(statement.body, call)
            elif not holds:
                self._take(statement)
            else:
                self._refuse_elsewhere(statement, call)
            if holds:
                return

    def _refuse_elsewhere(self, statement: ast.stmt, call: ast.Call) -> None:
        """Refuse a call whose data depend on what is not read."""
        simple = isinstance(statement, ast.Expr | ast.Assign | ast.AnnAssign)
        inner = [
            node for node in ast.walk(statement)
            if isinstance(node, ast.Lambda | ast.ListComp | ast.DictComp | ast.GeneratorExp)
            and any(one is call for one in ast.walk(node))
        ]  # fmt: skip
        if not simple or inner:
            raise pointed(
                self.text,
                place_of(statement),
                "the model stands inside a function, a loop or a condition, whose data are not "
                "known; write the call by itself",
            )

    def _take(self, statement: ast.stmt) -> None:
        match statement:
            case ast.Import() | ast.ImportFrom() | ast.Pass():
                return
            case ast.FunctionDef(name=name):
                self.functions[name] = statement
            case ast.Assign(targets=targets, value=value):
                for target in targets:
                    self._assign(target, value)
            case ast.AnnAssign(target=target, value=value) if value is not None:
                self._assign(target, value)
            case ast.AugAssign(target=target):
                self._assign(target, statement.target, whole=False)
            case ast.Delete(targets=targets):
                for target in targets:
                    self._assign(target, target, whole=False)
            case ast.Expr(value=ast.Call() as made):
                self._call(made)
            case ast.Expr():
                return
            case _:
                for node in ast.walk(statement):
                    if isinstance(node, ast.Name):
                        self._trouble(node.id, statement, "this statement")

    def _assign(self, target: ast.expr, value: ast.expr, *, whole: bool = True) -> None:
        match target:
            case ast.Name(id=name) if whole:
                self.values[name] = value
                self.frames[name] = frame_of(value, self.frames, self.columns)
            case ast.Name(id=name):
                self._trouble(name, target, "this")
            case ast.Tuple(elts=parts) | ast.List(elts=parts):
                for part in parts:
                    self._assign(part, value, whole=False)
            case _:
                self._changed(target, value, whole=whole)

    def _changed(self, target: ast.expr, value: ast.expr, *, whole: bool) -> None:
        """``d["x"] = ...``, ``d.x = ...`` or ``d.loc[rows, "x"] = ...``."""
        frame, column, all_rows = _target(target)
        if not column:
            self._trouble(frame, target, "this")
        elif whole and all_rows:
            self.frames[frame] = column_made(self.frame(frame), column, value, self.columns)
        else:
            self.change(frame, column, place_of(target))

    def _call(self, made: ast.Call) -> None:
        """A call by itself: it may change a data frame in place."""
        owner = made.func.value if isinstance(made.func, ast.Attribute) else None
        if owner is None and isinstance(made.func, ast.Name):
            if made.func.id in ("exec", "eval", "setattr"):
                raise pointed(
                    self.text,
                    place_of(made),
                    f"{made.func.id}(...) is not read; leave it out of the code",
                )
            if made.func.id not in _HARMLESS:
                for value in [*made.args, *(keyword.value for keyword in made.keywords)]:
                    if isinstance(value, ast.Name):
                        self._trouble(value.id, made, f"{made.func.id}(...)")
            return
        root = _root(owner)
        method = made.func.attr if isinstance(made.func, ast.Attribute) else ""
        in_place = any(
            keyword.arg == "inplace" and ast.unparse(keyword.value) == "True"
            for keyword in made.keywords
        )
        if in_place and isinstance(owner, ast.Name):
            self.frames[root] = frame_of(made, self.frames, self.columns)
        elif in_place or (method in _IN_PLACE and isinstance(owner, ast.Name)):
            self._trouble(root, made, f".{method}(...)")

    def _trouble(self, frame: str, node: ast.AST, what: str) -> None:
        why = (
            f"{what} may choose rows or change columns of '{frame}', which is not read; do it in "
            "the data, and leave it out of the code"
        )
        self.trouble(frame, why, place_of(node))


def with_places(tree: ast.Module, text: str) -> ast.Module:
    """The tree, whose nodes know at which character of the text they start."""
    starts = [0]
    for row in text.split("\n"):
        starts.append(starts[-1] + len(row) + 1)
    for node in ast.walk(tree):
        if isinstance(node, ast.expr | ast.stmt):
            node.place = starts[node.lineno - 1] + node.col_offset  # type: ignore[union-attr]  # has a line
    return tree


def _root(node: ast.AST | None) -> str:
    """The name that attributes, items and calls start from."""
    while isinstance(node, ast.Attribute | ast.Subscript | ast.Call):
        node = node.func if isinstance(node, ast.Call) else node.value
    return node.id if isinstance(node, ast.Name) else ""


def _target(node: ast.expr) -> tuple[str, str, bool]:
    """Data frame and column that an assignment points at, and whether at all rows.

    The column is empty where it is not one.
    """
    match node:
        case ast.Subscript(value=ast.Name(id=frame), slice=ast.Constant(value=str(name))):
            return frame, name, True
        case ast.Attribute(value=ast.Name(id=frame), attr=name) if name not in _NO_COLUMNS:
            return frame, name, True
        case ast.Subscript(
            value=ast.Attribute(value=ast.Name(id=frame), attr="loc" | "at"),
            slice=ast.Tuple(elts=[rows, ast.Constant(value=str(name))]),
        ):
            return frame, name, ast.unparse(rows) == ":"
        case ast.Subscript(value=inner) | ast.Attribute(value=inner) if not isinstance(
            inner, ast.Name
        ):
            frame, name, _ = _target(inner)
            return frame or _root(node), name, False
    return _root(node), "", False
