"""Derivatives of log Γ, compiled: recurrence up to 8 and an asymptotic series from there."""

from __future__ import annotations

import math

from hierbayes.compilation import inner


@inner
def digamma(x):
    """ψ(x) = ∂ log Γ(x)/∂x, x > 0."""
    below = 0.0
    while x < 8.0:
        below += 1.0 / x
        x += 1.0
    f = 1.0 / (x * x)
    series = f * (1 / 12 - f * (1 / 120 - f * (1 / 252 - f * (1 / 240 - f * (1 / 132
             - f * (691 / 32760 - f / 12))))))  # fmt: skip
    return math.log(x) - 0.5 / x - series - below


@inner
def trigamma(x):
    """ψ′(x), x > 0."""
    below = 0.0
    while x < 8.0:
        below += 1.0 / (x * x)
        x += 1.0
    f = 1.0 / (x * x)
    series = f * (1 / 6 - f * (1 / 30 - f * (1 / 42 - f * (1 / 30 - f * (5 / 66
             - f * (691 / 2730 - f * 7 / 6))))))  # fmt: skip
    return (1.0 + 0.5 / x + series) / x + below


@inner
def tetragamma(x):
    """ψ″(x), x > 0."""
    below = 0.0
    while x < 8.0:
        below += 2.0 / (x * x * x)
        x += 1.0
    f = 1.0 / (x * x)
    series = f * (1 / 2 - f * (1 / 6 - f * (1 / 6 - f * (3 / 10 - f * (5 / 6
             - f * (691 / 210 - f * 35 / 2))))))  # fmt: skip
    return -f * (1.0 + 1.0 / x + series) - below
