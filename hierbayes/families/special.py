"""log Γ, its derivatives and their differences, compiled.

Sums over the recurrence up to 8 or so, asymptotic series from there.  Differences between x + y
and x, y whole, are computed as such: where x is large they are small beside their parts.
"""

from __future__ import annotations

import math

from hierbayes.compilation import inner

_HALF_LOG_TWO_PI = 0.5 * math.log(2.0 * math.pi)


@inner
def _stirling(x):
    """log Γ(x) − (x − ½) log x + x − ½ log 2π, x ≥ 8."""
    f = 1.0 / (x * x)
    return (1 / 12 - f * (1 / 360 - f * (1 / 1260 - f * (1 / 1680 - f * (1 / 1188
            - f * (691 / 360360 - f / 156)))))) / x  # fmt: skip


@inner
def _digamma_series(x):
    """log x − ½/x − ψ(x), x ≥ 8."""
    f = 1.0 / (x * x)
    return f * (1 / 12 - f * (1 / 120 - f * (1 / 252 - f * (1 / 240 - f * (1 / 132
           - f * (691 / 32760 - f / 12))))))  # fmt: skip


@inner
def _trigamma_series(x):
    """ψ′(x) − 1/x − ½/x² − 1/(6x³), x ≥ 8."""
    f = 1.0 / (x * x)
    return -f * f * (1 / 30 - f * (1 / 42 - f * (1 / 30 - f * (5 / 66
           - f * (691 / 2730 - f * 7 / 6))))) / x  # fmt: skip


@inner
def _tetragamma_series(x):
    """ψ″(x) + 1/x² + 1/x³ + ½/x⁴, x ≥ 8."""
    f = 1.0 / (x * x)
    return f * f * f * (1 / 6 - f * (1 / 6 - f * (3 / 10 - f * (5 / 6
           - f * (691 / 210 - f * 35 / 2)))))  # fmt: skip


@inner
def digamma(x):
    """ψ(x) = ∂ log Γ(x)/∂x, x > 0."""
    below = 0.0
    while x < 8.0:
        below += 1.0 / x
        x += 1.0
    return math.log(x) - 0.5 / x - _digamma_series(x) - below


@inner
def trigamma(x):
    """ψ′(x), x > 0."""
    below = 0.0
    while x < 8.0:
        below += 1.0 / (x * x)
        x += 1.0
    f = 1.0 / x
    return f + 0.5 * f * f + f * f * f / 6.0 + _trigamma_series(x) + below


@inner
def tetragamma(x):
    """ψ″(x), x > 0."""
    below = 0.0
    while x < 8.0:
        below += 2.0 / (x * x * x)
        x += 1.0
    f = 1.0 / x
    return _tetragamma_series(x) - f * f * (1.0 + f + 0.5 * f * f) - below


@inner
def gamma_gap(x):
    """x log x − x − log Γ(x), x > 0, and its derivative log x − ψ(x)."""
    if x < 8.0:
        log = math.log(x)
        return x * log - x - math.lgamma(x), log - digamma(x)
    value = 0.5 * math.log(x) - _HALF_LOG_TWO_PI - _stirling(x)
    return value, 0.5 / x + _digamma_series(x)


@inner
def half_gap(x):
    """log Γ(x + ½) − log Γ(x) − ½ log x, x > 0, and its derivative."""
    if x < 8.0:
        value = math.lgamma(x + 0.5) - math.lgamma(x) - 0.5 * math.log(x)
        return value, digamma(x + 0.5) - digamma(x) - 0.5 / x
    log = math.log1p(0.5 / x)
    value = x * log - 0.5 + _stirling(x + 0.5) - _stirling(x)
    return value, log - 0.5 / (x + 0.5) - _digamma_series(x + 0.5) + _digamma_series(x)


@inner
def log_rising(x, y):
    """log of x(x + 1) ⋯ (x + y − 1), less y log x."""
    if y > 32.0:
        if x < 8.0:
            return math.lgamma(x + y) - math.lgamma(x) - y * math.log(x)
        return (x + y - 0.5) * math.log1p(y / x) - y + _stirling(x + y) - _stirling(x)
    total, factors, k = 0.0, 1.0, 1.0
    while k < y:
        factors *= 1.0 + k / x
        if factors > 1e200:
            total += math.log(factors)
            factors = 1.0
        k += 1.0
    return total + math.log(factors)


@inner
def rising_slopes(x, y):
    """ψ(x + y) − ψ(x), and the same differences of ψ′ and ψ″."""
    first, second, third = 0.0, 0.0, 0.0
    while y > 0.0 and (x < 8.0 or y < 24.0):
        f = 1.0 / x
        first += f
        second -= f * f
        third += 2.0 * f * f * f
        x += 1.0
        y -= 1.0
    if y > 0.0:
        u, v = 1.0 / x, 1.0 / (x + y)
        less = -y * u * v  # v − u
        squares, cubes = less * (u + v), less * (u * u + u * v + v * v)
        first += math.log1p(y / x) - 0.5 * less + _digamma_series(x) - _digamma_series(x + y)
        second += less + 0.5 * squares + cubes / 6.0
        second += _trigamma_series(x + y) - _trigamma_series(x)
        third -= squares + cubes + 0.5 * squares * (u * u + v * v)
        third += _tetragamma_series(x + y) - _tetragamma_series(x)
    return first, second, third
