"""What zero inflation and hurdles have in common: a family inside, and a probability of zeros."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import ClassVar, Self

import numpy as np

from hierbayes.compilation import inner
from hierbayes.errors import FamilyError, FormulaError
from hierbayes.families.family import ResponseFamily
from hierbayes.families.rows import Formulas
from hierbayes.frames.arrays import Floats
from hierbayes.specification.terms import join_terms, read_terms

CONSTANT = "~ 1"


@inner
def log_shares(z):
    """Log π and log(1 − π), π = 1/(1 + e^−z)."""
    log = math.log1p(math.exp(-abs(z)))
    return min(z, 0.0) - log, -max(z, 0.0) - log


LOGIT_ZERO = "logit zero"  # the log odds of a zero with a probability of its own


@dataclass(frozen=True, slots=True)
class ZeroPart(ResponseFamily):
    """A family with a probability π of zeros.

    φ are those of the family inside, and the logit of π, or the coefficients of the columns that
    it depends on.

    Attributes
    ----------
    inside : ResponseFamily
        What a response is that is not such a zero.
    zeros : str
        What logit π depends on: "~ 1", one π for all rows, or columns, as in "~ x + arm".
    columns : tuple of str
        Names of the columns, once the data are known.
    turn : tuple of tuple of float
        See `turned`; likewise.
    """

    what: ClassVar[str]
    holds: ClassVar[tuple[Callable[[], ResponseFamily], ...]]
    holds_inside: ClassVar[bool] = False  # as a special case, of a probability of 0
    no_zeros: ClassVar[str] = "the probability of further zeros is zero"
    inside: ResponseFamily
    zeros: str
    link: str = field(init=False, repr=False)
    columns: tuple[str, ...] = field(init=False, repr=False)
    turn: tuple[tuple[float, ...], ...] = field(init=False, repr=False)

    def __init__(self, inside: ResponseFamily | None = None, zeros: str = CONSTANT) -> None:
        inside = self.holds[0]() if inside is None else inside
        if type(inside) not in self.holds:  # a subclass is another family
            known = ", ".join(one.__name__ for one in self.holds)
            raise FamilyError(f"{self.what} ({known}), not in {inside!r}")
        terms = _terms_of(zeros)
        object.__setattr__(self, "inside", inside)
        object.__setattr__(self, "zeros", f"~ {join_terms(terms)}")
        object.__setattr__(self, "link", inside.link)
        object.__setattr__(self, "columns", ())
        object.__setattr__(self, "turn", ())

    @property
    def title(self) -> str:
        """With the family inside."""
        return f"{self.name} {self.inside.title}"

    @property
    def dispersion(self) -> tuple[str, ...]:
        """Those of the family inside, and "logit zero" or, by column, such as "zero: x"."""
        own = tuple(f"zero: {name}" for name in self.columns)
        return (*self.inside.dispersion, *(own or (LOGIT_ZERO,)))

    @property
    def dispersion_kinds(self) -> tuple[str, ...]:
        """That of a logit is 'real', those of columns are 'coefficient'."""
        own = ("coefficient",) * len(self.columns)
        return (*self.inside.dispersion_kinds, *(own or ("real",)))

    @property
    def is_whole(self) -> bool:
        """As the family inside."""
        return self.inside.is_whole

    @property
    def dispersion_moves_mean(self) -> bool:
        """True."""
        return True

    @property
    def mean_range(self) -> tuple[float, float]:
        """That of the family inside, whose end is 0 too."""
        return self.inside.mean_range

    @property
    def further_terms(self) -> tuple[str, ...]:
        """Those of the zeros; none of a constant probability."""
        terms = read_terms(self.zeros.removeprefix("~ "), "zeros")
        return () if terms == ("1",) else terms

    @property
    def turned(self) -> Floats | None:
        """As in `ResponseFamily`."""
        return np.array(self.turn) if self.turn else None

    def of_columns(self, names: tuple[str, ...], turn: Floats) -> Self:
        """The family with the columns that its zeros depend on, and T."""
        found = type(self)(self.inside, self.zeros)
        object.__setattr__(found, "columns", names)
        object.__setattr__(found, "turn", tuple(map(tuple, turn.tolist())))
        return found

    def with_columns(self, inside: Formulas) -> Formulas:
        """The formulas with zeros that depend on columns."""
        if not self.columns:
            return inside
        name = f"{inside.name}_columns"
        return Formulas(name, inside.row, inside.row_phi, shared=len(self.inside.dispersion))

    def parts(self, m: Floats, phi: Floats) -> tuple[Floats, Floats, Floats]:
        """The size (n,) and φ of the family inside, and the logit of π, a number or (n,).

        Raises
        ------
        FamilyError
            When there are no values of the columns.
        """
        d = len(self.inside.dispersion)
        if not self.further_terms:
            return m, phi[:d], phi[d]
        if m.ndim < 2 or not self.columns:
            raise FamilyError(
                f"zeros that depend on columns, '{self.zeros}', need data, and have none here"
            )
        return m[:, 0], phi[:d], m[:, 1:] @ phi[d:]

    def size(self, m: Floats) -> Floats:
        """The size (n,) of the family inside."""
        return m[:, 0] if m.ndim > 1 else m

    def with_share(self, phi: Floats, m: Floats, share: float) -> Floats:
        """φ from those inside, and a share of zeros."""
        logit = math.log(share / (1.0 - share))
        if m.ndim < 2:
            return np.append(phi, logit)
        return np.append(phi, np.linalg.lstsq(m[:, 1:], np.full(len(m), logit))[0])


def _terms_of(zeros: object) -> tuple[str, ...]:
    """The terms of a formula of zeros, with the intercept as "1".

    Raises
    ------
    FamilyError
        When it is none, or has random effects.
    """
    if not isinstance(zeros, str) or not zeros.strip().startswith("~"):
        raise FamilyError(
            f"what zeros depend on is a formula such as '~ 1' or '~ x', not {zeros!r}"
        )
    if "|" in zeros:
        raise FamilyError(f"what zeros depend on has no random effects: {zeros!r}")
    try:
        found = read_terms(zeros.strip().removeprefix("~"), "zeros")
    except FormulaError as error:
        raise FamilyError(f"what zeros depend on, {zeros!r}: {error}") from error
    return found
