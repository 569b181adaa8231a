"""How results of tests look: tables in fixed columns, and the lines above them."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from textwrap import fill

import numpy as np
import pandas as pd

from hierbayes.errors import HypothesisError
from hierbayes.fit.fit import Fit

_COUNTS = ("numDF", "denDF", "df", "rows")


def refuse_other_than_fit(fit: object, caller: str) -> None:
    """Refuse what is no fit.

    Raises
    ------
    HypothesisError
        Naming the type.
    """
    if not isinstance(fit, Fit):
        raise HypothesisError(
            f"{caller}() takes a fit, and this is of type {type(fit).__name__}; fits are what "
            "model.reml(), ml(), map() and sample() return"
        )


def about_fit(fit: Fit) -> tuple[str, ...]:
    """Model, data and, of a posterior, draws, in a line each."""
    design = fit.design
    return (
        f"Model:  {design.specification}",
        f"Data:   {design.n} rows, {design.J} groups ({design.specification.group})",
        *fit.draws_line,
    )


def page(
    title: str, about: Sequence[str], tables: Sequence[pd.DataFrame], notes: Sequence[str]
) -> str:
    """Title, lines, tables and notes as text."""
    parts = ["\n".join([title, *(_folded(line) for line in about)])]
    parts += [cells(table).to_string() for table in tables]
    if notes:
        bullets = (
            fill(note, 100, initial_indent="  - ", subsequent_indent="    ") for note in notes
        )
        parts.append("\n".join(bullets))
    return "\n\n".join(parts)


def html_page(
    title: str, about: Sequence[str], tables: Sequence[pd.DataFrame], notes: Sequence[str]
) -> str:
    """The same as HTML."""
    body = "".join(cells(table).to_html() for table in tables)
    listed = "".join(f"<li>{escape(note)}</li>" for note in notes)
    lines = "<br>".join(escape(line) for line in about)
    return f"<h3>{escape(title)}</h3><p>{lines}</p>{body}" + (f"<ul>{listed}</ul>" if notes else "")


def cells(table: pd.DataFrame) -> pd.DataFrame:
    """The same table with every number as the text that is shown for it."""
    shown = pd.DataFrame(
        {name: [_cell(str(name), value) for value in table[name]] for name in table},
        index=table.index,
    )
    shown.index.name = shown.columns.name = None
    return shown


def _folded(line: str) -> str:
    return fill(line, 100, initial_indent="  ", subsequent_indent=" " * 10)


def _cell(column: str, value: float) -> str:
    if np.isnan(value):
        return ""
    if column in _COUNTS:
        return f"{value:.0f}" if np.isinf(value) or value == round(value) else f"{value:.2f}"
    if column == "p":
        return f"{value:.4f}" if value >= 1e-4 else "<.0001"
    if column == "mcse":
        return f"{value:.1g}"
    small = value != 0.0 and (abs(value) < 1e-3 or abs(value) >= 1e7)
    return f"{value:.4e}" if small else f"{value:.4f}"
