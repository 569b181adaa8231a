"""What code does to its data before it fits a model, held against the rows a model uses here."""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd

from hierbayes.design.matrices import columns_needed
from hierbayes.errors import FormulaError
from hierbayes.frames.arrays import Booleans
from hierbayes.specification.formula import Specification
from hierbayes.translation.coding import all_factors, beside_of
from hierbayes.translation.columns import Columns
from hierbayes.translation.dialect import pointed
from hierbayes.translation.expression import CONTEXTUAL, called, factor_tree

# What other rows change the values of, in the rows that stay.
OF_ALL_ROWS = frozenset({*CONTEXTUAL, "lvar", "center", "scale", "poly", "bs", "cr", "cc", "cs"})

type Dropped = tuple[tuple[str, ...], ...]
"""Columns whose missing values drop rows, one tuple for each time; an empty one is all columns."""


@dataclass(frozen=True, slots=True)
class PreparedData:
    """A data frame of a program: the data, and what the program has done to them.

    Parameters
    ----------
    trouble : str
        Why its rows or columns are not those of the data; empty where they are.
    place : int
        Where the program makes them others.
    dropped : tuple of tuple of str
        Columns whose missing values have dropped rows.
    chosen : tuple of str
        The columns that are left; empty where all are.
    numbers : frozenset of str
        Columns of truth values made numbers.
    changed : mapping of str to int
        Columns that hold something else than in the data, and where they are changed.
    ordered : mapping of str to int
        Columns made ordered factors, which only a response may be: R codes others by polynomials.
    successes : mapping of str to int
        Columns of two labels made 0 and 1, which only a response may be.
    categories : mapping of str to int
        Columns of numbers made categories in their order, which only a response may be.
    """

    trouble: str = ""
    place: int = 0
    dropped: Dropped = ()
    chosen: tuple[str, ...] = ()
    numbers: frozenset[str] = frozenset()
    changed: Mapping[str, int] = field(default_factory=dict)
    ordered: Mapping[str, int] = field(default_factory=dict)
    successes: Mapping[str, int] = field(default_factory=dict)
    categories: Mapping[str, int] = field(default_factory=dict)

    def troubled(self, trouble: str, place: int) -> PreparedData:
        """The same, with a trouble unless it has one already."""
        return self if self.trouble else replace(self, trouble=trouble, place=place)

    def without_missing(self, names: Sequence[str] = ()) -> PreparedData:
        """The rows where none of these columns is missing; without names, none that is left."""
        return replace(self, dropped=(*self.dropped, tuple(names) or self.chosen))

    def with_changed(self, name: str, place: int) -> PreparedData:
        """The same with a column that holds something else."""
        return replace(self, changed={**self.changed, name: place})

    def with_ordered(self, name: str, place: int) -> PreparedData:
        """The same with a column made an ordered factor."""
        return replace(self, ordered={**self.ordered, name: place})

    def with_success(self, name: str, place: int) -> PreparedData:
        """The same with 1 for the last of two labels of a column, and 0 for the first."""
        return replace(self, successes={**self.successes, name: place})

    def with_categories(self, name: str, place: int) -> PreparedData:
        """The same with the numbers of a column as categories in their order."""
        return replace(self, categories={**self.categories, name: place})

    def with_numbers(self, name: str) -> PreparedData:
        """The same with a column of truth values as a number."""
        return replace(self, numbers=self.numbers | {name})

    def refuse_trouble(self, text: str) -> None:
        """Refuse rows or columns that are not those of the data.

        Raises
        ------
        FormulaError
            Pointing at the place.
        """
        if self.trouble:
            raise pointed(text, self.place, self.trouble)

    def refuse_changed(self, specification: Specification, text: str) -> None:
        """Refuse a model of a column that the code changes.

        Raises
        ------
        FormulaError
            Naming the column.
        """
        for name in used_columns(specification):
            if name in self.changed:
                raise pointed(
                    text,
                    self.changed[name],
                    f"the code changes the column '{name}' before the model is fitted; change it "
                    "in the data, and leave that out of the code",
                )
        for name in columns_needed(specification.fixed, *specification.random_effects):
            if name in self.successes:
                raise pointed(
                    text,
                    self.successes[name],
                    f"the code makes numbers of the labels of '{name}', which is no response; make "
                    "them in the data",
                )
            if name in self.categories:
                raise pointed(
                    text,
                    self.categories[name],
                    f"the code makes categories of the numbers of '{name}', which is no response; "
                    "make them in the data",
                )
            if name in self.ordered:
                raise pointed(
                    text,
                    self.ordered[name],
                    f"the code makes an ordered factor of '{name}', which R codes by polynomials; "
                    "make columns of them in the data, or a plain factor",
                )


def refuse_other_rows(
    specification: Specification,
    columns: Sequence[str],
    dropped: Dropped,
    system: str,
    *,
    remedy: str,
    quote: str = "",
    before: Mapping[str, Dropped] | None = None,
    spreads: bool = False,
) -> None:
    """Refuse code that leaves out other rows than the model, or has means of other rows.

    The model uses the rows where none of its columns is missing, and computes group means and
    the like on them.  Without data nothing is refused.

    Parameters
    ----------
    specification : Specification
    columns : sequence of str
        `Columns` with data, or names.
    dropped : tuple of tuple of str
        Columns whose missing values have dropped rows when the model is fitted.
    system : str
        Its name, for refusals.
    remedy : str
        How it drops rows; ``{}`` stands for the columns.
    quote : str
        What stands around the name of a column in it.
    before : mapping of str to tuple, optional
        The same when a statistic was computed, by its arguments, as ``"x, g"`` of ``cvar(x, g)``;
        by default ``dropped``.
    spreads : bool
        Whether one missing value makes the mean of its whole group missing.

    Raises
    ------
    FormulaError
        Naming the column or the statistic, and the remedy.
    """
    data = columns.data if isinstance(columns, Columns) else None
    if data is None:
        return
    used = [name for name in used_columns(specification) if name in data.columns]
    missing = {name: data[name].isna().to_numpy() for name in data.columns}
    kept = ~_any_missing(missing, used, len(data))
    for name in dict.fromkeys(one for names in dropped for one in names or missing):
        if name in missing and (missing[name] & kept).any():
            raise FormulaError(
                f"the code leaves out rows where '{name}' is missing, which the model does not "
                "need; choose the rows of the data, and leave that out of the code"
            )
    drop = remedy.format(", ".join(f"{quote}{name}{quote}" for name in used))
    for call in _statistics(specification):
        at = dropped if before is None else before.get(arguments_of(call), dropped)
        gone = _any_missing(missing, [n for names in at for n in names or missing], len(data))
        own = [n.id for n in ast.walk(call) if isinstance(n, ast.Name) and n.id in missing]
        lacking = _any_missing(missing, own, len(data))
        other = ~gone & ~lacking & ~kept & (not _is_constant(call, data))
        if spreads and called(call) in CONTEXTUAL:
            other |= ~gone & lacking
        if other.any():
            raise FormulaError(
                f"{system} computes {ast.unparse(call)} on rows that the model does not use: of "
                f"those with missing values {int(other.sum())} count; drop them first, as in {drop}"
            )


def arguments_of(call: ast.Call) -> str:
    """The arguments of a call as text."""
    return ", ".join(map(ast.unparse, call.args))


def used_columns(specification: Specification) -> tuple[str, ...]:
    """Columns that a model reads, those of groups and of errors too."""
    effects = specification.random_effects
    left = (specification.response, *beside_of(specification))
    needed = columns_needed(left, specification.fixed, *effects)
    of_errors = () if specification.residual is None else specification.residual.columns
    return tuple(dict.fromkeys((*needed, *specification.group_columns, *of_errors)))


def _any_missing(missing: Mapping[str, Booleans], names: Sequence[str], rows: int) -> Booleans:
    """Rows where any of these columns is missing, (rows,)."""
    found = [missing[name] for name in names if name in missing]
    return np.logical_or.reduce([*found, np.zeros(rows, dtype=np.bool_)])


def _statistics(specification: Specification) -> list[ast.Call]:
    """Calls in a model whose values depend on all rows."""
    return [
        node
        for factor in all_factors(specification)
        for node in ast.walk(factor_tree(factor))
        if isinstance(node, ast.Call) and called(node) in OF_ALL_ROWS
    ]


def _is_constant(call: ast.Call, data: pd.DataFrame) -> bool:
    """Whether a contextual variable is of a column that no choice of rows changes the means of."""
    match called(call), call.args:
        case ("cvar" | "dvar", [ast.Name(id=name), ast.Name(id=group)]) if {name, group} <= set(
            data.columns
        ):
            return bool((data.groupby(group, observed=True)[name].nunique() <= 1).all())
    return False
