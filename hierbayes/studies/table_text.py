"""Tables as text in fixed columns."""

from __future__ import annotations

from numbers import Integral, Real
from textwrap import fill

import pandas as pd


def table_text(table: pd.DataFrame) -> str:
    """A table in fixed columns: counts whole, the rest to 4 decimals, missing values blank."""
    text: str = table_cells(table).to_string()
    return text


def table_cells(table: pd.DataFrame) -> pd.DataFrame:
    """The same table with every value as the text that is shown for it."""
    shown = table.map(_cell)
    shown.index.names = [None] * shown.index.nlevels
    shown.columns.names = [None] * shown.columns.nlevels
    return shown


def items_text(items: tuple[str, ...]) -> str:
    """Sentences as a list, folded at 100 characters."""
    lines = (fill(item, 100, initial_indent="  - ", subsequent_indent="    ") for item in items)
    return "\n".join(lines)


def _cell(value: object) -> str:
    if isinstance(value, str):
        return value
    if pd.isna(value):
        return ""
    if isinstance(value, Integral) or not isinstance(value, Real):
        return str(value)
    number = float(value)
    return f"{number:.4e}" if 0.0 < abs(number) < 1e-3 or abs(number) >= 1e7 else f"{number:.4f}"
