"""Columns that a formula can use: known, of a usable type, finite; and refusals of the rest."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np
import pandas as pd
from formulaic.parser.types import Factor
from pandas.api.types import is_bool_dtype, is_complex_dtype, is_numeric_dtype, is_string_dtype

from hierbayes.errors import DataError, FormulaError
from hierbayes.frames.arrays import Floats
from hierbayes.frames.named_columns import require_column
from hierbayes.frames.seen_columns import DataColumns
from hierbayes.specification.formula import Specification
from hierbayes.specification.terms import factors_of, names_in


def floats(matrix: Any) -> Floats:
    """A matrix of formulaic as plain numbers."""
    values = np.asarray(matrix)
    if values.dtype.kind not in "biuf":
        raise FormulaError(
            f"cannot compute a term from the data: it makes {values.dtype} and not real numbers"
        )
    return values.astype(np.float64, copy=False)


def refuse_neither_number_nor_factor(
    names: Sequence[str], frame: DataColumns, spec: Specification
) -> None:
    """Refuse a column that stands by itself in a term and is a date, a list, a complex number."""
    for name in names:
        dtype = frame[name].dtype
        if isinstance(dtype, np.dtype):
            if dtype.kind in "iufbO":
                continue
        elif isinstance(dtype, pd.CategoricalDtype):
            continue
        if is_string_dtype(dtype) or name not in _names_by_themselves(spec):
            continue
        if not (is_numeric_dtype(dtype) or is_bool_dtype(dtype)) or is_complex_dtype(dtype):
            raise DataError(
                f"'{name}' is of type {dtype}, neither a number nor a factor; make a column of "
                "numbers or of text from it first"
            )


def _names_by_themselves(spec: Specification) -> set[str]:
    """Columns that are a factor of some term."""
    terms = (*spec.fixed, *(term for block in spec.random_effects for term in block))
    return {factor.strip("`") for term in terms for factor in factors_of(term)}


def refuse_single_levels(specs: tuple[Any, ...]) -> None:
    """Refuse a factor with one level, which makes no column."""
    for spec in specs:
        for name, (kind, state) in spec.encoder_state.items():
            levels = list(state.get("categories", [])) if kind is Factor.Kind.CATEGORICAL else []
            if len(levels) == 1:
                raise DataError(
                    f"the factor '{name}' has one level ({levels[0]}) in the rows that are used; "
                    "remove it from the formula"
                )


@lru_cache(maxsize=256)
def refuse_shared_names(
    fixed: tuple[tuple[str, tuple[str, ...]], ...], *random: tuple[tuple[str, tuple[str, ...]], ...]
) -> None:
    """Refuse one name for two columns, or for a column of the data and the constant.

    Parameters
    ----------
    fixed, *random : tuple of (str, tuple of str)
        Name and factors of each column, of the fixed part and of each random term.
    """
    names = [name for name, _ in fixed]
    for name in names:
        if names.count(name) > 1:
            raise DataError(f"two fixed columns are called '{name}'; rename the column of the data")
    meant: dict[str, tuple[str, ...]] = {}
    for name, factors in (pair for part in (fixed, *random) for pair in part):
        if factors == ("Intercept",):
            raise DataError(
                "a column called 'Intercept' cannot be told from the constant of the model; "
                "rename the column of the data"
            )
        known = meant.setdefault(name, factors)
        # a:b without a has columns of b alone, called as those of b are
        if not (set(known) <= set(factors) or set(factors) <= set(known)):
            first, second = ":".join(known), ":".join(factors)
            raise DataError(
                f"the terms {first} and {second} are not the same, and both make a column called "
                f"'{name}'; rename the column of the data, or make one of the term"
            )


def refuse_unknown_names(needed: tuple[str, ...], data: pd.DataFrame) -> None:
    """Refuse a name that is no column of the data."""
    if not isinstance(data, pd.DataFrame):
        raise DataError(f"data must be a pandas DataFrame, not {type(data).__name__}")
    for name in needed:
        require_column(name, data)


def refuse_non_numeric_response(response: str, frame: DataColumns) -> None:
    """Refuse a response made of anything but numbers."""
    for name in names_in(response):
        dtype = frame[name].dtype
        if isinstance(dtype, np.dtype) and dtype.kind in "iufb":
            continue
        if not is_numeric_dtype(dtype) or is_complex_dtype(dtype):
            raise DataError(
                f"the response '{name}' is not numeric but of type {dtype}; "
                "convert it to numbers first"
            )


def refuse_not_finite(matrix: Floats, names: tuple[str, ...], index: pd.Index) -> None:
    """Refuse a column that is missing or infinite once it is computed."""
    if math.isfinite(np.vdot(matrix, matrix)):  # a sum of both infinities would warn
        return
    bad = ~np.isfinite(matrix)
    if not bad.any():
        return
    column = int(bad.any(axis=0).argmax())
    row = int(bad[:, column].argmax())
    raise DataError(
        f"'{names[column]}' is missing or infinite in {int(bad[:, column].sum())} rows after it is "
        f"computed (first at row label {index[row]}); the columns it is made of must be in its "
        "domain"
    )
