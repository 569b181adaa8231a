r"""Coefficients of R⁻¹ by class with two derivatives, of those of C⁻¹ and of standard deviations.

A class of some kind, whose ends have the levels a and b, has c_kind(z) e^{−s_a − s_b}, with s
linear in z.
"""

from __future__ import annotations

import math
from typing import NamedTuple

from hierbayes.compilation import compiled, inner
from hierbayes.compiled_arrays import zeros_of
from hierbayes.frames.arrays import Floats, Integers
from hierbayes.residuals.correlation_kernels import parts_of


class ErrorKernel(NamedTuple):
    """What compiled code makes coefficients of classes of, at any coordinates.

    Parameters
    ----------
    kind, sizes, counts, number
        As `CorrelationKernel` has them.
    classes, of_sd, level_counts
        As of `class_coefficients`.
    share : float
        Of log|R| that is counted.
    """

    kind: int
    sizes: Floats
    counts: Floats
    number: float
    classes: Integers
    of_sd: Floats
    level_counts: Floats
    share: float


@inner
def coefficients_of(law: ErrorKernel, z: Floats) -> tuple[Floats, Floats, Floats]:
    """As `class_coefficients`, the share of log|R| last."""
    own, moved, bent = parts_of(law.kind, z, law.sizes, law.counts, law.number)
    found, slopes, bends = class_coefficients(
        law.classes, own, moved, bent, z, law.of_sd, law.level_counts
    )
    K, k = len(found) - 1, len(z)
    found[K] *= law.share
    for t in range(k):
        slopes[K, t] *= law.share
        for s in range(k):
            bends[K, t, s] *= law.share
    return found, slopes, bends


@compiled(error_model="numpy")
def class_coefficients(
    classes: Integers,
    own: Floats,
    moved: Floats,
    bent: Floats,
    z: Floats,
    of_sd: Floats,
    counts: Floats,
) -> tuple[Floats, Floats, Floats]:
    """Weights of classes and after them log|R| (K + 1,), with ∂ (K + 1, k) and ∂² (K + 1, k, k).

    Parameters
    ----------
    classes : (K, 3) int
        A kind of link, and the levels of variance of its ends.
    own, moved, bent : (kinds + 1,), (kinds + 1, h), (kinds + 1, h, h) float
        Those of C⁻¹ and after them log|C|, which depend on the first h coordinates.
    z : (k,) float
    of_sd : (L, k) float
        ∂s/∂z.
    counts : (L,) float
        How many rows have each level.
    """
    K, k, h, L = len(classes), len(z), moved.shape[1], len(of_sd)
    found, slopes, bends = zeros_of(K + 1), zeros_of((K + 1, k)), zeros_of((K + 1, k, k))
    s, of_level = zeros_of(L), zeros_of(L)
    for level in range(L):
        for t in range(h, k):
            s[level] += of_sd[level, t] * z[t]
            slopes[K, t] += 2.0 * counts[level] * of_sd[level, t]
        found[K] += 2.0 * counts[level] * s[level]
        of_level[level] = math.exp(-s[level])
    last = len(own) - 1
    found[K] += own[last]
    for t in range(h):
        slopes[K, t] = moved[last, t]
        for u in range(h):
            bends[K, t, u] = bent[last, t, u]
    for c in range(K):
        kind, a, b = classes[c]
        size = of_level[a] * of_level[b]
        found[c] = own[kind] * size
        for t in range(k):
            if t < h:
                slopes[c, t] = moved[kind, t] * size
                for u in range(t + 1):
                    bends[c, t, u] = bent[kind, t, u] * size
            else:
                slope = of_sd[a, t] + of_sd[b, t]
                slopes[c, t] = -found[c] * slope
                for u in range(t + 1):
                    bends[c, t, u] = -slope * slopes[c, u]
            for u in range(t):
                bends[c, u, t] = bends[c, t, u]
    return found, slopes, bends
