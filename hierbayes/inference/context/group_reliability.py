"""How far each group's own coefficients can be told apart: the reliability index λ.

    λ_jk = G_kk / (G_kk + σ² [A_j⁻¹]_kk),   A_j = Z_j'R_j⁻¹Z_j

The share of the variance of the least-squares coefficient k of group j that is between groups; with
a random intercept alone τ²/(τ² + σ²/n_j), the weight of the group's own mean in its BLUP.

References
----------
Raudenbush & Bryk (2002), *Hierarchical Linear Models*, equations 3.42 and 3.58.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from hierbayes.fit.effects import estimable_groups
from hierbayes.fit.fit import Fit
from hierbayes.fit.structured.each_errors import likelihoods_of
from hierbayes.frames.arrays import Floats, Integers
from hierbayes.likelihood.of_products import AnyLikelihood, likelihood_of
from hierbayes.likelihood.theta import Theta

_MOST_STATES = 200  # of a posterior, at which shrinkage and errors of their own are taken


def group_reliability(fit: Fit) -> pd.DataFrame:
    """λ of each group and effect, of a posterior its mean; missing where the BLUE does not exist.

    Returns
    -------
    DataFrame
        Index (group, effect), of several grouping factors (factor, group, effect): ``n`` and
        ``lambda``; the effects of other factors count as known.
    """
    design = fit.design
    tables = {
        factor.name: _table(fit, k, list(factor.labels), list(design.effects[design.spans[k]]))
        for k, factor in enumerate(design.factors)
    }
    if len(tables) == 1:
        return next(iter(tables.values()))
    return pd.concat(tables, names=["factor"])


def own_reliability(fit: Fit, k: int) -> Floats:
    """λ (J, q) of factor k, averaged over the draws of θ."""
    span, total, count = fit.design.spans[k], 0.0, 0
    for theta, likelihood in likelihoods_of_draws(fit):
        A, T = likelihood.cross.levels[k].A, likelihood.cross.basis.z.matrix[span, span]
        able = estimable_groups(A)
        error = np.full(A.shape[:2], np.nan)
        # (Z'Z)⁻¹ = T(Z°'Z°)⁻¹T'
        error[able] = np.diagonal(T @ np.linalg.inv(A[able]) @ T.T, axis1=1, axis2=2)
        variance = np.diagonal(theta.G[:, span, span], axis1=1, axis2=2)  # (M, q)
        for own, noise in zip(variance, theta.sigma**2, strict=True):
            total = total + own / (own + noise * error)
            count += 1
    return np.asarray(total / count)


def mean_shrinkage(fit: Fit, k: int) -> Floats:
    """Diagonal (M, q) of Λ_j averaged over the groups of factor k, at draws of θ, 200 at most."""
    found = []
    for theta, likelihood in likelihoods_of_draws(fit):
        for m in even_places(len(theta.sigma)).tolist():
            factors = likelihood.shrinkage_of(k, theta[m : m + 1])[0]
            found.append(np.diagonal(factors, axis1=1, axis2=2).mean(axis=0))
    return np.array(found)


def likelihoods_of_draws(fit: Fit) -> Iterator[tuple[Theta, AnyLikelihood]]:
    """All draws of θ and their likelihood; with a residual structure 200 at most, each its own."""
    theta = fit.theta.flat
    if fit.problem.moments is None:
        yield theta, likelihood_of(fit.problem.products)
        return
    z = fit.error_coordinates.reshape(len(theta.sigma), -1)
    chosen = even_places(len(theta.sigma))
    for at, likelihood in likelihoods_of(fit.problem, z[chosen]):
        yield theta.at(chosen[at]), likelihood


def even_places(M: int) -> Integers:
    """Places of 200 of M draws at most, evenly spaced."""
    return np.unique(np.linspace(0, M - 1, min(M, _MOST_STATES)).astype(int))


def _table(fit: Fit, k: int, labels: list[object], effects: list[str]) -> pd.DataFrame:
    index = pd.MultiIndex.from_product([labels, effects], names=["group", "effect"])
    n = np.repeat(fit.problem.products.levels[k].rows.astype(int), len(effects))
    return pd.DataFrame({"n": n, "lambda": own_reliability(fit, k).ravel()}, index=index)
