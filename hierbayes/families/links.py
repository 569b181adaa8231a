"""Links of a probability: p, log p and log(1 − p) with three derivatives by η.

Logarithms are exact in the tails.

A row of k successes and f failures has ℓ = k log p(η) + f log(1 − p(η)); each link has a function
``sided`` of (k, f, η) that returns ℓ, ℓ′, ℓ″ and ℓ‴.  A side without any is not computed, so that
log 0 of an impossible outcome is never multiplied by nothing.
"""

from __future__ import annotations

import math

import numpy as np
from scipy.special import expit, ndtr, ndtri

from hierbayes.compilation import inner
from hierbayes.frames.arrays import Floats

_ROOT_HALF = math.sqrt(0.5)
_NORMAL = 1.0 / math.sqrt(2.0 * math.pi)


@inner
def logit_sided(k, f, eta):
    """k log p + f log(1 − p), p = 1/(1 + e^−η)."""
    e = math.exp(-abs(eta))
    large = 1.0 / (1.0 + e)
    small = e * large
    p, q = (large, small) if eta > 0.0 else (small, large)
    less = -math.log1p(e)  # log of the larger of the two
    curvature = (k + f) * p * q
    value = k * (less + min(eta, 0.0)) + f * (less - max(eta, 0.0))
    return value, k * q - f * p, -curvature, curvature * (p - q)


@inner
def log_normal(eta):
    """log Φ(η) and three derivatives; λ = φ/Φ is the inverse Mills ratio.

    λ + η cancels on the left: there it is a continued fraction, δ = 1/(x + 2/(x + 3/(x + …)))
    with x = −η, and the second and third derivative are products of such fractions.
    """
    if eta > -5.0:
        tail = 0.5 * math.erfc(abs(eta) * _ROOT_HALF)
        value = math.log(tail) if eta < 0.0 else math.log1p(-tail)
        mills = _NORMAL * math.exp(-0.5 * eta * eta - value)
        rest = eta + mills
        return value, mills, -mills * rest, mills * (rest * (rest + mills) - 1.0)
    x = -eta
    fraction = x
    for k in range(8 + int(700.0 / (x * x)), 3, -1):
        fraction = x + k / fraction
    third = 3.0 / fraction
    second = 2.0 / (x + third)
    delta = 1.0 / (x + second)
    mills = x + delta
    value = -0.5 * x * x + math.log(_NORMAL) - math.log(mills)
    third_derivative = 2.0 * mills * delta * delta * (third - second) / (x + third)
    return value, mills, -mills * delta, third_derivative


@inner
def probit_sided(k, f, eta):
    """k log Φ(η) + f log Φ(−η)."""
    value, first, second, third = 0.0, 0.0, 0.0, 0.0
    if k > 0.0:
        a, b, c, d = log_normal(eta)
        value, first, second, third = k * a, k * b, k * c, k * d
    if f > 0.0:
        a, b, c, d = log_normal(-eta)
        value, first, second, third = value + f * a, first - f * b, second + f * c, third - f * d
    return value, first, second, third


@inner
def log_gompertz(eta):
    """log(1 − e^−t), t = e^η, and three derivatives by η, of which the first is h = t/(e^t − 1).

    log h has the derivative g = 1 − t − h, which cancels where t is small: a series there.
    """
    if eta > 6.6:  # e^−t is no number any more
        return 0.0, 0.0, 0.0, 0.0
    t = math.exp(eta)
    if t < 0.3:
        s = t * t
        even = s * (1 / 12 - s * (1 / 720 - s * (1 / 30240 - s * (1 / 1209600 - s / 47900160))))
        h = 1.0 - 0.5 * t + even
        g = -0.5 * t - even
        value = eta - t * (0.5 - t / 24) if t < 1e-4 else math.log(-math.expm1(-t))
    else:
        h = t / math.expm1(t)
        g = 1.0 - t - h
        value = math.log1p(-math.exp(-t)) if t > 0.7 else math.log(-math.expm1(-t))
    return value, h, h * g, h * (g * g - t - h * g)


@inner
def cloglog_sided(k, f, eta):
    """k log p + f log(1 − p), log(1 − p) = −e^η."""
    value, first, second, third = 0.0, 0.0, 0.0, 0.0
    if k > 0.0:
        a, b, c, d = log_gompertz(eta)
        value, first, second, third = k * a, k * b, k * c, k * d
    if f > 0.0:
        t = f * math.exp(eta)
        value, first, second, third = value - t, first - t, second - t, third - t
    return value, first, second, third


@inner
def logit_share(eta):
    """p, 1 − p and three derivatives of p by η."""
    e = math.exp(-abs(eta))
    large = 1.0 / (1.0 + e)
    small = e * large
    p, q = (large, small) if eta > 0.0 else (small, large)
    slope = p * q
    return p, q, slope, slope * (q - p), slope * (1.0 - 6.0 * slope)


@inner
def probit_share(eta):
    """As `logit_share`."""
    x = min(max(eta, -1e3), 1e3)
    slope = _NORMAL * math.exp(-0.5 * x * x)
    p, q = 0.5 * math.erfc(-x * _ROOT_HALF), 0.5 * math.erfc(x * _ROOT_HALF)
    return p, q, slope, -x * slope, (x * x - 1.0) * slope


@inner
def cloglog_share(eta):
    """As `logit_share`."""
    t = math.exp(min(eta, 7.0))
    q = math.exp(-t)
    slope = t * q
    return -math.expm1(-t), q, slope, slope * (1.0 - t), slope * (1.0 - t * (3.0 - t))


SHARE = {"logit": logit_share, "probit": probit_share, "cloglog": cloglog_share}
SIDED = {"logit": logit_sided, "probit": probit_sided, "cloglog": cloglog_sided}


def probability(link: str, eta: Floats) -> Floats:
    """The inverse link (n,): what probability a linear predictor is.

    Examples
    --------
    >>> probability("logit", np.array([0.0])), probability("cloglog", np.array([0.0]))
    (array([0.5]), array([0.63212056]))
    """
    if link == "logit":
        return expit(eta)
    if link == "probit":
        return ndtr(eta)
    with np.errstate(over="ignore"):
        return -np.expm1(-np.exp(eta))


def probability_slope(link: str, eta: Floats) -> Floats:
    """∂p/∂η (n,)."""
    if link == "logit":
        return expit(eta) * expit(-eta)
    if link == "probit":
        with np.errstate(over="ignore"):
            return _NORMAL * np.exp(-0.5 * eta * eta)
    with np.errstate(over="ignore"):
        return np.exp(np.minimum(eta, 7.0) - np.exp(np.minimum(eta, 7.0)))


def predictor(link: str, p: Floats | float) -> Floats:
    """The link (n,) of probabilities between 0 and 1."""
    if link == "logit":
        return np.log(p) - np.log1p(-p)
    return ndtri(p) if link == "probit" else np.log(-np.log1p(-p))


# Variance of the error that a latent response has on the scale of each link.
LATENT_VARIANCE = {"logit": math.pi**2 / 3, "probit": 1.0, "cloglog": math.pi**2 / 6}
