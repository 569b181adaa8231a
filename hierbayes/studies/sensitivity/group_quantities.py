"""Quantities of the random part: G, and particular groups, seen and not yet seen."""

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
from hierbayes.fit.variance import shares_by_factor
from hierbayes.frames.arrays import Floats
from hierbayes.likelihood.covariance import block_mask
from hierbayes.studies.sensitivity.quantity import Quantity, effect_of, group_of, position_of

_NEW_GROUP = 2  # the stream of random numbers behind the effects of a group not yet seen


@dataclass(frozen=True)
class SD(Quantity):
    """The standard deviation of a random effect; of several factors as in ``"ses|school"``."""

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
        k = effect_of(self.effect, fit.design)
        sd: Floats = fit.theta.sd[..., k]
        return sd


@dataclass(frozen=True)
class Corr(Quantity):
    """The correlation of two random effects; of several factors as in ``"ses|school"``."""

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
        k = effect_of(self.effect, fit.design)
        other = effect_of(self.other, fit.design)
        if k == other or not block_mask(fit.design.blocks)[k, other]:
            raise StudyError(f"the model has no correlation of '{self.effect}' and '{self.other}'")
        corr: Floats = fit.theta.corr[..., k, other]
        return corr


@dataclass(frozen=True)
class ICC(Quantity):
    """The share of unexplained variance between groups; see `Fit.icc`.

    Of a family that is not Gaussian it is that on the scale of η, where the link has a latent
    response.

    Parameters
    ----------
    at : mapping, optional
        Values of the random columns; by default an average over the rows.
    factor : str, optional
        The grouping factor whose share it is, where there are several.
    """

    at: Mapping[str, float] | None = None
    factor: str | None = None

    @property
    def name(self) -> str:
        """With the factor and the place where it is meant."""
        icc = "icc" if self.factor is None else f"icc of {self.factor}"
        if self.at is None:
            return icc
        return f"{icc} at {', '.join(f'{key} = {value:g}' for key, value in self.at.items())}"

    def draws(self, fit: Fitted) -> Floats:
        """z_k'G_kz_k/(Σ_l z_l'G_lz_l + σ²)."""
        k = fit.design.place_of_factor(self.factor)
        return shares_by_factor(fit, None if self.at is None else dict(self.at))[k]


@dataclass(frozen=True)
class GroupCoefficient(Quantity):
    """A coefficient β_j = population value + u_j of one group."""

    group: Any
    effect: str = "Intercept"
    factor: str | None = None

    @property
    def name(self) -> str:
        """With group and effect."""
        return f"{self.effect} of {_named(self.group, self.factor)}"

    def draws(self, fit: Fitted) -> Floats:
        """β_jk."""
        factor, j, k = _place(self, fit)
        values: Floats = population_draws(fit, factor)[..., j, k] + fit.us[factor][..., j, k]
        return values


@dataclass(frozen=True)
class Rank(Quantity):
    """The rank of a group by one of its coefficients β_j; 1 is the largest."""

    group: Any
    effect: str = "Intercept"
    factor: str | None = None

    @property
    def name(self) -> str:
        """With group and effect."""
        return f"rank of {_named(self.group, self.factor)} by {self.effect}"

    def draws(self, fit: Fitted) -> Floats:
        """1 + number of groups whose coefficient is larger."""
        factor, j, k = _place(self, fit)
        beta = population_draws(fit, factor)[..., k] + fit.us[factor][..., k]
        ranks: Floats = (beta >= beta[..., [j]]).sum(axis=-1).astype(np.float64)
        return ranks


@dataclass(frozen=True)
class Shrinkage(Quantity):
    """How much of a group's own deviation its BLUP keeps: a diagonal entry of Λ_j."""

    group: Any
    effect: str = "Intercept"
    factor: str | None = None

    @property
    def name(self) -> str:
        """With group and effect."""
        return f"shrinkage factor of {self.effect} of {_named(self.group, self.factor)}"

    def draws(self, fit: Fitted) -> Floats:
        """(Λ_j)_kk: 1 keeps all of it, 0 nothing."""
        factor, j, k = _place(self, fit)
        factors: Floats = group_shrinkage(fit, j, factor)[..., k, k]
        return factors


def _named(group: Any, factor: str | None) -> str:
    """A group, with its factor where that is said."""
    return str(group) if factor is None else f"{factor} {group}"


def _place(of: GroupCoefficient | Rank | Shrinkage, fit: Fitted) -> tuple[int, int, int]:
    """Which factor, which of its groups, and which of its effects."""
    k = fit.design.place_of_factor(of.factor)
    effects = fit.design.effects[fit.design.spans[k]]
    return k, group_of(of.group, fit, k), position_of(of.effect, effects, "random effect")


@dataclass(frozen=True)
class NewGroup(Quantity):
    """The line of a group not yet seen, at given values of the columns: x'γ + z'u, u ~ N(0, G).

    Of several factors no group is one that was seen.  Its interval is one for a new group's
    expected response; a point fit has the centre only.

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
        groups = dict.fromkeys(fit.design.specification.group_columns, "a group not yet seen")
        row = pd.DataFrame([{**groups, **self.at}])
        X, Z = fit.design.columns.new_matrices(row, random=True)
        centre: Floats = fit.gamma_draws @ X[0]
        if not isinstance(fit, PosteriorFit):
            return centre
        normals = fit.generator(_NEW_GROUP).standard_normal(fit.theta.root.shape[:-1])
        return centre + np.einsum("k,cdkl,cdl->cd", Z[0], fit.theta.root, normals)
