"""Python code read: the call that states a model, and its formula."""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from hierbayes.errors import FormulaError
from hierbayes.specification.formula import Specification
from hierbayes.specification.random_term import random_terms
from hierbayes.specification.terms import INTERCEPT, factors_of, names_in
from hierbayes.translation.coding import all_factors
from hierbayes.translation.columns import Columns, no_such_column
from hierbayes.translation.dialect import pointed
from hierbayes.translation.expression import functions_in, plain_contextual


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


def plain_specification(
    specification: Specification, columns: Sequence[str], functions: frozenset[str], system: str
) -> Specification:
    """A model as another package's formula states it, its contextual variables as here.

    Parameters
    ----------
    specification : Specification
    columns : sequence of str
    functions : frozenset of str
        Functions beside numpy's that mean the same there.
    system : str
        Its name, for refusals.

    Raises
    ------
    FormulaError
        Naming a column that does not exist, or a function that may mean something else.
    """
    for factor in all_factors(specification):
        for function in functions_in((factor,)):
            if function not in functions and not function.startswith("np."):
                raise FormulaError(
                    f"cannot translate '{factor}' from {system} exactly: '{function}' may mean "
                    "something else there; make a column of it and name that"
                )
        for name in sorted(names_in(factor)):
            if name not in columns:
                raise FormulaError(no_such_column(name, columns))
    if specification.group not in columns:
        raise FormulaError(no_such_column(specification.group, columns))
    levels = columns.levels if isinstance(columns, Columns) else {}

    def plain(terms: Sequence[str]) -> tuple[str, ...]:
        return tuple(
            ":".join(plain_contextual(f, levels) for f in factors_of(term)) or INTERCEPT
            for term in terms
        )

    random = random_terms(specification.group, map(plain, specification.random_effects))
    return replace(specification, fixed=plain(specification.fixed), random=random)


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
