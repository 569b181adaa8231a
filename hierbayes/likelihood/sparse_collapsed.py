r"""The collapsed likelihood of several grouping factors: value and gradient, the one definition.

S and the log determinant are those of `sparse_elimination`, what is done with γ (`read_value`) is
that of one factor, and the gradient is the adjoint of the elimination (`selected_inverse`).
"""

from __future__ import annotations

import numpy as np

from hierbayes.compilation import inner
from hierbayes.compiled_arrays import room_for, zeros_of
from hierbayes.likelihood.collapsed import GIVEN, fill_gamma_score, read_value
from hierbayes.likelihood.reading import VALUE_ONLY
from hierbayes.likelihood.selected_inverse import root_gradient, selected_inverse
from hierbayes.likelihood.sparse_elimination import factorise


@inner
def sparse_collapsed(root, sigma, gamma, e, n, precision, mean, reading):
    """Log density of y at (L, σ), and its gradient, as `collapsed` of one factor.

    Parameters
    ----------
    root : (Q, Q) float
        A root of each factor's G on the diagonal.
    e : Elimination
    sigma, gamma, n, precision, mean, reading
        As there.
    """
    Q, p = root.shape[0], gamma.shape[0]
    d_root, d_gamma = zeros_of((Q, Q)), zeros_of(p)
    relative, omega = root / sigma, room_for(e.size)
    log_det, S = factorise(relative, e, omega)
    value, d_log_sigma, at, F = read_value(
        log_det, S, sigma, gamma, n, precision, mean, reading % VALUE_ONLY
    )
    if value == -np.inf or reading >= VALUE_ONLY:
        return value, d_root, 0.0, d_gamma
    if reading == GIVEN:
        fill_gamma_score(S, at, sigma, d_gamma)
    N = adjoint_of_S(at, F, sigma)
    bar, gradient = room_for(e.size), room_for((Q, Q))
    selected_inverse(e, N, omega, bar)
    root_gradient(relative, e, bar, gradient)
    for i in range(Q):
        for k in range(Q):
            d_root[i, k] = -0.5 * gradient[i, k] / sigma
            d_log_sigma += 0.5 * gradient[i, k] * relative[i, k]
    return value, d_root, d_log_sigma / sigma, d_gamma


@inner
def adjoint_of_S(gamma, F, sigma):
    """N_W (p+1, p+1) = ww'/σ² + FF', w = (−γ, 1)."""
    p = gamma.shape[0]
    N = zeros_of((p + 1, p + 1))
    for i in range(p + 1):
        left = 1.0 if i == p else -gamma[i]
        for j in range(p + 1):
            right = 1.0 if j == p else -gamma[j]
            N[i, j] = left * right / (sigma * sigma)
            if i < p and j < p:
                for h in range(F.shape[1]):
                    N[i, j] += F[i, h] * F[j, h]
    return N
