"""Quantiles of priors, in closed form.

A correlation under LKJ(η) on k × k matrices is 2b − 1 with b ~ Beta(α, α), α = η − 1 + k/2
(Lewandowski, Kurowicka & Joe 2009, *Generating random correlation matrices*).
"""

from __future__ import annotations

import numpy as np
from scipy.special import betaincinv, gammainccinv, gammaincinv, ndtr, ndtri, stdtr, stdtrit

from hierbayes.priors.correlation_families import LKJ, UniformCorrelation
from hierbayes.priors.families import (
    Exponential,
    Gamma,
    HalfCauchy,
    HalfNormal,
    HalfT,
    InverseGamma,
    LogNormal,
    Normal,
    Prior,
    StudentT,
    Uniform,
)
from hierbayes.priors.joint_families import Beta


def quantile(prior: Prior, p: float, size: int = 2) -> float:
    """The p-quantile of a prior (of one correlation for LKJ); nan where it is not known."""
    match prior:
        case Normal(mu, sigma):
            value = mu + sigma * ndtri(p)
        case LogNormal(mu, sigma):
            value = np.exp(mu + sigma * ndtri(p))
        case StudentT(nu, mu, sigma):
            value = mu + sigma * stdtrit(nu, p)
        case HalfNormal(sigma):
            value = sigma * ndtri((1.0 + p) / 2.0)
        case HalfT(nu, _, sigma):
            value = sigma * stdtrit(nu, (1.0 + p) / 2.0)
        case HalfCauchy(beta):
            value = beta * np.tan(np.pi * p / 2.0)
        case Exponential(lam):
            value = -np.log1p(-p) / lam
        case Uniform(lower, upper):
            value = lower + p * (upper - lower)
        case UniformCorrelation(gap):
            power = prior.low + p * (1.0 - prior.low)
            value = np.sign(power) * abs(power) ** (1.0 / gap)
        case Gamma(alpha, beta):
            value = gammaincinv(alpha, p) / beta
        case InverseGamma(alpha, beta):
            value = beta / gammainccinv(alpha, p)
        case Beta(alpha, beta):
            value = betaincinv(alpha, beta, p)
        case LKJ(eta):
            shape = eta - 1.0 + size / 2.0
            value = 2.0 * betaincinv(shape, shape, p) - 1.0
        case _:
            value = np.nan
    return float(value)


def quantile_within(prior: Prior, p: float, limits: tuple[float, float], size: int = 2) -> float:
    """The same of a prior of a parameter with limits, at which normal and t priors are cut."""
    low, high = limits
    match prior:
        case Normal(mu, sigma):
            below, upto = ndtr((np.array(limits) - mu) / sigma)
        case StudentT(nu, mu, sigma):
            below, upto = stdtr(nu, (np.array(limits) - mu) / sigma)
        case _:
            return quantile(prior, p, size)
    return min(max(quantile(prior, below + p * (upto - below)), low), high)
