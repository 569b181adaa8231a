"""What kind of values columns hold, which may not change from one part of the rows to the next."""

from __future__ import annotations

from collections.abc import Iterable

import pandas as pd
from pandas.api.types import infer_dtype, is_bool_dtype, is_numeric_dtype

from hierbayes.errors import DataError
from hierbayes.frames.seen_columns import DataColumns

_KINDS = {
    "string": "text", "floating": "numbers", "integer": "numbers", "decimal": "numbers",
    "mixed-integer-float": "numbers", "boolean": "truth values", "date": "dates",
    "datetime": "dates", "datetime64": "dates", "mixed": "values of several kinds",
    "mixed-integer": "values of several kinds",
}  # fmt: skip


def kind_of(column: pd.Series) -> str:
    """Numbers, text, truth values, dates, or several kinds; empty where nothing is known.

    Examples
    --------
    >>> kind_of(pd.Series([1.5, 2.0])), kind_of(pd.Series(["a"])), kind_of(pd.Series([1, "a"]))
    ('numbers', 'text', 'values of several kinds')
    """
    dtype = column.dtype
    if isinstance(dtype, pd.CategoricalDtype):
        return kind_of(pd.Series(dtype.categories)) if len(dtype.categories) else ""
    if is_bool_dtype(dtype):
        return "truth values"
    if is_numeric_dtype(dtype):
        return "numbers"
    found = infer_dtype(column, skipna=True)
    return "" if found == "empty" else _KINDS.get(found, found)


class ColumnKinds:
    """The kinds of columns as they were first seen."""

    def __init__(self) -> None:
        self._first: dict[str, tuple[str, str]] = {}

    def refuse_others(self, frame: DataColumns, names: Iterable[str], place: str) -> None:
        """Refuse columns that hold other values than before.

        Raises
        ------
        DataError
            Naming the place and the one before.
        """
        for name in names:
            kind = kind_of(frame[name]) if len(frame) else ""
            if kind:
                self.refuse_other(kind, name, place)

    def refuse_other(self, kind: str, name: str, place: str) -> None:
        """Refuse a column of this kind where it was of another before."""
        before, where = self._first.setdefault(name, (kind, place))
        if kind != before:
            raise DataError(
                f"{place}: '{name}' holds {kind}, and {before} in {where}; write it as the same "
                "everywhere"
            )
