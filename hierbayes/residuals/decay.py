"""Powers of φ, which are correlations over gaps in time, in the coordinate of φ.

Of a φ that may be negative the coordinate is artanh φ.  Of a positive one it is log s/(1 − s) of
the correlation s over a unit of time, φ = s^(1/unit), which may be 0 or 1 in all digits where time
is in a unit of its own: so all is told by log φ.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from hierbayes.residuals.coordinates import Floats, log_logistic_slope, log_one_less_square

_LEAST, _MOST = 1e-300, 1.0 - 1e-16  # sizes of powers inside their limits
LONG = 64.0  # a whole gap from which powers are by logarithms


@dataclass(frozen=True, slots=True)
class Decay:
    """How φ^gap, ``sign(φ)|φ|^gap`` of a negative φ, depends on the coordinate z of φ.

    Parameters
    ----------
    unit : float
        A gap: its correlation is the coordinate of a positive φ.
    signed : bool
        Whether φ may be negative.
    """

    unit: float
    signed: bool

    @property
    def low(self) -> float:
        """The lower limit of φ, and of its powers."""
        return -1.0 if self.signed else 0.0

    def power(self, z: Any, gap: float) -> Any:
        """The power of φ at z, real or complex."""
        if not self.signed:
            return np.exp(self.log_power(z, gap))
        return np.tanh(z if gap == 1.0 else artanh_of_power(z, gap))

    def log_power(self, z: Any, gap: Any) -> Any:
        """log of the power of a positive φ, over one gap or several."""
        return -minus_log_logistic(z) * gap / self.unit

    def log_slope(self, z: Any, gap: float) -> Any:
        """log of ∂ power/∂z."""
        if self.signed:
            return log_slope_of_power(z, gap)
        over = gap / self.unit
        return np.log(over) - (over - 1.0) * minus_log_logistic(z) + log_logistic_slope(z)

    def coordinate(self, power: Floats, gap: float) -> Floats:
        """Where the power has such values, or nearly where it is at a limit."""
        fall = -np.log(np.clip(np.abs(power), _LEAST, _MOST))
        if self.signed:
            return np.sign(power) * _artanh_of_exp(fall / gap)
        found: Floats = _logit_of_exp(fall * self.unit / gap)
        return found


def minus_log_logistic(z: Any) -> Any:
    """−log s of the logistic function s of z, real or complex, however far out."""
    below = np.real(z) < 0.0
    return np.where(below, -z, 0.0) + np.log1p(np.exp(np.where(below, z, -z)))


def logit_of_power(z: Any, power: float) -> Any:
    """log r/(1 − r) of r = s^power, s the logistic function of z, real or complex.

    Its inverse has 1/power.
    """
    return _logit_of_exp(minus_log_logistic(z) * power)


def log_slope_of_logit(z: Any, power: float) -> Any:
    """log of ∂/∂z of `logit_of_power`."""
    lost = -np.expm1(-minus_log_logistic(z) * power)
    return np.log(power) - minus_log_logistic(-z) - np.log(lost)


def whole_powers(z: Any, gaps: Floats) -> tuple[Any, Any]:
    """φ^g of φ = tanh z and 1 − φ^2g, kept of long gaps, whose φ is near ±1.

    Of complex φ near the negative axis without crossing the cut of the logarithm.
    """
    phi, odd = np.tanh(z), gaps % 2.0 == 1.0
    long = gaps > LONG
    r = (phi * phi) ** np.where(long, 0.0, gaps // 2.0).astype(np.int64) * np.where(odd, phi, 1.0)
    if not long.any():
        return r, 1.0 - r * r
    sign = -1.0 if np.real(z) < 0.0 else 1.0
    fall = np.where(long, gaps, 1.0) * log_tanh(sign * z)
    r = np.where(long, np.where(odd, sign, 1.0) * np.exp(fall), r)
    return r, np.where(long, -np.expm1(2.0 * fall), 1.0 - r * r)


def artanh_of_power(z: Any, power: float) -> Any:
    """artanh of ``sign(t)|t|^power``, t = tanh z, kept where t is near ±1; its inverse has 1/power.

    Of real or complex z (...), in which it is smooth but at 0.
    """
    sign = np.where(np.real(z) < 0.0, -1.0, 1.0)
    return sign * _artanh_of_exp(-power * log_tanh(sign * z))


def log_slope_of_power(z: Any, power: float) -> Any:
    """log of ∂(sign(t)|t|^power)/∂z, t = tanh z."""
    inside = log_one_less_square(z)
    if power == 1.0:
        return inside
    sign = np.where(np.real(z) < 0.0, -1.0, 1.0)
    return np.log(power) + (power - 1.0) * log_tanh(sign * z) + inside


def log_tanh(z: Any) -> Any:
    """Log tanh z of positive z; −∞ of 0."""
    far = np.exp(-2.0 * z)
    near = np.real(z) < 0.3
    with np.errstate(divide="ignore"):  # log 0
        rest = np.log(np.where(near, -np.expm1(-2.0 * z), 1.0))
    return np.where(near, rest, np.log1p(-np.where(near, 0.0, far))) - np.log1p(far)


def _artanh_of_exp(fall: Any) -> Any:
    """Artanh e^−f of positive f."""
    share = np.exp(-fall)
    small = np.real(share) < 0.5
    rest = np.log(np.where(small, 1.0, -np.expm1(-fall)))
    return 0.5 * (np.log1p(share) - np.where(small, np.log1p(-np.where(small, share, 0.0)), rest))


def _logit_of_exp(fall: Any) -> Any:
    """log r/(1 − r) of r = e^−f of positive f."""
    return -fall - np.log(-np.expm1(-fall))
