r"""The log density of the parameters of a residual structure under their priors.

That of a parameter v is one of its coordinate z with the Jacobian: log p(v(z)) + log dv/dz.  Where
the prior is of the correlation over a gap, v is that power of φ, which has digits where φ has none.
All is written in operations that complex numbers have, so that its slope is exact (`derivative`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any

import numpy as np
from scipy.special import betaln, log_ndtr, stdtr

from hierbayes.design.error_law import ErrorLaw
from hierbayes.frames.arrays import Floats, Integers
from hierbayes.priors.correlation_families import LKJ, UniformCorrelation
from hierbayes.priors.families import LogNormal, Normal, Prior, StudentT, Uniform
from hierbayes.priors.joint_families import Beta
from hierbayes.priors.prior_set import PriorSet
from hierbayes.priors.scalar_density import coefficients
from hierbayes.residuals.bound_values import Parameter
from hierbayes.residuals.coordinates import IMAGINARY, log_one_less_square, log_power_of_tanh
from hierbayes.residuals.decay import Decay


@dataclass(frozen=True, eq=False)
class ErrorDensity:
    """Log density of the parameters of a residual structure.

    Parameters
    ----------
    rows : ErrorLaw
        The structure.
    priors : tuple of Prior
        One for each parameter (k,); those that are told together have the same.
    volumes : bool
        Whether `value` is the density of the coordinates, with Jacobians, or of what the priors are
        of: parameters, and correlations over a gap.
    """

    rows: ErrorLaw
    priors: tuple[Prior, ...]
    volumes: bool = True

    def value(self, z: Floats) -> float:
        """Log density at coordinates z (k,): of them, or of what the priors are of."""
        return float(self.of_coordinates(z)) if self.volumes else self.of_parameters(z)

    def of_coordinates(self, z: Any) -> Any:
        """That of the coordinates z (k,), which may be complex."""
        at, powers = self._together
        return log_power_of_tanh(z[at], powers).sum() + sum(self._terms(z)) + sum(self._slopes(z))

    def slope(self, z: Floats) -> Floats:
        """∂ value/∂z (k,)."""
        at, powers = self._together
        slope = np.zeros(len(z))
        slope[at] = -2.0 * (powers + 1.0) * np.tanh(z[at])
        moved = z + 1j * IMAGINARY  # all at once: each coordinate is in terms of its own
        slope[self._alone] = [np.imag(term) / IMAGINARY for term in self._terms(moved)]
        if self.volumes:
            slope[self._alone] += [one.imag / IMAGINARY for one in self._slopes(moved)]
        else:
            slope[at] += 2.0 * (self._volumes + 1.0) * np.tanh(z[at])
        return slope

    def of_parameters(self, z: Floats) -> float:
        """That of what the priors are of, without the Jacobian, at coordinates z (k,)."""
        at, powers = self._together
        volume = ((self._volumes + 1.0) * log_one_less_square(z[at])).sum()
        return float(log_power_of_tanh(z[at], powers).sum() - volume + sum(self._terms(z)))

    @cached_property
    def _together(self) -> tuple[Integers, Floats]:
        """Coordinates that are told together, and powers of 1 − tanh²z in the density of tanh z."""
        at, powers = [], []
        for i, parameter in enumerate(self.rows.parameters):
            if parameter.together:
                prior = self.priors[i]
                at.append(i)
                powers.append(parameter.power + (prior.eta - 1.0 if isinstance(prior, LKJ) else 0))
        return np.array(at, dtype=np.intp), np.array(powers, dtype=np.float64)

    @cached_property
    def _volumes(self) -> Floats:
        """Powers of 1 − tanh²z in the Jacobian of those parameters by tanh z."""
        return np.array([one.volume for one in self.rows.parameters if one.together])

    @cached_property
    def _alone(self) -> Integers:
        """The other coordinates."""
        every = enumerate(self.rows.parameters)
        return np.array([i for i, one in every if not one.together], dtype=np.intp)

    @cached_property
    def _scalars(self) -> list[tuple[int, Callable[[Any], Any]]]:
        """Their places, and the log density of each parameter."""
        return [(int(i), _of_one(self.priors[i], self.rows.parameters[i])) for i in self._alone]

    @cached_property
    def _powers(self) -> list[tuple[Decay, float] | None]:
        """Of each of these, over which gap the correlation is that its prior is of."""
        return [power_of(self.priors[i], self.rows.parameters[i]) for i in self._alone]

    def _terms(self, z: Any) -> list[Any]:
        """Log densities of what is told alone: of the parameters, or of powers of φ."""
        values = self.rows.alone(z)
        return [density(self._said(i, values[i], z[i])) for i, density in self._scalars]

    def _said(self, i: int, v: Any, z: Any) -> Any:
        """What a density takes: a parameter v, of shares its logarithm, which has more digits."""
        if not isinstance(self.priors[i], Beta):
            return v
        decay = self.rows.parameters[i].decay
        if decay is not None and not decay.signed:
            return decay.log_power(z, 1.0)
        return np.log(v) if v.real > 0.0 else -np.inf

    def _slopes(self, z: Any) -> list[Any]:
        """log of ∂/∂z of the same."""
        slopes = self.rows.log_slopes(z)
        return [
            slopes[i] if of is None else of[0].log_slope(z[i], of[1])
            for i, of in zip(self._alone, self._powers, strict=True)
        ]


def error_density(rows: ErrorLaw, priors: PriorSet) -> ErrorDensity:
    """The density of a structure under the priors in force."""
    by_name = {name: prior for name, prior, _ in priors.residual}
    return ErrorDensity(rows, tuple(by_name[one.together or one.name] for one in rows.parameters))


def power_of(prior: Prior, parameter: Parameter) -> tuple[Decay, float] | None:
    """The powers of φ and the gap that a prior is of; None of one of the parameter itself."""
    if parameter.decay is None or not isinstance(prior, UniformCorrelation):
        return None
    return parameter.decay, prior.gap


def _of_one(prior: Prior, parameter: Parameter) -> Callable[[Any], Any]:
    """log p(v) of one parameter, of log v where it is a share, cut at limits; v may be complex."""
    match prior:
        case UniformCorrelation():
            low, high = parameter.support
            everywhere = -np.log(high - low)
            return lambda _: everywhere
        case Uniform(lower, upper):
            inside = -np.log(upper - lower)
            return lambda v: inside if lower <= v.real <= upper else -np.inf
        case Beta(alpha, beta):
            return partial(_of_share, alpha, beta)
        case LogNormal(mu, sigma):
            constant = np.log(sigma) + 0.5 * np.log(2.0 * np.pi)
            return partial(_of_ratio, mu, sigma, constant)
    row, mass = tuple(coefficients(prior).tolist()), _log_mass(prior, parameter)
    return partial(_of_number, row, mass)


def _of_share(alpha: float, beta: float, log_v: Any) -> Any:
    if not -np.inf < np.real(log_v) < 0.0:
        return -np.inf
    rest = np.log(-np.expm1(log_v))
    return (alpha - 1.0) * log_v + (beta - 1.0) * rest - betaln(alpha, beta)


def _of_ratio(mu: float, sigma: float, constant: float, v: Any) -> Any:
    log_v = np.log(v)
    z = (log_v - mu) / sigma
    return -0.5 * z * z - log_v - constant


def _of_number(row: tuple[float, ...], mass: float, v: Any) -> Any:
    c, a, b, d, h, e, m, s = row
    z = (v - m) / s
    value = c - b * v - 0.5 * h * z * z - e * np.log(1.0 + z * z) - mass
    if a:
        value = value + a * np.log(v)
    return value - d / v if d else value


def _log_mass(prior: Prior, parameter: Parameter) -> float:
    """Log probability of the limits of a parameter under a prior that reaches beyond them.

    By the tail in which they lie, so that it is finite however far out that is.
    """
    match prior:
        case Normal(mu, sigma):
            low, high = _in_lower_tail(parameter, mu, sigma)
            up_to = log_ndtr(high)
            return float(up_to + np.log1p(-np.exp(log_ndtr(low) - up_to)))
        case StudentT(nu, mu, sigma):
            low, high = _in_lower_tail(parameter, mu, sigma)
            return float(np.log(stdtr(nu, high) - stdtr(nu, low)))
    return 0.0


def _in_lower_tail(parameter: Parameter, mu: float, sigma: float) -> tuple[float, float]:
    """The limits as z-scores of a symmetric prior, mirrored where both are above its middle."""
    low, high = ((limit - mu) / sigma for limit in parameter.support)
    return (-high, -low) if low > 0.0 else (low, high)
