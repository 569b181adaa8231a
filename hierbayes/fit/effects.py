"""Fixed and random effects, and the shrinkage from a group's BLUE to its BLUP.

    BLUP_j − population_j = Λ_j (BLUE_j − population_j),   Λ_j = K_jA_j

Λ_j = G(G + σ²A_j⁻¹)⁻¹ exists even where A_j is singular and the BLUE does not.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from hierbayes.design.ranks import unit_columns
from hierbayes.fit.fitted import Fitted
from hierbayes.frames.arrays import Booleans, Floats
from hierbayes.likelihood.gaussian import Likelihood

if TYPE_CHECKING:
    import xarray as xr

_ESTIMABLE = 1e-10  # smallest eigenvalue of A_j against its largest


def fixef(fit: Fitted) -> pd.Series:
    """γ by term."""
    return pd.Series(fit.gamma, index=pd.Index(fit.design.terms, name="term"), name="fixef")


def vcov(fit: Fitted) -> pd.DataFrame:
    """Covariance of γ."""
    terms = pd.Index(fit.design.terms, name="term")
    return pd.DataFrame(fit.gamma_cov, index=terms, columns=terms)


def ranef(fit: Fitted) -> pd.DataFrame:
    """u by group and effect."""
    return _by_group(fit, fit.u)


def ranef_cov(fit: Fitted, *, given_gamma: bool) -> xr.DataArray:
    """Covariance of u_j by group."""
    import xarray as xr  # noqa: PLC0415

    names = list(fit.design.effects)
    return xr.DataArray(
        fit.u_cov(given_gamma=given_gamma),
        dims=("group", "effect", "effect_bis"),
        coords={"group": np.asarray(fit.design.groups), "effect": names, "effect_bis": names},
        name="ranef_cov",
    )


def coef(fit: Fitted) -> pd.DataFrame:
    """γ + u by group: every fixed term, and random effects without a fixed term."""
    gamma, u = fixef(fit), ranef(fit)
    names = list(fit.design.terms)
    names += [effect for effect in fit.design.effects if effect not in names]
    columns = {}
    for name in names:
        value = np.full(len(u), gamma.get(name, 0.0))
        columns[name] = value + (u[name].to_numpy() if name in u else 0.0)
    return pd.DataFrame(columns, index=u.index)


def population_draws(fit: Fitted) -> Floats:
    """Population value of every group's coefficients (chains, draws, J, q)."""
    return fit.groups_of.population(fit.gamma_draws)


def blue(fit: Fitted) -> pd.DataFrame:
    """Least-squares coefficients of each group's own rows.

    Fixed columns that are no combination of random ones (covariates) are held at
    their estimated γ.
    """
    cross = fit.problem.cross
    basis = cross.basis
    internal = basis.gamma_internal(fit.gamma)
    residual = cross.B[:, :, -1] - cross.B[:, :, :-1] @ internal  # Z_j'(y_j − X_jγ)
    estimable = estimable_groups(cross.A)
    deviations = np.full((len(cross.A), cross.A.shape[1]), np.nan)
    deviations[estimable] = np.linalg.solve(cross.A[estimable], residual[estimable][..., None])[
        ..., 0
    ]
    return _by_group(fit, fit.groups_of.population(fit.gamma) + basis.u(deviations))


def shrinkage(fit: Fitted) -> pd.DataFrame:
    """n_j, BLUE, BLUP, population value and shrinkage matrix, a row per group and effect.

    Columns ``shrinkage[e]`` are the row of Λ_j: what a deviation of the group's own
    coefficient of e adds to this BLUP.  ``blup_sd`` is the posterior sd of the
    group's coefficient (for a point fit its prediction error given θ̂), and for a
    posterior ``shrinkage_sd[e]`` that of Λ_j.
    """
    design = fit.design
    effects, q = list(design.effects), len(design.effects)
    theta = fit.theta.flat
    mean, sd = Likelihood(fit.problem.cross).shrinkage(theta)
    population = population_draws(fit)
    table = {
        "n": np.repeat(fit.problem.cross.rows.astype(int), q),
        "blue": blue(fit).to_numpy().ravel(),
        "blup": (population + fit.u_draws).mean(axis=(0, 1)).ravel(),
        "population": population.mean(axis=(0, 1)).ravel(),
        "blup_sd": fit.group_sd().ravel(),
    }
    table |= {f"shrinkage[{e}]": mean[:, :, k].ravel() for k, e in enumerate(effects)}
    if len(theta.sigma) > 1:
        table |= {f"shrinkage_sd[{e}]": sd[:, :, k].ravel() for k, e in enumerate(effects)}
    index = pd.MultiIndex.from_product([design.groups, effects], names=["group", "effect"])
    return pd.DataFrame(table, index=index)


def group_shrinkage(fit: Fitted, j: int) -> Floats:
    """Λ_j of one group at every draw (chains, draws, q, q)."""
    return Likelihood(fit.problem.cross).shrinkage_of_group(fit.theta, j)


def estimable_groups(A: Floats) -> Booleans:
    """Groups whose Z_j'Z_j can be inverted, its columns on one scale."""
    size = np.linalg.eigvalsh(unit_columns(A))
    estimable: Booleans = size[:, 0] > _ESTIMABLE * np.maximum(size[:, -1], 1e-300)
    return estimable


def _by_group(fit: Fitted, values: Floats) -> pd.DataFrame:
    index = pd.Index(fit.design.groups, name="group")
    return pd.DataFrame(values, index=index, columns=pd.Index(fit.design.effects, name="effect"))
