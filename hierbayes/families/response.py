"""A response as an analyst gives it, read as numbers or refused at its first bad row."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from hierbayes.errors import DataError, in_quotes
from hierbayes.frames.arrays import Booleans, Floats, Integers

PLAIN, FAILURES, TRIALS = "y", "cbind(k, failures)", "k | trials(size)"


@dataclass(frozen=True, slots=True)
class Response:
    """The columns of a response, and how they are given.

    Attributes
    ----------
    name : str
        The response as the formula writes it.
    columns : tuple of arrays or Series
        One column, or counts k and a second one; refusals name rows by a Series' index.
    form : str
        `PLAIN` (one column), `FAILURES` (k and failures) or `TRIALS` (k and trials).
    """

    name: str
    columns: tuple[ArrayLike | pd.Series, ...]
    form: str = PLAIN

    @property
    def first(self) -> pd.Series:
        """The response itself, or the counts k."""
        return _series(self.columns[0])

    @property
    def second(self) -> Floats:
        """The failures or the trials."""
        return self._numbers(_series(self.columns[1]))

    def numbers(self) -> Floats:
        """The first column as numbers (n,).

        Raises
        ------
        DataError
            It holds something else.
        """
        return self._numbers(self.first)

    def _numbers(self, column: pd.Series) -> Floats:
        dtype = column.dtype
        if isinstance(dtype, np.dtype) and dtype.kind in "biuf":  # a missing one is nan already
            return column.to_numpy(dtype=float)
        if isinstance(dtype, pd.CategoricalDtype) or not (
            pd.api.types.is_any_real_numeric_dtype(column) or pd.api.types.is_bool_dtype(column)
        ):
            raise DataError(
                f"the response '{self.name}' holds {column.iloc[0]!r} where this family takes "
                "numbers: make it a column of numbers"
            )
        return column.to_numpy(dtype=float, na_value=np.nan)

    def refuse(
        self,
        bad: Booleans,
        family: str,
        wanted: str,
        values: ArrayLike | Callable[[int], object],
    ) -> None:
        """Refuse the response where a row is bad, naming the first by its index label.

        Parameters
        ----------
        bad : (n,) array of bool
        family : str
            Its name.
        wanted : str
            What a row must be, and what else to do.
        values : (n,) array_like, or callable
            What is shown of the first bad row: of all rows, or made of its number.
        """
        if not np.count_nonzero(bad):
            return
        at = int(np.argmax(bad))
        label = self.first.index[at]
        value = values(at) if callable(values) else np.asarray(values)[at]
        shown = f"{value:.6g}" if isinstance(value, float) else f"{value}"
        raise DataError(
            f"the response '{self.name}' does not fit the family {family}: row {label} has "
            f"{shown}, {int(np.sum(bad))} of {len(bad)} rows are so; {wanted}"
        )

    def one_column(self, family: str) -> None:
        """Refuse counts with trials where a family takes one column."""
        if self.form != PLAIN:
            raise DataError(
                f"the response '{self.name}' has trials, which the family {family} does not "
                "take: give one column, or the family Binomial or BetaBinomial"
            )

    def counts(self, family: str) -> Floats:
        """The first column as counts 0, 1, 2, … (n,)."""
        y = self.numbers()
        self.refuse(_no_counts(self.first, y), family, "counts are 0, 1, 2, …", y)
        return y


def _series(column: ArrayLike | pd.Series) -> pd.Series:
    return column if isinstance(column, pd.Series) else pd.Series(column)


def _no_counts(column: pd.Series, numbers: Floats) -> Booleans:
    """Which rows (n,) of a column are no counts, whose numbers may be whole by their type."""
    dtype = column.dtype
    if isinstance(dtype, np.dtype) and dtype.kind in "biu":
        return numbers < 0.0
    return ~((numbers >= 0) & (numbers == np.floor(numbers)) & np.isfinite(numbers))


def trials(response: Response, family: str) -> tuple[Floats, Floats]:
    """Successes k and trials m, (n,) each.

    Raises
    ------
    DataError
        k is no count, is above m, or is a share without its trials.
    """
    if response.form == PLAIN:
        y = response.first
        shares = pd.api.types.is_float_dtype(y) and bool((y.between(0, 1) & (y % 1 != 0)).any())
        remedy = (
            "a share needs its trials: write 'k | trials(size)' with k = share × size"
            if shares
            else "write 'cbind(k, failures)' or 'k | trials(size)'; single trials are 0 or 1, "
            "False or True, or a categorical of two levels"
        )
        raise DataError(
            f"the response '{response.name}' does not say of how many trials it counts: {remedy}"
        )
    k, other = response.counts(family), response.second
    word = "failures" if response.form == FAILURES else "trials"
    bad, wanted = _no_counts(_series(response.columns[1]), other), f"{word} are counted 0, 1, 2, …"
    response.refuse(bad, family, wanted, lambda at: f"{other[at]:.6g} {word}")
    if response.form == FAILURES:
        return k, k + other
    m, wanted = other, "there are no more successes than trials"
    response.refuse(k > m, family, wanted, lambda at: f"{k[at]:.6g} of {m[at]:.6g}")
    return k, m


def is_single_trials(response: Response) -> bool:
    """Whether a response of one column is 0 and 1, False and True, or of two levels."""
    if response.form != PLAIN:
        return False
    column = response.first
    if pd.api.types.is_numeric_dtype(column) or pd.api.types.is_bool_dtype(column):
        return bool(column.isin((0, 1)).all())
    return len(_levels(column)) == 2


def _levels(column: pd.Series) -> list[object]:
    """Levels of labels: those declared where they are two, otherwise those that occur."""
    if not isinstance(column.dtype, pd.CategoricalDtype):
        return sorted(column.unique())
    declared = list(column.dtype.categories)
    return declared if len(declared) == 2 else categories_present(column)


def refuse_single_trials(m: Floats, response: Response, family: str, why: str) -> None:
    """Refuse a family that needs several trials of some row.

    Raises
    ------
    DataError
        All rows have one trial at most.
    """
    if (m <= 1.0).all():
        raise DataError(
            f"the response '{response.name}' does not fit the family {family}: every row is a "
            f"single trial, {why}; take the family Bernoulli"
        )


def two_outcomes(response: Response, family: str) -> tuple[Floats, tuple[str, ...]]:
    """Failures and successes as 0 and 1 (n,), and their labels where they are not numbers.

    Of a categorical with two levels the second is the success, as in R; texts stand in the
    order of the alphabet.

    Raises
    ------
    DataError
        There are other values, or more than two.
    """
    response.one_column(family)
    labels = labels_of_outcomes(response, family)
    if labels:
        column = response.first
        return (column == _levels(column)[1]).to_numpy(dtype=float), labels
    y = response.numbers()
    wanted = (
        "single trials are 0 or 1, False or True, or a categorical of two levels; counts "
        "out of several trials have the family Binomial"
    )
    response.refuse((y != 0.0) & (y != 1.0), family, wanted, y)
    return y, ()


def labels_of_outcomes(response: Response, family: str) -> tuple[str, ...]:
    """The labels of failures and successes of one column; none where they are numbers.

    Raises
    ------
    DataError
        There are not two.
    """
    column = response.first
    if pd.api.types.is_numeric_dtype(column.dtype) or pd.api.types.is_bool_dtype(column.dtype):
        return ()
    labels = tuple(str(one) for one in _levels(column))
    if len(labels) != 2:
        raise DataError(
            f"the response '{response.name}' does not fit the family {family}: it has "
            f"{len(labels)} levels, {in_quotes(labels[:6])}{', …' if len(labels) > 6 else ''}; "
            "single trials have two, of which the second is the success"
        )
    return labels


def category_labels(response: Response, family: str, values: Sequence[object]) -> tuple[str, ...]:
    """The labels of categories.

    Raises
    ------
    DataError
        Two are called the same, or there is one for each row.
    """
    labels = tuple(category_label(value) for value in values)
    twice = [label for label in labels if labels.count(label) > 1][:1]
    if twice:
        raise DataError(
            f"the response '{response.name}' does not fit the family {family}: two categories are "
            f"called '{twice[0]}'; make them all texts, or all numbers"
        )
    if len(labels) == len(response.first):
        raise DataError(
            f"the response '{response.name}' does not fit the family {family}: each of its "
            f"{len(labels)} rows has a category of its own"
        )
    return labels


def categories_present(column: pd.Series) -> list[object]:
    """The categories of a categorical that occur, in its order."""
    every = column.array.categories.tolist()
    counts = np.bincount(column.array.codes + 1, minlength=len(every) + 1)[1:]  # less the missing
    return [every[k] for k in counts.nonzero()[0].tolist()]


def category_codes(response: Response, family: str, labels: Sequence[str]) -> Integers:
    """The place of each row's category (n,) among labels.

    Raises
    ------
    DataError
        A row has another.
    """
    column = response.first
    if isinstance(column.dtype, pd.CategoricalDtype):
        of_row, values = column.array.codes, column.array.categories.tolist()
    else:
        of_row, values = pd.factorize(column)
    texts = [category_label(value) for value in values]
    place = {label: k for k, label in enumerate(labels)}
    found = np.array([*(place.get(text, -1) for text in texts), -1])  # the last of missing values
    codes = found[of_row]
    wanted = f"the categories are {in_quotes(labels)}"
    response.refuse(codes < 0, family, wanted, lambda at: [*texts, "nan"][of_row[at]])
    return codes


def category_label(value: object) -> str:
    """A category in words; whole numbers without a point."""
    return f"{value:g}" if isinstance(value, float) else str(value)
