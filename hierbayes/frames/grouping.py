"""Which row belongs to which group."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from hierbayes.errors import DataError
from hierbayes.frames.arrays import Floats, Integers
from hierbayes.frames.named_columns import (
    column_names,
    formula_columns,
    require_column,
    require_distinct_columns,
    require_frame,
)
from hierbayes.frames.native_numbers import native_numbers


@dataclass(frozen=True, slots=True, eq=False)
class Groups:
    """Rows in groups.

    Parameters
    ----------
    names : (k,) str
        The columns whose values together name a group.
    codes : (n,) int
        The group of each row; −1 where it has none.
    labels : (J,) Index
        The groups in the order of their categories, sorted where they are no categories; only
        those that have rows.
    """

    names: tuple[str, ...]
    codes: Integers
    labels: pd.Index

    @property
    def J(self) -> int:
        """Number of groups."""
        return len(self.labels)

    @property
    def name(self) -> str:
        """The columns that name a group, as text."""
        return ", ".join(self.names)

    @property
    def sizes(self) -> Integers:
        """Rows of each group, (J,)."""
        sizes: Integers = np.bincount(self.codes[self.codes >= 0], minlength=self.J)
        return sizes

    @property
    def without_group(self) -> int:
        """How many rows have no group."""
        return int((self.codes < 0).sum())

    def first(self, known: Any = True) -> Integers:
        """The first row of each group, (J,), among those that are known; −1 where there is none."""
        rows = np.flatnonzero((self.codes >= 0) & known)[::-1]
        first = np.full(self.J, -1, dtype=np.intp)
        first[self.codes[rows]] = rows  # the last to be written is the first row
        return first

    def means(self, values: Any) -> pd.Series:
        """Mean of the known values in each group, (J,), by code."""
        column = pd.Series(values).reset_index(drop=True)
        means: pd.Series = column.groupby(self.codes).mean().reindex(range(self.J))
        return means

    def label_text(self, code: int) -> str:
        """A group for a message."""
        label = self.labels[code]
        return ", ".join(map(str, label)) if isinstance(label, tuple) else str(label)


def group_rows(data: pd.DataFrame, group: str | Sequence[str]) -> Groups:
    """The groups of data by one column or several, named or in a formula (``"~ school"``).

    Raises
    ------
    DataError
        When the data are no DataFrame or empty, a column is not there or there twice, or its
        values cannot name groups.
    """
    require_frame(data)
    if isinstance(group, str) and group.lstrip().startswith("~") and group not in data.columns:
        group = formula_columns(group, "group", "a group is named by")
    names = column_names(group, "group")
    for name in names:
        require_column(name, data)
    require_distinct_columns(data)
    return _groups(data[list(names)], names)


def group_values(group: Any) -> Groups:
    """The groups that values name: a Series, an array, or a DataFrame of several columns."""
    frame = native_numbers(
        group if isinstance(group, pd.DataFrame) else pd.DataFrame({"group": group})
    )
    return _groups(frame, tuple(map(str, frame.columns)))


def require_groups_of_all(groups: Groups) -> None:
    """Refuse rows that belong to no group."""
    if groups.without_group:
        first = int((groups.codes < 0).argmax())
        raise DataError(
            f"'{groups.name}' is missing in {groups.without_group} of {len(groups.codes)} rows "
            f"(first in row {first + 1}); remove those rows first, as data.dropna does"
        )


def _groups(columns: pd.DataFrame, names: tuple[str, ...]) -> Groups:
    columns = columns.reset_index(drop=True)
    try:
        codes, labels = _grouped(columns, sort=True)
    except (TypeError, RuntimeWarning):  # labels without an order come as they appear
        try:
            codes, labels = _grouped(columns, sort=False)
        except TypeError as error:
            raise DataError(f"'{', '.join(names)}' cannot name groups: {error}") from error
    if not len(labels):
        raise DataError(f"'{', '.join(names)}' is missing in every row: there are no groups")
    codes = codes.fillna(-1).to_numpy(dtype=np.intp)
    return Groups(names, codes, labels)


def _grouped(columns: pd.DataFrame, *, sort: bool) -> tuple[pd.Series, pd.Index]:
    grouped = columns.groupby(list(columns.columns), observed=True, sort=sort)
    with warnings.catch_warnings():
        warnings.simplefilter("error", RuntimeWarning)
        return grouped.ngroup(), grouped.size().index


def one_way_variances(values: Floats, groups: Groups) -> tuple[float, float]:
    """Variance within and between groups by one-way analysis of variance.

    With W and B the mean squares within and between J groups of n rows in all, the variance within
    is W and the variance between (B − W)/m, where m = (n − Σ nⱼ²/n)/(J − 1) makes it unbiased under
    one-way random effects of any distribution.  It may be negative.  Missing values are left out;
    both are missing where there are no degrees of freedom.

    References
    ----------
    Searle, Casella & McCulloch (1992), *Variance Components*, section 3.6.
    """
    known = ~np.isnan(values) & (groups.codes >= 0)
    x, codes = values[known], groups.codes[known]
    sizes = np.bincount(codes, minlength=groups.J)
    n, J = len(x), int((sizes > 0).sum())
    if n <= J or J < 2:
        return np.nan, np.nan
    x = x - x.mean()  # so that no digit is lost
    means = np.bincount(codes, x, minlength=groups.J) / np.maximum(sizes, 1)
    rows = sizes[sizes > 0].astype(np.float64)
    inside, across = ((x - means[codes]) ** 2).sum(), (sizes * means**2).sum()
    between, within = variance_components(float(inside), float(across), rows)
    return within, between


def variance_components(within: Any, between: Any, rows: Floats) -> tuple[Any, Any]:
    """Variances between and within groups by one-way analysis of variance.

    Parameters
    ----------
    within, between : float or (k,) float
        Sums of squares.
    rows : (J,) float
        Rows of each group.

    Returns
    -------
    between, within : float or (k,) float
        The first is unbiased, so that it may be negative.
    """
    n, J = rows.sum(), len(rows)
    size = (n - (rows**2).sum() / n) / (J - 1)  # the mean size that makes it unbiased
    mean_square = within / (n - J)
    return (between / (J - 1) - mean_square) / size, mean_square
