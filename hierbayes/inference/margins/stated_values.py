"""Values that a column is set to, as a caller states them."""

from __future__ import annotations

from typing import Any

import pandas as pd
from pandas.api.types import is_bool_dtype

from hierbayes.design.columns import Columns
from hierbayes.errors import DataError
from hierbayes.inference.margins.contrasts import is_number, levels_of, refuse_other_level


def stated_values(columns: Columns, column: pd.Series, values: list[Any]) -> list[Any]:
    """Each value once, in the order in which they are stated.

    Parameters
    ----------
    columns : Columns
    column : Series
        Of the data, whose labels these may be; groups may also be new ones.
    values : list

    Raises
    ------
    DataError
        When there are none, or one is missing, no number where the column is one, or no level.
    """
    name = str(column.name)
    if not values:
        raise DataError(f"no value of '{name}' is stated")
    levels = levels_of(columns, column)
    for value in values:
        if pd.api.types.is_scalar(value) and pd.isna(value):
            raise DataError(f"a value that is stated of '{name}' is missing")
        if levels is None:
            if not is_number(value) and not is_bool_dtype(type(value)):
                raise DataError(f"'{name}' is a number, and {value!r} is not a finite one")
        elif name not in columns.specification.group_columns:
            refuse_other_level(name, levels, value)
    return list(dict.fromkeys(values))
