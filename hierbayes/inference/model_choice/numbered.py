"""Tables of models whose formulas would not fit beside their numbers."""

from __future__ import annotations

from html import escape
from textwrap import fill

import pandas as pd

from hierbayes.display.table_text import table_cells, table_text


def numbered_text(table: pd.DataFrame) -> str:
    """The formulas of the index as a numbered list, then the table by number."""
    lines = [
        fill(text, 100, initial_indent=f"  {label}: ", subsequent_indent=" " * (len(label) + 4))
        for label, text in _labelled(table)
    ]
    return "\n".join([*lines, "", table_text(_short(table))])


def numbered_html(table: pd.DataFrame) -> str:
    """The same as HTML."""
    lines = "<br>".join(f"{label}: {escape(text)}" for label, text in _labelled(table))
    return f"<p>{lines}</p>{table_cells(_short(table)).to_html()}"


def _labelled(table: pd.DataFrame) -> list[tuple[str, str]]:
    return [(f"model {k}", str(formula)) for k, formula in enumerate(table.index, 1)]


def _short(table: pd.DataFrame) -> pd.DataFrame:
    return table.set_axis([label for label, _ in _labelled(table)])
