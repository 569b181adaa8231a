"""The levels of several grouping factors: which is above which."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import pandas as pd

from hierbayes.frames.factor_pairs import NESTED, REPEATED, FactorPair, factor_pair
from hierbayes.frames.grouping import Groups, group_rows


@dataclass(frozen=True, slots=True, eq=False)
class FactorLevels:
    """Grouping factors with their levels, the lowest first.

    Parameters
    ----------
    table : DataFrame
        By factor: ``level``, ``groups``, ``nested in`` and ``crossed with``.
    groups : dict of str to Groups
        The rows of each; those of a factor that is numbered anew by both columns together.
    pairs : tuple of FactorPair
        As the columns have them.
    above : dict of str to tuple of str
        The columns in whose groups a column is taken to be numbered anew.
    """

    table: pd.DataFrame
    groups: dict[str, Groups]
    pairs: tuple[FactorPair, ...]
    above: dict[str, tuple[str, ...]]


def factor_levels(df: pd.DataFrame, names: Sequence[str]) -> FactorLevels:
    """The levels of columns that hold groups.

    A factor that is numbered anew in the groups of another counts as nested in it, and its groups
    are those of both columns together.
    """
    groups = {name: group_rows(df, name) for name in names}
    pairs = _pairs(groups)
    above = {name: _above(df, name, pairs, groups) for name in names}
    groups = {
        ":".join([*above[name], name]): group_rows(df, [*above[name], name])
        if above[name]
        else groups[name]
        for name in names
    }
    inside = [(one.first, one.second) for one in _pairs(groups) if one.kind == NESTED]
    level: dict[str, int] = {}
    for _ in groups:
        for name in groups:
            below = [level.get(inner, 2) for inner, outer in inside if outer == name]
            level[name] = max(below, default=1) + 1
    ordered = sorted(groups, key=lambda name: level[name])
    nested = {name: [outer for inner, outer in inside if inner == name] for name in ordered}
    crossed = {
        name: [
            other for other in ordered
            if other != name and (name, other) not in inside and (other, name) not in inside
        ]
        for name in ordered
    }  # fmt: skip
    table = pd.DataFrame(
        {
            "level": [level[name] for name in ordered],
            "groups": [groups[name].J for name in ordered],
            "nested in": [", ".join(nested[name]) for name in ordered],
            "crossed with": [", ".join(crossed[name]) for name in ordered],
        },
        index=pd.Index(ordered, name="factor"),
    )
    return FactorLevels(table, {name: groups[name] for name in ordered}, pairs, above)


def _above(
    df: pd.DataFrame, name: str, pairs: tuple[FactorPair, ...], groups: dict[str, Groups]
) -> tuple[str, ...]:
    """The columns in whose groups a column may be numbered anew.

    Where all of them together leave hardly a row to repeat, those of most groups: such factors are
    crossed.
    """
    above = [pair.second for pair in pairs if pair.anew and pair.first == name]
    while above:
        known = df[[*above, name]].dropna()
        if len(known) >= REPEATED * len(known.drop_duplicates()):
            break
        above.remove(min(above, key=lambda one: groups[one].J))
    return tuple(above)


def words_of(levels: FactorLevels) -> Iterator[str]:
    """Every two factors in words, and which is taken for numbered anew."""
    for pair in levels.pairs:
        above = levels.above.get(pair.first, ())
        if pair.anew and pair.second in above:
            whole = ":".join([*above, pair.first])
            term = f"{pair.second}/{pair.first}" if len(above) == 1 else whole
            yield (
                f"{pair.suspicion}, and that is how it is taken here: '{whole}'. A model says so "
                f"with (1 | {term})"
            )
        else:
            yield pair.text


def _pairs(groups: dict[str, Groups]) -> tuple[FactorPair, ...]:
    """How every two of them stand to each other, in the rows that have a group of both."""
    return tuple(_pair(a, groups[a], b, groups[b]) for a, b in combinations(groups, 2))


def _pair(a: str, first: Groups, b: str, second: Groups) -> FactorPair:
    known = (first.codes >= 0) & (second.codes >= 0)
    place = np.unique(first.codes[known].astype(np.int64) * second.J + second.codes[known])
    at = (place // second.J, place % second.J)
    return factor_pair((a, b), (first.labels, second.labels), at, int(known.sum()))
