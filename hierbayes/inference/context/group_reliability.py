"""How far each group's own coefficients can be told apart: the reliability index λ.

    λ_jk = G_kk / (G_kk + σ² [A_j⁻¹]_kk),   A_j = Z_j'Z_j

The share of the variance of the least-squares coefficient k of group j that is between groups; with
a random intercept alone τ²/(τ² + σ²/n_j), the weight of the group's own mean in its BLUP.

References
----------
Raudenbush & Bryk (2002), *Hierarchical Linear Models*, equations 3.42 and 3.58.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from hierbayes.fit.effects import estimable_groups
from hierbayes.fit.fit import Fit
from hierbayes.frames.arrays import Floats


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
    products, span = fit.problem.products, fit.design.spans[k]
    A, T = products.levels[k].A, products.basis.z.matrix[span, span]
    able = estimable_groups(A)
    error = np.full(A.shape[:2], np.nan)
    # (Z'Z)⁻¹ = T(Z°'Z°)⁻¹T'
    error[able] = np.diagonal(T @ np.linalg.inv(A[able]) @ T.T, axis1=1, axis2=2)
    variance = np.diagonal(fit.theta.flat.G[:, span, span], axis1=1, axis2=2)  # (M, q)
    sigma2 = fit.theta.flat.sigma**2
    total = np.zeros_like(error)
    for own, noise in zip(variance, sigma2, strict=True):
        total += own / (own + noise * error)
    mean: Floats = total / len(sigma2)
    return mean


def _table(fit: Fit, k: int, labels: list[object], effects: list[str]) -> pd.DataFrame:
    index = pd.MultiIndex.from_product([labels, effects], names=["group", "effect"])
    n = np.repeat(fit.problem.products.levels[k].rows.astype(int), len(effects))
    return pd.DataFrame({"n": n, "lambda": own_reliability(fit, k).ravel()}, index=index)
