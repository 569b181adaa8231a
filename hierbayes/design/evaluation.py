"""The values of a formula's expressions on data.

Columns are numbers in float64 wherever something is computed from them, and what they are in the
data (labels, integers) where a factor, groups or a comparison is meant.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, MutableMapping
from typing import Any

import numpy as np
import pandas as pd
from formulaic.transforms import TRANSFORMS
from pandas.api.types import is_bool_dtype, is_numeric_dtype

from hierbayes.errors import FormulaError
from hierbayes.frames.arrays import Booleans
from hierbayes.frames.contextual import CONTEXT
from hierbayes.frames.seen_columns import DataColumns
from hierbayes.specification.expression import (
    Call,
    Coding,
    Column,
    Constant,
    Expression,
    Operation,
)
from hierbayes.specification.known_functions import (
    BY_NAME,
    CODINGS,
    CONTEXTUAL,
    STATEFUL,
    Functions,
    no_such_function,
)

_ARITHMETIC: dict[str, Callable[..., Any]] = {
    "+": operator.add, "-": operator.sub, "*": operator.mul, "/": operator.truediv,
    "//": operator.floordiv, "%": operator.mod, "**": operator.pow,
}  # fmt: skip
_SIGNS: dict[str, Callable[[Any], Any]] = {"+": operator.pos, "-": operator.neg}
_COMPARISONS: dict[str, Callable[[Any, Any], Any]] = {
    "==": operator.eq, "!=": operator.ne, "<": operator.lt, "<=": operator.le, ">": operator.gt,
    ">=": operator.ge,
}  # fmt: skip
_LOGIC: dict[str, Callable[..., Any]] = {
    "&": np.logical_and,
    "|": np.logical_or,
    "~": np.logical_not,
}


class Evaluation:
    """Expressions on one frame of data.

    Parameters
    ----------
    data : DataFrame or SeenColumns
        n rows.
    states : mapping
        From calls, as they are written, to what stateful transforms remember; they add to it.
    functions : tuple of (str, callable)
        Functions that the caller hands over.
    """

    def __init__(
        self,
        data: DataColumns,
        states: MutableMapping[str, dict[str, Any]],
        functions: Functions = (),
    ) -> None:
        self.data = data
        self.states = states
        self.functions = dict(functions)
        self._floats: dict[str, Any] = {}

    def value(self, expression: Expression) -> Any:
        """A column as it is, or what is computed: (n,) or (n, k), or one number.

        Raises
        ------
        FormulaError
            When labels stand where numbers must, or a function is not known.
        """
        match expression:
            case Column(name):
                return self.data[name]
            case Constant(value):
                return value
            case Operation(mark, parts):
                return self._operation(mark, parts)
            case Call():
                return self._call(expression)

    def numbers(self, expression: Expression) -> Any:
        """The same as float64: an array (n,), or a number."""
        if isinstance(expression, Column) and expression.name in self._floats:
            return self._floats[expression.name]
        value = self.value(expression)
        found = _floats(value)
        if found is None:
            return as_numbers(value, _said(expression))  # refused
        if isinstance(expression, Column):
            self._floats[expression.name] = found
        return found

    def _operation(self, mark: str, parts: tuple[Expression, ...]) -> Any:
        if mark == "float":
            return _read_numbers(self.value(parts[0]))
        if mark in _COMPARISONS:
            left, right = (self.value(part) for part in parts)
            return np.asarray(_COMPARISONS[mark](left, right), dtype=np.bool_)
        if mark in _LOGIC:
            return _LOGIC[mark](*(_truth(self.value(part), mark) for part in parts))
        functions = _ARITHMETIC if len(parts) == 2 else _SIGNS
        return functions[mark](*(self.numbers(part) for part in parts))

    def _call(self, call: Call) -> Any:
        name = call.function
        if name == "I":
            return self.value(call.values[0])
        if name in CODINGS:
            return TRANSFORMS[name](self.value(call.values[0]), *self.constants(call),
                                    **self.options(call))  # fmt: skip
        if name in STATEFUL:
            return self._transform(call)
        if name in self.functions:
            return self._handed_over(call)
        if "." not in name and name not in BY_NAME:
            raise no_such_function(name, self.functions)
        return self._of_numpy(call)

    def constants(self, call: Call | Coding) -> list[Any]:
        """What follows the values of rows in a call, by position."""
        return [_constant(one) for one in call.rest]

    def options(self, call: Call | Coding) -> dict[str, Any]:
        """The same by name."""
        return {name: _constant(one) for name, one in call.options}

    def _transform(self, call: Call) -> Any:
        """A transform that remembers what it found under the text of its call."""
        state = self.states.setdefault(call.text, {})
        if call.function in CONTEXTUAL:
            x, group = (self.value(part) for part in call.values)
            return CONTEXT[call.function](x, group, _state=state)
        x = self.numbers(call.values[0])
        return TRANSFORMS[call.function](
            x, *self.constants(call), _state=state, **self.options(call)
        )

    def _of_numpy(self, call: Call) -> Any:
        function = call.function.removeprefix("np.")
        if function == "isin":
            return np.isin(np.asarray(self.value(call.values[0])), *self.constants(call),
                           **self.options(call))  # fmt: skip
        if function == "where":
            return self._where(call)
        values = [None if part == Constant(None) else self.numbers(part) for part in call.values]
        return getattr(np, function)(*values, *self.constants(call), **self.options(call))

    def _where(self, call: Call) -> Any:
        """Numbers or labels by a condition."""
        condition = _truth(self.value(call.values[0]), "np.where")
        branches = [self.value(part) for part in call.values[1:]]
        if any(_are_labels(branch) for branch in branches):
            chosen = np.where(condition, *(np.asarray(b, dtype=object) for b in branches))
            return pd.Series(chosen, index=self.data.index)
        return np.where(condition, *(as_numbers(b, call.text) for b in branches))

    def _handed_over(self, call: Call) -> Any:
        """The caller's own function of rows, which must make each row from that row alone."""
        function, options = self.functions[call.function], self.options(call)
        values = [self._plain(part) for part in call.values]
        made = _one_a_row(function(*values, **options), len(self.data), call.text)
        if call.text not in self.states and len(self.data) > 1:
            half = [part[::2] if isinstance(part, pd.Series) else part for part in values]
            again = _one_a_row(function(*half, **options), (len(self.data) + 1) // 2, call.text)
            if not _same(again, made[::2]):
                raise FormulaError(
                    f"'{call.text}' makes other values when some rows are left out, so that it "
                    "would mean something else on new data; make a column of it"
                )
        self.states.setdefault(call.text, {})
        return pd.Series(made, index=self.data.index) if _are_labels(made) else made

    def _plain(self, expression: Expression) -> Any:
        """Numbers as a Series of float64, labels as they are, constants."""
        value = self.value(expression)
        if isinstance(expression, Constant):
            return value
        numbers = value if _are_labels(value) else as_numbers(value, _said(expression))
        return pd.Series(numbers, index=self.data.index, name=getattr(value, "name", None))


def as_numbers(value: Any, said: str) -> Any:
    """What is computed with: float64, an array or a number.

    Raises
    ------
    FormulaError
        When it holds labels.
    """
    found = _floats(value)
    if found is not None:
        return found
    if isinstance(value, dict):
        raise FormulaError(f"cannot compute with '{said}', which makes several columns")
    raise FormulaError(
        f"cannot compute with '{said}', which holds labels and no numbers; compare it, as in "
        f"({said} == 'a'), or make a column of numbers"
    )


def _floats(value: Any) -> Any:
    """Numbers as float64, an array or a number; None where it is something else."""
    if isinstance(value, bool | int | float):
        return float(value)
    if isinstance(value, np.ndarray) and value.dtype.kind in "biuf":
        return value.astype(np.float64, copy=False)
    if isinstance(value, pd.Series) and not _are_labels(value):
        return value.to_numpy(dtype=np.float64)
    return None


def _read_numbers(value: Any) -> Any:
    """Numbers, and labels that look like numbers read as such."""
    return pd.Series(value).astype(float).to_numpy(dtype=np.float64)


def _are_labels(value: Any) -> bool:
    if isinstance(value, str):
        return True
    dtype = getattr(value, "dtype", None)
    if dtype is None:
        return False
    if isinstance(dtype, np.dtype):
        return dtype.kind not in "biufc"
    return not (is_numeric_dtype(dtype) or is_bool_dtype(dtype)) or isinstance(
        dtype, pd.CategoricalDtype
    )


def _truth(value: Any, mark: str) -> Booleans | bool:
    """Whether a comparison holds."""
    if isinstance(value, bool):
        return value
    if not is_bool_dtype(getattr(value, "dtype", None)):
        raise FormulaError(f"'{mark}' takes comparisons, such as (x > 0), and not numbers")
    return np.asarray(value, dtype=np.bool_)


def _one_a_row(made: Any, n: int, text: str) -> Any:
    values = np.asarray(made)
    if values.shape != (n,):
        raise FormulaError(f"'{text}' must make one value for each of {n} rows; it does not")
    return values


def _same(first: Any, second: Any) -> bool:
    if first.dtype.kind in "biufc" and second.dtype.kind in "biufc":
        return bool(np.allclose(first, second, rtol=1e-9, atol=0.0, equal_nan=True))
    return bool((first == second).all())


def _constant(one: Constant | Coding) -> Any:
    if isinstance(one, Constant):
        return one.value
    first, _, last = one.name.partition(".")
    maker = getattr(TRANSFORMS[first], last) if last else TRANSFORMS[first]
    return maker(*(c.value for c in one.rest), **{name: c.value for name, c in one.options})


def _said(expression: Expression) -> str:
    """A part of an expression in a message."""
    match expression:
        case Column(name):
            return name
        case Constant(value):
            return repr(value)
        case Call(text=text):
            return text
        case Operation(mark, parts):
            return (
                f" {mark} ".join(map(_said, parts)) if len(parts) == 2 else mark + _said(parts[0])
            )
