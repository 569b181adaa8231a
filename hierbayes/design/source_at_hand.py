"""A source of rows that can be read again, as long as it is at hand."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from hierbayes.design.row_parts import RowCases
from hierbayes.sources.source import Source


@dataclass(frozen=True, slots=True, eq=False)
class SourceAtHand:
    """A source that can be read again; a copy that is sent or stored leaves it behind.

    Parameters
    ----------
    source : Source
    counts : str
        The column that says how often each row counts; empty where all count once.
    cases : callable, optional
        Of Gaussian responses: reads the rows again, as those of a frame a batch at a time.
    """

    source: Source
    counts: str = ""
    cases: Callable[[], Iterator[RowCases]] | None = None

    def __reduce__(self) -> tuple[type[None], tuple[()]]:
        return type(None), ()
