"""What rows have in equations of any levels: response, error, linear predictor."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

from hierbayes.frames.arrays import Floats
from hierbayes.language.estimates import Estimates
from hierbayes.language.level_structure import LevelStructure
from hierbayes.language.response_model import PREDICTOR, ResponseModel
from hierbayes.language.structure import Structure
from hierbayes.language.writer import Index, Term, Writer
from hierbayes.specification.notation import Notation


@dataclass(frozen=True, slots=True, eq=False)
class RowScript[S: (Structure, LevelStructure)](ABC):
    """A model to be written down, as far as its rows go.

    Parameters
    ----------
    structure : Structure or LevelStructure
    notation : Notation
    writer : Writer
    estimates : Estimates or None
        Numbers in place of the parameters.
    model : ResponseModel or None
        Of a response that is not Gaussian.
    """

    structure: S
    notation: Notation
    writer: Writer
    estimates: Estimates | None = None
    model: ResponseModel | None = None

    @property
    @abstractmethod
    def at_row(self) -> tuple[str, ...]:
        """Subscripts of a row, in the order they are written."""

    @property
    @abstractmethod
    def given(self) -> tuple[str, ...]:
        """The random effects of a row's groups, if there are any."""

    @property
    def response(self) -> str:
        """The response of a row."""
        return self.writer.name(self.structure.response, *self.at_row)

    @property
    def error(self) -> str:
        """The error of a row."""
        return self.writer.symbol(self.notation.error, *self.at_row)

    @property
    def left(self) -> str:
        """What the equation of a row is of: its response, or its linear predictor."""
        predictor = self.writer.symbol(PREDICTOR, *self.at_row)
        return self.response if self.model is None else predictor

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
    def dispersion(self) -> Floats | None:
        """Numbers in place of the dispersion."""
        return None if self.estimates is None else self.estimates.dispersion

    def sigma2(self) -> str:
        """σ², or the square of its value."""
        if self.estimates is None:
            return self.writer.power(self.writer.symbol("σ"), "2")
        return self.writer.squared(self.estimates.sigma)

    def matrix_symbol(self, letter: str, *index: Index, over: str = "") -> str:
        """A vector or a matrix."""
        return self.writer.symbol(letter, *index, bold=True, over=over)

    def entry(self, place: tuple[int, int], *index: Index) -> str:
        """An entry of G as a symbol with its subscripts, or the value at its place."""
        if self.estimates is None:
            return self.writer.symbol(self.notation.element, *index)
        term = self.writer.number(float(self.estimates.G[place]))
        return f"{self.writer.minus if term.negative else ''}{term.text}"
