"""Grouping factors as levels of nesting, for systems that name one column for each level.

Where ``school`` and then ``class`` are named, the groups of the second level are the classes of
each school, whether or not a class of another school is called the same.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from itertools import combinations, pairwise

from hierbayes.errors import FormulaError
from hierbayes.translation.dialect import ModelToWrite


@dataclass(frozen=True, slots=True)
class Level:
    """A level of nesting.

    Parameters
    ----------
    factor : str
        The grouping factor.
    columns : tuple of str
        The column that tells its groups apart within those of the level above; all columns of
        the factor where it is not one more than those of the levels above.
    blocks : tuple of tuple of str
        Effects that vary over it, block by block.
    """

    factor: str
    columns: tuple[str, ...]
    blocks: tuple[tuple[str, ...], ...]


def nested_levels(model: ModelToWrite, system: str) -> tuple[Level, ...]:
    """The grouping factors of a model as levels of nesting, the outermost first.

    Raises
    ------
    FormulaError
        Naming two factors that cross, or one that is not one more column.
    """
    factors = outermost_first(model.specification.factors, model)
    for outer, inner in pairwise(factors):
        if (inner, outer) not in model.variables.nested:
            first, second = sorted((outer, inner), key=model.specification.factors.index)
            raise FormulaError(
                f"{system} has nested grouping factors only, and '{first}' and '{second}' cross; "
                "lmer of lme4 has both"
            )
    levels = levels_of(factors, model)
    for level in levels:
        if len(level.columns) > 1:
            raise FormulaError(
                f"{system} names one column for each level of nesting, and '{level.factor}' is "
                "not one more column; make a column of it first"
            )
    return levels


def outermost_first(factors: Collection[str], model: ModelToWrite) -> tuple[str, ...]:
    """Factors by their number of groups; of nested ones the outer has fewer."""
    return tuple(sorted(factors, key=lambda name: model.variables.sizes[name]))


def levels_of(factors: Sequence[str], model: ModelToWrite) -> tuple[Level, ...]:
    """Factors that are nested, the outermost first, as levels.

    With the columns so far named, a factor nested in the one before is the combinations of these
    and one column more, if it is made of no other columns.
    """
    named: set[str] = set()
    levels: list[Level] = []
    for factor in factors:
        columns = model.specification.columns_of[factor]
        more = tuple(column for column in columns if column not in named)
        named.update(columns)
        own = more if len(more) == 1 else columns
        levels.append(Level(factor, own, blocks_of(factor, model)))
    return tuple(levels)


def longest_chain(model: ModelToWrite, kept: Collection[str]) -> tuple[str, ...]:
    """The most factors that are nested, the outermost first; of as many those with most groups.

    Parameters
    ----------
    model : ModelToWrite
    kept : collection of str
        Factors that must be among them; empty where these are not nested.
    """
    factors = outermost_first(model.specification.factors, model)
    sizes, nested = model.variables.sizes, model.variables.nested
    chains = [
        some
        for size in range(1, len(factors) + 1)
        for some in combinations(factors, size)
        if set(kept) <= set(some) and nested.issuperset(zip(some[1:], some, strict=False))
    ]
    return max(chains, key=lambda some: (len(some), sum(map(sizes.__getitem__, some))), default=())


def blocks_of(factor: str, model: ModelToWrite) -> tuple[tuple[str, ...], ...]:
    """The effects that vary over a factor, block by block."""
    return tuple(term.effects for term in model.specification.random if term.factor == factor)
