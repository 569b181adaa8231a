r"""Random effects by Swamy and Arora's moments, for groups of unequal size.

σ² is that of the within-group estimator; with û the residuals of the regression of group
means (one for each row), P the projection on groups and X having rank k there,

    τ² = (û'û − (J − k)σ²)/(n − tr[(X'PX)⁻¹ Σ_j n_j² x̄_jx̄_j'])

Then generalised least squares is least squares on x_i − θ_j x̄_j with
θ_j = 1 − √(σ²/(n_jτ² + σ²)), its residual variance estimated anew.

References
----------
Swamy & Arora (1972), *Econometrica* 40, 261–275; Baltagi & Chang (1994), *Journal of
Econometrics* 62, 67–89; Croissant & Millo (2008), doi:10.18637/jss.v027.i02.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hierbayes.design.design import Design
from hierbayes.frames.arrays import Floats
from hierbayes.inference.context.spread import group_means


@dataclass(frozen=True, slots=True, eq=False)
class SwamyArora:
    """Random-effects estimates by moments.

    Parameters
    ----------
    gamma, gamma_cov : (p,), (p, p) float
    tau2, sigma2 : float
        Variances between and within groups; τ² is 0 where its moment is negative.
    negative : bool
        Whether it was.
    """

    gamma: Floats
    gamma_cov: Floats
    tau2: float
    sigma2: float
    negative: bool


def swamy_arora(design: Design, sigma2: float) -> SwamyArora | None:
    """Estimates given σ² within groups; None where the means leave no degrees of freedom."""
    J, codes = design.J, design.rows.codes
    n, p = design.rows.X.shape
    rows = np.bincount(codes, minlength=J).astype(np.float64)
    scale = np.sqrt((design.rows.X**2).mean(axis=0))
    X, y = design.rows.X / scale, design.rows.response
    X_mean = group_means(X, codes, J)
    y_mean = group_means(y[:, None], codes, J)[:, 0]
    weight = np.sqrt(rows)[:, None]  # a row of means for every row of the data
    basis, size, _ = np.linalg.svd(weight * X_mean, full_matrices=False)
    basis = basis[:, size > 1e-9 * size[0]]
    k = basis.shape[1]
    if k >= J:
        return None
    target = weight[:, 0] * y_mean
    rest = target - basis @ (basis.T @ target)
    trace = float((rows[:, None] * basis**2).sum())
    moment = float((rest @ rest - (J - k) * sigma2) / (n - trace))
    tau2 = max(moment, 0.0)
    theta = (1.0 - np.sqrt(sigma2 / (rows * tau2 + sigma2)))[codes]
    Xs, ys = X - theta[:, None] * X_mean[codes], y - theta * y_mean[codes]
    Q, R = np.linalg.qr(Xs)
    gamma = np.linalg.solve(R, Q.T @ ys)
    left = ys - Xs @ gamma
    R_inverse = np.linalg.inv(R) / scale[:, None]
    cov = float(left @ left / (n - p)) * R_inverse @ R_inverse.T
    return SwamyArora(gamma / scale, cov, tau2, sigma2, moment < 0.0)
