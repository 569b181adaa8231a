"""The columns of a model with several grouping factors as coefficients, level by level.

A column is a product of level-1, level-2, ... factors.  Its level-1 part names a coefficient of
the equation of a row, its level-2 part a coefficient in the equation of that coefficient, and so
on; a random effect leads to the coefficient that varies.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from hierbayes.specification.formula import Specification
from hierbayes.translation.hlm.column_names import ColumnNames
from hierbayes.translation.programs.factor_coding import refuse_unclear_coding


@dataclass(slots=True)
class Coefficient:
    """A coefficient, with those of its own equation.

    Parameters
    ----------
    names : tuple of str
        The names whose product it multiplies; none for a constant.
    below : dict
        The coefficients of its equation, by the names of each.
    factors : list of str
        The grouping factors over which it varies at random.
    index : tuple of int
        Its numbers, one for each equation down to it; 0 is the constant of an equation.
    fixed : bool
        Whether a fixed column leads to it, so that its equation ends in it.
    """

    names: tuple[str, ...] = ()
    below: dict[frozenset[str], Coefficient] = field(default_factory=dict)
    factors: list[str] = field(default_factory=list)
    index: tuple[int, ...] = ()
    fixed: bool = False

    @property
    def terms(self) -> list[Coefficient]:
        """The coefficients of its equation, the constant first."""
        return sorted(self.below.values(), key=lambda one: bool(one.names))

    def number(self) -> None:
        """Give numbers to all coefficients below."""
        for k, one in enumerate(self.terms, int(frozenset() not in self.below)):
            one.index = (*self.index, k)
            one.number()


@dataclass(frozen=True, slots=True)
class NamedColumn:
    """A column of the combined model: its coefficient, and its names in the order of the term.

    Parameters
    ----------
    coefficient : Coefficient
    names : tuple of str
    block : int
        Of a random effect the block of G; else -1.
    factor : str
        Of a random effect the grouping factor.
    """

    coefficient: Coefficient
    names: tuple[str, ...]
    block: int = -1
    factor: str = ""


@dataclass(slots=True)
class CoefficientTree:
    """All coefficients of a model.

    Parameters
    ----------
    names : ColumnNames
    level_of : callable
        From a factor of a term to its level, 0 for that of the rows, and its subscript.
    root : Coefficient
        Its terms are the coefficients of the equation of a row.
    fixed, random : list of NamedColumn
        In the order of the model.
    """

    names: ColumnNames
    level_of: Callable[[str], tuple[int, str]]
    root: Coefficient = field(default_factory=Coefficient)
    fixed: list[NamedColumn] = field(default_factory=list)
    random: list[NamedColumn] = field(default_factory=list)

    def grow(
        self, spec: Specification, depth: int, depth_of: Callable[[str, str], int]
    ) -> CoefficientTree:
        """Put the columns of a model where they belong, and number the coefficients.

        Parameters
        ----------
        spec : Specification
        depth : int
            How many equations lead to a fixed column.
        depth_of : callable
            From a grouping factor and an effect to how many lead to what varies.
        """
        for terms in (spec.fixed, *spec.random_effects):
            refuse_unclear_coding(terms, self.names.is_factor, "HLM")
        for term in spec.fixed:
            for choice in self.names.choices(term, spec.fixed):
                found, names = self._led_to(choice, depth)
                found.fixed = True
                self.fixed.append(NamedColumn(found, names))
        for block, one in enumerate(spec.random):
            for effect in one.effects:
                deep = depth_of(one.factor, effect)
                for choice in self.names.choices(effect, one.effects):
                    found, names = self._led_to(choice, deep)
                    found.factors.append(one.factor)
                    self.random.append(NamedColumn(found, names, block, one.factor))
        self.root.number()
        return self

    def _led_to(
        self, choice: Sequence[tuple[str, str]], depth: int
    ) -> tuple[Coefficient, tuple[str, ...]]:
        """The coefficient of a column, and the column's names; what is above stands with rows."""
        parts: list[list[str]] = [[] for _ in range(depth)]
        names = []
        for factor, level in choice:
            at, subscript = self.level_of(factor)
            names.append(self.names.of(factor, level, subscript))
            parts[at if at < depth else 0].append(names[-1])
        found = self.root
        for part in parts:
            found = found.below.setdefault(frozenset(part), Coefficient(tuple(part)))
        return found, tuple(names)
