"""What tells the rows of a family apart: columns, and numbers computed from each row alone.

Rows whose ``I(x > 0)`` is the same are alike wherever nothing else of x is in the model; the first
of them stands for all.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd
from pandas.api.types import is_bool_dtype, is_numeric_dtype

from hierbayes.design.evaluation import Evaluation
from hierbayes.frames.arrays import Floats
from hierbayes.specification.expression import Column, Expression, columns_in
from hierbayes.specification.expression_reader import is_of_each_row, read_expression
from hierbayes.specification.formula import Specification
from hierbayes.specification.terms import factors_of, is_number


class RowKeys:
    """The keys of the rows of a specification.

    Parameters
    ----------
    spec : Specification
    names : tuple of str
        Columns of the data that it needs.
    like : DataFrame
        Some rows: what is computed from labels is told apart by these.
    """

    def __init__(self, spec: Specification, names: tuple[str, ...], like: pd.DataFrame) -> None:
        self._functions = spec.functions
        self._computed: dict[str, Expression] = {}
        plain = set(spec.group_columns) | set(filter(None, [spec.weights, spec.known_sd]))
        for text in _texts(spec):
            expression = read_expression(text)
            used = set(columns_in(expression))
            is_computed = not isinstance(expression, Column) and is_of_each_row(text)
            if is_computed and all(_is_number(like[name]) for name in used):
                self._computed[text] = expression
            else:
                plain |= used
        self._plain = tuple(name for name in names if name in plain)

    @property
    def names(self) -> tuple[str, ...]:
        """What the keys are called."""
        return (*self._plain, *self._computed)

    def of(self, frame: pd.DataFrame) -> pd.DataFrame:
        """The keys of rows.

        Raises
        ------
        DataError, FormulaError
            When one cannot be computed.
        """
        evaluation = Evaluation(frame, {}, self._functions)
        keys = {name: frame[name] for name in self._plain}
        for text, expression in self._computed.items():
            with np.errstate(all="ignore"):  # refused where columns are made
                values = np.zeros(len(frame)) + evaluation.numbers(expression)
            keys[text] = pd.Series(_finite(values), index=frame.index)
        return pd.DataFrame(keys, index=frame.index)


def _texts(spec: Specification) -> Iterator[str]:
    """What is computed of each row, each once."""
    terms = (*spec.fixed, *(term for block in spec.random_effects for term in block))
    trials = () if spec.trials is None else (spec.trials.other,)
    factors = (one for term in terms for one in factors_of(term) if not is_number(one))
    yield from dict.fromkeys([spec.response, *trials, *spec.offsets, *factors])


def _is_number(column: pd.Series) -> bool:
    return is_numeric_dtype(column.dtype) or is_bool_dtype(column.dtype)


def _finite(values: Floats) -> Floats:
    """Values that are refused where columns are made are told apart from others here."""
    most = np.finfo(np.float64).max
    return np.nan_to_num(values, nan=0.9 * most, posinf=most, neginf=-most)
