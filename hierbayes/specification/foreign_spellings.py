"""Spellings of R within a formula: read where they mean the same, or else refused with a remedy."""

from __future__ import annotations

import keyword
import re

from hierbayes.errors import FormulaError

_NUMERIC = "I(x.astype(float))"
_SPLINE = "cr(x, df=3, constraints='center'), a natural cubic spline"
_COLUMN = "the name of a column made first"

# By function of R or its packages: what it is called here, with the same arguments and values.
SPELLINGS = {
    "factor": "C",
    "as.factor": "C",
    "as_factor": "C",
    "ave": "cvar",
    "ifelse": "np.where",
    "if_else": "np.where",
    "pmin": "np.minimum",
    "pmax": "np.maximum",
    "ceiling": "np.ceil",
    "acos": "np.arccos",
    "asin": "np.arcsin",
    "atan": "np.arctan",
    **{
        name: f"np.{name}"
        for name in ("sqrt", "log1p", "expm1", "floor", "sign", "sin", "cos", "tan", "tanh")
    },
}
# By function of R that formulas here do not have: what to write here.
REMEDIES = {
    "as.character": "C(x)",
    "ordered": "C(x, contr.poly)",
    "relevel": "C(x, contr.treatment('level'))",
    "as.numeric": _NUMERIC,
    "as.integer": _NUMERIC,
    "as.double": _NUMERIC,
    "ns": _SPLINE,
    "rcs": _SPLINE,
    "s": _SPLINE,
    "cut": f"{_COLUMN}, as by data['level'] = pd.cut(data['x'], 3)",
    "interaction": "a:b, or a * b",
    "mean": "cvar(x, group), the mean of each group",
}
_CONSTANTS = {"TRUE": "True", "FALSE": "False"}
CONSTANTS = frozenset(_CONSTANTS)
_IN_EXPRESSIONS = frozenset((
    "and", "or", "not", "in", "is", "if", "else", "for", "lambda", "None", "True", "False",
    "await", "yield",
))  # fmt: skip
# Words of Python that no expression has: names of columns.
_WORDS = frozenset(keyword.kwlist) - _IN_EXPRESSIONS
_READ = {"^": "**"} | _CONSTANTS | {word: f"`{word}`" for word in _WORDS}

_QUOTED = re.compile(r"`[^`]*`|'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\"")
_CALLED = re.compile(r"(?<![\w.])([^\W\d][\w.]*)\s*\(")
_SPELLED = re.compile(r"(\^|(?<![\w.])[^\W\d][\w.]*)((?<=[\w.])\s*\()?")


def read_spellings(code: str) -> str:
    """A call in a formula as it is written here, if R spells it otherwise; ``^`` is a power.

    Raises
    ------
    FormulaError
        Naming the first function that is R's alone, and what to write in its place.

    Examples
    --------
    >>> read_spellings("I(sqrt(x)^2 + `a^b`)")
    'I(np.sqrt(x)**2 + `a^b`)'
    >>> read_spellings("I(class - ave(class, school))")
    'I(`class` - cvar(`class`, school))'
    >>> read_spellings("as.factor(day)")
    'C(day)'
    >>> read_spellings("cut(x, 3)")
    Traceback (most recent call last):
        ...
    hierbayes.errors.FormulaError: a formula has no function 'cut'; write the name of a column
    made first, as by data['level'] = pd.cut(data['x'], 3)
    """
    text, end, unquoted = "", 0, _blanked(code)
    for name in _CALLED.findall(unquoted):
        if name in REMEDIES:
            raise FormulaError(f"a formula has no function '{name}'; write {REMEDIES[name]}")
    for found in _SPELLED.finditer(unquoted):
        known = SPELLINGS if found[2] else _READ
        text += code[end : found.start()] + known.get(found[1], code[slice(*found.span(1))])
        end = found.end(1)
    return text + code[end:]


def refuse_constant(name: str) -> None:
    """Refuse the name of a column that is a constant of R.

    Raises
    ------
    FormulaError
        With what to write in its place.
    """
    if name in CONSTANTS:
        raise FormulaError(
            f"a formula has no constant '{name}'; write {_CONSTANTS[name]}, or put the name "
            "of a column in backticks"
        )


def _blanked(code: str) -> str:
    """The code with names in backticks and texts blanked, at the same places."""
    return _QUOTED.sub(lambda found: "_" * len(found[0]), code)
