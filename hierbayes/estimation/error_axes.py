"""Coordinates in which the parameters of the errors are sampled, and those of their structure.

They are the same but of a φ with a sign whose prior is uniform in the correlation r over a gap.
There the structure has artanh φ, of which r is flat about 0, and the density 0 there; the sampler
has artanh r, in which it goes from one sign to the other.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hierbayes.frames.arrays import Floats
from hierbayes.priors.error_density import ErrorDensity, power_of
from hierbayes.residuals.coordinates import IMAGINARY, log_one_less_square
from hierbayes.residuals.decay import artanh_of_power, log_slope_of_power


@dataclass(frozen=True, slots=True)
class ErrorAxes:
    """Coordinates y of the sampler: z, or artanh of the power of tanh z over a gap.

    Parameters
    ----------
    gaps : tuple of (i, gap)
        Which coordinates are other ones than those of the structure.
    """

    gaps: tuple[tuple[int, float], ...] = ()

    def of_structure(self, y: Floats) -> Floats:
        """Coordinates z (..., k) of the structure."""
        z = y.copy() if self.gaps else y
        for i, gap in self.gaps:
            z[..., i] = artanh_of_power(y[..., i], 1.0 / gap)
        return z

    def of_sampler(self, z: Floats) -> Floats:
        """Coordinates y (k,) of the sampler."""
        y = z.copy() if self.gaps else z
        for i, gap in self.gaps:
            y[i] = artanh_of_power(z[i], gap)
        return y

    def log_volume(self, y: Floats) -> tuple[float, Floats, Floats]:
        """Σ log dz/dy, its slope (k,), and dz/dy (k,)."""
        total, slope, turn = 0.0, np.zeros(len(y)), np.ones(len(y))
        for i, gap in self.gaps:
            at = y[i] + 1j * IMAGINARY
            z = artanh_of_power(at, 1.0 / gap)
            log_turn = log_slope_of_power(at, 1.0 / gap) - log_one_less_square(z)
            total += float(log_turn.real)
            slope[i], turn[i] = log_turn.imag / IMAGINARY, np.exp(log_turn.real)
        return total, slope, turn


def axes_of(density: ErrorDensity) -> ErrorAxes:
    """Those for the priors of a structure."""
    pairs = enumerate(zip(density.priors, density.rows.parameters, strict=True))
    powers = [(i, power_of(prior, parameter)) for i, (prior, parameter) in pairs]
    return ErrorAxes(
        tuple((i, of[1]) for i, of in powers if of is not None and of[0].signed and of[1] != 1.0)
    )
