"""How points and lines of a trellis look, and what its legend says."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from hierbayes.plots.draw import Entries
from hierbayes.plots.look import (
    BLACK,
    BLUE,
    BLUP,
    DATA,
    POPULATION,
    SERIES,
    SOLID,
    Look,
)

LEAST_SQUARES = "least squares"
_OF_FIT = {"BLUE": BLUE, "BLUP": BLUP, "population": POPULATION}
_ONE_OF_MANY = Look("#9A9A9A", ".", SOLID)


@dataclass(frozen=True, slots=True)
class TrellisLooks:
    """How things look.

    Parameters
    ----------
    points : dict of Look
        By level.
    lines : dict of Look
        Of the lines of a panel.
    levels : dict of Look
        Of the lines of a second grouping factor, by level; empty where there are none.
    entries : dict
        Of the legend.
    """

    points: dict[str, Look]
    lines: dict[str, Look]
    levels: dict[str, Look]
    entries: Entries


def looks_of(points: pd.DataFrame, lines: pd.DataFrame, panel: str, by: str | None) -> TrellisLooks:
    """Of the points and the lines of `Trellis`, in panels and by the levels of a factor.

    The groups of a second factor of the fit have a look each where they are few, or few in a panel
    and in no other; otherwise all have one.
    """
    of_fit = not set(_OF_FIT).isdisjoint(lines["line"])
    if "level" in lines:
        return _of_two_factors(points, panel, str(by))
    series = SERIES if by else (DATA,)
    levels = map(str, points["by"].cat.categories)
    marks = dict(zip(levels, series, strict=False))
    if by and not of_fit:
        return TrellisLooks(
            marks, marks, {}, {level: one.both(4.0) for level, one in marks.items()}
        )
    drawn = _OF_FIT if of_fit else {LEAST_SQUARES: Look(BLACK, "none")}
    entries = {level: look.points(4.0) for level, look in marks.items()} if by else {}
    return TrellisLooks(marks, drawn, {}, entries | {k: look.lines() for k, look in drawn.items()})


def curves_of_family(looks: TrellisLooks, prediction: str) -> TrellisLooks:
    """The same for a family that is not Gaussian: no BLUE, and words of its own."""
    lines = {line: look for line, look in looks.lines.items() if line != "BLUE"}
    entries = {
        entry.replace("BLUP", prediction).replace("population", "u = 0"): how
        for entry, how in looks.entries.items()
        if not entry.startswith("BLUE")
    }
    return TrellisLooks(looks.points, lines, looks.levels, entries)


def _of_two_factors(points: pd.DataFrame, panel: str, by: str) -> TrellisLooks:
    levels = [str(level) for level in points["by"].cat.categories]
    pairs = points[["panel", "by"]].drop_duplicates().astype(str).sort_values(["panel", "by"])
    nested, most = pairs["by"].is_unique, pairs["panel"].value_counts().max()
    own: Entries
    if len(levels) <= len(SERIES):
        looks = dict(zip(levels, SERIES, strict=False))
        own = {f"{by} {level}": look.both(4.0, 1.0) for level, look in looks.items()}
    elif nested and most <= len(SERIES):
        rank = pairs.groupby("panel").cumcount()
        looks = {level: SERIES[k] for level, k in zip(pairs["by"], rank, strict=True)}
        own = {f"BLUP of {by}, apart within a panel": SERIES[0].both(4.0, 1.0)}
    else:
        looks = dict.fromkeys(levels, _ONE_OF_MANY)
        own = {f"BLUP of {by}": _ONE_OF_MANY.lines(0.8)}
    names = {"BLUE": f"BLUE of {panel}", "BLUP": f"BLUP of {panel}", "population": "population"}
    entries = own | {names[line]: look.lines() for line, look in _OF_FIT.items()}
    return TrellisLooks(looks, _OF_FIT, looks, entries)
