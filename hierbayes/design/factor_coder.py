"""Groups of a grouping factor of one or more columns, numbered in the order in which they come."""

from __future__ import annotations

import numpy as np
import pandas as pd

from hierbayes.design.group_coder import GroupCoder
from hierbayes.design.group_codes import ALL_ROWS, joined_labels
from hierbayes.design.level_labels import texts_of
from hierbayes.frames.arrays import Integers

_SHIFT = 32  # bits that hold the number of a column's label in the key of a combination


class FactorCoder:
    """Numbers of the groups of a factor, which may be each combination of columns that occurs.

    Parameters
    ----------
    name : str
        The factor.
    columns : tuple of str
    """

    def __init__(self, name: str, columns: tuple[str, ...]) -> None:
        self.name = name
        self._columns = [GroupCoder(column) for column in columns]
        self._folds = [GroupCoder(name) for _ in columns[1:]]  # of a combination so far

    @property
    def J(self) -> int:
        """How many groups there have been."""
        return (self._folds or self._columns)[-1].J if self._columns else 1

    def codes(self, frame: pd.DataFrame, place: str) -> Integers:
        """The number of each row's group (n,).

        Raises
        ------
        DataError
            When a column holds another type than before, naming the place.
        """
        if not self._columns:  # all rows are one group
            return np.zeros(len(frame), dtype=np.intp)
        first, *others = self._columns
        codes = first.codes(frame[first.name], place)
        for one, fold in zip(others, self._folds, strict=True):
            keys = (codes.astype(np.int64) << _SHIFT) | one.codes(frame[one.name], place)
            codes = fold.codes(pd.Series(keys), place)
        return codes

    def sorted(self) -> tuple[pd.Index, Integers]:
        """The labels in their order, and the number (J,) that each has had.

        Raises
        ------
        DataError
            When two combinations would be called the same.
        """
        if not self._columns:
            return pd.Index([ALL_ROWS]), np.zeros(1, dtype=np.intp)
        if not self._folds:
            return self._columns[0].sorted()
        parts, at = [], []
        for one, codes in zip(self._columns, self._codes_of_columns(), strict=True):
            labels, order = one.sorted()
            rank = np.empty(len(order), dtype=np.intp)
            rank[order] = np.arange(len(order))
            parts.append(texts_of(labels))
            at.append(rank[codes])
        found: Integers = np.lexsort(at[::-1])
        return joined_labels(self.name, parts, [one[found] for one in at]).index, found

    def _codes_of_columns(self) -> list[Integers]:
        """For each column the number (J,) of its label in every group."""
        codes: list[Integers] = []
        whole: Integers = np.arange(self.J)
        for fold in reversed(self._folds):
            keys = fold.labels.to_numpy(dtype=np.int64)[whole]
            codes.append(keys & ((1 << _SHIFT) - 1))
            whole = keys >> _SHIFT
        return [whole, *codes[::-1]]
