"""The log density of a model with built-in priors, and its gradient, at one point.

The PyMC graph (`graph`) defines the density; these functions compute the same by hand, for
every structure, family and number of effects: all of that is data, in one flat buffer that
`density_layout` describes.  They hold no Python object and never raise.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from hierbayes.estimation.density_layout import (
    DENSITY,
    ICC,
    INTERVAL,
    INVERSE_WISHART,
    LOG,
    LOWER,
    NO_JOINT,
    PLACE,
    ROW,
    SHARES,
    TRANSFORM,
    UPPER,
    VOLUME,
    Head,
)  # fmt: skip
from hierbayes.estimation.normalised_rows import fill_rows, pull_rows
from hierbayes.estimation.shares_kernels import log_scales, pull_scales, varying_gamma
from hierbayes.likelihood.native import likelihood
from hierbayes.priors.joint_kernels import icc_density, matrix_density
from hierbayes.priors.scalar_density import scalar_density

(
    _LENGTH, _COORDINATES, _NUMBERS, _GROUPS, _EFFECTS, _TERMS, _READING, _GIVEN, _BLOCKS, _JOINT,
    _CORR_AT, _SHARES_AT, _XI_AT, _PLACE_OF_CONSTANT, _ROWS, _SCALE, _CONSTANT, _AT_NUMBERS,
    _AT_BLOCKS, _AT_JOINT, _AT_R, _AT_T, _AT_W, _AT_TO_INTERNAL, _AT_PRECISION, _AT_MEAN,
    _AT_GAMMA_TO_INTERNAL, _AT_GAMMA_CENTER,
) = map(int, Head)  # fmt: skip


@njit(error_model="numpy", no_cpython_wrapper=True, no_cfunc_wrapper=True)
def _read_numbers(x, data, values, slopes, gradient):
    """Numbers with a prior of their own, from their coordinates; the log prior and its gradient.

    ``slopes`` are the derivatives of the numbers with respect to their coordinates.
    """
    total = 0.0
    for k in range(values.shape[0]):
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
        value, d_value = scalar_density(v, data, at + DENSITY)
        values[k], slopes[k] = v, slope
        total += value + data[at + VOLUME] * volume
        gradient[place] += d_value * slope + data[at + VOLUME] * d_volume
    return total


@njit(error_model="numpy", no_cpython_wrapper=True, no_cfunc_wrapper=True)
def _fill_correlation(x, data, root):
    """Root of the correlation matrix, block by block; its log prior, but for a constant."""
    at, first, total = int(data[_CORR_AT]), 0, 0.0
    for b in range(int(data[_BLOCKS])):
        size = int(data[int(data[_AT_BLOCKS]) + 2 * b])
        weight = data[int(data[_AT_BLOCKS]) + 2 * b + 1]
        total += fill_rows(x, at, first, size, weight, 0.0, root)
        at += size * (size - 1) // 2
        first += size
    return total


@njit(error_model="numpy", no_cpython_wrapper=True, no_cfunc_wrapper=True)
def _pull_correlation(x, data, d_root, gradient):
    """The gradient of a function with derivatives d_root, and of the log prior."""
    at, first = int(data[_CORR_AT]), 0
    for b in range(int(data[_BLOCKS])):
        size = int(data[int(data[_AT_BLOCKS]) + 2 * b])
        weight = data[int(data[_AT_BLOCKS]) + 2 * b + 1]
        pull_rows(x, at, first, size, weight, 0.0, d_root, gradient)
        at += size * (size - 1) // 2
        first += size


@njit(error_model="numpy", no_cpython_wrapper=True, no_cfunc_wrapper=True)
def _add_likelihood(data, root, sigma, gamma, d_root, d_gamma):
    """The collapsed likelihood and ∂/∂σ; adds its derivatives in root and γ."""
    q, p = root.shape[0], gamma.shape[0]
    internal = np.zeros(p)
    at, center = int(data[_AT_GAMMA_TO_INTERNAL]), int(data[_AT_GAMMA_CENTER])
    if data[_GIVEN] != 0.0:
        for c in range(p):
            for d in range(p):
                internal[c] += data[at + c * p + d] * (gamma[d] - data[center + d])
    out = np.empty(2 + q * q + p)
    likelihood(
        int(data[_GROUPS]), q, p, int(data[_READING]), sigma / data[_SCALE], data[_ROWS],
        root.ctypes, internal.ctypes, data[int(data[_AT_TO_INTERNAL]) :].ctypes,
        data[int(data[_AT_R]) :].ctypes, data[int(data[_AT_T]) :].ctypes,
        data[int(data[_AT_W]) :].ctypes, data[int(data[_AT_PRECISION]) :].ctypes,
        data[int(data[_AT_MEAN]) :].ctypes, out.ctypes,
    )  # fmt: skip
    for i in range(q):
        for k in range(q):
            d_root[i, k] += out[2 + i * q + k]
    if data[_GIVEN] != 0.0:
        for c in range(p):
            for d in range(p):
                d_gamma[d] += data[at + c * p + d] * out[2 + q * q + c]
    return out[0], out[1] / data[_SCALE]


@njit(error_model="numpy", no_cpython_wrapper=True, no_cfunc_wrapper=True)
def _add_joint(data, root, sd, sigma, d_root, d_sd):
    """A prior of G or of the intraclass correlation and ∂/∂σ; adds its other derivatives."""
    kind, at = int(data[_JOINT]), int(data[_AT_JOINT])
    if NO_JOINT < kind < ICC:
        return matrix_density(kind == INVERSE_WISHART, data, at, root, sd, d_root, d_sd)
    if kind == ICC:
        return icc_density(data, at, root, sd, sigma, d_root, d_sd)
    return 0.0, 0.0


@njit(error_model="numpy", no_cpython_wrapper=True, no_cfunc_wrapper=True)
def density(with_gradient, x, data, out):
    """Value, gradient (n,), root (q, q), σ and γ (p,) at x, one after the other in ``out``.

    Without the gradient only what follows it is of use.
    """
    n, q, p = x.shape[0], int(data[_EFFECTS]), int(data[_TERMS])
    gradient, gamma = out[1 : 1 + n], out[2 + n + q * q :]
    gradient[:] = 0.0
    K, by_shares = int(data[_NUMBERS]), data[_JOINT] == SHARES
    values, slopes, d_values = np.empty(K), np.empty(K), np.zeros(K)
    value = data[_CONSTANT] + _read_numbers(x, data, values, slopes, gradient)
    sigma, signed = values[0], np.empty(q)
    f = p - 1 if by_shares else 0
    varying, d_varying, scratch = np.empty(f), np.zeros(f), np.zeros(n)
    m = f + q if by_shares else 0
    log_share, log_scale, d_log_scale = np.empty(m), np.empty(m), np.zeros(m)
    joint, shares, xi = int(data[_AT_JOINT]), int(data[_SHARES_AT]), int(data[_XI_AT])
    constant = int(data[_PLACE_OF_CONSTANT])
    if by_shares:
        value += log_scales(x, shares, sigma, data, joint, log_share, log_scale)
        value += varying_gamma(
            x, xi, data, joint, log_scale, varying, d_varying, np.zeros(m), scratch
        )
        for i in range(q):
            signed[i] = math.exp(log_scale[f + i])
        for c in range(p):
            if c == constant:
                gamma[c] = values[1]
            else:
                gamma[c] = varying[c - 1 if c > constant else c]
    else:
        for i in range(q):
            signed[i] = values[1 + i]
        for c in range(p):
            gamma[c] = values[1 + q + c] if data[_GIVEN] != 0.0 else 0.0
    chol, root = np.zeros((q, q)), np.empty((q, q))
    value += _fill_correlation(x, data, chol)
    for i in range(q):
        for k in range(q):
            root[i, k] = signed[i] * chol[i, k]
            out[1 + n + i * q + k] = root[i, k]
    out[1 + n + q * q] = sigma
    if not with_gradient:
        return
    sd, d_sd = np.empty(q), np.zeros(q)
    d_root, d_gamma = np.zeros((q, q)), np.zeros(p)
    for i in range(q):
        sd[i] = abs(signed[i])
    added, d_sigma = _add_likelihood(data, root, sigma, gamma, d_root, d_gamma)
    value += added
    added, slope = _add_joint(data, root, sd, sigma, d_root, d_sd)
    value += added
    d_values[0] = d_sigma + slope
    for i in range(q):
        total = d_sd[i] if signed[i] >= 0.0 else -d_sd[i]
        for k in range(i + 1):
            total += d_root[i, k] * chol[i, k]
            d_root[i, k] *= signed[i]
        if by_shares:
            d_log_scale[f + i] = total * signed[i]
        else:
            d_values[1 + i] = total
    _pull_correlation(x, data, d_root, gradient)
    if by_shares:
        for c in range(p):
            if c == constant:
                d_values[1] = d_gamma[c]
            else:
                d_varying[c - 1 if c > constant else c] = d_gamma[c]
        varying_gamma(x, xi, data, joint, log_scale, varying, d_varying, d_log_scale, gradient)
        total = pull_scales(x, shares, data, joint, log_share, d_log_scale, gradient)
        d_values[0] += total / sigma
    elif data[_GIVEN] != 0.0:
        for c in range(p):
            d_values[1 + q + c] = d_gamma[c]
    for k in range(K):
        gradient[int(data[int(data[_AT_NUMBERS]) + k * ROW + PLACE])] += d_values[k] * slopes[k]
    out[0] = value
