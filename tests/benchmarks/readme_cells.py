"""Cells and tables of README: numbers to two digits at least, in as little space as can be."""

from __future__ import annotations

import re
from collections.abc import Sequence

from tests.benchmarks.record import Record, Row

NAMES = {"glmm": "glmm (Rust)", "brms 2.18": "brms 2.18 (quoted)"}


def digits(value: float) -> str:
    """``digits(2.04) == '2.0'``, ``digits(27.26) == '27'``."""
    return f"{value:.1f}" if value < 9.95 else spaced(round(value))


def spaced(value: float) -> str:
    """A number of five digits or more in groups of three, which no line break parts."""
    return f"{value:.0f}" if value < 1e4 else f"{value:,.0f}".replace(",", "\N{NO-BREAK SPACE}")


def seconds(value: float | None) -> str:
    """``seconds(0.0020) == '2.0 ms'``; nothing where nothing was measured."""
    if value is None:
        return ""
    return f"{digits(value * 1e3)} ms" if value < 0.9995 else f"{digits(value)} s"


def times(value: float | None) -> str:
    """``times(3.14159) == '3.1×'``; nothing where nothing was measured."""
    return "" if value is None else f"{digits(value)}×"


def name_of(row: Row) -> str:
    """A contestant as README calls it."""
    return NAMES.get(name := str(row["contestant"]), name)


def failure(row: Row | None) -> str:
    """Why a package has no time, in a few words; nothing where it was not asked."""
    remark = str((row or {}).get("remark") or "")
    if any(word in remark for word in ("time limit", "not done in")):
        return "not within ten minutes"
    if not remark.startswith("error"):
        return ""
    return "cannot read the formula" if "syntax" in remark else "stops with an error"


def grid(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table in markdown."""
    lines = [headings, *rows]
    text = ["| " + " | ".join(line) + " |" for line in lines]
    text.insert(1, "|" + "---|" * len(headings))
    return "\n".join(re.sub(" +", " ", line) for line in text)


def dated(table: str, record: Record, subject: str, part: str = "") -> str:
    """A table, and below it when and how it was measured."""
    return f"{table}\n\n*{record.measured(subject, part)}.*"
