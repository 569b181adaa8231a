"""The log density of a model with built-in priors, and its gradient, at one point.

The PyMC graph (`graph`) defines the density; these functions compute the same by hand, for
every structure, family and number of effects: all of that is data, in one flat buffer that
`density_layout` describes.  They hold no Python object and never raise.

Between the coordinates x and the likelihood stand the parameters s = (σ, sd with a sign
(q,), γ (p,)), in user units; ``d_s`` is ∂/∂s.
"""

from __future__ import annotations

import math

import numpy as np

from hierbayes.compilation import inner
from hierbayes.compiled_arrays import room_for, zeros_of
from hierbayes.estimation.density_layout import (
    ASINH,
    DENSITY,
    ICC,
    INTERVAL,
    LOG,
    LOWER,
    MATRICES,
    PARAMETER,
    PLACE,
    ROW,
    SHARES,
    TRANSFORM,
    UPPER,
    VOLUME,
    Head,
)  # fmt: skip
from hierbayes.estimation.normalised_rows import fill_rows, pull_rows
from hierbayes.estimation.shares_kernels import fill_shares, pull_shares
from hierbayes.likelihood.native import call_likelihood, pointer_at
from hierbayes.priors.joint_kernels import icc_density, matrix_densities
from hierbayes.priors.scalar_density import scalar_density

(
    _LENGTH, _COORDINATES, _LATENT, _NUMBERS, _GROUPS, _EFFECTS, _TERMS, _READING, _GIVEN, _BLOCKS,
    _JOINT, _CORR_AT, _SHARES_AT, _XI_AT, _PLACE_OF_CONSTANT, _ROWS, _SCALE, _CONSTANT,
    _LIKELIHOOD, _AT_NUMBERS, _AT_BLOCKS, _AT_JOINT, _AT_R, _AT_T, _AT_W, _AT_TO_INTERNAL,
    _AT_PRECISION, _AT_MEAN, _AT_GAMMA_TO_INTERNAL, _AT_GAMMA_CENTER, _AT_CENTRE, _AT_P,
) = map(int, Head)  # fmt: skip


@inner
def _read_numbers(x, data, s, slopes, gradient):
    """Parameters with a prior of their own, from their coordinates; the log prior.

    Adds its gradient; ``slopes`` are the derivatives of these parameters in their coordinates.
    """
    total = 0.0
    for k in range(slopes.shape[0]):
        at = int(data[_AT_NUMBERS]) + k * ROW
        place = int(data[at + PLACE])
        v, slope, volume, d_volume = x[place], 1.0, 0.0, 0.0
        if data[at + TRANSFORM] == LOG:
            volume, d_volume = x[place], 1.0
            v = slope = math.exp(x[place])
        elif data[at + TRANSFORM] == INTERVAL:
            e = math.exp(-abs(x[place]))
            width = data[at + UPPER] - data[at + LOWER]
            share = 1.0 / (1.0 + e) if x[place] > 0.0 else e / (1.0 + e)
            v = data[at + LOWER] + width * share
            slope = width * e / ((1.0 + e) * (1.0 + e))
            volume = math.log(width) - abs(x[place]) - 2.0 * math.log1p(e)
            d_volume = 1.0 - 2.0 * share
        elif data[at + TRANSFORM] == ASINH:
            e, size = math.exp(-2.0 * abs(x[place])), abs(x[place])
            v = data[at + LOWER] * math.sinh(x[place])
            slope = data[at + LOWER] * math.cosh(x[place])
            volume = size + math.log1p(e) - math.log(2.0)
            d_volume = math.tanh(x[place])
        value, d_value = scalar_density(v, data, at + DENSITY)
        s[int(data[at + PARAMETER])], slopes[k] = v, slope
        total += value + data[at + VOLUME] * volume
        gradient[place] += d_value * slope + data[at + VOLUME] * d_volume
    return total


@inner
def _fill_correlation(x, data, root):
    """Root of the correlation matrix, block by block; its log prior, but for a constant."""
    at, total = int(data[_CORR_AT]), 0.0
    first = np.int64(0)  # a literal would have the loop's body compiled twice
    for b in range(int(data[_BLOCKS])):
        size = int(data[int(data[_AT_BLOCKS]) + 2 * b])
        weight = data[int(data[_AT_BLOCKS]) + 2 * b + 1]
        total += fill_rows(x, at, first, size, weight, 0.0, root)
        at += size * (size - 1) // 2
        first += size
    return total


@inner
def _pull_correlation(x, data, d_root, gradient):
    """The gradient of a function with derivatives d_root, and of the log prior."""
    at, first = int(data[_CORR_AT]), np.int64(0)  # as above
    for b in range(int(data[_BLOCKS])):
        size = int(data[int(data[_AT_BLOCKS]) + 2 * b])
        weight = data[int(data[_AT_BLOCKS]) + 2 * b + 1]
        pull_rows(x, at, first, size, weight, 0.0, d_root, gradient)
        at += size * (size - 1) // 2
        first += size


@inner
def _add_likelihood(x, data, root, s, d_root, d_s, gradient):
    """The likelihood; adds its derivatives in the root of G, σ, γ and the latent coordinates.

    Where γ is sampled, times the normal prior that some of its terms have together.
    """
    q = root.shape[0]
    p = s.shape[0] - 1 - q
    m = int(data[_LATENT])
    latent, end = x.shape[0] - m, 2 + q * q + p + m
    out = zeros_of(end + p)  # γ as the likelihood reads it behind what it writes: one lifetime
    at, center, first = int(data[_AT_GAMMA_TO_INTERNAL]), int(data[_AT_GAMMA_CENTER]), 1 + q
    given = data[_GIVEN] != 0.0
    if given:
        for c in range(p):
            for d in range(p):
                out[end + c] += data[at + c * p + d] * (s[first + d] - data[center + d])
    arguments = (
        int(data[_GROUPS]), q, p, m, int(data[_READING]), s[0] / data[_SCALE], data[_ROWS],
        pointer_at(root, 0), pointer_at(out, end), pointer_at(x, latent),
        pointer_at(data, int(data[_AT_TO_INTERNAL])), pointer_at(data, int(data[_AT_R])),
        pointer_at(data, int(data[_AT_T])), pointer_at(data, int(data[_AT_W])),
        pointer_at(data, int(data[_AT_PRECISION])), pointer_at(data, int(data[_AT_MEAN])),
        pointer_at(out, 0),
    )  # fmt: skip
    call_likelihood(pointer_at(data, _LIKELIHOOD), arguments)
    d_s[0] += out[1] / data[_SCALE]
    for i in range(q):
        for k in range(q):
            d_root[i, k] += out[2 + i * q + k]
    for i in range(m):
        gradient[latent + i] += out[end - m + i]
    if given:
        precision, mean = int(data[_AT_PRECISION]), int(data[_AT_MEAN])
        for c in range(p):
            step = 0.0  # of the normal prior that terms have together
            for d in range(p):
                step += data[precision + c * p + d] * (out[end + d] - data[mean + d])
            out[0] -= 0.5 * step * (out[end + c] - data[mean + c])
            for d in range(p):
                d_s[first + d] += data[at + c * p + d] * (out[2 + q * q + c] - step)
    return out[0]


@inner
def _add_joint(data, root, s, d_root, d_s):
    """A prior of G or of the intraclass correlation; adds its derivatives."""
    kind, at = int(data[_JOINT]), int(data[_AT_JOINT])
    if kind == MATRICES:
        return matrix_densities(data, at, root, s, d_root, d_s)
    if kind == ICC:
        return icc_density(data, at, root, s, d_root, d_s)
    return 0.0


@inner
def _add_slopes(data, d_s, slopes, gradient):
    """Add to the gradient what parameters with a prior of their own bring through their slopes."""
    for k in range(slopes.shape[0]):
        at = int(data[_AT_NUMBERS]) + k * ROW
        gradient[int(data[at + PLACE])] += d_s[int(data[at + PARAMETER])] * slopes[k]


@inner
def density(with_gradient, x, data, out):
    """Value, gradient (n,), root (q, q), σ, γ (p,) and latent coordinates (m,) of x, in ``out``.

    Without the gradient only what follows it is of use.
    """
    n, q, p = x.shape[0], int(data[_EFFECTS]), int(data[_TERMS])
    gradient, s, slopes = out[1 : 1 + n], zeros_of(1 + q + p), room_for(int(data[_NUMBERS]))
    log_share, log_scale = room_for(q + p - 1), room_for(q + p - 1)
    by_shares = data[_JOINT] == SHARES
    s[0] = 1.0  # σ where it is no parameter
    for i in range(n):
        gradient[i] = 0.0
    value = data[_CONSTANT] + _read_numbers(x, data, s, slopes, gradient)
    if by_shares:
        value += fill_shares(x, data, log_share, log_scale, s)
    chol, root = zeros_of((q, q)), room_for((q, q))
    value += _fill_correlation(x, data, chol)
    for i in range(q):
        for k in range(q):
            root[i, k] = s[1 + i] * chol[i, k]
            out[1 + n + i * q + k] = root[i, k]
    out[1 + n + q * q] = s[0]
    for c in range(p):
        out[2 + n + q * q + c] = s[1 + q + c]
    m = int(data[_LATENT])
    for i in range(m):
        out[2 + n + q * q + p + i] = x[n - m + i]
    if not with_gradient:
        return
    d_root, d_s = zeros_of((q, q)), zeros_of(1 + q + p)
    value += _add_likelihood(x, data, root, s, d_root, d_s, gradient)
    value += _add_joint(data, root, s, d_root, d_s)
    for i in range(q):
        for k in range(i + 1):
            d_s[1 + i] += d_root[i, k] * chol[i, k]
            d_root[i, k] *= s[1 + i]
    _pull_correlation(x, data, d_root, gradient)
    if by_shares:
        pull_shares(x, data, log_share, log_scale, s, d_s, gradient)
    _add_slopes(data, d_s, slopes, gradient)
    out[0] = value


@inner
def _coordinates_of(w, data):
    """x (n,) of a sampler's w: centre + P w, but for the latent coordinates, which are its own."""
    x, at, first = room_for(w.shape[0]), int(data[_AT_CENTRE]), int(data[_AT_P])
    d = w.shape[0] - int(data[_LATENT])
    for i in range(w.shape[0]):
        x[i] = data[at + i] if i < d else w[i]
    for i in range(d):
        for k in range(i + 1):
            x[i] += data[first + i * d + k] * w[k]
    return x


@inner
def _pull_coordinates(data, gradient):
    """The gradient (n,) in w of what has it in x, in its place: P' times it."""
    first, d = int(data[_AT_P]), gradient.shape[0] - int(data[_LATENT])
    for k in range(d):
        total = 0.0
        for i in range(k, d):
            total += data[first + i * d + k] * gradient[i]
        gradient[k] = total


@inner
def density_along(with_gradient, along, w, data, out):
    """`density`; ``along`` as a sampler takes it: x an affine function of w where one is stated."""
    changed = along and data[_AT_CENTRE] > 0.0
    x = _coordinates_of(w, data) if changed else w
    density(with_gradient, x, data, out)
    if with_gradient and changed:
        _pull_coordinates(data, out[1 : 1 + w.shape[0]])
