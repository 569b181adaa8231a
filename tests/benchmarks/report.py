"""Tables of a benchmark run: one form for the screen, the markdown file and the JSON file."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parents[2] / "results" / "bench"


def seconds(value: float) -> str:
    """Seconds to three digits, in ms below one second; ``seconds(0.00123) == '1.23 ms'``."""
    return f"{_digits(value * 1e3)} ms" if abs(value) < 1 else f"{_digits(value)} s"


def times(value: float) -> str:
    """A ratio; ``times(3.14159) == '3.14×'``."""
    return f"{_digits(value)}×"


def number(value: float) -> str:
    """A count or an effective sample size; ``number(1234.5) == '1234'``."""
    return f"{value:.0f}" if math.isfinite(value) else str(value)


def decimals(digits: int) -> Callable[[float], str]:
    """Formatter with a fixed number of decimals; ``decimals(2)(1.005e2) == '100.50'``."""
    return lambda value: f"{value:.{digits}f}"


def _digits(value: float) -> str:
    size = math.floor(math.log10(abs(value))) if value and math.isfinite(value) else 0
    return f"{value:.{min(max(2 - size, 0), 3)}f}"


@dataclass(frozen=True)
class Column:
    """One column: the key of the raw value in a row, its heading, how to print it."""

    key: str
    heading: str
    show: Callable[[Any], str] = str

    def cell(self, row: dict[str, Any]) -> str:
        """Text of this column in `row`; a dash where there is no value."""
        value = row.get(self.key)
        return "–" if value is None else self.show(value).replace("|", r"\|")


@dataclass(frozen=True)
class Table:
    """Rows of raw values and how to print them.

    Parameters
    ----------
    title : str
        Heading of the table.
    columns : sequence of Column
        What is printed; rows may hold more (all repetitions, say), which goes to JSON only.
    rows : sequence of dict
        Raw values, times in seconds.
    notes : sequence of str
        What a reader must know to judge the numbers, one sentence or two each.
    """

    title: str
    columns: Sequence[Column]
    rows: Sequence[dict[str, Any]]
    notes: Sequence[str] = ()

    def markdown(self) -> str:
        """The table in markdown, padded so that it also reads well on a screen."""
        cells = [[column.heading for column in self.columns]]
        cells += [[column.cell(row) for column in self.columns] for row in self.rows]
        widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
        lines = ["| " + " | ".join(map(str.ljust, line, widths)) + " |" for line in cells]
        lines.insert(1, "|" + "|".join("-" * (width + 2) for width in widths) + "|")
        parts = [f"## {self.title}", "\n".join(lines)]
        if self.notes:
            parts.append("\n".join(f"- {note}" for note in self.notes))
        return "\n\n".join(parts) + "\n"


def write(name: str, header: dict[str, Any], tables: Sequence[Table], folder: Path) -> str:
    """Write ``<name>.json`` and ``<name>.md``.

    Parameters
    ----------
    name : str
        Subject of the run.
    header : dict
        Versions and machine, from `versions.header`.
    tables : sequence of Table
        What was measured.
    folder : Path
        Where to; made if missing.

    Returns
    -------
    str
        The markdown.
    """
    lines = [f"- {key}: {value}" for key, value in header.items() if key != "versions"]
    lines.append("- " + ", ".join(f"{key} {value}" for key, value in header["versions"].items()))
    markdown = "\n".join([f"# {name}", "", *lines, "", *(table.markdown() for table in tables)])
    record = {
        "header": header,
        "tables": [
            {"title": t.title, "notes": list(t.notes), "rows": list(t.rows)} for t in tables
        ],
    }
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.md").write_text(markdown, encoding="utf-8")
    text = json.dumps(record, indent=1, ensure_ascii=False)
    (folder / f"{name}.json").write_text(text + "\n", encoding="utf-8")
    return markdown
