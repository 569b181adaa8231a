"""Residual structures written as text, as model files and the command line have them.

A structure is a call with names of columns, ``AR1('week')``, or a product of calls; that is also
what a structure prints.  Python's parser reads the text; nothing of it is run.
"""

from __future__ import annotations

import ast
import warnings
from dataclasses import fields
from typing import Any

from hierbayes.errors import ResidualError
from hierbayes.residuals.autoregression import AR1, CAR1
from hierbayes.residuals.covariates import Exponential, Power
from hierbayes.residuals.exchangeable import CompoundSymmetry
from hierbayes.residuals.heavy_tails import StudentT
from hierbayes.residuals.stationary import ARMA, Toeplitz
from hierbayes.residuals.structure import Part, ResidualStructure
from hierbayes.residuals.unstructured import Unstructured
from hierbayes.residuals.variances import Strata

_STRUCTURES: dict[str, type[Part]] = {
    one.__name__: one
    for one in (
        AR1, CAR1, CompoundSymmetry, Unstructured, Toeplitz, ARMA, Strata, Power, Exponential,
        StudentT,
    )
}  # fmt: skip
_PLACES = ("residuals", "hb.residuals", "hierbayes.residuals")  # what may stand before a name


def read_residual_text(text: str) -> ResidualStructure:
    """The structure that a text states.

    Raises
    ------
    ResidualError
        When it is none, or has an argument that the structure does not take.

    Examples
    --------
    >>> read_residual_text("AR1('week') * Strata('sex')")
    AR1('week') * Strata('sex')
    >>> read_residual_text("CAR1(time='t', group='id')").columns
    ('t', 'id')
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", SyntaxWarning)
            tree = ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, ValueError, MemoryError, RecursionError) as error:
        why = getattr(error, "msg", None) or str(error) or "it is nested too deeply"
        raise _refusal(text, why) from error
    return _structure(tree, text)


def _structure(node: ast.expr, text: str) -> ResidualStructure:
    """The structure of a call or of a product."""
    match node:
        case ast.BinOp(left, ast.Mult(), right):
            return _structure(left, text) * _structure(right, text)
        case ast.Call():
            return _part(node, text)
    raise _refusal(text, f"'{ast.unparse(node)}' is no structure")


def _part(node: ast.Call, text: str) -> Part:
    kind: Any = _STRUCTURES[_name(node.func, text)]
    names = [one.name for one in fields(kind)]
    read = _number if kind is StudentT else _constant
    if kind is Strata:
        return Strata(*_columns_of_strata(node, text))
    if kind is ARMA:
        return _arma(node, text)
    given = dict(zip(names, node.args, strict=False))
    takes = f"{kind.__name__} takes {', '.join(names)}"
    if len(node.args) > len(names):
        raise _refusal(text, f"{takes}, not {len(node.args)} arguments")
    for keyword in node.keywords:
        if keyword.arg not in names or keyword.arg in given:
            twice = " twice" if keyword.arg in given else ""
            raise _refusal(text, f"{takes}, not '{ast.unparse(keyword)}'{twice}")
        given[keyword.arg] = keyword.value
    try:
        return kind(**{name: read(one, text) for name, one in given.items()})
    except TypeError as error:
        raise _refusal(text, f"{takes}, and one is missing") from error


def _columns_of_strata(node: ast.Call, text: str) -> list[Any]:
    """Columns one after the other, or as they are printed: ``by=('sex', 'arm')``."""
    named = [one for one in node.keywords if one.arg == "by"]
    if len(named) < len(node.keywords) or (named and node.args):
        raise _refusal(text, "Strata takes names of columns, as in Strata('sex', 'arm')")
    if not named:
        return [_constant(one, text) for one in node.args]
    value = named[0].value
    inner = value.elts if isinstance(value, ast.Tuple | ast.List) else [value]
    return [_constant(one, text) for one in inner]


def _arma(node: ast.Call, text: str) -> ARMA:
    """Orders and columns, as the structure itself takes them."""
    given = [_either(one, text) for one in node.args]
    named = {one.arg or "**": _either(one.value, text) for one in node.keywords}
    try:
        return ARMA(*given, **named)
    except TypeError as error:
        names = "orders p and q, time, group"
        raise _refusal(text, f"ARMA takes {names}, not '{ast.unparse(node)}'") from error


def _either(node: ast.expr, text: str) -> Any:
    """The name of a column, or a number, or None."""
    is_number = isinstance(node, ast.Constant) and isinstance(node.value, int | float)
    return _number(node, text) if is_number else _constant(node, text)


def _constant(node: ast.expr, text: str) -> Any:
    """The name of a column, or None."""
    if isinstance(node, ast.Constant) and (node.value is None or isinstance(node.value, str)):
        return node.value
    raise _refusal(text, f"'{ast.unparse(node)}' is no name of a column in quotes")


def _number(node: ast.expr, text: str) -> Any:
    """A number, or None."""
    match node:
        case ast.UnaryOp(ast.USub(), ast.Constant(int() | float() as value)):
            return -value
    if isinstance(node, ast.Constant) and isinstance(node.value, int | float | None):
        return node.value
    raise _refusal(text, f"'{ast.unparse(node)}' is no number")


def _name(node: ast.expr, text: str) -> str:
    match node:
        case ast.Name(name):
            found = name
        case ast.Attribute(place, name) if ast.unparse(place) in _PLACES:
            found = name
        case _:
            found = ""
    if found not in _STRUCTURES:
        raise _refusal(
            text,
            f"there is no structure '{ast.unparse(node)}'; there are {', '.join(_STRUCTURES)}",
        )
    return found


def _refusal(text: str, why: str) -> ResidualError:
    return ResidualError(
        f"cannot read the residual structure '{text}': {why}; write one as in "
        "\"AR1('week') * Strata('sex')\""
    )
