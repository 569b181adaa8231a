"""Spellings of R within a formula: powers, which are read, and functions, which are refused."""

from __future__ import annotations

import re

from hierbayes.errors import FormulaError

_FACTOR = "C(x)"
_NUMERIC = "I(x.astype(float))"
_SPLINE = "cr(x, df=3, constraints='center'), a natural cubic spline"
_COLUMN = "the name of a column made first"

# By function of R or its packages: what to write here.
REMEDIES = {
    "factor": _FACTOR,
    "as.factor": _FACTOR,
    "as_factor": _FACTOR,
    "as.character": _FACTOR,
    "ordered": "C(x, contr.poly)",
    "relevel": "C(x, contr.treatment('level'))",
    "as.numeric": _NUMERIC,
    "as.integer": _NUMERIC,
    "as.double": _NUMERIC,
    "ns": _SPLINE,
    "rcs": _SPLINE,
    "s": _SPLINE,
    "ifelse": "np.where(x > 0, 1, 0)",
    "if_else": "np.where(x > 0, 1, 0)",
    "cut": f"{_COLUMN}, as by data['level'] = pd.cut(data['x'], 3)",
    "interaction": "a:b, or a * b",
    "pmin": "np.minimum(x, 1)",
    "pmax": "np.maximum(x, 0)",
    "mean": "cvar(x, group), the mean of each group",
    "ave": "cvar(x, group)",
    "ceiling": "np.ceil(x)",
    "acos": "np.arccos(x)",
    "asin": "np.arcsin(x)",
    "atan": "np.arctan(x)",
    **{
        name: f"np.{name}(x)"
        for name in ("sqrt", "log1p", "expm1", "floor", "sign", "sin", "cos", "tan", "tanh")
    },
}
_CONSTANTS = {"TRUE": "True", "FALSE": "False"}
CONSTANTS = frozenset(_CONSTANTS)

_QUOTED = re.compile(r"`[^`]*`|'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\"")
_CALLED = re.compile(r"(?<![\w.])([^\W\d][\w.]*)\s*\(")
_NAME = re.compile(r"(?<![\w.])[^\W\d]\w*")


def read_powers(code: str) -> str:
    """A call in a formula with ``^`` read as a power, as R reads it.

    Examples
    --------
    >>> read_powers("I(x^2 + `a^b`)")
    'I(x**2 + `a^b`)'
    """
    unquoted = _blanked(code)
    marks = (i for i, mark in enumerate(unquoted) if mark == "^")
    replaced = dict.fromkeys(marks, "**")
    return "".join(replaced.get(i, mark) for i, mark in enumerate(code))


def refuse_foreign_spellings(code: str) -> None:
    """Refuse functions and constants that R has and formulas here do not.

    Parameters
    ----------
    code : str
        A name or a call of a formula.

    Raises
    ------
    FormulaError
        Naming the first, and what to write in its place.

    Examples
    --------
    >>> refuse_foreign_spellings("sqrt(ses)")
    Traceback (most recent call last):
        ...
    hierbayes.errors.FormulaError: a formula has no function 'sqrt'; write np.sqrt(x)
    """
    unquoted = _blanked(code)
    for name in _CALLED.findall(unquoted):
        if name in REMEDIES:
            raise FormulaError(f"a formula has no function '{name}'; write {REMEDIES[name]}")
    for name in _NAME.findall(unquoted):
        if name in CONSTANTS:
            raise FormulaError(
                f"a formula has no constant '{name}'; write {_CONSTANTS[name]}, or put the name "
                "of a column in backticks"
            )


def _blanked(code: str) -> str:
    """The code with names in backticks and texts blanked, at the same places."""
    return _QUOTED.sub(lambda found: "_" * len(found[0]), code)
