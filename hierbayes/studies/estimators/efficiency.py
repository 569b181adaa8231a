"""What equal weights cost: the efficiency of unweighted averages, computed from the data.

An average that gives all groups one weight is as good as one that weighs them by their
information when they carry the same.  Its efficiency is the ratio of the two variances, between
0 and 1, in each level:

    2a  J² / (Σ Sxx_j Σ 1/Sxx_j)                      slopes of these groups, taken to be one slope
    3   J² / (Σ w_j Σ 1/w_j),  1/w_j = τ² + σ²/Sxx_j  slopes that vary with variance τ²
    4   least squares of the group means against weights 1/v_j,
        v_j = z_j'Gz_j + σ²/n_j with z_j = (1, 0)

τ², G and σ² are those of method 6, where x is centred within groups, so that the mean of a group
has none of the random slope in it.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from hierbayes.fit.fit import Fit
from hierbayes.frames.arrays import Floats
from hierbayes.studies.estimators.grouped_rows import GroupedRows

EFFICIENT = 0.95  # from here on groups count as alike


def efficiency_table(rows: GroupedRows, fit: Fit, weights: str) -> pd.DataFrame:
    """Sizes and spreads of the groups in each level, and what they make of equal weights.

    Parameters
    ----------
    rows : GroupedRows
    fit : Fit
        Of method 6.
    weights : str
        Of the group means in method 4, ``"equal"`` or ``"n"``.

    Returns
    -------
    DataFrame
        Index level; ``groups``, ``n_min``, ``n_max``, ``sd_min`` and ``sd_max`` (of x within
        groups that have a slope), and the efficiencies ``2a``, ``3``, ``4``.
    """
    G, sigma2 = fit.G_draws[0, 0], fit.sigma**2
    table = []
    for at in range(rows.L):
        member = rows.level_of == at
        kept = member & rows.sloped
        sd = np.sqrt(rows.Sxx[kept] / (rows.n[kept] - 1.0))
        noise = sigma2 / rows.Sxx[kept]
        mean_variance = G[0, 0] + sigma2 / rows.n[member]
        by = rows.n[member] if weights == "n" else np.ones(int(member.sum()))
        table.append(
            {
                "groups": int(member.sum()),
                "n_min": int(rows.n[member].min()),
                "n_max": int(rows.n[member].max()),
                "sd_min": sd.min(),
                "sd_max": sd.max(),
                "2a": mean_efficiency(noise),
                "3": mean_efficiency(G[1, 1] + noise),
                "4": slope_efficiency(rows.x_mean[member], mean_variance, by),
            }
        )
    return pd.DataFrame(table, index=pd.Index(_names(rows), name="level"))


def mean_efficiency(variances: Floats) -> float:
    """Efficiency of the plain mean of independent estimates with these variances."""
    return float(len(variances) ** 2 / (variances.sum() * (1.0 / variances).sum()))


def slope_efficiency(x: Floats, variances: Floats, weights: Floats) -> float:
    """Efficiency of the slope of weighted least squares where rows have these variances."""
    X = np.column_stack([np.ones(len(x)), x])
    best = np.linalg.inv(X.T @ (X / variances[:, None]))
    W = X * weights[:, None]
    M = np.linalg.inv(X.T @ W)
    actual = M @ (W.T @ (W * variances[:, None])) @ M
    return float(best[1, 1] / actual[1, 1])


def _names(rows: GroupedRows) -> list[str]:
    return list(rows.levels) if rows.factor is not None else ["all"]
