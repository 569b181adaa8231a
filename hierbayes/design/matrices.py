"""Columns as formulaic makes them, from a formula or from a specification it remembers."""

from __future__ import annotations

import warnings
from functools import lru_cache
from numbers import Real
from typing import Any

import numpy as np
from formulaic import ModelMatrix, ModelSpec
from formulaic.errors import DataMismatchWarning, FormulaicError
from pandas.api.types import is_any_real_numeric_dtype, is_bool_dtype

from hierbayes.design.column_products import ColumnProduct
from hierbayes.design.column_structure import ColumnStructure, structure_of
from hierbayes.design.materialiser import Materialiser
from hierbayes.design.plain_columns import Sketch, plain_data
from hierbayes.design.usable_columns import floats, refuse_not_finite
from hierbayes.errors import DataError, FormulaError, HierbayesError
from hierbayes.frames.arrays import Floats
from hierbayes.frames.seen_columns import DataColumns, frame_of, seen
from hierbayes.specification.formula_parser import parse_formula
from hierbayes.specification.known_functions import Functions
from hierbayes.specification.terms import factors_of, names_in


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
        name = text.strip("`")
        column = frame[name]
        if not _holds_numbers(column.dtype):
            wrong = [one for one in column if not isinstance(one, Real)]
            bad = wrong[0] if wrong else column.iloc[0]
            raise DataError(
                f"the {what} '{text}' holds {bad!r}, which is no number; make it a "
                "column of numbers"
            )
        return seen(frame).numbers(name)
    made = floats(materialise(parse_formula(f"0 + {text}"), frame, functions))
    if made.shape[1] != 1:
        raise FormulaError(f"the {what} '{text}' makes {made.shape[1]} columns; it must be one")
    values: Floats = made[:, 0]
    return values
