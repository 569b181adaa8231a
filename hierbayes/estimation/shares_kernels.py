"""The R2D2M2 prior at one point of its coordinates, with its derivatives.

The coordinates and what follows from them are those of `variance_shares`: x of R² (a
logit), y of the shares φ = softmax(y, −Σy), and ξ of each varying γ_k, with

    log s_k = log σ + ½(log φ_k + log R² − log(1 − R²)) − log spread_k
    b = s²/(s² + e²),    γ_k = b g + √b e ξ

s first of the p − 1 varying γ, then of the q random effects.  In x and y the prior, volumes
of the maps included, is α log R² + β log(1 − R²) + c Σ_k log φ_k.  ``data`` has from ``at``
on: α, β, c, the spreads (p − 1 + q,), and g and e (p − 1,).
"""

from __future__ import annotations

import math

from numba import njit


@njit(error_model="numpy", no_cpython_wrapper=True, no_cfunc_wrapper=True)
def log_scales(x, start, sigma, data, at, log_share, log_scale):
    """Log φ and log s (m,) at the coordinates x[start:]; the log prior of R² and φ."""
    m = log_share.shape[0]
    last, largest = 0.0, 0.0
    for k in range(m - 1):
        log_share[k] = x[start + 1 + k]
        last -= x[start + 1 + k]
        largest = max(largest, log_share[k])
    log_share[m - 1] = last
    largest = max(largest, last)
    total = 0.0
    for k in range(m):
        total += math.exp(log_share[k] - largest)
    logit = x[start]
    log_r2 = -math.log1p(math.exp(-logit)) if logit > 0.0 else logit - math.log1p(math.exp(logit))
    value = data[at] * log_r2 + data[at + 1] * (log_r2 - logit)
    for k in range(m):
        log_share[k] -= largest + math.log(total)
        value += data[at + 2] * log_share[k] if m > 1 else 0.0
        log_scale[k] = math.log(sigma) + 0.5 * (log_share[k] + logit) - math.log(data[at + 3 + k])
    return value


@njit(error_model="numpy", no_cpython_wrapper=True, no_cfunc_wrapper=True)
def varying_gamma(x, start, data, at, log_scale, gamma, d_gamma, d_log_scale, d_x):
    """γ (p − 1,) at ξ = x[start:] and the log of its prior.

    ``d_gamma`` are derivatives with respect to γ of something else; with those of the
    prior they are added to d_log_scale and to d_x.
    """
    f, m = gamma.shape[0], log_scale.shape[0]
    value = 0.0
    for k in range(f):
        estimate, error = data[at + 3 + m + k], data[at + 3 + m + f + k]
        s = math.exp(log_scale[k])
        kept = 1.0 / (1.0 + (error / s) * (error / s))
        noise = math.sqrt(kept) * error
        gamma[k] = kept * estimate + noise * x[start + k]
        z = gamma[k] / s
        value += 0.5 * math.log(kept) + math.log(error) - log_scale[k] - 0.5 * z * z
        slope = d_gamma[k] - z / s
        rest = (1.0 - kept) * (2.0 * kept * estimate + noise * x[start + k])
        d_log_scale[k] += z * z - kept + slope * rest
        d_x[start + k] += slope * noise
    return value


@njit(error_model="numpy", no_cpython_wrapper=True, no_cfunc_wrapper=True)
def pull_scales(x, start, data, at, log_share, d_log_scale, d_x):
    """Add to d_x the derivatives through log s, and of the prior of R² and φ; returns Σ_k."""
    m = log_share.shape[0]
    total = 0.0
    for k in range(m):
        total += d_log_scale[k]
    r2 = 1.0 / (1.0 + math.exp(-x[start]))
    d_x[start] += data[at] * (1.0 - r2) - data[at + 1] * r2 + 0.5 * total
    if m > 1:
        sum_share = 0.5 * total + m * data[at + 2]
        last = 0.5 * d_log_scale[m - 1] + data[at + 2] - math.exp(log_share[m - 1]) * sum_share
        for k in range(m - 1):
            own = 0.5 * d_log_scale[k] + data[at + 2] - math.exp(log_share[k]) * sum_share
            d_x[start + 1 + k] += own - last
    return total
