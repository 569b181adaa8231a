"""A model's symbols in one notation and one way of writing; numbers in their place for a fit."""

from __future__ import annotations

from dataclasses import dataclass

from hierbayes.language.factor import Factors
from hierbayes.language.row_script import RowScript
from hierbayes.language.structure import Coefficient, Entry, Structure
from hierbayes.language.writer import Index, Term


@dataclass(frozen=True, slots=True, eq=False)
class Script(RowScript[Structure]):
    """A model of one grouping factor to be written down, with the fields of a `RowScript`."""

    # ---------------------------------------------------------------- indices and variables

    @property
    def j(self) -> str:
        """Index of a group."""
        return self.notation.group

    @property
    def ij(self) -> tuple[str, str]:
        """Indices of a row, in the order they are written."""
        first, second = sorted((self.notation.row, self.notation.group))
        return first, second

    def product(self, factors: Factors, at: tuple[Index, ...] = ()) -> str:
        """A column's entry at a row, by default row ij; 1 where it has no factors."""
        row = at or self.ij
        names = [self.writer.name(f.name, *((self.j,) if f.between else row)) for f in factors]
        return self.writer.times(*names) if names else "1"

    @property
    def at_row(self) -> tuple[str, ...]:
        """Subscripts of a row."""
        return self.ij

    @property
    def given(self) -> tuple[str, ...]:
        """The random effects of a row's group."""
        random = self.structure.random
        return (self.u(random[0]) if len(random) == 1 else self.u_vector,)

    @property
    def u_vector(self) -> str:
        """The vector of a group's random effects."""
        return self.matrix_symbol(self.notation.random, self.j)

    # ---------------------------------------------------------------- parameters

    def own(self, beta: Coefficient) -> str:
        """A group's coefficient β_kj."""
        return self.writer.symbol(self.notation.own, beta.k, self.j)

    def u(self, beta: Coefficient) -> str:
        """A group's random effect u_kj."""
        return self.writer.symbol(self.notation.random, beta.k, self.j)

    def gamma(self, entry: Entry) -> Term:
        """γ_kh, or its value."""
        if self.estimates is not None:
            return self.writer.number(float(self.estimates.gamma[entry.place]))
        return Term(self.gamma_symbol(entry))

    def gamma_symbol(self, entry: Entry) -> str:
        """γ_kh."""
        return self.writer.symbol(self.notation.fixed, entry.k, entry.h)

    def G(self) -> str:
        """The entries of G, or their values; zeros between independent blocks."""
        random = self.structure.random
        return self.writer.matrix([[self._variance(a, b) for b in random] for a in random])

    def _variance(self, first: Coefficient, second: Coefficient) -> str:
        if first.block != second.block:
            return "0"
        k, m = sorted((first.k, second.k), reverse=True)
        return self.entry((first.effect, second.effect), k, m)

    # ---------------------------------------------------------------- sums

    def equation(self, beta: Coefficient) -> list[Term]:
        """The right-hand side of a coefficient's equation, as summands."""
        terms = [self._weighted(self.gamma(e), self.product(e.factors)) for e in beta.entries]
        return [*terms, *([Term(self.u(beta))] if beta.is_random else [])]

    def fixed(self) -> list[Term]:
        """The fixed part of a row."""
        return [
            self._weighted(self.gamma(entry), self.product((*entry.factors, *beta.factors)))
            for beta, entry in self.structure.entries
        ] + self.offsets

    def random(self) -> list[Term]:
        """The random part of a row, without its error."""
        return [
            self._weighted(Term(self.u(beta)), self.product(beta.factors))
            for beta in self.structure.coefficients
            if beta.is_random
        ]

    def _weighted(self, weight: Term, column: str) -> Term:
        if column == "1":
            return weight
        return Term(self.writer.times(weight.text, column), weight.negative)
