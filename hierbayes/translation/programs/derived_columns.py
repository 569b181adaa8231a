"""Columns that a program must make first: group means, deviations, transformations, indicators."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from dataclasses import dataclass

from hierbayes.specification.terms import column_name
from hierbayes.translation.programs.factor_trees import factor_text, put_factors, usual_functions


@dataclass(frozen=True, slots=True)
class GroupMean:
    """The mean of a column in each group; stands for ``cvar``."""

    name: str
    factor: str
    of: str
    group: str


@dataclass(frozen=True, slots=True)
class Deviation:
    """A column minus its group mean; stands for ``dvar``."""

    name: str
    factor: str
    of: str
    group: str


@dataclass(frozen=True, slots=True)
class Computed:
    """Arithmetic of columns; the names in the tree are columns of the data or made before."""

    name: str
    factor: str
    tree: ast.expr


@dataclass(frozen=True, slots=True)
class Indicator:
    """1 at a level of a factor and 0 elsewhere; stands for a column of formulaic's coding."""

    name: str
    factor: str
    of: str
    level: str


type DerivedColumn = GroupMean | Deviation | Computed | Indicator


def usual_factor(step: DerivedColumn, steps: Sequence[DerivedColumn]) -> str:
    """What a reader makes of a column from its definition alone.

    Examples
    --------
    >>> column = GroupMean("cvar_x", "cvar(x, g)", "x", "g")
    >>> usual_factor(column, [column])
    'cvar(x, g)'
    """
    stands_for = {other.name: base_factor(other) for other in steps}
    if isinstance(step, Indicator):
        return ""
    if isinstance(step, Computed):
        tree = usual_functions(step.tree)
        return factor_text(put_factors(tree, lambda name: stands_for.get(name, column_name(name))))
    kind = "cvar" if isinstance(step, GroupMean) else "dvar"
    return f"{kind}({stands_for.get(step.of, column_name(step.of))}, {column_name(step.group)})"


def made_of(step: DerivedColumn) -> frozenset[str]:
    """Columns that the definition of a column reads."""
    if isinstance(step, Computed):
        names = (node.id for node in ast.walk(step.tree) if isinstance(node, ast.Name))
        return frozenset(names)
    return frozenset({step.of})


def base_factor(step: DerivedColumn) -> str:
    """What a column stands for inside another: an indicator for its factor."""
    return column_name(step.of) if isinstance(step, Indicator) else step.factor
