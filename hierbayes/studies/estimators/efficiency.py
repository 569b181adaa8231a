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

Methods 3 and 4 pool one residual variance over the levels, so that their standard errors hold
where groups vary alike in all.  `alike_table` compares the levels by the mean over their groups of
the first-stage variance of a coefficient,

    3   σ²/Sxx_j        4   σ²/n_j (times n_j when weighted by rows)

and by the same with the variance between groups added: 1/w_j, and v_j.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from hierbayes.fit.fit import Fit
from hierbayes.frames.arrays import Floats, Integers
from hierbayes.studies.estimators.grouped_rows import GroupedRows

EFFICIENT = 0.95  # from here on groups count as alike
ALIKE = 1.5  # times another: up to here levels do; their 95% limits then cover 92.6% or more


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
    G, sigma2 = fit.G, fit.sigma**2
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


def alike_table(rows: GroupedRows, fit: Fit, weights: str) -> pd.DataFrame:
    """How many times the variance of the groups' coefficients in one level is that in another.

    Parameters are those of `efficiency_table`.

    Returns
    -------
    DataFrame
        Index method (``3``, ``4``); ``first_stage`` and ``total``, the largest mean over the
        smallest, and the levels these are of, ``largest`` and ``smallest``.
    """
    G, sigma2, kept = fit.G, fit.sigma**2, rows.sloped
    by = rows.n if weights == "n" else np.ones(rows.J)
    noise = {"3": sigma2 / rows.Sxx[kept], "4": by * sigma2 / rows.n}
    between = {"3": G[1, 1], "4": by * G[0, 0]}
    table = {}
    for key, level in (("3", rows.level_of[kept]), ("4", rows.level_of)):
        first, total = (
            _level_means(v, level, rows.L) for v in (noise[key], noise[key] + between[key])
        )
        table[key] = {
            "first_stage": first.max() / first.min(),
            "total": total.max() / total.min(),
            "largest": _names(rows)[int(total.argmax())],
            "smallest": _names(rows)[int(total.argmin())],
        }
    return pd.DataFrame.from_dict(table, orient="index").rename_axis("method")


def _level_means(values: Floats, level: Integers, L: int) -> Floats:
    sums = np.bincount(level, weights=values, minlength=L)
    means: Floats = sums / np.bincount(level, minlength=L)
    return means


def mean_efficiency(variances: Floats) -> float:
    """Efficiency of the plain mean of independent estimates with these variances."""
    return min(1.0, float(len(variances) ** 2 / (variances.sum() * (1.0 / variances).sum())))


def slope_efficiency(x: Floats, variances: Floats, weights: Floats) -> float:
    """Efficiency of the slope of weighted least squares where rows have these variances."""
    X = np.column_stack([np.ones(len(x)), x])
    best = np.linalg.inv(X.T @ (X / variances[:, None]))
    W = X * weights[:, None]
    M = np.linalg.inv(X.T @ W)
    actual = M @ (W.T @ (W * variances[:, None])) @ M
    return min(1.0, float(best[1, 1] / actual[1, 1]))


def _names(rows: GroupedRows) -> list[str]:
    return list(rows.levels) if rows.factor is not None else ["all"]
