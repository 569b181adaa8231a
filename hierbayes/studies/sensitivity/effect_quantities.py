"""Quantities of the fixed part: contrasts, contextual effects, R², probabilities."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from numbers import Real
from typing import Any

import numpy as np

from hierbayes.errors import StudyError
from hierbayes.fit.contextual.x_columns import factors_around, refuse_other_means, x_columns
from hierbayes.fit.fitted import Fitted
from hierbayes.fit.variance import between_variance, variance_of_sums
from hierbayes.frames.arrays import Floats
from hierbayes.studies.sensitivity.quantity import Quantity, position_of


@dataclass(frozen=True)
class FixedCombination(Quantity):
    """A linear combination c'γ of fixed effects; subclasses say which."""

    @property
    def block(self) -> str:
        """γ."""
        return "gamma"

    @property
    def reference(self) -> float:
        """An effect is decided when its interval excludes 0."""
        return 0.0

    @abstractmethod
    def coefficients(self, fit: Fitted) -> Floats:
        """c (p,)."""

    def draws(self, fit: Fitted) -> Floats:
        """c'γ."""
        values: Floats = fit.gamma_draws @ self.coefficients(fit)
        return values


@dataclass(frozen=True)
class Contrast(FixedCombination):
    """A linear combination c'γ of fixed effects.

    Parameters
    ----------
    weights : mapping
        From terms to their coefficients in c.
    label : str, optional
        Its name; by default the combination is spelt out.
    """

    weights: Mapping[str, float]
    label: str | None = None

    def __post_init__(self) -> None:
        given = self.weights
        if not isinstance(given, Mapping) or not given:
            raise StudyError(
                f"a contrast is a mapping from terms to numbers, as in {{'ses': 1}}, not {given!r}"
            )
        for term, weight in given.items():
            if not isinstance(weight, Real) or not np.isfinite(weight):
                raise StudyError(
                    f"the weight of '{term}' in a contrast must be a number, not {weight!r}"
                )

    @property
    def name(self) -> str:
        """The label, or the combination spelt out."""
        if self.label is not None:
            return self.label
        parts = [f"{'' if w == 1 else f'{w:g}·'}{term}" for term, w in self.weights.items()]
        return " + ".join(parts).replace("+ -", "− ").replace("-", "−")

    def coefficients(self, fit: Fitted) -> Floats:
        """c (p,).

        Raises
        ------
        StudyError
            When a term does not exist; the terms are listed.
        """
        c = np.zeros(len(fit.design.terms))
        for term, weight in self.weights.items():
            c[position_of(term, fit.design.terms, "fixed term")] = weight
        return c


@dataclass(frozen=True)
class Contextual(FixedCombination):
    """The contextual effect β_B − β_W of x: what the group's mean adds to one's own value.

    The coefficient of ``cvar(x, g)`` less that of ``dvar(x, g)``; beside x itself the
    coefficient of ``cvar(x, g)``, or of ``lvar(x, g)``, alone; see
    `hierbayes.fit.contextual.slopes`.  Where the slopes depend on other variables it is that
    at the reference levels and at 0.

    Parameters
    ----------
    x : str
    factor : str, optional
        Whose groups are meant, where there are several grouping factors.
    """

    x: str
    factor: str | None = None

    @property
    def name(self) -> str:
        """With the variable, and the factor where that is said."""
        over = "" if self.factor is None else f" over {self.factor}"
        return f"contextual effect of {self.x}{over}"

    def coefficients(self, fit: Fitted) -> Floats:
        """c (p,) with c'γ the contextual effect.

        Raises
        ------
        StudyError
            When the model has no group mean of x, or neither x nor its deviation.
        """
        k = fit.design.place_of_factor(self.factor)
        design, outer = fit.design.of_factor(k), factors_around(fit.design, k)
        refuse_other_means(fit.design, self.x, k, outer)
        terms, group = design.terms, design.specification.group
        means = (f"cvar({self.x}, {group})", f"lvar({self.x}, {group})")
        position_of(means[means[1] in terms], terms, "fixed term")
        deviations = [f"dvar({self.x}, {one})" for one in (group, *outer)]
        if not set(deviations) & set(terms):
            position_of(self.x, terms, "fixed term")
        c = np.zeros(len(terms))
        for column in x_columns(design, self.x, outer):
            if column.is_plain:
                within, between = column.slopes(0.0)
                c[column.place] = between - within
        return c


@dataclass(frozen=True)
class R2(Quantity):
    """The share of the variance of the response that the model explains.

    With v the variance of x'γ over the n rows (divisor n − 1, as in `variance_explained`) and T the
    mean of z'Gz over them: v/(v + T + σ²) for the fixed part, (v + T)/(v + T + σ²) with the groups.
    Of a family that is not Gaussian σ² is the variance of the latent response of its link.

    Parameters
    ----------
    groups : bool
        Whether what the groups explain counts.

    References
    ----------
    Nakagawa & Schielzeth (2013), doi:10.1111/j.2041-210x.2012.00261.x; Johnson (2014),
    doi:10.1111/2041-210X.12225.
    """

    groups: bool = False

    @property
    def name(self) -> str:
        """With what explains."""
        return "R2 of fixed part and groups" if self.groups else "R2 of fixed part"

    def draws(self, fit: Fitted) -> Floats:
        """v/(v + T + σ²) or (v + T)/(v + T + σ²)."""
        design = fit.design
        rows = design.rows
        fixed = variance_of_sums(fit.gamma_draws, rows.covariance * rows.n / (rows.n - 1))
        between = between_variance(fit.theta.G, rows.second_moment)
        total = fixed + between + fit.residual_variance
        share: Floats = (fixed + between if self.groups else fixed) / total
        return share


@dataclass(frozen=True)
class Probability(Quantity):
    """The probability that another quantity exceeds a value.

    Parameters
    ----------
    of : Quantity or str
        A quantity, or a fixed term.
    above : float
    """

    of: Quantity | str
    above: float = 0.0

    @property
    def name(self) -> str:
        """P(of > above)."""
        return f"P({self._quantity.name} > {self.above:g})"

    def __post_init__(self) -> None:
        if not isinstance(self.of, str | Quantity):
            raise StudyError(
                f"a probability is one of a fixed term or of a quantity, not of {self.of!r}"
            )
        if not isinstance(self.above, Real) or not np.isfinite(self.above):
            raise StudyError(f"a probability is that of exceeding a number, not {self.above!r}")

    @property
    def unit(self) -> float:
        """Movements of a probability are in units of 0.2, twenty points: not in its sd."""
        return 0.2

    def estimable(self) -> bool:
        """No: one θ is on one side or on the other."""
        return False

    @property
    def _quantity(self) -> Quantity:
        return Contrast({self.of: 1.0}) if isinstance(self.of, str) else self.of

    def draws(self, fit: Fitted) -> Floats:
        """1 where it does, 0 elsewhere."""
        return (self._quantity.draws(fit) > self.above).astype(np.float64)


@dataclass(frozen=True)
class Custom(Quantity):
    """Any function of a fit that gives one number for each draw.

    Parameters
    ----------
    label : str
    function : callable
        From a fit to an array (chains, draws), as in
        ``lambda fit: fit.draws("gamma").sel(term="ses")``.
    value : float, optional
        The value a decision turns on.
    """

    label: str
    function: Callable[[Any], Any]
    value: float | None = None

    def __post_init__(self) -> None:
        if not callable(self.function):
            raise StudyError(
                f"the quantity '{self.label}' must be a function of a fit, not {self.function!r}"
            )

    @property
    def name(self) -> str:
        """The label."""
        return self.label

    @property
    def reference(self) -> float | None:
        """As stated."""
        return self.value

    def draws(self, fit: Fitted) -> Floats:
        """What the function gives.

        Raises
        ------
        StudyError
            When that is not one number for each draw.
        """
        given = np.asarray(self.function(fit))
        if given.dtype.kind not in "biuf" or given.shape != fit.theta.sigma.shape:
            raise StudyError(
                f"the quantity '{self.label}' must give one number for each draw, an array "
                f"{fit.theta.sigma.shape}, not {given.dtype} {given.shape}"
            )
        values = given.astype(np.float64)
        if not np.isfinite(values).all():
            raise StudyError(f"the quantity '{self.label}' is missing or infinite at some draws")
        return values
