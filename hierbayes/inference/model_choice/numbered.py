"""Tables of models whose formulas would not fit beside their numbers."""

from __future__ import annotations

import pandas as pd

from hierbayes.display.blocks import Table


def numbered_lines(table: pd.DataFrame) -> tuple[str, ...]:
    """The formulas of the index, a numbered line each."""
    return tuple(
        f"{label}: {formula}" for label, formula in zip(_labels(table), table.index, strict=True)
    )


def numbered_table(table: pd.DataFrame) -> Table:
    """The table by these numbers."""
    return Table(table.set_axis(_labels(table)))


def _labels(table: pd.DataFrame) -> list[str]:
    return [f"model {k}" for k in range(1, len(table) + 1)]
