"""Coordinates in which the parameters of the errors are sampled, and those of their structure.

They are the same but of a φ whose prior is uniform in the correlation r over a gap.  Where φ has a
sign, the structure has artanh φ, of which r is flat about 0, and the density 0 there; the sampler
has artanh r, in which it goes from one sign to the other.  Of a positive φ the structure has the
logit of the correlation over a unit; of a far longer one than the gap it goes on and on where r is
small, and the sampler has the logit of r.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hierbayes.frames.arrays import Floats
from hierbayes.priors.error_density import ErrorDensity, power_of
from hierbayes.residuals.coordinates import IMAGINARY, log_one_less_square
from hierbayes.residuals.decay import (
    artanh_of_power,
    log_slope_of_logit,
    log_slope_of_power,
    logit_of_power,
)


@dataclass(frozen=True, slots=True)
class ErrorAxes:
    """Coordinates y of the sampler: z, or artanh or the logit of the correlation over a gap.

    Parameters
    ----------
    gaps : tuple of (i, gap)
        Which coordinates of a φ with a sign are other ones than those of the structure.
    units : tuple of (i, gap)
        Which of a positive φ; the gap in units of the structure.
    """

    gaps: tuple[tuple[int, float], ...] = ()
    units: tuple[tuple[int, float], ...] = ()

    @property
    def are_other(self) -> bool:
        """Whether any coordinate is another one than that of the structure."""
        return bool(self.gaps or self.units)

    def of_structure(self, y: Floats) -> Floats:
        """Coordinates z (..., k) of the structure."""
        z = y.copy() if self.are_other else y
        for i, gap in self.gaps:
            z[..., i] = artanh_of_power(y[..., i], 1.0 / gap)
        for i, gap in self.units:
            z[..., i] = logit_of_power(y[..., i], 1.0 / gap)
        return z

    def of_sampler(self, z: Floats) -> Floats:
        """Coordinates y (k,) of the sampler."""
        y = z.copy() if self.are_other else z
        for i, gap in self.gaps:
            y[i] = artanh_of_power(z[i], gap)
        for i, gap in self.units:
            y[i] = logit_of_power(z[i], gap)
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
        for i, gap in self.units:
            log_turn = log_slope_of_logit(y[i] + 1j * IMAGINARY, 1.0 / gap)
            total += float(log_turn.real)
            slope[i], turn[i] = log_turn.imag / IMAGINARY, np.exp(log_turn.real)
        return total, slope, turn


def axes_of(density: ErrorDensity) -> ErrorAxes:
    """Those for the priors of a structure."""
    pairs = enumerate(zip(density.priors, density.rows.parameters, strict=True))
    powers = [(i, power_of(prior, parameter)) for i, (prior, parameter) in pairs]
    moved = [(i, *of) for i, of in powers if of is not None]
    return ErrorAxes(
        gaps=tuple((i, gap) for i, decay, gap in moved if decay.signed and gap != 1.0),
        units=tuple(
            (i, gap / decay.unit)
            for i, decay, gap in moved
            if not decay.signed and gap != decay.unit
        ),
    )
