"""How two grouping factors stand to each other: nested, crossed, or numbered anew."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from hierbayes.frames.arrays import Integers
from hierbayes.frames.named_columns import shown

NESTED, CROSSED, PARTLY, SAME = "nested", "crossed", "partly crossed", "the same groups"
_ANEW = 0.8  # of the groups that use the first labels only: from there on numbered anew
_FEW, _SHARE = 5, 0.2  # labels, or of the groups of the other factor: classes and no items
_NEARLY = 0.9  # of all combinations: crossed, but for rows that are missing
REPEATED = 1.5  # rows of a combination on average, fewer than which have no groups inside
_FEW_MOVED = 0.05  # of the groups: as many may stand in several of another factor by mistake
_COUNTED = re.compile(r"(\D*)(\d{1,9})")


@dataclass(frozen=True, slots=True)
class FactorPair:
    """How two grouping factors stand to each other.

    Parameters
    ----------
    first, second : str
        The factors; of nested ones the inner is the first, and of one whose labels are used anew,
        too.
    kind : str
        ``"nested"``, ``"crossed"`` (every combination occurs), ``"partly crossed"`` or ``"the
        same groups"``.
    groups : (int, int)
        How many groups each has.
    combinations : int
        How many combinations of their groups have rows.
    anew : tuple of str
        Labels that the first uses again and again, as if it counted from the start in each group
        of the second; empty if it does not.
    moved : tuple of str
        Where all but a few groups of the first are nested in the second, those few.
    """

    first: str
    second: str
    kind: str
    groups: tuple[int, int]
    combinations: int
    anew: tuple[str, ...] = ()
    moved: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """How they stand to each other, in a few words."""
        if self.kind == NESTED:
            return f"'{self.first}' is nested in '{self.second}'"
        if self.kind == SAME:
            return f"'{self.first}' and '{self.second}' name the same groups"
        said = f"'{self.first}' and '{self.second}' are {self.kind}"
        if self.kind == CROSSED:
            return said
        if self.moved:
            return (
                f"{said}: '{self.first}' is nested in '{self.second}' but for {len(self.moved)} of "
                f"{self.groups[0]} groups ({shown(self.moved)})"
            )
        return f"{said} ({self.combinations} of {self.groups[0] * self.groups[1]} combinations)"

    @property
    def suspicion(self) -> str:
        """What the labels of the first suggest; empty if they suggest nothing.

        Examples
        --------
        >>> FactorPair("cask", "batch", CROSSED, (2, 10), 20, ("a", "b")).suspicion[:62]
        "'cask' has the labels 'a', 'b' in one group of 'batch' after a"
        """
        if not self.anew:
            return ""
        return (
            f"'{self.first}' has the labels {shown(self.anew)} in one group of '{self.second}' "
            f"after another, and one label means one group, so that the two are {self.kind}; if "
            f"'{self.first}' is numbered anew in each group of '{self.second}', it is nested in "
            "it"
        )


def factor_pair(
    names: tuple[str, str],
    labels: tuple[pd.Index, pd.Index],
    at: tuple[Integers, Integers],
    rows: int,
) -> FactorPair:
    """How two factors stand to each other.

    Parameters
    ----------
    names : (str, str)
    labels : pair of Index
        What the groups of each are called.
    at : pair of (m,) int
        The groups of each in the m combinations that have rows, each once.
    rows : int
        Rows in all.

    Notes
    -----
    Labels are taken for numbered anew where they count from 1 or 0, or from a; where at least 80%
    of the groups of the other factor use the first of them, as many as they need; where these
    groups are more than the labels, or all of them do and most need numbers of their own; and
    where a combination has several rows, as a class has.  Of factors that are crossed in full, or
    but for a tenth of the combinations, of which an experiment may have just as many, only few
    labels count: 5, or a fifth as many as the other has groups.
    """
    m = len(at[0])
    first, second = (len(np.unique(one)) for one in at)
    turned = names[::-1]
    if m == first == second:
        return FactorPair(*names, SAME, (first, second), m)
    if m == first:
        return FactorPair(*names, NESTED, (first, second), m)
    if m == second:
        return FactorPair(*turned, NESTED, (second, first), m)
    kind = CROSSED if m == first * second else PARTLY
    if rows >= REPEATED * m:
        for k, inner in enumerate((first, second)):
            outer = second if k == 0 else first
            few = m < _NEARLY * first * second or inner <= max(_FEW, _SHARE * outer)
            anew: tuple[str, ...] = ()
            if inner < outer and few:
                anew = _anew(labels[k], at[k], at[1 - k], _ANEW)
            elif inner >= outer and kind == PARTLY:
                anew = _anew(labels[k], at[k], at[1 - k], 1.0)
            if anew:
                called = turned if k else names
                return FactorPair(*called, kind, (inner, outer), m, anew)
    for k in (0, 1):
        moved = _moved(labels[k], at[k]) if kind == PARTLY else ()
        if moved:
            groups = (second, first) if k else (first, second)
            return FactorPair(*(turned if k else names), kind, groups, m, (), moved)
    return FactorPair(*names, kind, (first, second), m)


def chain_of(factors: Sequence[str], pairs: Sequence[FactorPair]) -> tuple[str, ...]:
    """Factors of which each is nested in the next, the innermost first; empty if they are not.

    Examples
    --------
    >>> chain_of(["school", "class"], [FactorPair("class", "school", NESTED, (6, 2), 6)])
    ('class', 'school')
    """
    inside = {(pair.first, pair.second) for pair in pairs if pair.kind == NESTED}
    above = {one: sum(name == one for name, _ in inside) for one in factors}
    ordered = sorted(factors, key=lambda one: -above[one])
    whole = len(inside) == len(factors) * (len(factors) - 1) // 2
    return tuple(ordered) if whole else ()


def _anew(labels: pd.Index, inner: Integers, outer: Integers, least: float) -> tuple[str, ...]:
    """The labels of a factor that counts anew in each group of another; none if it does not.

    So it does in that share of the groups at least; in all of them only where most have numbers of
    their own, for else the first levels of an experiment may be all that some have.
    """
    used = np.unique(inner)
    texts = [str(labels[k]).strip() for k in used]
    rank = _ranks(texts)
    if rank is None:
        return ()
    place = np.empty(int(used.max()) + 1, dtype=np.intp)
    place[used] = rank
    groups, codes = np.unique(outer, return_inverse=True)
    highest = np.full(len(groups), -1, dtype=np.intp)
    np.maximum.at(highest, codes, place[inner])
    count = np.bincount(codes)
    if (highest + 1 == count).mean() < least or np.median(count) < 2:
        return ()
    if least == 1.0 and 2 * len(np.unique(count)) <= len(count):
        return ()
    return tuple(text for _, text in sorted(zip(rank, texts, strict=True)))


def _ranks(texts: list[str]) -> list[int] | None:
    """Places of labels that count, from 0; None if they do not count."""
    found = [_COUNTED.fullmatch(text) for text in texts]
    if all(found):
        stems = {one[1] for one in found if one}
        numbers = [int(one[2]) for one in found if one]
        start = min(numbers)
        plain = len(stems) == 1 and start in (0, 1)
    else:
        if not all(len(text) == 1 and text.isascii() and text.isalpha() for text in texts):
            return None
        numbers = [ord(text.lower()) - ord("a") for text in texts]
        start, plain = 0, True
    ranks = [number - start for number in numbers]
    return ranks if plain and sorted(ranks) == list(range(len(ranks))) else None


def _moved(labels: pd.Index, inner: Integers) -> tuple[str, ...]:
    """Groups with several of the other factor, where they are few; none where they are not."""
    count = np.bincount(inner)
    several = np.flatnonzero(count > 1)
    if len(several) > _FEW_MOVED * (count > 0).sum():
        return ()
    return tuple(str(labels[k]) for k in several)
