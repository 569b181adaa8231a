"""A model's symbols in one notation and one way of writing; numbers in their place for a fit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from hierbayes.frames.arrays import Floats
from hierbayes.language.factor import Factors
from hierbayes.language.response_model import PREDICTOR, ResponseModel
from hierbayes.language.structure import Coefficient, Entry, Structure
from hierbayes.language.writer import Index, Term, Writer
from hierbayes.specification.notation import Notation


@dataclass(frozen=True, slots=True, eq=False)
class Estimates:
    """Numbers for the parameters of a model.

    Parameters
    ----------
    gamma : (p,) float
        Fixed effects in the order of the fixed columns.
    G : (q, q) float
        Variance matrix of the random effects, in the order of Z.
    sigma : float
        Residual standard deviation.
    dispersion : (d,) float
        Of the response; of a Gaussian one σ.
    what : str
        What they are, ``"REML estimates"`` or ``"posterior means"``.
    least_squares : bool
        Whether gamma is the GLS estimate given G and sigma.
    errors : mapping of str to float
        Parameters of a residual structure by name.
    error_matrix : (m, m) float, optional
        The covariance of the errors of one group, or of its first rows in order of time.
    error_matrix_of : str
        Which they are.
    """

    gamma: Floats
    G: Floats
    sigma: float
    dispersion: Floats
    what: str
    least_squares: bool
    errors: Mapping[str, float] = field(default_factory=dict)
    error_matrix: Floats | None = None
    error_matrix_of: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Script:
    """A model to be written down.

    Parameters
    ----------
    structure : Structure
    notation : Notation
    writer : Writer
    estimates : Estimates or None
        Numbers in place of the parameters.
    model : ResponseModel or None
        Of a response that is not Gaussian.
    """

    structure: Structure
    notation: Notation
    writer: Writer
    estimates: Estimates | None = None
    model: ResponseModel | None = None

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
    def response(self) -> str:
        """The response of a row."""
        return self.writer.name(self.structure.response, *self.ij)

    @property
    def at_row(self) -> tuple[str, ...]:
        """Subscripts of a row."""
        return self.ij

    @property
    def error(self) -> str:
        """The error of a row."""
        return self.writer.symbol(self.notation.error, *self.ij)

    @property
    def left(self) -> str:
        """What the equation of a row is of: its response, or its linear predictor."""
        return self.response if self.model is None else self.writer.symbol(PREDICTOR, *self.ij)

    @property
    def errors(self) -> list[Term]:
        """The error of a row, which only a Gaussian response has."""
        return [Term(self.error)] if self.model is None else []

    @property
    def offsets(self) -> list[Term]:
        """What is added to the linear predictor, or the mean, of a row."""
        if self.model is not None:
            return self.model.offset_terms(self)
        return [Term(self.writer.name(one, *self.at_row)) for one in self.structure.offsets]

    @property
    def given(self) -> tuple[str, ...]:
        """The random effects of a row's group."""
        random = self.structure.random
        return (self.u(random[0]) if len(random) == 1 else self.u_vector,)

    @property
    def u_vector(self) -> str:
        """The vector of a group's random effects."""
        return self.matrix_symbol(self.notation.random, self.j)

    @property
    def dispersion(self) -> Floats | None:
        """Numbers in place of the dispersion."""
        return None if self.estimates is None else self.estimates.dispersion

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

    def sigma2(self) -> str:
        """σ², or the square of its value."""
        if self.estimates is not None:
            return self.writer.squared(self.estimates.sigma)
        return self.writer.power(self.writer.symbol("σ"), "2")

    def G(self) -> str:
        """The entries of G, or their values; zeros between independent blocks."""
        random = self.structure.random
        return self.writer.matrix([[self._variance(a, b) for b in random] for a in random])

    def _variance(self, first: Coefficient, second: Coefficient) -> str:
        if first.block != second.block:
            return "0"
        if self.estimates is not None:
            term = self.writer.number(float(self.estimates.G[first.effect, second.effect]))
            return f"{self.writer.minus if term.negative else ''}{term.text}"
        k, m = sorted((first.k, second.k), reverse=True)
        return self.writer.symbol(self.notation.element, k, m)

    def matrix_symbol(self, letter: str, *index: Index, over: str = "") -> str:
        """A vector or a matrix."""
        return self.writer.symbol(letter, *index, bold=True, over=over)

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
