r"""The log density of the parameters of a residual structure under their priors.

That of a parameter v is one of its coordinate z with the Jacobian: log p(v(z)) + log dv/dz.  All is
written in operations that complex numbers have, so that its slope is exact (`derivative`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.special import betaln, ndtr, stdtr

from hierbayes.design.residual_rows import ResidualRows
from hierbayes.frames.arrays import Floats
from hierbayes.priors.families import LKJ, LogNormal, Normal, Prior, StudentT, Uniform
from hierbayes.priors.joint_families import Beta
from hierbayes.priors.prior_set import PriorSet
from hierbayes.priors.scalar_density import coefficients
from hierbayes.residuals.bound import Parameter
from hierbayes.residuals.coordinates import derivative, log_power_of_tanh

_STEP = 1e-5  # of a coordinate


@dataclass(frozen=True, slots=True, eq=False)
class ErrorDensity:
    """Log density of the parameters of a residual structure.

    Parameters
    ----------
    rows : ResidualRows
        The structure.
    priors : tuple of Prior
        One for each parameter (k,); those that are told together have the same.
    volumes : bool
        Whether `value` is the density of the coordinates, with Jacobians, or of the parameters.
    """

    rows: ResidualRows
    priors: tuple[Prior, ...]
    volumes: bool = True

    def value(self, z: Floats) -> float:
        """Log density at coordinates z (k,): of them, or of the parameters there."""
        return float(self.of_coordinates(z)) if self.volumes else self.of_parameters(z)

    def of_coordinates(self, z: Any) -> Any:
        """That of the coordinates z (k,), which may be complex."""
        values, slopes = self.rows.natural(z), self.rows.log_slopes(z)
        total = 0.0
        for i, parameter in enumerate(self.rows.parameters):
            prior = self.priors[i]
            if parameter.together:
                more = prior.eta - 1.0 if isinstance(prior, LKJ) else 0.0
                total = total + log_power_of_tanh(z[i], parameter.power + more)
            else:
                total = total + _of_one(prior, parameter, values[i]) + slopes[i]
        return total

    def slope(self, z: Floats) -> Floats:
        """∂ value/∂z (k,); of the parameters by differences of the Jacobian."""
        of_coordinates = derivative(lambda at: np.asarray(self.of_coordinates(at)), z)
        if self.volumes:
            return of_coordinates
        steps = _STEP * np.eye(len(z))
        change = [self._log_volume(z + h) - self._log_volume(z - h) for h in steps]
        return of_coordinates - np.array(change) / (2.0 * _STEP)

    def _log_volume(self, z: Floats) -> float:
        return float(np.linalg.slogdet(self.rows.natural_slope(z))[1])

    def of_parameters(self, z: Floats) -> float:
        """That of the parameters themselves, without the Jacobian, at coordinates z (k,)."""
        if not len(z):
            return 0.0
        return float(self.of_coordinates(z)) - self._log_volume(z)


def error_density(rows: ResidualRows, priors: PriorSet) -> ErrorDensity:
    """The density of a structure under the priors in force."""
    by_name = {name: prior for name, prior, _ in priors.residual}
    return ErrorDensity(rows, tuple(by_name[one.together or one.name] for one in rows.parameters))


def _of_one(prior: Prior, parameter: Parameter, v: Any) -> Any:
    """log p(v) of one parameter, cut at its limits; v may be complex."""
    at = np.real(v)
    if isinstance(prior, Uniform):
        inside = prior.lower <= at <= prior.upper
        return -np.log(prior.upper - prior.lower) if inside else -np.inf
    if isinstance(prior, Beta):
        if not 0.0 < at < 1.0:
            return -np.inf
        constant = betaln(prior.alpha, prior.beta)
        return (prior.alpha - 1.0) * np.log(v) + (prior.beta - 1.0) * np.log(1.0 - v) - constant
    if isinstance(prior, LogNormal):
        z = (np.log(v) - prior.mu) / prior.sigma
        return -0.5 * z * z - np.log(v) - np.log(prior.sigma) - 0.5 * np.log(2.0 * np.pi)
    c, a, b, d, h, e, m, s = coefficients(prior)
    z = (v - m) / s
    value = c - b * v - 0.5 * h * z * z - e * np.log(1.0 + z * z) - _log_mass(prior, parameter)
    if a:
        value = value + a * np.log(v)
    return value - d / v if d else value


def _log_mass(prior: Prior, parameter: Parameter) -> float:
    """Log probability of the limits of a parameter under a prior that reaches beyond them."""
    low, high = parameter.support
    match prior:
        case Normal(mu, sigma):
            mass = ndtr((high - mu) / sigma) - ndtr((low - mu) / sigma)
        case StudentT(nu, mu, sigma):
            mass = stdtr(nu, (high - mu) / sigma) - stdtr(nu, (low - mu) / sigma)
        case _:
            return 0.0
    return float(np.log(mass))
