"""Columns as formulaic makes them, from a formula or from a specification it remembers."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from functools import lru_cache
from numbers import Real
from typing import Any

import numpy as np
import pandas as pd
from formulaic import ModelMatrix, ModelSpec
from formulaic.errors import DataMismatchWarning, FormulaicError
from pandas.api.types import is_any_real_numeric_dtype, is_bool_dtype

from hierbayes.design.close_integers import codes_of_close
from hierbayes.design.column_products import ColumnProduct
from hierbayes.design.column_structure import ColumnStructure, structure_of
from hierbayes.design.level_labels import Labels, LevelLabels
from hierbayes.design.materialiser import Materialiser
from hierbayes.design.plain_columns import Sketch, plain_data, texts_in_order
from hierbayes.design.usable_columns import floats, refuse_not_finite
from hierbayes.errors import DataError, FormulaError, HierbayesError
from hierbayes.frames.arrays import Floats, Integers
from hierbayes.frames.seen_columns import DataColumns, frame_of
from hierbayes.specification.formula_parser import parse_formula
from hierbayes.specification.known_functions import Functions
from hierbayes.specification.terms import factors_of, names_in

ALL_ROWS = "all rows"  # what the only group is called where nothing groups the rows


@lru_cache(maxsize=512)
def columns_needed(*terms: tuple[str, ...]) -> tuple[str, ...]:
    """Names that the factors of these terms read values from, in order of appearance."""
    factors = (factor for group in terms for term in group for factor in sorted(factors_of(term)))
    return tuple(dict.fromkeys(name for factor in factors for name in sorted(names_in(factor))))


def materialise(formula: Any, frame: DataColumns, functions: Functions = ()) -> Any:
    """Formulaic's matrices of a formula or a remembered specification, as numpy arrays."""
    plain = None if isinstance(formula, ModelSpec) else plain_data(formula, frame)
    if plain is None:
        made = _computed(formula, frame, functions)
    else:
        known, products = _known(plain.sketch)
        made = ModelMatrix(plain.columns(products), spec=known.spec)
    refuse_not_finite(floats(made), made.model_spec.column_names, frame.index)
    return made


def made_columns(
    formula: Any, frame: DataColumns, functions: Functions
) -> tuple[Floats, ColumnStructure]:
    """The columns (n, k) of a formula, and what they are."""
    plain = plain_data(formula, frame)
    if plain is None:
        made = materialise(formula, frame, functions)
        return floats(made), structure_of(made.model_spec)
    known, products = _known(plain.sketch)
    columns = plain.columns(products)
    if plain.numbers:  # levels make columns of 0 and 1
        refuse_not_finite(columns, known.names, frame.index)
    return columns, known


@lru_cache(maxsize=64)
def _known(sketch: Sketch) -> tuple[ColumnStructure, tuple[ColumnProduct, ...]]:
    """What formulaic's memory of such data says of the columns, and what these are products of."""
    spec = _computed(sketch.formula, sketch.rows(), ()).model_spec
    return structure_of(spec), sketch.products(spec)


def _computed(formula: Any, frame: DataColumns, functions: Functions) -> Any:
    """Formulaic's matrices of whatever stands in a formula."""
    try:
        with np.errstate(all="ignore"), warnings.catch_warnings():
            warnings.simplefilter("error", DataMismatchWarning)
            return Materialiser(frame_of(frame), functions).get_model_matrix(
                formula, output="numpy", na_action="ignore"
            )
    except DataMismatchWarning as error:
        levels = str(error).partition("{")[2].partition("}")[0]
        raise DataError(
            f"a factor has the level {levels}, which the data of the fit do not have"
        ) from error
    except FormulaicError as error:
        if isinstance(error.__cause__, HierbayesError):
            raise error.__cause__ from error
        raise FormulaError(f"cannot compute a term from the data: {error}") from error
    except (
        TypeError,
        ValueError,
        ArithmeticError,
        LookupError,
        AttributeError,
        RecursionError,
    ) as error:
        raise FormulaError(
            f"cannot compute a term from the data: {error}; every term must make one number or "
            "one level a row"
        ) from error


def group_codes(column: pd.Series) -> tuple[Integers, LevelLabels]:
    """Position of each row's group (n,) among the labels of the groups, in order."""
    dtype = column.dtype
    if isinstance(dtype, pd.CategoricalDtype):
        codes, labels = column.array.codes, LevelLabels(dtype.categories, column.name)
    else:
        codes, labels = _factorized(column, dtype)
    return codes.astype(np.intp, copy=False), labels


def factor_codes(
    frame: DataColumns, name: str, columns: tuple[str, ...]
) -> tuple[Integers, Labels]:
    """Those of a grouping factor, which may be each combination of several columns that occurs.

    The groups of a combination are called as their parts, with a colon between; of no columns all
    rows are one group.
    """
    if not columns:
        return np.zeros(len(frame), dtype=np.intp), _only_group()
    if len(columns) == 1:
        return group_codes(frame[columns[0]])
    parts = [group_codes(frame[column]) for column in columns]
    sizes = [len(labels) for _, labels in parts]
    place = np.ravel_multi_index([codes for codes, _ in parts], sizes)
    combined, codes = np.unique(place, return_inverse=True)
    at = np.unravel_index(combined, sizes)
    return codes.astype(np.intp), joined_labels(name, [labels.index for _, labels in parts], at)


@lru_cache(maxsize=1)
def _only_group() -> pd.Index:
    return pd.Index([ALL_ROWS])


def joined_labels(name: str, parts: Sequence[pd.Index], at: Sequence[Integers]) -> pd.Index:
    """What the groups (J,) of a combination of columns are called.

    Parameters
    ----------
    name : str
        The grouping factor.
    parts : sequence of Index
        Labels of each column.
    at : sequence of (J,) int
        Their places.

    Raises
    ------
    DataError
        When two groups would have one name.
    """
    words = [labels.astype(str).tolist() for labels in parts]
    texts = [map(one.__getitem__, places.tolist()) for one, places in zip(words, at, strict=True)]
    joined = list(map(":".join, zip(*texts, strict=True)))
    if len(set(joined)) < len(joined):
        first = next(text for k, text in enumerate(joined) if text in joined[:k])
        raise DataError(
            f"two groups of '{name}' would both be called '{first}'; make the colons in the labels "
            "of its columns another character"
        )
    return pd.Index(joined, name=name)


def group_labels(data: pd.DataFrame, columns: tuple[str, ...]) -> pd.Series:
    """What the group of each row is called: its label, or the labels of a combination joined."""
    if len(columns) == 1:
        return data[columns[0]]
    texts = [pd.Series(data[column].astype(str)) for column in columns]
    joined: pd.Series = texts[0].str.cat(texts[1:], sep=":")
    return joined


def _factorized(column: pd.Series, dtype: Any) -> tuple[Integers, LevelLabels]:
    """Codes and labels in order, in order of appearance where the labels have none."""
    if isinstance(dtype, np.dtype) and dtype.kind == "i" and len(column):
        close = codes_of_close(column.to_numpy(), column.name)
        if close is not None:
            return close
    if dtype == "str":
        codes, texts = texts_in_order(column)
        return codes, LevelLabels(texts, column.name, dtype)
    codes, labels = _in_order(column)
    return codes, LevelLabels(labels, column.name)


def _in_order(column: pd.Series) -> tuple[Integers, Any]:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", RuntimeWarning)  # values without an order
            return pd.factorize(column, sort=True)
    except (TypeError, RuntimeWarning):
        pass
    try:
        return pd.factorize(column)
    except TypeError as error:
        raise DataError(
            f"the group column '{column.name}' holds values that are no labels; make text of them"
        ) from error


def _holds_numbers(dtype: Any) -> bool:
    """Whether a column of this type holds real numbers or truth values."""
    if isinstance(dtype, np.dtype):
        return dtype.kind in "iufb"
    return is_any_real_numeric_dtype(dtype) or is_bool_dtype(dtype)


def one_column(text: str, frame: DataColumns, functions: Functions, what: str) -> Floats:
    """A column (n,) as it is, or an expression of columns computed.

    Parameters
    ----------
    text : str
    frame : DataFrame
    functions : tuple of (str, callable)
        Functions that the caller hands over.
    what : str
        What it is, for the message.

    Raises
    ------
    FormulaError
        When it makes several columns.
    DataError
        When the column is not of numbers.
    """
    if text == f"`{text[1:-1]}`" or text.isidentifier():
        column = frame[text.strip("`")]
        if not _holds_numbers(column.dtype):
            wrong = [one for one in column if not isinstance(one, Real)]
            bad = wrong[0] if wrong else column.iloc[0]
            raise DataError(
                f"the {what} '{text}' holds {bad!r}, which is no number; make it a "
                "column of numbers"
            )
        return column.to_numpy(dtype=np.float64)
    made = floats(materialise(parse_formula(f"0 + {text}"), frame, functions))
    if made.shape[1] != 1:
        raise FormulaError(f"the {what} '{text}' makes {made.shape[1]} columns; it must be one")
    values: Floats = made[:, 0]
    return values
