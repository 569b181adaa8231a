"""Fixed and random effects, and the shrinkage from a group's BLUE to its BLUP.

    BLUP_j − population_j = Λ_j (BLUE_j − population_j),   Λ_j = K_jA_j

Λ_j = G(G + σ²A_j⁻¹)⁻¹ exists even where A_j is singular and the BLUE does not.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from hierbayes.design.ranks import unit_columns
from hierbayes.fit.fitted import Fitted
from hierbayes.frames.arrays import Booleans, Floats, Integers

if TYPE_CHECKING:
    import xarray as xr

_ESTIMABLE = 1e-10  # smallest eigenvalue of A_j against its largest


def fixef(fit: Fitted) -> pd.Series:
    """γ by term."""
    return pd.Series(fit.gamma, index=_index_of(tuple(fit.design.terms)).view(), name="fixef")


def vcov(fit: Fitted) -> pd.DataFrame:
    """Covariance of γ."""
    terms = _index_of(tuple(fit.design.terms)).view()
    return pd.DataFrame(fit.gamma_cov, index=terms, columns=terms)


@lru_cache(maxsize=64)
def _index_of(terms: tuple[str, ...]) -> pd.Index[str]:
    """Terms as an index, of which everyone gets a view: its name can be set."""
    return pd.Index(terms, name="term")


def ranef(fit: Fitted, k: int | None = None) -> pd.DataFrame:
    """u of factor k by group and effect; of the only factor where none is stated, as all here."""
    k = _place(fit, k)
    return _by_group(fit, k, fit.u_means[k])


def ranef_cov(fit: Fitted, k: int | None = None, *, given_gamma: bool) -> xr.DataArray:
    """Covariance of u_j of factor k by group."""
    import xarray as xr  # noqa: PLC0415  # loads slowly

    k = _place(fit, k)
    names = list(fit.design.effects[fit.design.spans[k]])
    labels = fit.design.factors[k].labels
    return xr.DataArray(
        fit.u_cov(k, given_gamma=given_gamma),
        dims=("group", "effect", "effect_bis"),
        coords={"group": np.asarray(labels), "effect": names, "effect_bis": names},
        name="ranef_cov",
    )


def coef(fit: Fitted, k: int | None = None) -> pd.DataFrame:
    """γ + u of factor k by group: every fixed term, and random effects without a fixed term."""
    k = _place(fit, k)
    gamma, u = fixef(fit), ranef(fit, k)
    names = list(fit.design.terms)
    names += [effect for effect in u.columns if effect not in names]
    columns = {}
    for name in names:
        value = np.full(len(u), gamma.get(name, 0.0))
        columns[name] = value + (u[name].to_numpy() if name in u else 0.0)
    return pd.DataFrame(columns, index=u.index)


def population_draws(fit: Fitted, k: int | None = None) -> Floats:
    """Population value of the coefficients of every group of factor k (chains, draws, J, q)."""
    return fit.group_designs[_place(fit, k)].population(fit.gamma_draws)


def blue(fit: Fitted, k: int | None = None) -> pd.DataFrame:
    """Least-squares coefficients of the own rows of each group of factor k.

    Fixed columns that are no combination of random ones (covariates) are held at
    their estimated γ; effects of other factors count as residuals.
    """
    k = _place(fit, k)
    products, span = fit.problem.holding_sigma.products, fit.design.spans[k]
    level, basis = products.levels[k], products.basis
    internal = basis.gamma_internal(fit.gamma)
    residual = level.B[:, :, -1] - level.B[:, :, :-1] @ internal  # Z_j'(y_j − X_jγ)
    estimable = estimable_groups(level.A)
    deviations = np.full((level.J, level.q), np.nan)
    deviations[estimable] = np.linalg.solve(level.A[estimable], residual[estimable][..., None])[
        ..., 0
    ]
    in_users_units = basis.scale * deviations @ basis.z.matrix[span, span].T
    return _by_group(fit, k, fit.group_designs[k].population(fit.gamma) + in_users_units)


def shrinkage(fit: Fitted, k: int | None = None) -> pd.DataFrame:
    """n_j, BLUE, BLUP, population value and shrinkage matrix, a row per group and effect.

    Columns ``shrinkage[e]`` are the row of Λ_j: what a deviation of the group's own
    coefficient of e adds to this BLUP.  ``blup_sd`` is the posterior sd of the
    group's coefficient (for a point fit its prediction error given θ̂), and for a
    posterior ``shrinkage_sd[e]`` that of Λ_j.  With a residual structure Λ_j counts the errors of
    each draw, and the BLUE those at posterior means of their coordinates.
    """
    k = _place(fit, k)
    design, level = fit.design, fit.problem.holding_sigma.products.levels[k]
    effects = list(design.effects[design.spans[k]])
    theta = fit.theta.flat
    mean, sd = _moments_of_shrinkage(fit, k)
    population = population_draws(fit, k)
    table = {
        "n": np.repeat(level.rows.astype(int), level.q),
        "blue": blue(fit, k).to_numpy().ravel(),
        "blup": (population + fit.us[k]).mean(axis=(0, 1)).ravel(),
        "population": population.mean(axis=(0, 1)).ravel(),
        "blup_sd": fit.group_sd(k).ravel(),
    }
    table |= {f"shrinkage[{e}]": mean[:, :, i].ravel() for i, e in enumerate(effects)}
    if len(theta.sigma) > 1:
        table |= {f"shrinkage_sd[{e}]": sd[:, :, i].ravel() for i, e in enumerate(effects)}
    labels = design.factors[k].labels
    index = pd.MultiIndex.from_product([labels, effects], names=["group", "effect"])
    return pd.DataFrame(table, index=index)


def _moments_of_shrinkage(fit: Fitted, k: int) -> tuple[Floats, Floats]:
    """Mean and sd of Λ_j (J, q, q) over all draws, joined from those of draws with one R."""
    theta, count = fit.theta.flat, 0
    mean = squares = np.zeros(1)
    for at, likelihood in fit.likelihoods():
        own, sd = likelihood.shrinkage_of(k, theta.at(at))
        m, away = len(at), own - mean
        count += m
        mean = mean + away * (m / count)
        squares = squares + (m - 1) * sd**2 + away**2 * (m * (count - m) / count)
    return mean, np.sqrt(squares / max(count - 1, 1))


def group_shrinkage(fit: Fitted, j: int, k: int | None = None) -> Floats:
    """Λ_j of one group of factor k at every draw (chains, draws, q, q)."""
    k = _place(fit, k)
    flat, q = fit.theta.flat, fit.problem.holding_sigma.products.levels[k].q
    found = np.empty((len(flat.sigma), q, q))
    for at, likelihood in fit.likelihoods():
        found[at] = likelihood.shrinkage_of_group(flat.at(at), j, k)
    return found.reshape(*fit.theta.shape, q, q)


def shrinkage_of_groups(fit: Fitted, k: int, groups: Integers) -> Iterator[Floats]:
    """Λ_j (M, q, q) of one group of factor k after another, at every draw of θ.

    With several factors at 200 draws at most, at each of which those of all groups are found.
    """
    parts = list(fit.likelihoods())
    if len(parts) == 1:
        return parts[0][1].shrinkage_of_groups(k, fit.theta.flat, groups)
    q = fit.design.spans[k].stop - fit.design.spans[k].start
    return (group_shrinkage(fit, int(j), k).reshape(-1, q, q) for j in groups)


def estimable_groups(A: Floats) -> Booleans:
    """Groups whose Z_j'Z_j can be inverted, its columns on one scale."""
    if A.shape[-1] == 0:  # nothing to estimate
        return np.ones(len(A), dtype=np.bool_)
    size = np.linalg.eigvalsh(unit_columns(A))
    estimable: Booleans = size[:, 0] > _ESTIMABLE * np.maximum(size[:, -1], 1e-300)
    return estimable


def _place(fit: Fitted, k: int | None) -> int:
    return fit.design.place_of_factor(None) if k is None else k


def _by_group(fit: Fitted, k: int, values: Floats) -> pd.DataFrame:
    design = fit.design
    index = pd.Index(design.factors[k].labels, name="group")
    effects = pd.Index(design.effects[design.spans[k]], name="effect")
    return pd.DataFrame(values, index=index, columns=effects)
