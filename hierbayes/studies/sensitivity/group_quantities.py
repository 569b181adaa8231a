"""Quantities of the random part: G, σ, and particular groups, seen and not yet seen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from hierbayes.errors import StudyError
from hierbayes.fit.effects import group_shrinkage, population_draws
from hierbayes.fit.fitted import Fitted
from hierbayes.fit.posterior import PosteriorFit
from hierbayes.fit.variance import icc_draws
from hierbayes.frames.arrays import Floats
from hierbayes.likelihood.covariance import block_mask
from hierbayes.studies.sensitivity.quantity import Quantity, group_of, position_of

_NEW_GROUP = 2  # the stream of random numbers behind the effects of a group not yet seen


@dataclass(frozen=True)
class SD(Quantity):
    """The standard deviation of a random effect."""

    effect: str

    @property
    def block(self) -> str:
        """Its own."""
        return "sd"

    @property
    def name(self) -> str:
        """As summaries have it."""
        return f"sd({self.effect})"

    def draws(self, fit: Fitted) -> Floats:
        """√G_kk."""
        k = position_of(self.effect, fit.design.effects, "random effect")
        sd: Floats = fit.theta.sd[..., k]
        return sd


@dataclass(frozen=True)
class Corr(Quantity):
    """The correlation of two random effects."""

    effect: str
    other: str

    @property
    def block(self) -> str:
        """Its own."""
        return "corr"

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
        k = position_of(self.effect, fit.design.effects, "random effect")
        other = position_of(self.other, fit.design.effects, "random effect")
        if k == other or not block_mask(fit.design.blocks)[k, other]:
            raise StudyError(f"the model has no correlation of '{self.effect}' and '{self.other}'")
        corr: Floats = fit.theta.corr[..., k, other]
        return corr


@dataclass(frozen=True)
class Sigma(Quantity):
    """The residual standard deviation."""

    @property
    def block(self) -> str:
        """Its own."""
        return "sigma"

    @property
    def name(self) -> str:
        """As summaries have it."""
        return "sigma"

    def draws(self, fit: Fitted) -> Floats:
        """σ."""
        return fit.theta.sigma


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
        j, k = (
            group_of(self.group, fit),
            position_of(self.effect, fit.design.effects, "random effect"),
        )
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
        j, k = (
            group_of(self.group, fit),
            position_of(self.effect, fit.design.effects, "random effect"),
        )
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
        j, k = (
            group_of(self.group, fit),
            position_of(self.effect, fit.design.effects, "random effect"),
        )
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

    def __post_init__(self) -> None:
        if not isinstance(self.at, Mapping):
            raise StudyError(
                f"a new group is at values of columns, as in {{'ses': 0}}, not {self.at!r}"
            )

    @property
    def name(self) -> str:
        """With the place where it is meant."""
        values = ", ".join(f"{key} = {value}" for key, value in self.at.items())
        return f"new group at {values}" if values else "new group"

    def draws(self, fit: Fitted) -> Floats:
        """x'γ + z'Lε."""
        group = fit.design.specification.group
        row = pd.DataFrame([{group: "a group not yet seen", **self.at}])
        X, Z = fit.design.columns.new_matrices(row, random=True)
        centre: Floats = fit.gamma_draws @ X[0]
        if not isinstance(fit, PosteriorFit):
            return centre
        normals = fit.generator(_NEW_GROUP).standard_normal(fit.theta.root.shape[:-1])
        return centre + np.einsum("k,cdkl,cdl->cd", Z[0], fit.theta.root, normals)
