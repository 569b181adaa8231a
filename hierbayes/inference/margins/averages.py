"""Over which rows a margin is averaged."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from hierbayes.errors import DataError, in_quotes
from hierbayes.frames.arrays import Floats, Integers
from hierbayes.frames.named_columns import column_names, require_column

type By = bool | str | Sequence[str]
RESERVED = (
    "term", "contrast", "category", "row", "estimate", "se", "lower", "upper", "above",
)  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False)
class Averages:
    """The K averages that n rows make.

    Parameters
    ----------
    codes : (n,) int
        In which average each row is.
    counts : (K,) int
        How many rows each has.
    labels : DataFrame
        What each is of, K rows.
    words : str
    """

    codes: Integers
    counts: Integers
    labels: pd.DataFrame
    words: str

    @property
    def K(self) -> int:
        """How many."""
        return len(self.counts)

    def add(self, total: Floats, at: slice, values: Floats) -> None:
        """Add to averages (M, K, C), in place, what some of the rows (M, m, C) contribute."""
        codes = self.codes[at]
        shares = values / self.counts[codes][:, None]
        if self.K == 1:
            total += shares.sum(axis=1, keepdims=True)
        elif len(self.codes) == self.K:
            total[:, codes] += shares  # no row twice
        else:
            for k in np.unique(codes):
                total[:, k] += shares[:, codes == k].sum(axis=1)

    def of(self, values: Floats) -> Floats:
        """Averages (K, C) of (n, C)."""
        total = np.zeros((1, self.K, values.shape[1]))
        self.add(total, slice(0, len(values)), values[None])
        return total[0]


def averages_of(
    by: By, rows: pd.DataFrame | None, index: pd.Index, varied: tuple[str, ...], shown: list[str]
) -> Averages:
    """Read `by`.

    Parameters
    ----------
    by : bool, str or sequence of str
    rows : DataFrame or None
        The rows with the columns that `by` names; None where the fit has no more than its matrices.
    index : pandas.Index
        Labels of the rows.
    varied : tuple of str
        Columns of `rows` that always keep averages apart.
    shown : list of str
        Columns that are shown where no rows are averaged.

    Raises
    ------
    DataError
        When it names no column, or there are no columns.
    """
    if isinstance(by, bool | np.bool_) and not by:
        labels = pd.DataFrame({"row": np.asarray(index)})
        if rows is not None:
            labels = labels.join(rows[shown].reset_index(drop=True))
        one = np.arange(len(index))
        return Averages(one, np.ones(len(index), dtype=np.intp), labels, "none, row by row")
    names = varied if isinstance(by, bool | np.bool_) else (*varied, *column_names(by, "by"))
    names = tuple(dict.fromkeys(names))
    if not names:
        count = len(index)
        nothing = pd.DataFrame(index=range(1))
        codes = np.zeros(count, dtype=np.intp)
        return Averages(codes, np.array([count]), nothing, f"over {count} rows")
    if rows is None:
        raise DataError(
            f"by={by!r} names columns of the data, and a fit keeps none; hand them over, as in "
            "newdata=data"
        )
    for name in names:
        require_column(name, rows, "newdata")
        if name in RESERVED:
            raise DataError(f"'{name}' is a column of the result; give that of newdata a new name")
    keys = list(names)
    found = rows.groupby(keys, observed=True, sort=True, dropna=False)
    codes = found.ngroup().to_numpy().astype(np.intp)
    first = np.unique(codes, return_index=True)[1]
    labels = rows[keys].iloc[first].reset_index(drop=True)
    counts = np.bincount(codes)
    some = (
        f"{counts.min()}" if counts.min() == counts.max() else f"{counts.min()} to {counts.max()}"
    )
    return Averages(codes, counts, labels, f"over the {some} rows of each {in_quotes(names)}")
