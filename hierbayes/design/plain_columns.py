"""Columns of numbers, of factors in treatment coding, and their products.

Formulaic says on a few rows, that have every level, which columns a formula makes; of all rows
they are multiplied out here.  So names, codings and what is remembered are formulaic's own, and
the work that grows with the rows is one product for each column.  Numbers are columns of the data,
or computed from each row alone, as in ``I(x**2)`` and ``log(x)``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from formulaic import Formula, ModelSpec
from formulaic.parser.types import Factor, Term

from hierbayes.design.column_products import NUMBERS, ColumnProduct, Source, products_of
from hierbayes.design.evaluation import Evaluation
from hierbayes.design.text_codes import texts_in_order, texts_of
from hierbayes.errors import HierbayesError
from hierbayes.frames.arrays import Floats
from hierbayes.frames.seen_columns import DataColumns, SeenColumns, seen
from hierbayes.specification.expression import Expression, columns_in
from hierbayes.specification.expression_reader import is_of_each_row, read_expression
from hierbayes.specification.terms import INTERCEPT
from hierbayes.value import value

_LEVELS = ("str", "int64", "float64", "bool")  # types of levels


class _Kind(NamedTuple):
    """What a column of the data holds.

    Parameters
    ----------
    name, dtype : str
        The column and its type; for a categorical column that of its levels.
    levels : tuple or None
        The levels of a factor in order, None for numbers.
    categorical : bool
        Whether the levels are those of a categorical column.
    """

    name: str
    dtype: str
    levels: tuple[Any, ...] | None = None
    categorical: bool = False

    def values(self, rows: int) -> Any:
        """A few values of this kind, every level among them."""
        if self.levels is None:
            return np.zeros(rows, dtype=self.dtype)
        levels = pd.Index(self.levels, dtype=self.dtype)
        codes = np.arange(rows) % max(len(levels), 1)
        if self.categorical:
            return pd.Categorical.from_codes(codes, levels)
        return levels.take(codes)


@dataclass(frozen=True, slots=True)
class Sketch:
    """What says which columns a formula makes of data; equal sketches make equal columns.

    Parameters
    ----------
    terms : tuple of tuple of str
        Columns of the data, and expressions, in each term; the intercept has none.
    kinds : tuple of _Kind
        Of every column that is named.
    computed : tuple of str
        Which of them are expressions that make a number of each row alone.
    formula : formulaic.Formula
        The same terms as formulaic has them.
    """

    terms: tuple[tuple[str, ...], ...]
    kinds: tuple[_Kind, ...]
    computed: tuple[str, ...]
    formula: Formula = field(compare=False)

    def rows(self) -> pd.DataFrame:
        """A few rows of such data."""
        rows = max((len(kind.levels or ()) for kind in self.kinds), default=0) or 1
        return pd.DataFrame(
            {kind.name: kind.values(rows) for kind in self.kinds}, index=range(rows)
        )

    def products(self, spec: ModelSpec) -> tuple[ColumnProduct, ...]:
        """What the columns that formulaic's specification describes are products of."""
        levels = {kind.name: len(kind.levels) for kind in self.kinds if kind.levels is not None}
        return products_of(spec, levels)


@value()
class PlainData:
    """The columns of data that a formula names, and its expressions computed.

    Parameters
    ----------
    sketch : Sketch
    numbers : dict of str to (n,) float
        Of columns and of expressions.
    codes : dict of str to (n,) int
        Of factors: the place of each row's level.
    n : int
    """

    sketch: Sketch
    numbers: dict[str, Floats]
    codes: dict[str, Any]
    n: int

    def columns(self, products: Sequence[ColumnProduct]) -> Floats:
        """The columns (n, k) that are these products."""
        matrix = np.empty((self.n, len(products)))
        made: list[Floats] = []
        for one, into in zip(products, matrix.T, strict=True):
            one.write([self._values(factor, made) for factor in one.factors], into)
            made.append(into)
        return matrix

    def each(self, products: Sequence[ColumnProduct]) -> list[tuple[Floats, bool]]:
        """The same columns (n,) one by one, and whether each of them is computed.

        A number of the data is its own column, and not to be changed.
        """
        made: list[Floats] = []
        computed: list[bool] = []
        for one in products:
            name, level = one.source or ("", 0)
            if not one.factors:
                made.append(_constant(self.n, one.scale))
                computed.append(False)
            elif level == NUMBERS:
                made.append(self.numbers[name])
                computed.append(name in self.sketch.computed)
            else:
                made.append(np.empty(self.n))
                one.write([self._values(factor, made) for factor in one.factors], made[-1])
                computed.append(True)
        return list(zip(made, computed, strict=True))

    def _values(self, factor: Source | int, made: Sequence[Floats]) -> Any:
        """Numbers (n,), whether each row has a level, or a column that is made already."""
        if isinstance(factor, int):
            return made[factor]
        name, level = factor
        return self.numbers[name] if level == NUMBERS else self.codes[name] == level


@lru_cache(maxsize=2)
def _constant(n: int, value: float) -> Floats:
    """A column (n,) that all batches of so many rows share."""
    made = np.full(n, value)
    made.flags.writeable = False
    return made


class _Same:
    """A formula, told from others by identity: formulaic's cannot be hashed."""

    __slots__ = ("formula",)

    def __init__(self, formula: Formula) -> None:
        self.formula = formula

    def __hash__(self) -> int:
        return id(self.formula)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Same) and self.formula is other.formula


class _Named(NamedTuple):
    """The terms of a formula as a sketch has them, its columns, and its expressions by text."""

    terms: tuple[tuple[str, ...], ...]
    columns: tuple[str, ...]
    computed: dict[str, Expression]


@lru_cache(maxsize=256)
def _named(same: _Same) -> _Named | None:
    """What a formula names, None where formulaic had better look at all rows."""
    formula = same.formula
    named = [_names(term) for term in formula]
    terms = tuple(names for names in named if names is not None)
    if len(terms) < len(named):
        return None
    factors = [factor for term in formula for factor in term.factors]
    own = dict.fromkeys(one.expr for one in factors if one.eval_method is Factor.EvalMethod.LOOKUP)
    computed = {
        one.expr: read_expression(one.expr)
        for one in factors
        if one.eval_method is Factor.EvalMethod.PYTHON
    }
    if own.keys() & computed.keys():  # a column that is called like an expression
        return None
    own |= dict.fromkeys(name for one in computed.values() for name in columns_in(one))
    return _Named(terms, tuple(own), computed)


def plain_data(formula: Formula, data: DataColumns) -> PlainData | None:
    """The columns that a formula names, or None where formulaic had better look at all rows."""
    named = _named(_Same(formula))
    if named is None:
        return None
    terms, columns, computed = named
    known, kinds, numbers, codes = seen(data), [], {}, {}
    for name in columns:
        dtype = known[name].dtype
        if isinstance(dtype, np.dtype) and dtype.kind in "iufb":
            numbers[name] = known.numbers(name)
            kinds.append(_Kind(name, dtype.str))
            continue
        coded = _coded(known, name, dtype)
        if coded is None:
            return None
        codes[name], levels, held = coded
        kinds.append(_Kind(name, held, levels, isinstance(dtype, pd.CategoricalDtype)))
    if computed:
        found = _numbers(computed, data)
        if found is None or found.keys() & numbers.keys():
            return None
        numbers |= found
    sketch = Sketch(terms, tuple(kinds), tuple(computed), formula)
    return PlainData(sketch, numbers, codes, len(data))


def _names(term: Term) -> tuple[str, ...] | None:
    """Columns and expressions that a term multiplies: none for the intercept.

    None where something else stands in it: a number, a coding, a function that is not of each row
    alone.
    """
    if str(term) == INTERCEPT:
        return ()
    if all(map(_is_of_rows, term.factors)):
        return tuple(str(factor.expr) for factor in term.factors)
    return None


def _is_of_rows(factor: Factor) -> bool:
    """Whether a factor is a column, or made of columns row by row."""
    if factor.eval_method is not Factor.EvalMethod.PYTHON:
        return factor.eval_method is Factor.EvalMethod.LOOKUP
    return is_of_each_row(factor.expr)


def _numbers(computed: dict[str, Expression], data: DataColumns) -> dict[str, Floats] | None:
    """Expressions computed (n,); None where one makes something else, or cannot be."""
    evaluation, n = Evaluation(data, {}), len(data)
    try:
        with np.errstate(all="ignore"):
            made = [np.asarray(evaluation.value(one)) for one in computed.values()]
    except (HierbayesError, TypeError, ValueError, ArithmeticError):  # formulaic says where
        return None
    if any(values.shape != (n,) or values.dtype.kind not in "biuf" for values in made):
        return None
    floats = [values.astype(np.float64, copy=False) for values in made]
    return dict(zip(computed, floats, strict=True))


def _coded(data: SeenColumns, name: str, dtype: Any) -> tuple[Any, tuple[Any, ...], str] | None:
    """Codes (n,), levels and their type, None where formulaic had better look at a factor."""
    if isinstance(dtype, pd.CategoricalDtype):
        categories, codes = dtype.categories, data.codes(name)
        held = str(categories.dtype)
        words = texts_of(categories.array) if held == "str" else None
        levels = tuple(categories if words is None else words)
    elif dtype == "str":
        codes, texts = texts_in_order(data[name])
        levels, held = tuple(texts), "str"
    else:
        return None
    if held not in _LEVELS or (len(codes) and codes.min() < 0):
        return None
    return codes, levels, held
