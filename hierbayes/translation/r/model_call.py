"""The call that fits a model in R code: its arguments, and the data it is given."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches

from hierbayes.errors import FormulaError
from hierbayes.specification.formula import Specification
from hierbayes.translation.columns import Columns, without_booleans
from hierbayes.translation.dialect import pointed
from hierbayes.translation.prepared_data import PreparedData, refuse_other_rows
from hierbayes.translation.r.code import DEFINITIONS
from hierbayes.translation.r.factor import same_code
from hierbayes.translation.r.frames import frame_of
from hierbayes.translation.r.pipes import without_pipes
from hierbayes.translation.r.program import Program
from hierbayes.translation.r.syntax import Node, parse_r


@dataclass(frozen=True, slots=True)
class Signature:
    """A function that fits a model, as a reader knows it.

    Parameters
    ----------
    function : str
    formals : tuple of str
        Names of its arguments in order, the formula first.
    refused : mapping of str to str
        Arguments that make another model, and what each asks for.
    others : mapping of str to str
        Functions that are likely instead of it, and what to say of each.
    """

    function: str
    formals: tuple[str, ...]
    refused: Mapping[str, str]
    others: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class ModelCall:
    """A call that fits a model, and what the program has done before it.

    Parameters
    ----------
    arguments : mapping of str to Node
        By name; of a formula alone just that.
    columns : Columns
        The columns as the call finds them: truth values that were made numbers are numbers.
    text : str
    system : str
        Name of the function.
    data : PreparedData
    functions : mapping of str to Node
        Functions that the program defines.
    made : frozenset of str
        Names that the program gives values to, where the call names no data.
    """

    arguments: Mapping[str, Node]
    columns: Columns
    text: str
    system: str
    data: PreparedData = field(default_factory=PreparedData)
    functions: Mapping[str, Node] = field(default_factory=dict)
    made: frozenset[str] = frozenset()

    def checked(self, specification: Specification) -> Specification:
        """The model, refused where its data or functions are not those of the formula here.

        Raises
        ------
        FormulaError
            Naming the column or the function.
        """
        for node in self.arguments.values():
            refuse_own_functions(node, self.functions, self.text)
            for part in node.walk():
                if part.kind == "name" and part.text in self.made & set(self.columns):
                    raise pointed(
                        self.text,
                        part.place,
                        f"the code gives '{part.text}' a value and names no data, so that it may "
                        "not be the column; write data = ...",
                    )
        self.data.refuse_changed(specification, self.text)
        refuse_other_rows(
            specification,
            self.columns,
            self.data.dropped,
            self.system,
            remedy="d <- d[complete.cases(d[c({})]), ]",
            quote='"',
            spreads=True,
        )
        return specification


def find_model(text: str, columns: Sequence[str], *signatures: Signature) -> ModelCall:
    """The call that fits a model; of a formula alone just that.

    Parameters
    ----------
    text : str
        R code: a program, a call, or a formula.
    columns : sequence of str
    *signatures : Signature
        Functions that are read; a formula alone is one of the first.

    Raises
    ------
    FormulaError
        When there is none or more than one, or an argument does not exist or is refused, or
        the data are changed before it.
    """
    nodes = tuple(map(without_pipes, parse_r(text)))
    inner = [n for node in nodes for n in node.walk() if n.function]
    known = {one.function: one for one in signatures}
    calls = [n for n in inner if n.function in known]
    signature = known[calls[0].function] if calls else signatures[0]
    if len(calls) > 1:
        raise pointed(
            text,
            calls[1].place,
            f"the code has {len(calls)} calls of {signature.function}; give one",
        )
    if not calls:
        for other in [n for n in inner if n.function in signature.others]:
            raise pointed(text, other.place, signature.others[other.function])
        if len(nodes) == 1 and nodes[0].kind == "infix" and nodes[0].text == "~":
            given = {signature.formals[0]: nodes[0]}
            return ModelCall(given, Columns(columns), text, signature.function)
        found = ", ".join(dict.fromkeys(n.function for n in inner))
        raise FormulaError(
            f"the code has no call of {signature.function} and is no formula"
            + (f"; it calls {found}" if found else "")
        )
    for update in [n for n in inner if n.function == "update"]:
        raise pointed(
            text, update.place, "update(...) makes another model of this one; write its call"
        )
    return _call_in(nodes, calls[0], columns, signature, text)


def _call_in(
    nodes: Sequence[Node], call: Node, columns: Sequence[str], signature: Signature, text: str
) -> ModelCall:
    """The call after the statements before it."""
    program = Program(text, columns)
    at = next(i for i, node in enumerate(nodes) if any(part is call for part in node.walk()))
    for node in nodes[:at]:
        program.take(node)
    data = program.with_call(nodes[at], call)
    matched = _match(call, signature.formals, text)
    given = {name: _resolve(node, program.values) for name, node in matched.items()}
    for name, meaning in signature.refused.items():
        if name in given and given[name].text not in ("NULL", ""):
            raise pointed(
                text,
                matched[name].place,
                f"the argument '{name}' of {signature.function} asks for {meaning}, which models "
                "here do not have; leave it out to read the rest",
            )
    _refuse_other_action(given, matched, text)
    named = "data" in matched
    if named:
        data = frame_of(matched["data"], program.frames, columns)
    data.refuse_trouble(text) if data is not None else None
    return ModelCall(
        given,
        without_booleans(columns, data.numbers if data else frozenset()),
        text,
        signature.function,
        data or PreparedData(),
        program.functions,
        frozenset() if data is not None else frozenset(program.values),
    )


def _refuse_other_action(given: Mapping[str, Node], matched: Mapping[str, Node], text: str) -> None:
    """Refuse what keeps rows with missing values."""
    action = given.get("na.action")
    said = action.text.strip("\"'") if action is not None else ""
    if action is not None and said not in ("na.omit", "na.exclude", "na.fail", "NULL"):
        raise pointed(
            text,
            matched["na.action"].place,
            f"na.action = {said} is not read; models here leave out rows with missing values, as "
            "na.omit does",
        )


def refuse_own_functions(node: Node, functions: Mapping[str, Node], text: str) -> None:
    """Refuse functions that the program defines otherwise than this package writes them.

    Raises
    ------
    FormulaError
        Naming the function.
    """
    for part in node.walk():
        own = functions.get(part.function)
        if own is None:
            continue
        usual = parse_r(DEFINITIONS[part.function])[0] if part.function in DEFINITIONS else None
        if usual is None or not same_code(own, usual.parts[1]):
            raise pointed(
                text,
                part.place,
                f"the code defines {part.function}(...) itself, which is not read; make a column "
                "of it and name that",
            )


def _resolve(node: Node, values: Mapping[str, Node]) -> Node:
    """What a name stands for, and the formula in a text that is to be one."""
    if node.kind == "name" and node.text in values:
        node = values[node.text]
    if node.function in ("formula", "as.formula") and len(node.parts) == 2:
        node = node.parts[1]
        return parse_r(node.text[1:-1])[0] if node.kind == "string" else node
    return node


def _match(call: Node, formals: Sequence[str], text: str) -> dict[str, Node]:
    """Arguments by full name, by R's rules: exact names, beginnings of names, then places."""
    found: dict[str, Node] = {}
    unnamed = []
    for name, value in call.arguments:
        if not name:
            unnamed.append(value)
            continue
        full = [formal for formal in formals if formal == name] or [
            formal for formal in formals if formal.startswith(name)
        ]
        if len(full) != 1:
            near = get_close_matches(name, formals, n=1)
            meant = f"did you mean '{near[0]}'? It takes" if near else "it takes"
            raise pointed(
                text, value.place, f"{call.function} has no argument '{name}'; {meant}: "
                f"{', '.join(formals)}"
            )  # fmt: skip
        found[full[0]] = value
    free = [formal for formal in formals if formal not in found]
    if len(unnamed) > len(free):
        raise pointed(text, unnamed[-1].place, f"{call.function} has too many arguments")
    found |= dict(zip(free, unnamed, strict=False))
    if formals[0] not in found:
        raise pointed(text, call.place, f"{call.function} is called without '{formals[0]}'")
    return {name: node for name, node in found.items() if node.kind != "empty"}
