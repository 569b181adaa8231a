"""What every way of writing formulas can do: an alphabet, sums, matrices, aligned lines."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from math import floor, log10
from typing import ClassVar

Index = int | str

WIDTH = 78  # characters of a sum on one line


@dataclass(frozen=True, slots=True)
class Term:
    """A summand: its text without sign, and whether it is subtracted."""

    text: str
    negative: bool = False


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a form.

    Parameters
    ----------
    left : str
        What stands before the relation; empty where the line above goes on.
    relation : str
        ``"="`` or ``"~"``; empty for a remark and for what goes on.
    right : str
    """

    left: str
    relation: str
    right: str


def digits(value: float) -> tuple[str, int | None]:
    """Size of a number with two decimals, three digits below 1, and its power of ten if any.

    Examples
    --------
    >>> digits(13.4812), digits(-0.06213), digits(2.4e-7)
    (('13.48', None), ('0.0621', None), ('2.40', -7))
    """
    size = abs(value)
    if size == 0.0:
        return "0", None
    power = floor(log10(size))
    if not -4 <= power < 7:
        return f"{size / 10.0**power:.2f}", power
    return f"{size:.{max(2, 2 - power)}f}", None


class Writer(ABC):
    """One way of writing formulas, as text or as LaTeX."""

    dots: ClassVar[str]  # rows that go on downwards
    minus: ClassVar[str]
    gap: ClassVar[str]  # before a remark
    given: ClassVar[str]  # between what is random and what it is conditional on

    @abstractmethod
    def symbol(self, letter: str, *index: Index, bold: bool = False, over: str = "") -> str:
        """A letter with subscripts, and ``"hat"`` or ``"ddot"`` over it."""

    @abstractmethod
    def name(self, text: str, *index: Index) -> str:
        """A name of the user's with subscripts."""

    @abstractmethod
    def words(self, text: str) -> str:
        """Words between formulas."""

    @abstractmethod
    def formula(self, text: str) -> str:
        """A short formula of letters and signs."""

    @abstractmethod
    def number(self, value: float) -> Term:
        """A number."""

    @abstractmethod
    def power(self, base: str, exponent: str) -> str:
        """A power, ``"2"`` or ``"-1"``, or a transpose, ``"'"``."""

    @abstractmethod
    def raised(self, base: str, exponent: str) -> str:
        """A power of any exponent."""

    def squared(self, value: float) -> str:
        """A number with its power."""
        _, ten = digits(value)
        text = self.number(value).text
        return self.power(text if ten is None else self.bracket(text), "2")

    @abstractmethod
    def times(self, *factors: str) -> str:
        """A product."""

    @abstractmethod
    def bracket(self, inner: str) -> str:
        """In parentheses."""

    @abstractmethod
    def inline(self, inner: str) -> str:
        """Arguments in parentheses that are no taller than a letter."""

    @abstractmethod
    def column(self, items: Sequence[str]) -> str:
        """A column vector."""

    @abstractmethod
    def matrix(self, rows: Sequence[Sequence[str]]) -> str:
        """A matrix."""

    @abstractmethod
    def diagonal(self, first: str, last: str, second: str) -> str:
        """A block-diagonal matrix of many blocks."""

    @abstractmethod
    def stack(self, first: str, last: str) -> str:
        """Many vectors or matrices on top of each other."""

    @abstractmethod
    def beside(self, *parts: str) -> str:
        """Parts of a line, one after the other."""

    @abstractmethod
    def width(self, text: str) -> int:
        """How wide a text is once it is shown, in characters."""

    @abstractmethod
    def align(self, lines: Sequence[Line]) -> str:
        """Lines below each other, aligned at their relations."""

    def phrase(self, text: str) -> str:
        """Words with formulas between dollar signs."""
        parts = enumerate(text.split("$"))
        return "".join(self.formula(part) if k % 2 else self.words(part) for k, part in parts)

    def normal(self, variance: str, *, many: bool = False) -> str:
        """A normal distribution about zero, of a number or of a vector."""
        zero = self.symbol("0", bold=many)
        return self.beside(f"N({zero}, ", variance, ")")

    def total(self, terms: Sequence[Term]) -> str:
        """A sum in one piece, signs tidy; 0 where there is nothing to add."""
        return " ".join(self.rows(terms, None)) or "0"

    def rows(self, terms: Sequence[Term], width: int | None = WIDTH) -> list[str]:
        """A sum folded into lines; each after the first begins with its sign."""
        lines: list[str] = []
        for term in terms:
            if not lines:
                lines.append(f"{self.minus if term.negative else ''}{term.text}")
                continue
            piece = f"{self.minus if term.negative else '+'} {term.text}"
            if width is not None and self.width(lines[-1]) + self.width(piece) >= width:
                lines.append(piece)
            else:
                lines[-1] += f" {piece}"
        return lines
