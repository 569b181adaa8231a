"""Counts above 0: log(1 − P(0)) of a family of counts with its derivatives, compiled.

With A = −log P(0) it is a function of t = log A, which is nearly η where counts are rare: no two
numbers that are nearly equal are subtracted there.  Each family has a function ``zero`` of (η, φ)
that returns A, t, the three derivatives of t by η, and ∂/∂φ of t and of the first two.
"""

from __future__ import annotations

import math
from types import MappingProxyType
from typing import Any

from hierbayes.compilation import inner


@inner
def log_above(A, t):
    """log(1 − e^−A), A = e^t, with three derivatives by t; k = A/(e^A − 1) is the first.

    Where A is small k = 1 − A/2 + A²/12 − …, Bernoulli's numbers over factorials.
    """
    if A > 700.0:
        return 0.0, 0.0, 0.0, 0.0
    value = t - 0.5 * A
    if A > 1e-10:
        value = math.log(-math.expm1(-A)) if A < 0.7 else math.log1p(-math.exp(-A))
    if A > 0.5:
        r = 1.0 / math.expm1(A)
        first = A * r
        second = first * (1.0 - A - first)
        return value, first, second, second + A * first * (1.0 + r) * (A + 2.0 * first - 2.0)
    f = A * A
    even = f * (1 / 12 - f * (1 / 720 - f * (1 / 30240 - f * (1 / 1209600 - f * (1 / 47900160
           - f * (1 / 1892437580.31837916 - f / 74724249600))))))  # fmt: skip
    once = f * (1 / 6 - f * (1 / 180 - f * (1 / 5040 - f * (1 / 151200 - f * (1 / 4790016
           - f * (1 / 157703131.693198263 - f / 5337446400))))))  # fmt: skip
    twice = f * (1 / 3 - f * (1 / 45 - f * (1 / 840 - f * (1 / 18900 - f * (1 / 479001.6
            - f * (1 / 13141927.6410998553 - f / 381246171.428571429))))))  # fmt: skip
    return value, 1.0 - 0.5 * A + even, -0.5 * A + once, -0.5 * A + twice


@inner
def _less_linear(u):
    """log(1 + u) − u, u ≥ 0; with v = u/(2 + u), log(1 + u) = 2 artanh v and u = 2v + uv."""
    if u > 0.3:
        return math.log1p(u) - u
    v = u / (2.0 + u)
    total, power = 0.0, v * v * v
    for k in range(3, 23, 2):
        total += power / k
        power *= v * v
    return 2.0 * total - u * v


@inner
def poisson_zero(eta, phi):
    """A = e^η."""
    return math.exp(eta), eta, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0


@inner
def linear_zero(eta, phi):
    """A = e^η log(1 + φ)/φ."""
    log, rest = math.log1p(phi[0]), _less_linear(phi[0])
    slope = -(phi[0] * phi[0] + (1.0 + phi[0]) * rest) / (phi[0] * (1.0 + phi[0]) * log)
    factor = log / phi[0]
    return math.exp(eta) * factor, eta + math.log(factor), 1.0, 0.0, 0.0, slope, 0.0, 0.0


@inner
def quadratic_zero(eta, phi):
    """A = φ log(1 + e^x), x = η − log φ; p = e^x/(1 + e^x) = 1 − q."""
    x = eta - math.log(phi[0])
    if x < -40.0:  # e^x is beyond rounding of 1
        half = 0.5 * math.exp(x)
        by_phi = half / phi[0]
        return math.exp(eta), eta, 1.0, -half, -half, by_phi, by_phi, by_phi
    e = math.exp(-abs(x))
    log = max(x, 0.0) + math.log1p(e)
    large, small = 1.0 / (1.0 + e), e / (1.0 + e)
    p, q = (large, small) if x > 0.0 else (small, large)
    first = p / log
    less = q - first if x > 2.0 else q * _less_linear(math.exp(x)) / log
    second = first * less
    third = second * less - first * (p * q + second)
    A = phi[0] * log
    return (A, math.log(A), first, second, third,
            (p + less) / phi[0], -second / phi[0], -third / phi[0])  # fmt: skip


ZEROS: MappingProxyType[str, Any] = MappingProxyType({
    "Poisson": poisson_zero,
    "NegativeBinomial": quadratic_zero,
    "NegativeBinomial1": linear_zero,
})  # fmt: skip
