"""Compiled sums over patterns of occasions, and a free covariance with its derivatives."""

from __future__ import annotations

import math

import numpy as np

from hierbayes.compilation import compiled, inner
from hierbayes.compiled_arrays import zeros_of
from hierbayes.residuals.bound_values import Floats, Integers


@compiled(error_model="numpy")
def inverse_parts(
    S: Floats, moved: Floats, occasions: Integers, starts: Integers, counts: Floats
) -> tuple[Floats, Floats]:
    """Lower triangles of the inverse P of every part of S and after them Σ log|part|, and ∂.

    ∂P = −P(∂S)P and ∂ log|S| = tr P∂S, of covariances S (T, T) with ∂S (k, T, T).

    Parameters
    ----------
    S, moved : (N, T, T), (N, k, T, T) float
    occasions : (Σm,) int
        Those of all patterns, one after the other.
    starts : (patterns + 1,) int
        Where each begins.
    counts : (patterns,) float
        How many groups have each.
    """
    size = 0
    for i in range(len(counts)):
        m = starts[i + 1] - starts[i]
        size += m * (m + 1) // 2
    N, k = moved.shape[:2]
    found, slopes = zeros_of((N, size + 1)), zeros_of((N, size + 1, k))
    for i in range(N):
        _inverses(S[i], moved[i], occasions, starts, counts, found[i], slopes[i])
    return found, slopes


@inner
def _inverses(
    S: Floats,
    moved: Floats,
    occasions: Integers,
    starts: Integers,
    counts: Floats,
    found: Floats,
    slopes: Floats,
) -> None:
    """Write those of one covariance."""
    k, T, size = len(moved), len(S), len(found) - 1
    low, P, turned = zeros_of((T, T)), zeros_of((T, T)), zeros_of((T, T))
    place = 0
    for i in range(len(counts)):
        at = occasions[starts[i] : starts[i + 1]]
        m = len(at)
        for a in range(m):
            for b in range(a + 1):
                total = S[at[a], at[b]]
                for c in range(b):
                    total -= low[a, c] * low[b, c]
                low[a, b] = math.sqrt(total) if a == b else total / low[b, b]
            found[size] += 2.0 * counts[i] * math.log(low[a, a])
        for c in range(m):  # the inverse of the root, and then its square
            for a in range(c, m):
                total = 1.0 if a == c else 0.0
                for b in range(c, a):
                    total -= low[a, b] * turned[b, c]
                turned[a, c] = total / low[a, a]
        for a in range(m):
            for b in range(a + 1):
                total = 0.0
                for c in range(a, m):
                    total += turned[c, a] * turned[c, b]
                P[a, b] = total
                P[b, a] = total
                found[place + a * (a + 1) // 2 + b] = total
        for h in range(k):
            for a in range(m):
                for b in range(m):
                    total = 0.0
                    for c in range(m):
                        total += P[a, c] * moved[h, at[c], at[b]]
                    turned[a, b] = total
                slopes[size, h] += counts[i] * turned[a, a]
            for a in range(m):
                for b in range(a + 1):
                    total = 0.0
                    for c in range(m):
                        total += turned[a, c] * P[c, b]
                    slopes[place + a * (a + 1) // 2 + b, h] = -total
        place += m * (m + 1) // 2


@compiled(error_model="numpy")
def free_covariance(z: Floats, T: int) -> tuple[Floats, Floats]:
    """Any covariance (N, T, T) beside that of the first occasion, and ∂/∂z of it (N, k, T, T).

    z is log ratios of T − 1 standard deviations, then partial correlations atanh r row by row,
    of which r √(1 − what stands before it) is the root of the correlations.
    """
    N, k = z.shape
    S, moved = zeros_of((N, T, T)), zeros_of((N, k, T, T))
    for i in range(N):
        _free(z[i], S[i], moved[i])
    return S, moved


@inner
def _free(z: Floats, S: Floats, moved: Floats) -> None:
    """Write one covariance and its derivatives."""
    k, T = len(z), len(S)
    size, root = np.ones(T), zeros_of((T, T))
    by_row = zeros_of((k, T))  # ∂ of the one row of the root that moves
    owner = np.zeros(k, dtype=np.intp)
    for a in range(1, T):
        size[a] = math.exp(z[a - 1])
    root[0, 0] = 1.0
    place = T - 1
    for a in range(1, T):
        left, first = 1.0, place
        of_left = zeros_of(a)
        for b in range(a + 1):
            half = math.sqrt(left)
            r, slope = 1.0, 0.0
            if b < a:
                r = math.tanh(z[place])
                slope = 1.0 - r * r
                owner[place] = a
            root[a, b] = r * half
            for h in range(min(b + 1, a)):
                change = 0.5 * r * of_left[h] / half
                if h == b:
                    change += slope * half
                by_row[first + h, b] = change
                of_left[h] -= 2.0 * root[a, b] * change
            left -= root[a, b] ** 2
            place += b < a
    for a in range(T):
        for b in range(T):
            for c in range(min(a, b) + 1):
                S[a, b] += root[a, c] * root[b, c]
            S[a, b] *= size[a] * size[b]
    for a in range(1, T):
        for b in range(T):
            moved[a - 1, a, b] += S[a, b]
            moved[a - 1, b, a] += S[a, b]
    for h in range(T - 1, k):
        a = owner[h]
        for b in range(T):
            total = 0.0
            for c in range(b + 1):
                total += by_row[h, c] * root[b, c]
            moved[h, a, b] += total * size[a] * size[b]
            moved[h, b, a] += total * size[a] * size[b]
