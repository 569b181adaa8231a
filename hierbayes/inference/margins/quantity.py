"""One margin: rows on one side or two, and what is made of their averages."""

from __future__ import annotations

from dataclasses import dataclass

from hierbayes.inference.margins.averages import Averages
from hierbayes.inference.margins.combination import Combination
from hierbayes.inference.margins.expected_rows import ExpectedRows


@dataclass(frozen=True, slots=True, eq=False)
class Quantity:
    """K averages of C numbers a row.

    Parameters
    ----------
    term, contrast : str
        What is varied, and how; empty for a prediction.
    sides : tuple of ExpectedRows
        The same rows with the variable at its higher and its lower value, or as they are.
    averages : Averages
        Over these rows.
    combination : Combination
        Of the averages of the sides.
    """

    term: str
    contrast: str
    sides: tuple[ExpectedRows, ...]
    averages: Averages
    combination: Combination
