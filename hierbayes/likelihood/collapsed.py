r"""The collapsed likelihood: γ and every u_j integrated out in closed form.

Everything the package estimates is a reading of the one function below.  With
λ = L/σ a root of the relative covariance (G = LL' = σ² λλ') and, per group,
Z_j = Q_jR_j with orthonormal Q_j, T_j = Q_j'[X_j y_j] and W what [X y] has outside
the span of every Z_j,

    N_j = I + (R_jλ)(R_jλ)'                            Q_j'(V_j/σ²)Q_j
    S   = W + Σ_j T_j'N_j⁻¹T_j  = [X y]' (V/σ²)⁻¹ [X y]
    log|V| = n log σ² + Σ_j log|N_j|

a sum of positive terms, so that no digit is lost however small σ is.  The value costs
O(J(q³ + q²p + qp²)) and nothing in the number of rows n.

The readings differ only in what is done with γ:

=========== ==================================================================
``ML``       γ profiled out (maximised)
``REML``     γ integrated out under a flat prior
``NORMAL``   γ integrated out under γ ~ N(m₀, P₀⁻¹), flat where P₀ is singular
``GIVEN``    γ stated by the caller (its prior is not normal); only u collapsed
=========== ==================================================================

The functions are compiled by numba, take plain float64 arrays, hold no Python
object (they release the GIL) and never raise: a proposal whose matrices cannot
be factored returns −inf.

References
----------
Bates, Mächler, Bolker & Walker (2015), *Fitting Linear Mixed-Effects Models
Using lme4*, doi:10.18637/jss.v067.i01; Lindley & Smith (1972), *Bayes
Estimates for the Linear Model*.
"""

from __future__ import annotations

import math

import numpy as np

from hierbayes.compilation import compiled, inner
from hierbayes.compiled_arrays import room_for, zeros_of
from hierbayes.likelihood.elimination import group_score, reduce_groups
from hierbayes.likelihood.reading import VALUE_ONLY, Reading
from hierbayes.likelihood.triangular import cholesky_in_place, solve_lower_transposed

ML, REML, NORMAL, GIVEN = (reading.value for reading in Reading)  # numba takes whole numbers

LOG_2PI = math.log(2.0 * math.pi)


@inner
def residual_form(S, gamma):
    """(y − Xγ)'(V/σ²)⁻¹(y − Xγ), from S and γ (p,)."""
    p = gamma.shape[0]
    total = S[p, p]
    for c in range(p):
        inner = -2.0 * S[c, p]
        for d in range(p):
            inner += S[c, d] * gamma[d]
        total += gamma[c] * inner
    return total


@compiled(error_model="numpy")
def solve_gamma(S, sigma, precision, mean):
    """γ̂ = Q⁻¹(S_Xy + σ²P₀m₀), a factor F of Q⁻¹ = FF' and log|Q|; Q = S_XX + σ²P₀.

    Q is relative: σ² times the posterior precision of γ.  log|Q| is nan when Q
    cannot be factored.
    """
    p = S.shape[0] - 1
    Q, F = room_for((p, p)), zeros_of((p, p))
    right, half, gamma = room_for(p), zeros_of(p), zeros_of(p)
    for c in range(p):
        right[c] = S[c, p]
        for d in range(p):
            prior = sigma * sigma * precision[c, d]
            Q[c, d] = S[c, d] + prior
            right[c] += prior * mean[d]
        F[c, c] = 1.0
    if not cholesky_in_place(Q):
        return gamma, F, np.nan
    solve_lower_transposed(Q, F)
    log_det = 0.0
    for c in range(p):  # F is upper triangular: γ̂ = F(F'b)
        log_det += 2.0 * math.log(Q[c, c])
        for d in range(c + 1):
            half[c] += F[d, c] * right[d]
        for d in range(c + 1):
            gamma[d] += F[d, c] * half[c]
    return gamma, F, log_det


@inner
def half_log_det(precision):
    """½ log|P₀| over what P₀ (p, p) informs; directions that it leaves flat add a density of 1."""
    p = precision.shape[0]
    low = zeros_of((p, p))
    total = 0.0
    for c in range(p):
        pivot = precision[c, c]
        for k in range(c):
            pivot -= low[c, k] * low[c, k]
        if not pivot > 1e-14 * precision[c, c]:
            total += 0.5 * LOG_2PI
            continue
        low[c, c] = math.sqrt(pivot)
        total += math.log(low[c, c])
        for d in range(c + 1, p):
            rest = precision[d, c]
            for k in range(c):
                rest -= low[d, k] * low[c, k]
            low[d, c] = rest / low[c, c]
    return total


@compiled(error_model="numpy")
def read_value(log_det, S, sigma, gamma, n, precision, mean, reading):
    """Value of `collapsed` from Σ log|N_j| and S, and what its gradient needs.

    Returns
    -------
    value : float
        −inf where it cannot be computed.
    d_log_sigma : float
        ∂ value/∂log σ at fixed λ.
    at : (p,) float
        The γ at which the likelihood is read: γ̂, or the given one.
    F : (p, k) float
        FF' = Q⁻¹; no columns where γ is not integrated out.
    """
    p = S.shape[0] - 1
    F = zeros_of((p, 0))
    if not (math.isfinite(log_det) and sigma > 0.0 and sigma < np.inf):
        return -np.inf, 0.0, gamma, F
    prior = precision if reading == NORMAL else zeros_of((p, p))
    log_det_Q = 0.0
    at = gamma
    if reading != GIVEN:
        at, F, log_det_Q = solve_gamma(S, sigma, prior, mean)
        if not math.isfinite(log_det_Q):
            return -np.inf, 0.0, at, F
    if reading == ML:
        F = zeros_of((p, 0))

    s2 = sigma * sigma
    form = residual_form(S, at) / s2
    value = -0.5 * (n * (LOG_2PI + math.log(s2)) + log_det + form)
    d_log_sigma = form - n
    if reading == REML:
        value += 0.5 * (p * (LOG_2PI + math.log(s2)) - log_det_Q)
        d_log_sigma += p
    elif reading == NORMAL:
        value -= 0.5 * (log_det_Q - p * math.log(s2))
        value += half_log_det(prior)
        for c in range(p):
            step = 0.0
            for d in range(p):
                step += prior[c, d] * (at[d] - mean[d])
                for e in range(p):  # tr(Q⁻¹S_XX)
                    d_log_sigma += F[c, e] * S[c, d] * F[d, e]
            value -= 0.5 * step * (at[c] - mean[c])
    if not math.isfinite(value):
        value = -np.inf
    return value, d_log_sigma, at, F


@inner
def fill_gamma_score(S, gamma, sigma, score):
    """∂ log p/∂γ (p,) of a stated γ, (S_Xy − S_XXγ)/σ²."""
    p = gamma.shape[0]
    for c in range(p):
        score[c] = S[c, p] / (sigma * sigma)
        for d in range(p):
            score[c] -= S[c, d] * gamma[d] / (sigma * sigma)


@inner
def collapsed(root, sigma, gamma, R, T, W, n, precision, mean, reading):
    """Log density of y at (L, σ), and its gradient: the one definition.

    Parameters
    ----------
    root : (q, q) float
        A root L of the covariance of the random effects, G = LL'.
    sigma : float
        Residual standard deviation.
    gamma : (p,) float
        Fixed effects; read only by ``GIVEN``.
    R, T, W : (J, q, q), (J, q, p+1), (p+1, p+1) float
        Cross-products as roots, see `CrossProducts`.
    n : float
        Number of rows.
    precision, mean : (p, p), (p,) float
        Prior precision P₀ and mean m₀ of γ; read only by ``NORMAL``.
    reading : int
        ``ML``, ``REML``, ``NORMAL`` or ``GIVEN``; plus ``VALUE_ONLY`` without derivatives.

    Returns
    -------
    value : float
        log p(y | θ), −inf where it cannot be computed.
    d_root : (q, q) float
        ∂ value/∂L at fixed σ.
    d_sigma : float
        ∂ value/∂σ at fixed L.
    d_gamma : (p,) float
        ∂ value/∂γ for ``GIVEN``, zero otherwise.
    """
    q, p = root.shape[0], W.shape[0] - 1
    relative, d_root, d_gamma = room_for((q, q)), zeros_of((q, q)), zeros_of(p)
    for i in range(q):
        for k in range(q):
            relative[i, k] = root[i, k] / sigma
    log_det, S, half, turned = reduce_groups(relative, R, T, W)
    value, d_log_sigma, at, F = read_value(
        log_det, S, sigma, gamma, n, precision, mean, reading % VALUE_ONLY
    )
    if value == -np.inf or reading >= VALUE_ONLY:
        return value, d_root, 0.0, d_gamma
    if reading == GIVEN:
        fill_gamma_score(S, at, sigma, d_gamma)
    score = group_score(half, turned, at, F, sigma)
    for i in range(q):
        for k in range(q):
            total = 0.0
            for h in range(q):
                total += 2.0 * score[i, h] * relative[h, k]
            d_root[i, k] = total / sigma
            d_log_sigma -= total * relative[i, k]
    return value, d_root, d_log_sigma / sigma, d_gamma
