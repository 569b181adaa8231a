"""What is made of average expected responses: themselves, differences, ratios."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from hierbayes.errors import DataError, in_quotes
from hierbayes.frames.arrays import Floats


@dataclass(frozen=True, slots=True)
class Combination:
    """A function of the averages of one or two sides.

    Parameters
    ----------
    label : str
        With places for ``hi`` and ``lo``.
    value : callable
        Of each side's averages, the higher first.
    partials : callable
        Its derivatives by each.
    null : float
        What it is where the sides are equal.
    """

    label: str
    value: Callable[..., Floats]
    partials: Callable[..., tuple[Floats, ...]]
    null: float = 0.0


def _odds(p: Floats) -> Floats:
    return p / (1.0 - p)


ITSELF = Combination("", lambda mean: mean, lambda mean: (np.ones_like(mean),))
COMBINATIONS = {
    "difference": Combination(
        "{hi} - {lo}",
        lambda hi, lo: hi - lo,
        lambda hi, lo: (np.ones_like(hi), -np.ones_like(lo)),
    ),
    "ratio": Combination(
        "{hi} / {lo}", lambda hi, lo: hi / lo, lambda hi, lo: (1.0 / lo, -hi / lo**2), 1.0
    ),
    "lnratio": Combination(
        "ln({hi} / {lo})",
        lambda hi, lo: np.log(hi / lo),
        lambda hi, lo: (1.0 / hi, -1.0 / lo),
    ),
    "lnor": Combination(
        "ln(odds({hi}) / odds({lo}))",
        lambda hi, lo: np.log(_odds(hi) / _odds(lo)),
        lambda hi, lo: (1.0 / (hi * (1.0 - hi)), -1.0 / (lo * (1.0 - lo))),
    ),
    "lift": Combination(
        "({hi} - {lo}) / {lo}", lambda hi, lo: hi / lo - 1.0, lambda hi, lo: (1.0 / lo, -hi / lo**2)
    ),
}  # fmt: skip


def combination_of(word: str) -> Combination:
    """One of `COMBINATIONS`.

    Raises
    ------
    DataError
    """
    if word not in COMBINATIONS:
        raise DataError(f"comparison must be one of {in_quotes(COMBINATIONS)}, not {word!r}")
    return COMBINATIONS[word]


def derivative(width: float) -> Combination:
    """A difference over so much of x, divided by that."""
    return Combination(
        "dY/dX",
        lambda hi, lo: (hi - lo) / width,
        lambda hi, lo: (np.full_like(hi, 1.0 / width), np.full_like(lo, -1.0 / width)),
    )
