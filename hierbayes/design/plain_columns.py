"""Columns of numbers, of factors in treatment coding, and their products.

Formulaic says on a few rows, that have every level, which columns a formula makes; of all rows
they are multiplied out here.  So names, codings and what is remembered are formulaic's own, and
the work that grows with the rows is one product for each column.  Numbers are columns of the data,
or computed from each row alone, as in ``I(x**2)`` and ``log(x)``.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from itertools import product
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from formulaic import Formula, ModelSpec
from formulaic.materializers.base import EncodedTermStructure
from formulaic.parser.types import Factor, Term

from hierbayes.design.evaluation import Evaluation
from hierbayes.errors import HierbayesError
from hierbayes.frames.arrays import Floats
from hierbayes.frames.seen_columns import DataColumns
from hierbayes.specification.expression import Expression, columns_in
from hierbayes.specification.expression_reader import is_of_each_row, read_expression
from hierbayes.specification.terms import INTERCEPT

_LEVELS = ("str", "int64", "float64", "bool")  # types of levels


@dataclass(frozen=True, slots=True)
class _Kind:
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


@dataclass(frozen=True, slots=True, eq=False)
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

    def columns(self, spec: ModelSpec) -> Floats:
        """The columns (n, k) that formulaic's specification of this sketch describes."""
        matrix = np.empty((self.n, len(spec.column_names)))
        self.fill(spec, matrix)
        return matrix

    def fill(self, spec: ModelSpec, matrix: Floats) -> None:
        """Write them into a matrix (n, k)."""
        made = [column for part in spec.structure for column in self._of_term(part)]
        for place, (scale, factors) in enumerate(made):
            _multiply_out(scale, factors, matrix[:, place])

    def each(self, spec: ModelSpec) -> list[tuple[Floats, bool]]:
        """The same columns (n,) one by one, and whether each of them is computed.

        A number of the data is its own column, and not to be changed.
        """
        computed = {id(self.numbers[name]) for name in self.sketch.computed}
        found = []
        for scale, factors in (one for part in spec.structure for one in self._of_term(part)):
            if not factors:
                found.append((_constant(self.n, scale), False))
            elif scale == 1.0 and len(factors) == 1 and factors[0].dtype == np.float64:
                found.append((factors[0], id(factors[0]) in computed))
            else:
                column = np.empty(self.n)
                _multiply_out(scale, factors, column)
                found.append((column, True))
        return found

    def _of_term(self, part: EncodedTermStructure) -> list[tuple[float, tuple[Any, ...]]]:
        """A scale and the factors of each column of a term, the first factor varying fastest."""
        found = []
        for scoped in part.scoped_terms:
            ways = [self._of_factor(one.factor.expr, one.reduced) for one in scoped.factors]
            found += [(scoped.scale, chosen[::-1]) for chosen in product(*reversed(ways))]
        return found

    def _of_factor(self, name: str, reduced: bool) -> list[Any]:
        """Numbers, or an indicator of each level but, where reduced, the first."""
        if name in self.numbers:
            return [self.numbers[name]]
        (levels,) = (kind.levels for kind in self.sketch.kinds if kind.name == name)
        return [self.codes[name] == k for k in range(int(reduced), len(levels or ()))]


def _multiply_out(scale: float, factors: tuple[Any, ...], into: Floats) -> None:
    into[:] = factors[0] if factors and scale == 1.0 else scale
    for factor in factors[1:] if scale == 1.0 else factors:
        into *= factor


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
    kinds, numbers, codes = [], {}, {}
    for name in columns:
        column = data[name]
        if isinstance(column.dtype, np.dtype) and column.dtype.kind in "iufb":
            numbers[name] = column.to_numpy(dtype=np.float64)
            kinds.append(_Kind(name, str(column.dtype)))
            continue
        coded = _coded(column)
        if coded is None:
            return None
        codes[name], levels, dtype = coded
        categorical = isinstance(column.dtype, pd.CategoricalDtype)
        kinds.append(_Kind(name, dtype, levels, categorical))
    for name, expression in computed.items():
        values = _numbers(expression, data)
        if values is None or name in numbers:
            return None
        numbers[name] = values
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


def _numbers(expression: Expression, data: DataColumns) -> Floats | None:
    """An expression computed (n,); None where it makes something else, or cannot be."""
    try:
        with np.errstate(all="ignore"):
            values = Evaluation(data, {}).value(expression)
    except (HierbayesError, TypeError, ValueError, ArithmeticError):  # formulaic says where
        return None
    plain = np.asarray(values)
    if plain.shape != (len(data),) or plain.dtype.kind not in "biuf":
        return None
    return plain.astype(np.float64, copy=False)


def _coded(column: pd.Series) -> tuple[Any, tuple[Any, ...], str] | None:
    """Codes (n,), levels and their type, None where formulaic had better look at a factor."""
    if isinstance(column.dtype, pd.CategoricalDtype):
        categories = column.array.categories
        codes, levels, dtype = column.array.codes, tuple(categories), str(categories.dtype)
    elif column.dtype == "str":
        codes, levels = _in_order(*column.array.factorize())
        dtype = "str"
    else:
        return None
    if dtype not in _LEVELS or (len(codes) and codes.min() < 0):
        return None
    return codes, levels, dtype


def _in_order(codes: Any, levels: Any) -> tuple[Any, tuple[str, ...]]:
    """Codes (n,) and levels of texts, from those in order of appearance: few are sorted."""
    words = levels.tolist()
    order = sorted(range(len(words)), key=words.__getitem__)
    place = np.empty(len(words) + 1, dtype=np.intp)
    place[order], place[-1] = np.arange(len(words)), -1
    return place[codes], tuple(words[k] for k in order)
