"""Tables and sentences of tests and intervals, as text."""

from __future__ import annotations

from numbers import Integral, Real
from textwrap import fill

import pandas as pd


def table_text(table: pd.DataFrame) -> str:
    """A table in fixed columns; p-values short, counts whole, missing values blank."""
    text: str = table_cells(table).to_string()
    return text


def table_cells(table: pd.DataFrame) -> pd.DataFrame:
    """The same table with every value as the text that is shown for it."""
    columns = [[_cell(str(column), value) for value in table[column]] for column in table]
    shown = pd.DataFrame(dict(enumerate(columns)), index=table.index)
    shown = shown.set_axis(table.columns, axis="columns")
    shown.index.names = [None] * shown.index.nlevels
    shown.columns.names = [None] * shown.columns.nlevels
    return shown


def items_text(items: tuple[str, ...]) -> str:
    """Sentences as a list, folded at 100 characters."""
    lines = (fill(item, 100, initial_indent="  - ", subsequent_indent="    ") for item in items)
    return "\n".join(lines)


def p_text(p: float) -> str:
    """A p-value in words: ``= 0.0123``, or ``< .0001``."""
    return f"= {p:.4f}" if p >= 1e-4 else "< .0001"


def _cell(column: str, value: object) -> str:
    if isinstance(value, str):
        return value
    if pd.isna(value):
        return ""
    if isinstance(value, Integral) or not isinstance(value, Real):
        return str(value)
    number = float(value)
    if column.startswith("p_"):
        return f"{number:.4f}" if number >= 1e-4 else "<.0001"
    small = 0.0 < abs(number) < 1e-3 or abs(number) >= 1e7
    return f"{number:.4e}" if small else f"{number:.4f}"
