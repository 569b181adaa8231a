"""Tables as text in fixed columns."""

from __future__ import annotations

from math import isinf
from numbers import Integral, Real
from textwrap import fill

import pandas as pd

# Columns whose smallest values need no more than a digit.
_ROUGH = ("mcse", "difference", "share", "from_theta")
_DEGREES = ("df", "df1", "df2", "numDF", "denDF")


def table_text(table: pd.DataFrame, *, width: int | None = None) -> str:
    """A table in fixed columns: counts whole, the rest to 4 decimals, missing values blank.

    Small numbers have an exponent, or two digits where more would say nothing. A table wider
    than ``width`` goes on below itself.
    """
    text: str = table_cells(table).to_string(line_width=width)
    return text


def table_cells(table: pd.DataFrame) -> pd.DataFrame:
    """The same table with every value as the text that is shown for it."""
    columns = [[_cell(value, str(column)) for value in table[column]] for column in table]
    shown = pd.DataFrame(dict(enumerate(columns)), index=table.index).set_axis(
        table.columns, axis="columns"
    )
    shown.index.names = [None] * shown.index.nlevels
    shown.columns.names = [None] * shown.columns.nlevels
    return shown


def with_degrees(table: pd.DataFrame) -> pd.DataFrame:
    """The table, degrees of freedom as the text that is shown for them."""
    places = [name for name in _DEGREES if name in table.columns]
    return table.assign(**{name: [_degrees(value) for value in table[name]] for name in places})


def items_text(items: tuple[str, ...]) -> str:
    """Sentences as a list, folded at 100 characters."""
    lines = (fill(item, 100, initial_indent="  - ", subsequent_indent="    ") for item in items)
    return "\n".join(lines)


def p_text(p: float) -> str:
    """A p-value to 4 decimals; blank where there is none."""
    if pd.isna(p):
        return ""
    return f"{p:.4f}" if p >= 1e-4 else "<.0001"


def p_words(p: float) -> str:
    """A p-value in a sentence: ``= 0.0123``, or ``< .0001``."""
    return f"= {p:.4f}" if p >= 1e-4 else "< .0001"


def _degrees(value: float) -> str:
    if pd.isna(value):
        return ""
    return f"{value:.0f}" if isinf(value) or value == round(value) else f"{value:.1f}"


def _cell(value: object, column: str) -> str:
    if isinstance(value, str):
        return value
    if pd.isna(value):
        return ""
    if isinstance(value, Integral) or not isinstance(value, Real):
        return str(value)
    number = float(value)
    if column == "p" or column.startswith("p_"):
        return p_text(number)
    if not (0.0 < abs(number) < 1e-3 or abs(number) >= 1e7):
        return f"{number:.4f}"
    return f"{number:.1g}" if column in _ROUGH else f"{number:.4e}"
