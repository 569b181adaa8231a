"""Names, functions and operators of R beside those of Python that give the same numbers."""

from __future__ import annotations

import ast
import re

TO_R = {
    "np.log": "log", "np.log2": "log2", "np.log10": "log10", "np.log1p": "log1p",
    "np.exp": "exp", "np.expm1": "expm1", "np.sqrt": "sqrt", "np.abs": "abs",
    "np.floor": "floor", "np.rint": "round", "np.ceil": "ceiling", "np.sign": "sign",
    "np.sin": "sin",
    "np.cos": "cos", "np.tan": "tan", "np.tanh": "tanh", "np.sinh": "sinh", "np.cosh": "cosh",
    "np.arcsin": "asin", "np.arccos": "acos", "np.arctan": "atan",
    "np.maximum": "pmax", "np.minimum": "pmin",
    "I": "I", "C": "factor", "poly": "poly", "scale": "scale", "cvar": "cvar", "dvar": "dvar",
}  # fmt: skip
SYNONYMS = {"log": "log", "log2": "log2", "log10": "log10", "exp": "exp"}  # formulaic's own
TO_PYTHON = {theirs: ours for ours, theirs in TO_R.items()} | {"as.factor": "C"}
_RESERVED = {
    "if", "else", "repeat", "while", "function", "for", "next", "break", "TRUE", "FALSE", "NULL",
    "Inf", "NaN", "NA", "in", "NA_integer_", "NA_real_", "NA_complex_", "NA_character_",
}  # fmt: skip
_SYNTACTIC = re.compile(r"(?:[^\W\d_]|\.(?!\d))[\w.]*")

# Operators with R's binding powers; Python's trees carry their own grouping.
OPERATORS: dict[type[ast.AST], tuple[str, int]] = {
    ast.BitOr: ("|", 60), ast.BitAnd: ("&", 70), ast.Eq: ("==", 90), ast.NotEq: ("!=", 90),
    ast.Lt: ("<", 90), ast.LtE: ("<=", 90), ast.Gt: (">", 90), ast.GtE: (">=", 90),
    ast.Add: ("+", 100), ast.Sub: ("-", 100), ast.Mult: ("*", 110), ast.Div: ("/", 110),
    ast.FloorDiv: ("%/%", 120), ast.Mod: ("%%", 120), ast.Pow: ("^", 150),
}  # fmt: skip
MARKS = {mark: kind for kind, (mark, _) in OPERATORS.items()} | {"**": ast.Pow}


def r_name(name: str) -> str:
    """A name as R reads it, in backticks where it must be.

    Examples
    --------
    >>> r_name("ses.m"), r_name("a b"), r_name("in")
    ('ses.m', '`a b`', '`in`')
    """
    plain = _SYNTACTIC.fullmatch(name) is not None and name not in _RESERVED
    return name if plain else f"`{name}`"


def r_string(text: str) -> str:
    """A text as R reads it."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
