"""The rows of the question: y and x by group, and the level of each group."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from hierbayes.design.complete import Dropped
from hierbayes.frames.arrays import Booleans, Floats, Integers

_CONSTANT = 1e-9  # of the range of x over all rows


@dataclass(frozen=True, eq=False)
class GroupedRows:
    """A response and a predictor in groups, and the level of the between factor of each group.

    Parameters
    ----------
    response, predictor, group : str
        As they stand in the formula.
    factor : str or None
        The between factor.
    levels : tuple of str
        Its L levels, the first the reference; one nameless level where there is no factor.
    terms : tuple of str
        The 2L fixed columns of the formula: intercept, x, levels after the first, and x times
        these.
    y, x : (n,) float
    codes : (n,) int
        Position of each row's group in ``groups``.
    groups : Index
        Labels of the J groups.
    level_of : (J,) int
        Position of each group's level in ``levels``.
    dropped : Dropped
        Rows that are not used, and why.
    """

    response: str
    predictor: str
    group: str
    factor: str | None
    levels: tuple[str, ...]
    terms: tuple[str, ...]
    y: Floats
    x: Floats
    codes: Integers
    groups: pd.Index
    level_of: Integers
    dropped: Dropped

    @property
    def N(self) -> int:
        """Number of rows."""
        return len(self.y)

    @property
    def J(self) -> int:
        """Number of groups."""
        return len(self.groups)

    @property
    def L(self) -> int:
        """Number of levels."""
        return len(self.levels)

    @cached_property
    def n(self) -> Floats:
        """Rows of each group (J,)."""
        return np.bincount(self.codes, minlength=self.J).astype(np.float64)

    @cached_property
    def x_mean(self) -> Floats:
        """Mean of x in each group (J,)."""
        return self._sums(self.x) / self.n

    @cached_property
    def y_mean(self) -> Floats:
        """Mean of y in each group (J,)."""
        return self._sums(self.y) / self.n

    @cached_property
    def x_within(self) -> Floats:
        """Deviation of x from its group's mean (n,); exactly zero where x is constant."""
        deviations: Floats = (self.x - self.x_mean[self.codes]) * self._varies[self.codes]
        return deviations

    @cached_property
    def y_within(self) -> Floats:
        """Deviation of y from its group's mean (n,)."""
        deviations: Floats = self.y - self.y_mean[self.codes]
        return deviations

    @cached_property
    def Sxx(self) -> Floats:
        """Sum of squares of x about its mean in each group (J,)."""
        return self._sums(self.x_within**2)

    @cached_property
    def Sxy(self) -> Floats:
        """Sum of products of x and y about their means in each group (J,)."""
        return self._sums(self.x_within * self.y_within)

    @cached_property
    def sloped(self) -> Booleans:
        """Whether a group has a slope of its own: two rows or more, and x not constant (J,)."""
        return self._varies

    @cached_property
    def row_level(self) -> Integers:
        """Level of each row (n,)."""
        levels: Integers = self.level_of[self.codes]
        return levels

    def by_level(self, values: Floats) -> Floats:
        """Sum of a value of each group over the groups of each level (L,)."""
        return np.bincount(self.level_of, weights=values, minlength=self.L)

    def without_factor(self) -> GroupedRows:
        """The same rows with all groups at one level."""
        return GroupedRows(
            self.response, self.predictor, self.group, None, ("",), self.terms[:2], self.y, self.x,
            self.codes, self.groups, np.zeros(self.J, dtype=np.intp), self.dropped,
        )  # fmt: skip

    def of_level(self, level: int) -> GroupedRows:
        """The rows of one level."""
        kept = self.level_of == level
        rows = kept[self.codes]
        place = np.cumsum(kept) - 1
        return GroupedRows(
            self.response, self.predictor, self.group, None, ("",), self.terms[:2], self.y[rows],
            self.x[rows], place[self.codes[rows]], self.groups[kept],
            np.zeros(int(kept.sum()), dtype=np.intp), self.dropped,
        )  # fmt: skip

    def left_out(self) -> str:
        """The groups without a slope of their own, counted."""
        single = int((self.n == 1).sum())
        constant = int((~self.sloped).sum()) - single
        parts = [f"{single} with one row"] * (single > 0)
        parts += [f"{constant} with constant {self.predictor}"] * (constant > 0)
        if not parts:
            return "no groups left out"
        return f"{_groups(single + constant)} left out ({', '.join(parts)})"

    @cached_property
    def _varies(self) -> Booleans:
        low, high = np.full(self.J, np.inf), np.full(self.J, -np.inf)
        np.minimum.at(low, self.codes, self.x)
        np.maximum.at(high, self.codes, self.x)
        varies: Booleans = high - low > _CONSTANT * np.ptp(self.x)
        return varies

    def _sums(self, values: Floats) -> Floats:
        return np.bincount(self.codes, weights=values, minlength=self.J)


def _groups(count: int) -> str:
    return "1 group" if count == 1 else f"{count} groups"
