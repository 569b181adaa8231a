"""What the variables of a model are: number or factor, of which level; how groups nest."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

import pandas as pd
from formulaic.parser.types import Factor
from pandas.api.types import is_bool_dtype, is_numeric_dtype

from hierbayes.design.columns import Columns
from hierbayes.design.error_columns import ErrorTimes, error_times
from hierbayes.design.matrices import columns_needed
from hierbayes.design.problem import Problem
from hierbayes.frames.factor_pairs import NESTED
from hierbayes.specification.terms import names_in


@dataclass(frozen=True, slots=True)
class Variable:
    """A column of the data that a model uses.

    Parameters
    ----------
    name : str
    levels : tuple of str
        Levels of a factor in the order of its coding, the reference first; empty for a number.
    boolean : bool
        Whether it holds truth values, which are the numbers 0 and 1 here.
    """

    name: str
    levels: tuple[str, ...]
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
    groups : mapping of str to Variable
        Every column that holds groups, by name.
    sizes : mapping of str to int
        For each grouping factor how many groups it has.
    nested : frozenset of (str, str)
        Pairs of grouping factors: each group of the first lies within one of the second.
    between_of : mapping of str to frozenset of str
        For each grouping factor those factors of the terms, columns or expressions, that are
        constant within every group.
    errors : mapping of str to Variable
        Every column that the residual structure reads, by name, and that of weights or of known
        standard deviations.
    times : ErrorTimes or None
        Of correlated errors.
    """

    columns: Mapping[str, Variable]
    groups: Mapping[str, Variable] = field(default_factory=dict)
    sizes: Mapping[str, int] = field(default_factory=dict)
    nested: frozenset[tuple[str, str]] = frozenset()
    between_of: Mapping[str, frozenset[str]] = field(default_factory=dict)
    errors: Mapping[str, Variable] = field(default_factory=dict)
    times: ErrorTimes | None = None

    def __post_init__(self) -> None:
        for name in ("columns", "groups", "sizes", "between_of", "errors"):
            object.__setattr__(self, name, MappingProxyType(dict(getattr(self, name))))

    def __reduce__(self) -> tuple[Any, ...]:
        mappings = (self.columns, self.groups, self.sizes)
        between, errors = dict(self.between_of), dict(self.errors)
        return type(self), (*map(dict, mappings), self.nested, between, errors, self.times)

    @property
    def needed(self) -> tuple[str, ...]:
        """Every column of the data that the model reads, those of groups and of errors too."""
        return tuple(dict.fromkeys((*self.columns, *self.groups, *self.errors)))

    @property
    def factors(self) -> tuple[str, ...]:
        """Names of the columns that hold labels."""
        return tuple(name for name, column in self.columns.items() if column.is_factor)

    @property
    def booleans(self) -> frozenset[str]:
        """Names of the columns that hold truth values."""
        return frozenset(name for name, column in self.columns.items() if column.boolean)


def describe_variables(problem: Problem, data: pd.DataFrame) -> Variables:
    """Read the kind, the levels and the level of each column a design uses.

    Parameters
    ----------
    problem : Problem
    data : DataFrame
        The data its design was made on.
    """
    design = problem.design
    spec = design.specification
    beside = () if spec.trials is None else (spec.trials.other,)
    left = (spec.response, *beside, *spec.offsets)
    further = () if problem.family is None else problem.family.further_terms
    needed = columns_needed(left, spec.fixed, *spec.random_effects, further)
    rows = data.loc[design.rows.kept]
    by_row = [name for name in (spec.weights, spec.known_sd) if name]
    of_errors = dict.fromkeys((*(spec.residual.columns if spec.residual else ()), *by_row))
    return Variables(
        columns={name: _variable(rows[name]) for name in needed if name in data.columns},
        groups={name: _variable(rows[name]) for name in spec.group_columns},
        sizes={factor.name: factor.J for factor in design.factors},
        nested=frozenset(
            (pair.first, pair.second) for pair in problem.nesting.pairs if pair.kind == NESTED
        ),
        between_of=dict(
            zip([one.name for one in design.factors], design.columns.between_of, strict=True)
        ),
        errors={name: _variable(rows[name]) for name in of_errors},
        times=error_times(problem),
    )


def _variable(column: pd.Series) -> Variable:
    return Variable(str(column.name), factor_levels(column), is_bool_dtype(column.dtype))


def factor_levels(column: pd.Series) -> tuple[str, ...]:
    """Levels in use of a factor, ordered as formulaic codes them; none of a number."""
    if is_numeric_dtype(column.dtype) or is_bool_dtype(column.dtype):
        return ()
    levels = column.astype("category").cat.remove_unused_categories().cat.categories
    return tuple(map(str, levels))


def is_factor(columns: Columns, column: pd.Series) -> bool:
    """Whether a column holds labels, or numbers that the formula takes for labels."""
    if is_bool_dtype(column.dtype) or not is_numeric_dtype(column.dtype):
        return True
    return coded_levels(columns, str(column.name)) is not None


def coded_levels(columns: Columns, name: str) -> list[Any] | None:
    """Levels of a column that the fixed part codes, the reference first; None of another."""
    for coded, (kind, state) in columns.fixed_spec.encoder_state.items():
        if kind is Factor.Kind.CATEGORICAL and name in names_in(_quoted(coded)):
            return list(state["categories"])
    return None


def _quoted(name: str) -> str:
    return name if name.isidentifier() or "(" in name else f"`{name}`"
