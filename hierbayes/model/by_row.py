"""Arguments with a number for each row: weights, counts, offsets, known standard deviations."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence, Sized
from dataclasses import replace
from typing import Any, TypedDict

import numpy as np
import pandas as pd

from hierbayes.design.row_weights import refuse_no_counts
from hierbayes.errors import DataError, FormulaError, PriorError
from hierbayes.families.family import ResponseFamily
from hierbayes.frames.named_columns import require_column, require_frame
from hierbayes.priors.blocks import OF_SIGMA
from hierbayes.priors.prior_set import HELD_SIGMA
from hierbayes.residuals.structure import ResidualStructure
from hierbayes.specification.formula import Specification
from hierbayes.specification.response import take_offsets

type Given = str | Any  # the name of a column, or a number for each row


class ColumnWords(TypedDict, total=False):
    """Arguments that name a column with a number for each row."""

    weights: str | None
    counts: str | None
    offset: str | None
    known_sd: str | None


def rows_counted(data: pd.DataFrame, counts: Given | None) -> pd.DataFrame:
    """Each row as often as it was counted.

    Raises
    ------
    DataError
        When a count is no whole number; the row is named.
    """
    if counts is None:
        return data
    values = _values(data, counts, "counts")
    refuse_no_counts(values, data.index)
    return data.iloc[np.repeat(np.arange(len(data)), values.astype(np.int64))]


def refuse_counted_code(counts: Given | None, system: str) -> None:
    """Refuse to write code of rows that stand for several, which would be of each once.

    Raises
    ------
    FormulaError
    """
    if counts is not None:
        name = repr(counts) if isinstance(counts, str) else "'n'"
        raise FormulaError(
            f"code for {system} is of rows that count once, and counts= says how often these do; "
            f"make rows of them, data.loc[data.index.repeat(data[{name}])], and state the model of "
            "those without counts="
        )


def refuse_counted_times(residual: ResidualStructure | None, counts: Given | None) -> None:
    """Refuse counts of equal rows where each row has a time of its own.

    Raises
    ------
    FormulaError
    """
    correlation = None if residual is None else residual.correlation
    if counts is not None and hasattr(correlation, "time"):
        raise FormulaError(
            f"counts= stands for equal rows, and with errors {correlation!r} every row has a time "
            "of its own: give each row by itself, with its time"
        )


def with_columns(data: pd.DataFrame, **given: Given | None) -> tuple[pd.DataFrame, dict[str, str]]:
    """The data with a column for what is given row by row, and the name of each that is given.

    Raises
    ------
    DataError
        When there is no such column, or another number of values than of rows.
    """
    names: dict[str, str] = {}
    for argument, one in given.items():
        if one is None:
            continue
        if isinstance(one, str):
            require_frame(data)
            require_column(one, data)
            names[argument] = one
            continue
        name = f"({argument})"
        data = data.assign(**{name: _values(data, one, argument)})
        names[argument] = name
    return data, names


def columns_by_row(columns: Sequence[str], source: str, **given: Given | None) -> dict[str, str]:
    """The columns of what is given row by row, where rows stream and only columns can be.

    Raises
    ------
    DataError
        When it is no column, or there is no such column.
    """
    names = {argument: one for argument, one in given.items() if one is not None}
    for argument, one in names.items():
        if not isinstance(one, str):
            raise DataError(
                f"{argument}= as numbers needs the rows in memory, and those of {source} stream: "
                "give the name of a column"
            )
        if argument != "offset":
            require_column(one, pd.DataFrame(columns=list(columns)))
    return names


def with_offset(
    spec: Specification, data: pd.DataFrame, offset: Given | None
) -> tuple[Specification, pd.DataFrame]:
    """With an offset beside those of the formula: a column, an expression, or numbers.

    Raises
    ------
    DataError, FormulaError
        When it cannot be read.
    """
    if offset is None:
        return spec, data
    if not isinstance(offset, str):
        data, _ = with_columns(data, offset=offset)
        offset = "(offset)"
    return with_named_offset(spec, offset, data.columns), data


def with_named_offset(spec: Specification, offset: str, columns: Collection[str]) -> Specification:
    """With an offset beside those of the formula, one of the columns or an expression of them.

    Raises
    ------
    FormulaError
        When it cannot be read, or stands in the formula already.
    """
    if offset in columns and not offset.isidentifier():
        offset = f"`{offset}`"
    read = take_offsets(f"1 + offset({offset})")[1]
    if read[0] in spec.offsets:
        raise FormulaError(f"the offset '{offset}' is stated twice: in the formula and in offset=")
    return replace(spec, offsets=(*spec.offsets, *read))


def refuse_unsuited_weights(
    spec: Specification, family: ResponseFamily | None, names: dict[str, str]
) -> None:
    """Refuse weights beside a family or a residual structure, and weights of two kinds.

    Raises
    ------
    FormulaError
    """
    if not names:
        return
    argument = next(iter(names))
    if len(names) > 1:
        raise FormulaError(
            "weights= and known_sd= both state the variances of rows, and only known_sd= what σ "
            "is; keep one"
        )
    if family is not None and argument == "known_sd":
        raise FormulaError(
            f"known_sd= is of Gaussian responses, and the family is {family}; keep one of them"
        )
    if family is not None:
        raise FormulaError(
            f"{argument}= is of Gaussian responses, and the family is {family}: write counts out "
            "of trials in the formula, as in 'k | trials(n) ~ ...', and equal rows as counts="
        )
    if spec.residual is not None and argument == "known_sd":
        raise FormulaError("known_sd= and residual= both state the variances of rows; keep one")


def with_known_sigma(
    priors: Mapping[str, Any] | None, spec: Specification
) -> Mapping[str, Any] | None:
    """Priors with σ held at 1, to nine digits, where the variances of errors are known.

    Raises
    ------
    PriorError
        When a prior of σ is stated, or one that is of σ among others.
    """
    if not spec.known_sd:
        return priors
    for block in OF_SIGMA:
        if block in (priors or {}):
            raise PriorError(
                f"a prior of '{block}' is of a residual variance that is estimated, and known_sd= "
                "states those of all rows; leave it out"
            )
    return {**(priors or {}), "sigma": HELD_SIGMA}


def _values(data: pd.DataFrame, given: Given, argument: str) -> np.ndarray:
    """A number for each row (n,), missing where there is none.

    Raises
    ------
    DataError
        When they are no numbers, or of other rows.
    """
    require_frame(data)
    if isinstance(given, str):
        require_column(given, data)
        given = data[given]
    if isinstance(given, pd.Series) and not given.index.equals(data.index):
        raise DataError(
            f"{argument}: the Series has other row labels than the data; give the name of a "
            "column, or an array in the order of the rows"
        )
    if not isinstance(given, Sized) or len(given) != len(data):
        size = f"{len(given)} values" if isinstance(given, Sized) else "one value"
        raise DataError(f"{argument}: {size} for {len(data)} rows; give one for each row")
    column = pd.Series(given)
    if not pd.api.types.is_numeric_dtype(column) or pd.api.types.is_bool_dtype(column):
        raise DataError(f"{argument} must be numbers, not {column.dtype}")
    return column.to_numpy(dtype=np.float64, na_value=np.nan)
