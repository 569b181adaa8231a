"""The R2D2M2 prior at one point of its coordinates, with its derivatives.

The coordinates and what follows from them are those of `variance_shares`: x of R² (a
logit), y of the shares φ = softmax(y, −Σy), and ξ of each varying γ_k, with

    log s_k = log σ + ½(log φ_k + log R² − log(1 − R²)) − log spread_k
    b = s²/(s² + e²),    γ_k = b g + √b e ξ

s first of the p − 1 varying γ, then of the q random effects.  In x and y the prior, volumes
of the maps included, is α log R² + β log(1 − R²) + c Σ_k log φ_k.  The joint prior's part of
the buffer holds α, β, c, the spreads (p − 1 + q,), and g and e (p − 1,).
"""

from __future__ import annotations

import math

from hierbayes.compilation import inner
from hierbayes.compiled_arrays import room_for
from hierbayes.estimation.density_layout import Head

_EFFECTS, _TERMS, _SHARES_AT, _XI_AT, _PLACE_OF_CONSTANT, _AT_JOINT = map(
    int,
    (Head.EFFECTS, Head.TERMS, Head.SHARES_AT, Head.XI_AT, Head.PLACE_OF_CONSTANT, Head.AT_JOINT),
)


@inner
def _log_scales(x, data, sigma, log_share, log_scale):
    """Log φ and log s (p − 1 + q,) at the coordinates of R² and φ; their log prior."""
    m, start, at = log_share.shape[0], int(data[_SHARES_AT]), int(data[_AT_JOINT])
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


@inner
def fill_shares(x, data, log_share, log_scale, parameters):
    """The sds and the varying γ among the parameters (σ, sd, γ), where σ stands; their log prior.

    Log φ and log s (p − 1 + q,) are written over.
    """
    value = _log_scales(x, data, parameters[0], log_share, log_scale)
    q, f = int(data[_EFFECTS]), int(data[_TERMS]) - 1
    xi, at = int(data[_XI_AT]), int(data[_AT_JOINT]) + 3 + q + f
    for k in range(q):
        parameters[1 + k] = math.exp(log_scale[f + k])
    for k in range(f):
        s, error = math.exp(log_scale[k]), data[at + f + k]
        kept = 1.0 / (1.0 + (error / s) * (error / s))
        gamma = kept * data[at + k] + math.sqrt(kept) * error * x[xi + k]
        place = 1 + q + k + (1 if k >= int(data[_PLACE_OF_CONSTANT]) else 0)
        parameters[place] = gamma
        value += 0.5 * math.log(kept) + math.log(error) - log_scale[k]
        value -= 0.5 * (gamma / s) * (gamma / s)
    return value


@inner
def pull_shares(x, data, log_share, log_scale, parameters, d_parameters, d_x):
    """Add to d_x, and to ∂/∂σ, what comes through log s and ξ, and the gradient of the prior."""
    q, f = int(data[_EFFECTS]), int(data[_TERMS]) - 1
    xi, at, start = int(data[_XI_AT]), int(data[_AT_JOINT]), int(data[_SHARES_AT])
    m, d_log_scale, total = f + q, room_for(f + q), 0.0
    for k in range(q):
        d_log_scale[f + k] = d_parameters[1 + k] * parameters[1 + k]
    for k in range(f):
        s, error = math.exp(log_scale[k]), data[at + 3 + m + f + k]
        kept = 1.0 / (1.0 + (error / s) * (error / s))
        noise = math.sqrt(kept) * error
        place = 1 + q + k + (1 if k >= int(data[_PLACE_OF_CONSTANT]) else 0)
        z = parameters[place] / s
        slope = d_parameters[place] - z / s
        rest = (1.0 - kept) * (2.0 * kept * data[at + 3 + m + k] + noise * x[xi + k])
        d_log_scale[k] = z * z - kept + slope * rest
        d_x[xi + k] += slope * noise
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
    d_parameters[0] += total / parameters[0]
