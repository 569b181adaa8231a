"""What the variables of a model are: number or factor, its levels, and at which level it lives."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import pandas as pd

from hierbayes.design.design import Design
from hierbayes.design.matrices import columns_needed
from hierbayes.frames.constancy import is_constant_within
from hierbayes.frames.grouping import Groups


@dataclass(frozen=True, slots=True)
class Variable:
    """A column of the data that a model uses.

    Parameters
    ----------
    name : str
    levels : tuple of str
        Levels of a factor in the order of its coding, the reference first; empty for a number.
    between : bool
        Whether it is constant within every group (level 2).
    boolean : bool
        Whether it holds truth values, which are the numbers 0 and 1 here.
    """

    name: str
    levels: tuple[str, ...]
    between: bool
    boolean: bool = False

    @property
    def is_factor(self) -> bool:
        """Whether it holds labels and not numbers."""
        return bool(self.levels)


@dataclass(frozen=True, slots=True)
class Variables:
    """The columns behind a model.

    Parameters
    ----------
    columns : mapping of str to Variable
        Every column that the response, the fixed and the random part read, by name.
    between : frozenset of str
        Factors of the terms, columns or expressions, that are constant within every group.
    """

    columns: Mapping[str, Variable]
    between: frozenset[str]

    def __post_init__(self) -> None:
        object.__setattr__(self, "columns", MappingProxyType(dict(self.columns)))

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (dict(self.columns), self.between)

    @property
    def factors(self) -> tuple[str, ...]:
        """Names of the columns that hold labels."""
        return tuple(name for name, column in self.columns.items() if column.is_factor)

    @property
    def booleans(self) -> frozenset[str]:
        """Names of the columns that hold truth values."""
        return frozenset(name for name, column in self.columns.items() if column.boolean)


def describe_variables(design: Design, data: pd.DataFrame) -> Variables:
    """Read the kind, the levels and the level of each column a design uses.

    Parameters
    ----------
    design : Design
    data : DataFrame
        The data the design was made on.
    """
    spec = design.specification
    needed = columns_needed((spec.response,), spec.fixed, *spec.random_effects)
    names = [name for name in needed if name in data.columns]
    rows = data.loc[design.rows.kept, names]
    groups = Groups((spec.group,), design.rows.codes, design.factor.labels)
    columns = {
        name: Variable(
            name,
            factor_levels(column),
            is_constant_within(column, groups),
            pd.api.types.is_bool_dtype(column.dtype),
        )
        for name, column in rows.items()
    }
    return Variables(columns, design.columns.between)


def factor_levels(column: pd.Series) -> tuple[str, ...]:
    """Levels in use of a factor, ordered as formulaic codes them; none of a number."""
    if pd.api.types.is_numeric_dtype(column.dtype) or pd.api.types.is_bool_dtype(column.dtype):
        return ()
    levels = column.astype("category").cat.remove_unused_categories().cat.categories
    return tuple(map(str, levels))
