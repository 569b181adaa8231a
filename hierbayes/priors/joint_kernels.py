"""Densities of the joint priors at one root of G, with their derivatives.

The densities are those of `joint_density`, with normalising constants left to the caller:
with R the lower root of G, or of each block of it, and C that of the scale,

    inverse-Wishart   −½(ν + q + 1) log|G| − ½‖R⁻¹C‖² + q Σ_k log sd_k
    Wishart           ½(ν − q − 1) log|G| − ½‖C⁻¹R‖² + q Σ_k log sd_k
    icc ~ Beta        α log T + 2β log σ − (α + β) log(T + σ²) − q log S + Σ_k log sd_k,
                      T = tr(R'MR), S = Σ_k sd_k² M_kk

``s`` and ``d_s`` hold σ, then the sds with a sign, and the derivatives with respect to them,
to which each adds its own, as to d_root (q, q).  Where the icc is that of a latent scale,
``known`` is 1, σ is 1 and M that of columns over the sd of a row there.  A singular G has
density 0.  What the prior states stands in ``data`` from ``at`` on, a matrix by rows.
"""

from __future__ import annotations

import math

import numpy as np

from hierbayes.compilation import inner
from hierbayes.compiled_arrays import zeros_of


@inner
def matrix_densities(data, at, root, s, d_root, d_s):
    """Priors of blocks of G: how many; of each its place, size, what `_matrix_density` reads."""
    value, how_many = 0.0, int(data[at])
    at += 1
    for _ in range(how_many):
        first, q = int(data[at]), int(data[at + 1])
        value += _matrix_density(first, q, data, at + 2, root, s, d_root, d_s)
        at += 4 + q * q
    return value


@inner
def _matrix_density(first, q, data, at, root, s, d_root, d_s):
    """A Wishart prior of a block of G, or an inverse one: which of them, ν and C (q, q)."""
    inverse = data[at] != 0.0
    power = data[at + 1] + q + 1.0 if inverse else q + 1.0 - data[at + 1]
    value = 0.0
    low, half = zeros_of((q, q)), zeros_of((q, q))  # W = low⁻¹ half: R⁻¹C or C⁻¹R
    for i in range(q):
        own = root[first + i, first + i]
        if own == 0.0:
            return -np.inf
        value += q * math.log(abs(s[1 + first + i])) - power * math.log(abs(own))
        d_root[first + i, first + i] -= power / own
        d_s[1 + first + i] += q / s[1 + first + i]
        for k in range(i + 1):
            scale = data[at + 2 + i * q + k]
            entry = root[first + i, first + k]
            low[i, k] = entry if inverse else scale
            half[i, k] = scale if inverse else entry
    for c in range(q):
        for i in range(q):
            total = half[i, c]
            for k in range(i):
                total -= low[i, k] * half[k, c]
            half[i, c] = total / low[i, i]
            value -= 0.5 * half[i, c] * half[i, c]
    for c in range(q):  # of −½‖W‖²: low'⁻¹WW' with respect to low, −low'⁻¹W to what it divides
        row = zeros_of(q)
        for i in range(q):
            row[i] = half[i, c]
            if inverse:
                row[i] = 0.0
                for k in range(q):
                    row[i] += half[i, k] * half[c, k]
        for i in range(q - 1, -1, -1):
            for k in range(i + 1, q):
                row[i] -= low[k, i] * row[k]
            row[i] /= low[i, i]
            d_root[first + i, first + c] += row[i] if inverse else -row[i]
    return value


@inner
def icc_density(data, at, root, s, d_root, d_s):
    """A Beta prior of the intraclass correlation: α, β, known and M (q, q)."""
    q, first = root.shape[0], at + 3
    alpha, beta, known = data[at], data[at + 1], data[at + 2] != 0.0
    sigma = 1.0 if known else s[0]
    between, parts, value = 0.0, 0.0, 0.0
    half = np.zeros((q, q))  # MR; Python calls this function, too
    for i in range(q):
        if root[i, i] == 0.0:
            return -np.inf
        value += math.log(abs(s[1 + i]))
        parts += s[1 + i] * s[1 + i] * data[first + i * q + i]
        for c in range(q):
            for k in range(q):
                half[i, c] += data[first + i * q + k] * root[k, c]
            between += root[i, c] * half[i, c]
    total = between + sigma * sigma
    value += alpha * math.log(between) + 2.0 * beta * math.log(sigma)
    value -= (alpha + beta) * math.log(total) + q * math.log(parts)
    slope = alpha / between - (alpha + beta) / total
    for i in range(q):
        d_s[1 + i] += 1.0 / s[1 + i] - 2.0 * q * s[1 + i] * data[first + i * q + i] / parts
        for c in range(q):
            d_root[i, c] += 2.0 * slope * half[i, c]
    if not known:
        d_s[0] += 2.0 * beta / sigma - 2.0 * sigma * (alpha + beta) / total
    return value
