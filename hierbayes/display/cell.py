"""The text of one value in a table: the one place where numbers are rounded for print."""

from __future__ import annotations

from math import isinf
from numbers import Integral, Real

import pandas as pd

# What columns of these names hold decides how many digits say something.
_DEGREES = ("df", "df1", "df2", "numDF", "denDF", "DF")
_ROUNDING = 1e-7  # relative: degrees of freedom that are whole, or would be but for it
_WHOLE = ("ess_bulk", "ess_tail")
_ROUGH = ("difference", "share", "from_theta")  # their smallest values need no more than a digit


def cell_text(value: object, column: str, decimals: int = 4) -> str:
    """A value as it is shown: counts whole, missing values blank, the rest to 4 decimals.

    Numbers that would show no digit, or too many, have an exponent; no zero has a sign. P-values,
    degrees of freedom, effective sample sizes, R-hat and Monte Carlo errors are known by the name
    of their column.

    Examples
    --------
    >>> cell_text(0.2498, "estimate"), cell_text(2.5e-7, "p"), cell_text(37.93, "df")
    ('0.2498', '<.0001', '37.93')
    >>> cell_text(-0.0, "estimate"), cell_text(0.00498, "mcse_mean")
    ('0.0000', '0.0050')
    """
    if isinstance(value, str):
        return value
    if pd.isna(value):
        return ""
    if isinstance(value, Integral) or not isinstance(value, Real):
        return str(value)
    number = float(value)
    if column in ("p", "p-value") or column.startswith("p_"):
        return p_text(number)
    if column in _DEGREES:
        whole = isinf(number) or abs(number - round(number)) <= _ROUNDING * abs(number)
        return f"{number:z.0f}" if whole else f"{number:.2f}"
    if column in _WHOLE:
        return f"{number:.0f}"
    if column == "r_hat":
        return f"{number:.3f}"
    if column.startswith("mcse"):
        return f"{number:z#.2g}".removesuffix(".")
    if not (0.0 < abs(number) < 10.0 ** (1 - decimals) or abs(number) >= 1e7):
        return f"{number:z.{decimals}f}"
    return f"{number:.1g}" if column in _ROUGH else f"{number:.{decimals}e}"


def significant(value: float, digits: int = 4) -> str:
    """A number to so many significant digits, for columns of unlike units."""
    return "" if pd.isna(value) else f"{value:z.{digits}g}"


def p_text(p: float) -> str:
    """A p-value to 4 decimals; blank where there is none."""
    if pd.isna(p):
        return ""
    return f"{p:.4f}" if p >= 1e-4 else "<.0001"


def p_words(p: float) -> str:
    """A p-value in a sentence: ``= 0.0123``, or ``< .0001``."""
    return f"= {p:.4f}" if p >= 1e-4 else "< .0001"
