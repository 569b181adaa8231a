"""Log densities of one number: every family a row of coefficients of one formula.

    log p(v) = c + a log|v| − b v − d/v − ½ h z² − e log(1 + z²),    z = (v − m)/s

One compiled function therefore serves all families, and which of them a parameter has is
data.  Normalising constants are in c; the limits of a uniform prior are those of the
transform of its parameter.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from hierbayes.compilation import inner
from hierbayes.frames.arrays import Floats
from hierbayes.priors.elsewhere import SdOfMatrix
from hierbayes.priors.families import (
    PC,
    DesignNormal,
    Exponential,
    Flat,
    Gamma,
    HalfCauchy,
    HalfNormal,
    HalfT,
    InverseGamma,
    Normal,
    Prior,
    StudentT,
    Uniform,
)

WIDTH = 8
_CONSTANT, _POWER, _RATE, _INVERSE, _SQUARE, _TAIL, _LOCATION, _SCALE = range(WIDTH)
_HALF = math.log(2.0)  # what folding a symmetric density at 0 adds


def coefficients(prior: Prior, signed: bool = False) -> Floats:
    """The row (8,) of a prior: c, a, b, d, h, e, m, s.

    Parameters
    ----------
    prior : Prior
        Of one number, and not one made by PyMC.
    signed : bool
        Whether the number carries a sign: the symmetric density whose folded half the
        prior is.

    Examples
    --------
    >>> coefficients(Exponential(2.0)).tolist()
    [0.6931471805599453, 0.0, 2.0, 0.0, 0.0, 0.0, 0.0, 1.0]
    """
    row = np.zeros(WIDTH)
    row[_SCALE] = 1.0
    for place, value in _ROWS[type(prior)](prior).items():
        row[place] = value
    if prior.signed in ("Normal", "StudentT", "Cauchy") and not signed:
        row[_CONSTANT] += _HALF
    return row


@inner
def scalar_density(v, data, at):
    """Log density of a number v, and its derivative, with coefficients at data[at:]."""
    z = (v - data[at + _LOCATION]) / data[at + _SCALE]
    value = data[at + _CONSTANT] - data[at + _RATE] * v
    slope = -data[at + _RATE]
    if data[at + _POWER] != 0.0:
        value += data[at + _POWER] * math.log(abs(v))
        slope += data[at + _POWER] / v
    if data[at + _INVERSE] != 0.0:
        value -= data[at + _INVERSE] / v
        slope += data[at + _INVERSE] / (v * v)
    if data[at + _SQUARE] != 0.0:
        value -= 0.5 * z * z
        slope -= z / data[at + _SCALE]
    if data[at + _TAIL] != 0.0:
        value -= data[at + _TAIL] * math.log1p(z * z)
        slope -= 2.0 * data[at + _TAIL] * z / (1.0 + z * z) / data[at + _SCALE]
    return value, slope


def _normal(location: float, scale: float) -> dict[int, float]:
    constant = -math.log(scale) - 0.5 * math.log(2.0 * math.pi)
    return {_CONSTANT: constant, _SQUARE: 1.0, _LOCATION: location, _SCALE: scale}


def _student(nu: float, location: float, scale: float) -> dict[int, float]:
    constant = math.lgamma(0.5 * (nu + 1.0)) - math.lgamma(0.5 * nu)
    constant -= 0.5 * math.log(nu * math.pi) + math.log(scale)
    wide = math.sqrt(nu) * scale
    return {_CONSTANT: constant, _TAIL: 0.5 * (nu + 1.0), _LOCATION: location, _SCALE: wide}


def _gamma(shape: float, rate: float) -> dict[int, float]:
    constant = shape * math.log(rate) - math.lgamma(shape)
    return {_CONSTANT: constant, _POWER: shape - 1.0, _RATE: rate}


def _inverse_gamma(shape: float, scale: float) -> dict[int, float]:
    constant = shape * math.log(scale) - math.lgamma(shape)
    return {_CONSTANT: constant, _POWER: -shape - 1.0, _INVERSE: scale}


_ROWS: dict[type[Prior], Callable[[Any], dict[int, float]]] = {
    Flat: lambda prior: {},
    SdOfMatrix: lambda prior: {},
    Uniform: lambda prior: {_CONSTANT: -math.log(prior.upper - prior.lower)},
    Normal: lambda prior: _normal(prior.mu, prior.sigma),
    DesignNormal: lambda prior: {},  # its density is that of all terms together
    HalfNormal: lambda prior: _normal(0.0, prior.sigma),
    StudentT: lambda prior: _student(prior.nu, prior.mu, prior.sigma),
    HalfT: lambda prior: _student(prior.nu, 0.0, prior.sigma),
    HalfCauchy: lambda prior: _student(1.0, 0.0, prior.beta),
    Exponential: lambda prior: _gamma(1.0, prior.lam),
    PC: lambda prior: _gamma(1.0, prior.parameters["lam"]),
    Gamma: lambda prior: _gamma(prior.alpha, prior.beta),
    InverseGamma: lambda prior: _inverse_gamma(prior.alpha, prior.beta),
}
