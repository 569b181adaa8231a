"""What a page is made of: tables, lists, lines, and entries with their explanations."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from hierbayes.display.cell import cell_text


@dataclass(frozen=True, slots=True, eq=False)
class Table:
    """A table with its title.

    Parameters
    ----------
    frame : DataFrame
        Numbers are shown by `cell_text`, text as it is.
    title : str
    index : bool
        Whether the row labels are shown.
    names : bool
        Whether the names of the levels of the row labels are shown.
    decimals : int
    """

    frame: pd.DataFrame
    title: str = ""
    index: bool = True
    names: bool = False
    decimals: int = 4

    def shown(self) -> pd.DataFrame:
        """The same frame with every value as the text that is shown for it."""
        frame = self.frame
        columns = [
            [cell_text(value, _last(label), self.decimals) for value in frame.iloc[:, place]]
            for place, label in enumerate(frame.columns)
        ]
        cells = pd.DataFrame(dict(enumerate(columns)), index=frame.index, dtype=object)
        cells = cells.set_axis(frame.columns, axis="columns")
        if not self.names:
            cells.index.names = [None] * cells.index.nlevels
        cells.columns.names = [None] * cells.columns.nlevels
        return cells

    def grid(self) -> Grid:
        """The same as lines of texts, for formats that draw their own lines."""
        cells = self.shown()
        width = cells.index.nlevels if self.index else 0
        corner = [str(name) if name is not None else "" for name in cells.index.names][:width]
        levels = range(cells.columns.nlevels)
        heads = [[str(label) for label in cells.columns.get_level_values(k)] for k in levels]
        bodies = [list(map(str, row)) for row in cells.itertuples(index=False, name=None)]
        labels = _sparse(cells.index) if self.index else [[]] * len(bodies)
        last = len(heads) - 1
        return Grid(
            tuple(
                (*(corner if k == last else [""] * width), *head) for k, head in enumerate(heads)
            ),
            tuple((*label, *body) for label, body in zip(labels, bodies, strict=True)),
            width,
            (*([False] * width), *(pd.api.types.is_numeric_dtype(d) for d in self.frame.dtypes)),
        )


@dataclass(frozen=True, slots=True)
class Grid:
    """A table as texts.

    Parameters
    ----------
    heads : tuple of tuple of str
        A line of column labels for each of their levels, those of the row labels first.
    rows : tuple of tuple of str
        Row labels, then cells; an outer label that is that of the row above is blank.
    labels : int
        How many of the columns hold row labels.
    numeric : tuple of bool
        By column: whether it holds numbers.
    """

    heads: tuple[tuple[str, ...], ...]
    rows: tuple[tuple[str, ...], ...]
    labels: int
    numeric: tuple[bool, ...]


@dataclass(frozen=True, slots=True)
class Items:
    """Sentences as a list; a list without any is left out."""

    sentences: tuple[str, ...]
    title: str = ""


@dataclass(frozen=True, slots=True)
class Lines:
    """Sentences, a line each; none are left out."""

    sentences: tuple[str, ...]
    title: str = ""


@dataclass(frozen=True, slots=True)
class Definition:
    """A symbol or number, what it stands for, and lines on it."""

    label: str
    head: str
    body: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Definitions:
    """Definitions one below the other, their labels in a column of their own."""

    entries: tuple[Definition, ...]
    title: str = ""


type Block = Table | Items | Lines | Definitions


def is_empty(block: Block) -> bool:
    """Whether a block has nothing to show."""
    match block:
        case Items(sentences) | Lines(sentences):
            return not sentences
        case Definitions(entries):
            return not entries
    return False


def _last(label: object) -> str:
    return str(label[-1] if isinstance(label, tuple) else label)


def _sparse(index: pd.Index) -> list[list[str]]:
    """Row labels, outer ones blank where they repeat the row above."""
    rows = [list(map(str, row if index.nlevels > 1 else (row,))) for row in index]
    shown = []
    for k, row in enumerate(rows):
        above = rows[k - 1] if k else []
        same = 0
        while same < len(row) - 1 and row[: same + 1] == above[: same + 1]:
            same += 1
        shown.append([""] * same + row[same:])
    return shown


def numbered_lines(table: pd.DataFrame) -> tuple[str, ...]:
    """The formulas of the index, a numbered line each."""
    return tuple(
        f"{label}: {formula}" for label, formula in zip(_numbers(table), table.index, strict=True)
    )


def numbered_table(table: pd.DataFrame) -> Table:
    """The table by these numbers."""
    return Table(table.set_axis(_numbers(table)))


def _numbers(table: pd.DataFrame) -> list[str]:
    return [f"model {k}" for k in range(1, len(table) + 1)]
