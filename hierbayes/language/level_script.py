"""The symbols of a model of several grouping factors, or numbers in their place."""

from __future__ import annotations

from dataclasses import dataclass

from hierbayes.language.factor import Factor, Factors
from hierbayes.language.level_structure import LevelEffect, LevelStructure, Node
from hierbayes.language.row_script import RowScript
from hierbayes.language.writer import Term

_LETTERS = "ijklmnopqrstuvw"


@dataclass(frozen=True, slots=True, eq=False)
class LevelScript(RowScript[LevelStructure]):
    """A model of several grouping factors to be written down, with the fields of a `RowScript`."""

    # ---------------------------------------------------------------- indices and variables

    @property
    def order(self) -> tuple[int, ...]:
        """The factors, the lowest first; their numbers in the matrix form."""
        return tuple(k for level in self.structure.levels for k in level)

    @property
    def row(self) -> str:
        """Index of a row."""
        first = self.notation.row < self.notation.group
        return _LETTERS[0 if first else len(self.order)]

    def letter(self, factor: int) -> str:
        """Index of a factor's group: from the rows up, or from the highest down to the rows."""
        if self.notation.row < self.notation.group:
            return _LETTERS[1 + self.order.index(factor)]
        down = self.order if not self.structure.is_nested else self.order[::-1]
        return _LETTERS[down.index(factor)]

    def at(self, factor: int) -> tuple[str, ...]:
        """Subscripts of a group: its own and those of the groups that it is nested in."""
        if not self.structure.is_nested:
            return (self.letter(factor),)
        above = self.order[self.order.index(factor) :]
        return tuple(sorted(map(self.letter, above)))

    @property
    def at_row(self) -> tuple[str, ...]:
        """Subscripts of a row."""
        return tuple(sorted([self.row, *map(self.letter, self.order)]))

    def variable(self, factor: Factor) -> str:
        """A variable with the subscripts of what it belongs to."""
        owner = self.structure.owner.get(factor.expr)
        return self.writer.name(factor.name, *(self.at_row if owner is None else self.at(owner)))

    def product(self, factors: Factors) -> str:
        """Variables side by side."""
        return self.writer.times(*map(self.variable, factors))

    @property
    def given(self) -> tuple[str, ...]:
        """The random effects of all groups, if there are any."""
        return (self.matrix_symbol(self.notation.random),) if self.structure.levels else ()

    # ---------------------------------------------------------------- parameters

    def own(self, node: Node) -> str:
        """A coefficient of groups, with the subscripts of the lowest groups it varies between."""
        levels = self.structure.levels[len(node.index) - 1 :]
        letters = sorted(self.letter(k) for level in levels for k in level)
        return self.writer.symbol(self.notation.own, *node.index, *letters)

    def u(self, effect: LevelEffect, node: Node) -> str:
        """A group's random effect."""
        return self.writer.symbol(self.notation.random, *node.index, *self.at(effect.factor))

    def gamma_symbol(self, node: Node) -> str:
        """γ with its subscripts."""
        return self.writer.symbol(self.notation.fixed, *node.index)

    def gamma(self, node: Node) -> Term:
        """γ, or its value."""
        if self.estimates is not None:
            return self.writer.number(float(self.estimates.gamma[node.place]))
        return Term(self.gamma_symbol(node))

    def number(self, factor: int) -> int:
        """The number of a factor in the matrix form."""
        return self.order.index(factor) + 1

    def G_symbol(self, factor: int) -> str:
        """The variance matrix of a factor's effects."""
        return self.matrix_symbol(self.notation.variance, self.number(factor))

    def effects(self, factor: int) -> list[tuple[LevelEffect, Node]]:
        """The random effects of a factor, in the order of Z."""
        return [
            (effect, path[-1]) for effect, path in self.structure.random if effect.factor == factor
        ]

    def G(self, factor: int) -> str:
        """The entries of a factor's variance matrix, or their values."""
        found = [effect for effect, _ in self.effects(factor)]
        entries = [
            [self._entry(factor, (m, a), (n, b)) for n, b in enumerate(found)]
            for m, a in enumerate(found)
        ]
        return self.writer.matrix(entries)

    def _entry(
        self, factor: int, row: tuple[int, LevelEffect], column: tuple[int, LevelEffect]
    ) -> str:
        (m, a), (n, b) = row, column
        if a.block != b.block:
            return "0"
        high, low = max(m, n), min(m, n)
        return self.entry((a.place, b.place), f"{self.number(factor)},{high}{low}")

    # ---------------------------------------------------------------- sums

    def weighted(self, weight: Term, factors: Factors) -> Term:
        """A summand: a weight times variables."""
        if not factors:
            return weight
        return Term(self.writer.times(weight.text, self.product(factors)), weight.negative)

    def equation(self, node: Node) -> list[Term]:
        """The right-hand side of a coefficient's equation."""
        terms = [
            self.weighted(
                self.gamma(one) if one.place >= 0 else Term(self.own(one)), one.factors
            )
            for one in node.terms
        ]  # fmt: skip
        return [*terms, *(Term(self.u(effect, node)) for effect in node.effects)]

    def fixed(self) -> list[Term]:
        """The fixed part of a row."""
        return [
            self.weighted(
                self.gamma(path[-1]), tuple(f for node in path[::-1] for f in node.factors)
            )
            for path in self.structure.fixed
        ] + self.offsets

    def random(self) -> list[Term]:
        """The random part of a row, without its error; the lowest factor first."""
        found = sorted(self.structure.random, key=lambda one: self.order.index(one[0].factor))
        return [
            self.weighted(
                Term(self.u(effect, path[-1])),
                tuple(f for node in path[::-1] for f in node.factors),
            )
            for effect, path in found
        ]
