"""Quantities of a fit that a question is about: one number for each draw.

Every quantity reads any fit, so REML has its value of it as well: that of its one θ.
``reference`` is the value a decision turns on, where there is one: an effect is
positive, negative or undecided against 0.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from hierbayes.errors import StudyError
from hierbayes.fit.effects import group_shrinkage, population_draws
from hierbayes.fit.fitted import Fitted
from hierbayes.fit.variance import icc_draws
from hierbayes.frames.arrays import Floats
from hierbayes.likelihood.covariance import sd_corr

_NEW_GROUP = 2  # the stream of random numbers behind the effects of a group not yet seen


@dataclass(frozen=True)
class Quantity:
    """Something to ask of a fit; subclasses say what.

    Every subclass has a ``name``, a ``reference`` (None where no decision turns on the
    quantity) and `draws`.
    """

    @property
    def name(self) -> str:
        """How tables call it."""
        raise NotImplementedError

    @property
    def reference(self) -> float | None:
        """The value a decision turns on."""
        return None

    def draws(self, fit: Fitted) -> Floats:
        """Its value at each draw (chains, draws)."""
        raise NotImplementedError


@dataclass(frozen=True)
class Contrast(Quantity):
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

    @property
    def name(self) -> str:
        """The label, or the combination spelt out."""
        if self.label is not None:
            return self.label
        parts = [f"{'' if w == 1 else f'{w:g}·'}{term}" for term, w in self.weights.items()]
        return " + ".join(parts).replace("+ -", "− ").replace("-", "−")

    @property
    def reference(self) -> float:
        """An effect is decided when its interval excludes 0."""
        return 0.0

    def coefficients(self, fit: Fitted) -> Floats:
        """c (p,).

        Raises
        ------
        StudyError
            When a term does not exist; the terms are listed.
        """
        c = np.zeros(len(fit.design.terms))
        for term, weight in self.weights.items():
            c[_position(term, fit.design.terms, "fixed term")] = weight
        return c

    def draws(self, fit: Fitted) -> Floats:
        """c'γ."""
        values: Floats = fit.gamma_draws @ self.coefficients(fit)
        return values


@dataclass(frozen=True)
class SD(Quantity):
    """The standard deviation of a random effect."""

    effect: str

    @property
    def name(self) -> str:
        """As summaries have it."""
        return f"sd({self.effect})"

    def draws(self, fit: Fitted) -> Floats:
        """√G_kk."""
        k = _position(self.effect, fit.design.effects, "random effect")
        sd: Floats = sd_corr(fit.G_draws)[0][..., k]
        return sd


@dataclass(frozen=True)
class Corr(Quantity):
    """The correlation of two random effects."""

    effect: str
    other: str

    @property
    def name(self) -> str:
        """As summaries have it."""
        return f"corr({self.effect}, {self.other})"

    @property
    def reference(self) -> float:
        """Whether it is positive or negative."""
        return 0.0

    def draws(self, fit: Fitted) -> Floats:
        """G_kl/√(G_kk G_ll)."""
        k = _position(self.effect, fit.design.effects, "random effect")
        other = _position(self.other, fit.design.effects, "random effect")
        corr: Floats = sd_corr(fit.G_draws)[1][..., k, other]
        return corr


@dataclass(frozen=True)
class Sigma(Quantity):
    """The residual standard deviation."""

    @property
    def name(self) -> str:
        """As summaries have it."""
        return "sigma"

    def draws(self, fit: Fitted) -> Floats:
        """σ."""
        return fit.sigma_draws


@dataclass(frozen=True)
class ICC(Quantity):
    """The share of unexplained variance between groups; see `Fit.icc`.

    Parameters
    ----------
    at : mapping, optional
        Values of the random columns; by default an average over the rows.
    """

    at: Mapping[str, float] | None = None

    @property
    def name(self) -> str:
        """With the place where it is meant."""
        if self.at is None:
            return "icc"
        return f"icc at {', '.join(f'{key} = {value:g}' for key, value in self.at.items())}"

    def draws(self, fit: Fitted) -> Floats:
        """z'Gz/(z'Gz + σ²)."""
        return icc_draws(fit, None if self.at is None else dict(self.at))


@dataclass(frozen=True)
class R2(Quantity):
    """The share of the variance of the response that the model explains.

    With v = var(x'γ) over the rows and T the mean of z'Gz over them: v/(v + T + σ²) for
    the fixed part, (v + T)/(v + T + σ²) with the groups.

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
        centred = design.X - design.X.mean(axis=0)
        covariance = centred.T @ centred / len(centred)
        fixed = np.einsum("cdp,pr,cdr->cd", fit.gamma_draws, covariance, fit.gamma_draws)
        between = np.einsum("cdkl,kl->cd", fit.G_draws, design.Z.T @ design.Z / len(design.Z))
        total = fixed + between + fit.sigma_draws**2
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

    @property
    def _quantity(self) -> Quantity:
        return Contrast({self.of: 1.0}) if isinstance(self.of, str) else self.of

    def draws(self, fit: Fitted) -> Floats:
        """1 where it does, 0 elsewhere."""
        return (self._quantity.draws(fit) > self.above).astype(np.float64)


@dataclass(frozen=True)
class GroupCoefficient(Quantity):
    """A coefficient β_j = population value + u_j of one group."""

    group: Any
    effect: str = "Intercept"

    @property
    def name(self) -> str:
        """With group and effect."""
        return f"{self.effect} of {self.group}"

    def draws(self, fit: Fitted) -> Floats:
        """β_jk."""
        j, k = _group(self.group, fit), _position(self.effect, fit.design.effects, "random effect")
        values: Floats = population_draws(fit)[..., j, k] + fit.u_draws[..., j, k]
        return values


@dataclass(frozen=True)
class Rank(Quantity):
    """The rank of a group by one of its coefficients β_j; 1 is the largest."""

    group: Any
    effect: str = "Intercept"

    @property
    def name(self) -> str:
        """With group and effect."""
        return f"rank of {self.group} by {self.effect}"

    def draws(self, fit: Fitted) -> Floats:
        """1 + number of groups whose coefficient is larger."""
        j, k = _group(self.group, fit), _position(self.effect, fit.design.effects, "random effect")
        beta = population_draws(fit)[..., k] + fit.u_draws[..., k]
        ranks: Floats = (beta >= beta[..., [j]]).sum(axis=-1).astype(np.float64)
        return ranks


@dataclass(frozen=True)
class Shrinkage(Quantity):
    """How much of a group's own deviation its BLUP keeps: a diagonal entry of Λ_j."""

    group: Any
    effect: str = "Intercept"

    @property
    def name(self) -> str:
        """With group and effect."""
        return f"shrinkage factor of {self.effect} of {self.group}"

    def draws(self, fit: Fitted) -> Floats:
        """(Λ_j)_kk: 1 keeps all of it, 0 nothing."""
        j, k = _group(self.group, fit), _position(self.effect, fit.design.effects, "random effect")
        factors: Floats = group_shrinkage(fit, j)[..., k, k]
        return factors


@dataclass(frozen=True)
class NewGroup(Quantity):
    """The line of a group not yet seen, at given values of the columns: x'γ + z'u, u ~ N(0, G).

    Its interval is one for a new group's expected response; a point fit has the centre only.

    Parameters
    ----------
    at : mapping
        A value for each column of the data that the model uses.
    """

    at: Mapping[str, Any]

    @property
    def name(self) -> str:
        """With the place where it is meant."""
        values = ", ".join(f"{key} = {value}" for key, value in self.at.items())
        return f"new group at {values}" if values else "new group"

    def draws(self, fit: Fitted) -> Floats:
        """x'γ + z'Lε."""
        group = fit.design.specification.group
        row = pd.DataFrame([{group: "a group not yet seen", **self.at}])
        X, Z = fit.design.new_matrices(row, random=True)
        centre: Floats = fit.gamma_draws @ X[0]
        if fit.is_point:
            return centre
        normals = fit.generator(_NEW_GROUP).standard_normal(fit.root.shape[:-1])
        return centre + np.einsum("k,cdkl,cdl->cd", Z[0], fit.root, normals)


@dataclass(frozen=True)
class Contextual(Quantity):
    """The contextual effect β_B − β_W of x: what the group's mean adds to one's own value.

    The coefficient of ``cvar(x, g)`` less that of ``dvar(x, g)``; beside x itself the
    coefficient of ``cvar(x, g)`` alone.
    """

    x: str

    @property
    def name(self) -> str:
        """With the variable."""
        return f"contextual effect of {self.x}"

    @property
    def reference(self) -> float:
        """An effect is decided when its interval excludes 0."""
        return 0.0

    def coefficients(self, fit: Fitted) -> Floats:
        """c (p,) with c'γ the contextual effect.

        Raises
        ------
        StudyError
            When the model has no group mean of x, or neither x nor its deviation.
        """
        terms, group = fit.design.terms, fit.design.specification.group
        between, within = f"cvar({self.x}, {group})", f"dvar({self.x}, {group})"
        c = np.zeros(len(terms))
        c[_position(between, terms, "fixed term")] = 1.0
        if within in terms:
            c[terms.index(within)] = -1.0
        else:
            _position(self.x, terms, "fixed term")
        return c

    def draws(self, fit: Fitted) -> Floats:
        """γ of the group mean less γ of the deviation."""
        values: Floats = fit.gamma_draws @ self.coefficients(fit)
        return values


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
        values = np.asarray(self.function(fit), dtype=np.float64)
        if values.shape != fit.sigma_draws.shape:
            raise StudyError(
                f"the quantity '{self.label}' must give one number for each draw, an array "
                f"{fit.sigma_draws.shape}, not {values.shape}"
            )
        return values


def default_quantities(fit: Fitted) -> tuple[Quantity, ...]:
    """Each γ, contextual effects, sd, correlations, σ, ICC and R²."""
    design = fit.design
    group = re.escape(design.specification.group)
    found: list[Quantity] = [Contrast({term: 1.0}) for term in design.terms]
    for term in design.terms:
        match = re.fullmatch(rf"cvar\((.+), {group}\)", term)
        if match and {match[1], f"dvar({match[1]}, {design.specification.group})"} & set(
            design.terms
        ):
            found.append(Contextual(match[1]))
    found += [SD(effect) for effect in design.effects]
    start = 0
    for size in design.blocks:
        names = design.effects[start : start + size]
        found += [Corr(names[c], names[r]) for r in range(size) for c in range(r)]
        start += size
    return (*found, Sigma(), ICC(), R2())


def read_quantities(stated: Any, fit: Fitted) -> tuple[Quantity, ...]:
    """Quantities from what a user gives: quantities, fixed terms, or a mapping to functions.

    Raises
    ------
    StudyError
        When something is none of them, cannot be read off the fit, or a name occurs twice.
    """
    if stated is None:
        return default_quantities(fit)
    if isinstance(stated, Mapping):
        stated = [Custom(str(name), function) for name, function in stated.items()]
    if isinstance(stated, str | Quantity):
        stated = [stated]
    found = tuple(_read(one) for one in stated)
    names = [one.name for one in found]
    for name in names:
        if names.count(name) > 1:
            raise StudyError(f"the quantity '{name}' is asked for twice")
    if not found:
        raise StudyError("no quantity is asked for; leave out quantities= to have the usual ones")
    for one in found:
        one.draws(fit)
    return found


def _read(one: Any) -> Quantity:
    if isinstance(one, str):
        return Contrast({one: 1.0})
    if isinstance(one, Quantity):
        return one
    raise StudyError(
        f"a quantity must be a fixed term or one of hb.quantities, not {type(one).__name__}"
    )


def _position(name: str, known: tuple[str, ...], kind: str) -> int:
    if name not in known:
        listed = ", ".join(f"'{one}'" for one in known)
        raise StudyError(f"there is no {kind} '{name}'; they are: {listed}")
    return known.index(name)


def _group(label: Any, fit: Fitted) -> int:
    groups = [str(one) for one in fit.design.groups]
    if str(label) not in groups:
        raise StudyError(
            f"there is no group '{label}' in '{fit.design.specification.group}'; "
            f"they are: {', '.join(groups[:5])}{', ...' if len(groups) > 5 else ''}"
        )
    return groups.index(str(label))
