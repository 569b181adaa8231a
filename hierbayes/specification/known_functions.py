"""The functions a formula knows, and what to write in place of those it does not."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from types import MappingProxyType
from typing import Any

from hierbayes.errors import FormulaError
from hierbayes.specification.foreign_spellings import REMEDIES, SPELLINGS


@dataclass(frozen=True, slots=True)
class Signature:
    """How a function is called in a formula.

    Parameters
    ----------
    least, most : int
        Arguments by position.  What follows the values of rows is a constant.
    options : frozenset of str
        Arguments that may be given by name, all of them constants.
    values : int
        How many of the first arguments are values of rows.
    """

    least: int
    most: int
    options: frozenset[str] = frozenset()
    values: int = 1


def _all(names: str, *sizes: int, options: str = "", values: int = 1) -> dict[str, Signature]:
    signature = Signature(sizes[0], sizes[-1], frozenset(options.split()), values)
    return dict.fromkeys(names.split(), signature)


# Functions of numpy that make each row of the same row alone.  A positional argument more would
# be where the result is put.
NUMPY: Mapping[str, Signature] = MappingProxyType(
    _all("abs absolute fabs sign sqrt cbrt square exp exp2 expm1 log log2 log10 log1p "
         "sin cos tan arcsin arccos arctan sinh cosh tanh arcsinh arccosh arctanh "
         "floor ceil trunc rint reciprocal negative positive degrees radians deg2rad rad2deg "
         "sinc isnan isfinite isinf", 1)
    | _all("minimum maximum fmin fmax power float_power add subtract multiply divide "
           "true_divide floor_divide mod remainder fmod hypot arctan2 logaddexp logaddexp2 "
           "heaviside copysign", 2, values=2)
    | _all("where", 3, values=3)
    | _all("clip", 1, 3, options="a_min a_max min max", values=3)
    | _all("round around", 1, 2, options="decimals")
    | _all("isin", 2, options="invert")
)  # fmt: skip
NUMPY_CONSTANTS = {"pi": math.pi, "e": math.e, "inf": math.inf, "nan": math.nan}
BY_NAME = frozenset(("log", "log2", "log10", "exp", "exp2", "abs", "round"))  # without np. as well

CONTEXTUAL = _all("cvar dvar lvar", 2, options="x group", values=2)
# Transforms that remember what they found in the data of the fit.
STATEFUL: Mapping[str, Signature] = MappingProxyType(
    _all("center", 1)
    | _all("scale", 1, 4, options="center scale ddof")
    | _all("standardize", 1, 4, options="center rescale ddof")
    | _all("poly", 1, 3, options="degree raw")
    | _all("bs", 1, 8, options="df knots degree include_intercept lower_bound upper_bound "
           "extrapolation")
    | _all("cr cs cc", 1, 7, options="df knots lower_bound upper_bound constraints extrapolation")
    | CONTEXTUAL
)  # fmt: skip
CODINGS: Mapping[str, Signature] = MappingProxyType(
    _all("C", 1, 2, options="contrasts levels spans_intercept")
    | _all("hashed", 2, 3, options="levels contrasts spans_intercept")
)
CONTRASTS: Mapping[str, Signature] = MappingProxyType(
    _all("contr.treatment contr.SAS", 0, 1, options="base")
    | _all("contr.sum Sum", 0)
    | _all("contr.helmert Helmert", 0, 2, options="reverse scale")
    | _all("contr.poly Poly", 0, 1, options="scores")
    | _all("contr.diff Diff", 0, 1, options="backward")
    | _all("contr.custom", 1, 2, options="contrasts names")
    | _all("Treatment", 0, 1, options="reference")
)
KNOWN: Mapping[str, Signature] = MappingProxyType(
    {f"np.{name}": signature for name, signature in NUMPY.items()}
    | {name: NUMPY[name] for name in BY_NAME}
    | _all("I", 1)
    | dict(STATEFUL)
    | dict(CODINGS)
)

_STATISTICS = frozenset((
    "mean", "nanmean", "average", "median", "nanmedian", "std", "nanstd", "var", "nanvar", "min",
    "nanmin", "amin", "max", "nanmax", "amax", "sum", "nansum", "prod", "ptp", "quantile",
    "nanquantile", "percentile", "nanpercentile", "cumsum", "cumprod", "cummax", "cummin", "diff",
    "ediff1d", "gradient", "rank", "argsort", "sort", "argmax", "argmin", "shift", "lag", "lead",
    "pct_change", "roll", "rolling", "expanding", "ewm", "cut", "qcut", "histogram", "corrcoef",
    "cov", "corr", "size", "count", "count_nonzero", "nunique", "unique", "mode", "all", "any",
    "sem", "mad", "skew", "kurt", "groupby", "transform", "interpolate", "ffill", "bfill",
    "len", "sorted", "norm", "dot", "convolve", "flip", "cumulative_sum", "cumulative_prod",
))  # fmt: skip
_IN_PLACE = {
    "std": "scale(x)", "nanstd": "scale(x)", "mean": "center(x)", "nanmean": "center(x)",
    "average": "center(x)", "var": "scale(x)", "nanvar": "scale(x)",
}  # fmt: skip
_ALIKE = 0.8  # of letters in common, between a name and one that may be meant
_LISTED = (
    "a formula knows numpy's functions of one row, such as np.log, the transforms center, scale, "
    "poly, bs, cr, cvar, dvar and lvar, C and I"
)

type Functions = tuple[tuple[str, Callable[..., Any]], ...]


def read_functions(functions: Mapping[str, Callable[..., Any]] | None) -> Functions:
    """The functions that a caller hands over, by name in order.

    Raises
    ------
    FormulaError
        When they are no mapping from names to functions, or a formula knows a name already.

    Examples
    --------
    >>> [name for name, _ in read_functions({"half": lambda x: x / 2})]
    ['half']
    """
    if functions is None:
        return ()
    if not isinstance(functions, Mapping):
        raise FormulaError(
            "functions must be a mapping from names to functions, as in {'f': f}, not "
            f"{type(functions).__name__}"
        )
    for name, function in functions.items():
        if not isinstance(name, str) or not name.isidentifier():
            raise FormulaError(f"a function in a formula is called by a plain name, not {name!r}")
        if name in KNOWN or name in CONTRASTS or name in SPELLINGS or name in ("np", "contr"):
            raise FormulaError(f"a formula has a function '{name}' already; hand over another name")
        if not callable(function):
            raise FormulaError(
                f"functions: '{name}' must be a function, not {type(function).__name__}"
            )
    return tuple(sorted(functions.items(), key=lambda pair: pair[0]))


def no_such_function(name: str, own: Iterable[str] = ()) -> FormulaError:
    """The refusal of a function that a formula does not know, with what to write.

    Parameters
    ----------
    name : str
        As it is called, ``"np.mean"``, ``"x.mean"`` or ``"f"``.
    own : iterable of str
        Functions that a caller handed over, which may be meant.

    Examples
    --------
    >>> str(no_such_function("factr")).partition("? ")[0]
    "a formula has no function 'factr': did you mean 'factor'"
    """
    last = name.rpartition(".")[2]
    if last in _STATISTICS:
        known = _IN_PLACE.get(last, "")
        remedy = f"write {known}, which does, or cvar(x, group) for the mean of each group, or "
        return FormulaError(
            f"'{name}' is made of many rows at once, and a formula does not remember it for new "
            f"data; {remedy if known else ''}make a column of it"
        )
    if last == "Q":
        return FormulaError(f"a formula has no function '{name}'; put the column in backticks")
    if name.startswith("np.") or "." not in name:
        hint = "" if "." in name else f"hand over your own, as in functions={{'{name}': {name}}}, "
        near = get_close_matches(name, [*own, *SPELLINGS, *REMEDIES, *KNOWN], n=1, cutoff=_ALIKE)
        meant = f"did you mean '{near[0]}'? Otherwise, " if near else ""
        return FormulaError(
            f"a formula has no function '{name}': {meant}{_LISTED}; {hint}or make a column of it"
        )
    return FormulaError(
        f"'{name}' is an attribute, and a formula reads none but functions of np: make a column "
        "of it"
    )
