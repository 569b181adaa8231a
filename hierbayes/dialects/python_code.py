"""Python code around a call: definitions and columns that it relies on; and such code read."""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from hierbayes.dialects.coding import all_factors, coded_variables
from hierbayes.dialects.columns import look_like_numbers
from hierbayes.dialects.expression import functions_in
from hierbayes.dialects.pointer import pointed
from hierbayes.dialects.subject import Subject
from hierbayes.errors import FormulaError

DEFINITIONS = {
    "cvar": '''def cvar(x, g):
    """Mean of x in the group of each row."""
    return (1.0 * x).groupby(g).transform("mean")''',
    "dvar": '''def dvar(x, g):
    """Deviation of x from the mean of its group."""
    return x - (1.0 * x).groupby(g).transform("mean")''',
}


def contextual_in(subject: Subject) -> tuple[str, ...]:
    """Those of cvar and dvar that a model calls."""
    used = functions_in(all_factors(subject.specification))
    return tuple(name for name in DEFINITIONS if name in used)


def definitions(subject: Subject) -> str:
    """Definitions of the contextual functions that the model calls, each with space after it."""
    return "".join(f"\n\n{DEFINITIONS[name]}\n" for name in contextual_in(subject))


def complete_rows(subject: Subject) -> str:
    """The statement that leaves the rows which the model uses."""
    names = list(dict.fromkeys([*subject.variables.columns, subject.specification.group]))
    listed = ", ".join(map(quoted, names))
    return f"{subject.data} = {subject.data}.dropna(subset=[{listed}])"


def orders_of_levels(subject: Subject) -> list[str]:
    """Statements that make factors whose levels sorting would not order, or would not see."""
    lines = []
    for variable in coded_variables(subject.specification, subject.variables):
        numbers = look_like_numbers(variable.levels)
        if numbers or list(variable.levels) != sorted(variable.levels):
            column = f"{subject.data}[{quoted(variable.name)}]"
            levels = ", ".join(map(quoted, variable.levels))
            labels = f"{column}.astype(str)" if numbers else column
            lines.append(f"{column} = pd.Categorical({labels}, [{levels}], ordered=True)")
    return lines


def quoted(text: str) -> str:
    """A text as Python reads it, in double quotes where they do."""
    return repr(text) if '"' in text or "\\" in text else f'"{text}"'


def refuse_data_name(subject: Subject, system: str) -> None:
    """Refuse a name of the data that is none in Python."""
    if not subject.data.isidentifier():
        raise FormulaError(f"{system} cannot call the data '{subject.data}'; give a plain name")


@dataclass(frozen=True, slots=True)
class PythonCall:
    """A call in Python code: its arguments by name, and where they stand."""

    arguments: Mapping[str, ast.expr]
    places: Mapping[str, int]
    text: str

    def refuse(self, name: str, message: str) -> FormulaError:
        """An error that points at an argument."""
        return pointed(self.text, self.places[name], message)

    def string(self, name: str) -> str:
        """The text that an argument is.

        Raises
        ------
        FormulaError
            When it is something else.
        """
        value = self.arguments[name]
        if not (isinstance(value, ast.Constant) and isinstance(value.value, str)):
            raise self.refuse(name, f"the argument '{name}' must be a text to be read from code")
        return value.value


def find_call(text: str, function: str, names: Sequence[str]) -> PythonCall | None:
    """The call of a function in Python code; None where the text is a formula.

    Parameters
    ----------
    text : str
    function : str
        Name of the function, whatever package stands before it.
    names : sequence of str
        Names of its arguments in order.

    Raises
    ------
    FormulaError
        When the code cannot be read, or has no such call or more than one.
    """
    try:
        tree = ast.parse(text.strip())
    except SyntaxError as error:
        if "(" not in text.partition("~")[0] and "=" not in text.partition("~")[0]:
            return None  # a formula is no Python
        line = (error.lineno or 1) - 1
        place = sum(len(row) + 1 for row in text.split("\n")[:line]) + (error.offset or 1) - 1
        raise pointed(text, place, f"cannot read the Python code: {error.msg}") from error
    text = text.strip()
    if len(tree.body) == 1 and isinstance(tree.body[0], ast.Expr):
        only = tree.body[0].value
        if not isinstance(only, ast.Call) and "~" in text:
            return None
    calls = [node for node in ast.walk(tree) if _name(node) == function]
    if len(calls) != 1:
        raise FormulaError(
            f"the code has {len(calls)} calls of {function}; give one"
            if calls
            else f"the code has no call of {function} and is no formula"
        )
    call = calls[0]
    assert isinstance(call, ast.Call)
    given = dict(zip(names, call.args, strict=False))
    given |= {keyword.arg: keyword.value for keyword in call.keywords if keyword.arg}
    values = _assigned(tree)
    starts = [0]
    for row in text.split("\n"):
        starts.append(starts[-1] + len(row) + 1)
    places = {name: starts[node.lineno - 1] + node.col_offset for name, node in given.items()}
    resolved = {
        name: values.get(node.id, node) if isinstance(node, ast.Name) else node
        for name, node in given.items()
    }
    return PythonCall(resolved, places, text)


def _name(node: ast.AST) -> str:
    if not isinstance(node, ast.Call):
        return ""
    return node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")


def _assigned(tree: ast.Module) -> dict[str, ast.expr]:
    """Values given to single names at the top of the code."""
    return {
        node.targets[0].id: node.value
        for node in tree.body
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name)
    }
