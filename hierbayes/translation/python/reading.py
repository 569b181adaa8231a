"""Python code read: the call that states a model, and its formula."""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from hierbayes.errors import FormulaError
from hierbayes.specification.formula import Specification
from hierbayes.specification.terms import INTERCEPT, factors_of, names_in
from hierbayes.translation.coding import all_factors
from hierbayes.translation.columns import Columns, no_such_column
from hierbayes.translation.dialect import pointed
from hierbayes.translation.expression import (
    called,
    functions_in,
    is_truth,
    parse_factor,
    plain_contextual,
)
from hierbayes.translation.prepared_data import PreparedData, refuse_other_rows, used_columns
from hierbayes.translation.programs.factor_trees import tree_text
from hierbayes.translation.python.code import DEFINITIONS
from hierbayes.translation.python.frames import frame_of, place_of
from hierbayes.translation.python.program import Program, with_places


@dataclass(frozen=True, slots=True)
class PythonCall:
    """A call in Python code, and what the program has done before it.

    Parameters
    ----------
    arguments : mapping of str to ast.expr
        By name.
    places : mapping of str to int
        Where they stand.
    text : str
    program : Program
        What the names hold when it is called.
    after : tuple of ast.Call
        Calls that go on from it, as ``.fit()`` does.
    """

    arguments: Mapping[str, ast.expr]
    places: Mapping[str, int]
    text: str
    program: Program
    after: tuple[ast.Call, ...] = ()

    @property
    def data(self) -> PreparedData:
        """The data that the call is given."""
        given = self.arguments.get("data")
        if given is None:
            return PreparedData()
        return frame_of(given, self.program.frames, self.program.columns)

    def checked(self, specification: Specification, system: str, *, of_all: bool) -> Specification:
        """The model, refused where its data or functions are not those of the formula here.

        Parameters
        ----------
        specification : Specification
        system : str
            Its name, for refusals.
        of_all : bool
            Whether it computes group means before it drops rows.

        Raises
        ------
        FormulaError
            Naming the column or the function.
        """
        for name in functions_in(all_factors(specification)):
            own = self.program.functions.get(name)
            if own is not None and not _is_usual(own):
                raise pointed(
                    self.text,
                    place_of(own),
                    f"the code defines {name}(...) itself, which is not read; make a column of it "
                    "and name that",
                )
        self.data.refuse_changed(specification, self.text)
        columns = Columns(self.program.columns)
        dropped = self.data.dropped
        if not of_all:
            dropped = (*dropped, used_columns(specification))
        refuse_other_rows(
            specification, columns, dropped, system, remedy="d = d.dropna(subset=[{}])", quote='"'
        )
        return specification

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


def find_call(
    text: str, function: str, names: Sequence[str], columns: Sequence[str]
) -> PythonCall | None:
    """The call of a function in Python code; None where the text is a formula.

    Parameters
    ----------
    text : str
    function : str
        Name of the function, whatever package stands before it.
    names : sequence of str
        Names of its arguments in order.
    columns : sequence of str

    Raises
    ------
    FormulaError
        When the code cannot be read, or has no such call or more than one, or the data are
        changed before it.
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
    program = Program(text, columns)
    program.run(with_places(tree, text).body, call)
    given = dict(zip(names, call.args, strict=False))
    given |= {keyword.arg: keyword.value for keyword in call.keywords if keyword.arg}
    resolved = {
        name: program.values.get(node.id, node)
        if isinstance(node, ast.Name) and name != "data"
        else node
        for name, node in given.items()
    }
    places = {name: place_of(node) for name, node in given.items()}
    after = tuple(n for n in ast.walk(tree) if isinstance(n, ast.Call) and _goes_on(n, call))
    found = PythonCall(resolved, places, text, program, after)
    found.data.refuse_trouble(text)
    return found


def _goes_on(node: ast.Call, call: ast.Call) -> bool:
    """Whether a call is a method of what another gives."""
    return isinstance(node.func, ast.Attribute) and node.func.value is call


def _is_usual(own: ast.FunctionDef) -> bool:
    """Whether a function is the one that this package writes under its name."""
    if own.name not in DEFINITIONS:
        return False
    return ast.unparse(own) == ast.unparse(ast.parse(DEFINITIONS[own.name]))


def plain_specification(
    specification: Specification,
    columns: Sequence[str],
    functions: frozenset[str],
    system: str,
    booleans: frozenset[str] | None = None,
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
    booleans : frozenset of str, optional
        Columns of truth values, where it codes truth values as labels.

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
    for name in specification.group_columns:
        if name not in columns:
            raise FormulaError(no_such_column(name, columns))
    levels = columns.levels if isinstance(columns, Columns) else {}

    def plain(terms: Sequence[str]) -> tuple[str, ...]:
        return tuple(
            ":".join(_labelled(plain_contextual(f, levels), booleans) for f in factors_of(term))
            or INTERCEPT
            for term in terms
        )

    random = tuple(replace(term, effects=plain(term.effects)) for term in specification.random)
    return replace(specification, fixed=plain(specification.fixed), random=random)


def _labelled(factor: str, booleans: frozenset[str] | None) -> str:
    """A factor of truth values in C(), where they are labels."""
    tree = parse_factor(factor)
    if booleans is None or not is_truth(tree, booleans):
        return factor
    while called(tree) == "I" and isinstance(tree, ast.Call):
        tree = tree.args[0]
    return f"C({tree_text(tree)})"


def _name(node: ast.AST) -> str:
    if not isinstance(node, ast.Call):
        return ""
    return node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
