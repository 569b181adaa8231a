"""Weights, known standard deviations and variances of errors in bambi: a formula of log sigma.

``bmb.Formula("y ~ x", "sigma ~ ...")`` has strata as a factor, σ|x|^δ as δ log|x|, σ exp(δx) as δx,
σ/√w as an offset, and known standard deviations as an offset without a constant.
"""

from __future__ import annotations

import ast
from collections.abc import Sequence
from dataclasses import dataclass

from hierbayes.errors import FormulaError
from hierbayes.residuals.covariates import Exponential, Power
from hierbayes.residuals.structure import ResidualStructure, Variance
from hierbayes.residuals.variances import Strata
from hierbayes.specification.response import take_offsets
from hierbayes.specification.terms import INTERCEPT, column_name, read_terms
from hierbayes.translation.dialect import ModelToWrite
from hierbayes.translation.expression import called, factor_tree
from hierbayes.translation.python.code import quoted
from hierbayes.translation.python.reading import PythonCall
from hierbayes.translation.r.variance_terms import product

STRUCTURES = frozenset({"Strata", "Power", "Exponential"})


@dataclass(frozen=True, slots=True)
class BambiErrors:
    """What a formula of sigma states: a structure, and columns of weights and of known sd."""

    residual: ResidualStructure | None = None
    weights: str = ""
    known_sd: str = ""


def sigma_formula(model: ModelToWrite) -> str:
    """The formula of log sigma; empty where the errors are alike.

    Raises
    ------
    FormulaError
        For strata of several columns.
    """
    spec = model.specification
    parts = () if spec.residual is None else spec.residual.variances
    terms = [_term(part) for part in parts]
    if spec.known_sd:
        return f"sigma ~ 0 + offset(np.log({column_name(spec.known_sd)}))"
    offsets = [f"offset(-0.5 * np.log({column_name(spec.weights)}))"] * bool(spec.weights)
    if not terms and not offsets:
        return ""
    start = "0" if any(isinstance(part, Strata) for part in parts) else "1"
    return f"sigma ~ {' + '.join([start, *terms, *offsets])}"


def _term(part: Variance) -> str:
    match part:
        case Strata(by=(one,)):
            return f"C({column_name(one)})"
        case Power(x=str(x)):
            return f"np.log(np.abs({column_name(x)}))"
        case Exponential(x=str(x)):
            return column_name(x)
    raise FormulaError(
        f"bambi takes one column of strata, and these are {part!r}; make a column of them"
    )


def formula_argument(formula: str, sigma: str) -> str:
    """The first argument of Model."""
    return f"bmb.Formula({quoted(formula)}, {quoted(sigma)})" if sigma else quoted(formula)


def formulas_of(call: PythonCall) -> tuple[str, str]:
    """The formula of the mean, and the right side of that of sigma.

    Raises
    ------
    FormulaError
        For formulas of other parameters.
    """
    given = call.arguments["formula"]
    if not (isinstance(given, ast.Call) and ast.unparse(given.func).endswith("Formula")):
        return call.string("formula"), ""
    texts = [
        one.value
        for one in given.args
        if isinstance(one, ast.Constant) and isinstance(one.value, str)
    ]
    left = [text.partition("~")[0].strip() for text in texts[1:]]
    if not texts or len(texts) != len(given.args) or given.keywords or left not in ([], ["sigma"]):
        raise call.refuse(
            "formula", "Formula is read with texts: that of the response, and one of sigma"
        )
    return texts[0], "".join(texts[1:]).partition("~")[2].strip()


def read_sigma(right: str, columns: Sequence[str]) -> BambiErrors:
    """What the right side of the formula of sigma states.

    Raises
    ------
    FormulaError
        For what models here do not have.
    """
    if not right:
        return BambiErrors()
    rest, offsets = take_offsets(right)
    terms = read_terms(rest or INTERCEPT, "formula of sigma") if rest != "0" else ()
    parts = [_part(term, columns) for term in terms if term != INTERCEPT]
    strata = any(isinstance(part, Strata) for part in parts)
    if len(offsets) > 1 or (rest != "0" and (INTERCEPT in terms) == strata):
        raise _unread(right)
    (column, known) = _offset(offsets[0]) if offsets else ("", False)
    if known != (rest == "0") or (column and column not in columns):
        raise _unread(right)
    weights, known_sd = ("", column) if known else (column, "")
    return BambiErrors(product(parts, right, 0), weights, known_sd)


def _part(term: str, columns: Sequence[str]) -> Variance:
    tree = factor_tree(term)
    labels = getattr(columns, "levels", {})
    match tree:
        case ast.Name(id=name) if name in columns:
            return Strata(name) if name in labels else Exponential(name)
        case ast.Call(args=[ast.Name(id=name)]) if called(tree) == "C" and name in columns:
            return Strata(name)
        case ast.Call(args=[ast.Call(args=[ast.Name(id=name)])]) if (
            called(tree) == "np.log" and called(tree.args[0]) == "np.abs" and name in columns
        ):
            return Power(name)
    raise _unread(term)


def _offset(text: str) -> tuple[str, bool]:
    """The column of an offset, and whether it is of known standard deviations."""
    tree = factor_tree(text)
    match tree.args[0] if isinstance(tree, ast.Call) and called(tree) == "I" else tree:
        case ast.Call(args=[ast.Name(id=name)]) as tree if called(tree) in ("np.log", "log"):
            return name, True
        case ast.BinOp(
            ast.UnaryOp(ast.USub(), ast.Constant(0.5)),
            ast.Mult(),
            ast.Call(args=[ast.Name(id=name)]) as tree,
        ) if called(tree) in ("np.log", "log"):
            return name, False
    raise _unread(f"offset({text})")


def _unread(what: str) -> FormulaError:
    return FormulaError(
        f"cannot read '{what}' in the formula of sigma; read are strata, x and np.log(np.abs(x)), "
        "offset(-0.5 * np.log(w)) of weights, and 0 + offset(np.log(se)) of known errors"
    )
