"""Limits of the parameters of a residual structure, symmetric on the scale of each."""

from __future__ import annotations

import numpy as np
from scipy.special import expit, ndtri

from hierbayes.design.residual_rows import ResidualRows
from hierbayes.display.interval import Interval
from hierbayes.frames.arrays import Floats
from hierbayes.residuals.bound_values import Parameter


def scaled(parameter: Parameter, value: Floats) -> tuple[Floats, Floats]:
    """A value on the scale of its parameter, and the derivative there."""
    low, high = parameter.support
    match parameter.scale:
        case "bounded":
            below, above = value - low, high - value
            return np.log(below) - np.log(above), (high - low) / (below * above)
        case "log":
            return np.log(value), 1.0 / value
    return value, np.ones_like(value)


def unscaled(parameter: Parameter, there: Floats) -> Floats:
    """Values on the scale of a parameter, as the parameter."""
    low, high = parameter.support
    match parameter.scale:
        case "bounded":
            back: Floats = low + (high - low) * expit(there)
            return back
        case "log":
            return np.exp(there)
    return there


def limits_on_scales(
    rows: ResidualRows, z: Floats, covariance: Floats, interval: Interval
) -> tuple[Floats, Floats]:
    """Wald limits (k,) of the parameters at coordinates z with a covariance (k, k).

    Missing of a parameter at a limit, where the likelihood has no normal approximation.
    """
    values = rows.natural(z)
    slope = rows.natural_slope(z)
    se = np.sqrt(np.einsum("ij,jl,il->i", slope, covariance, slope))
    half = float(ndtri(interval.tails[1])) * se
    lower, upper = np.full_like(values, np.nan), np.full_like(values, np.nan)
    moving = rows.moving(z)
    for i, parameter in enumerate(rows.parameters):
        low, high = parameter.support
        if not (moving[i] and low < values[i] < high):  # or at one in all digits
            continue
        at = slice(i, i + 1)
        middle, change = scaled(parameter, values[at])
        width = change * half[at]
        lower[at], upper[at] = (
            unscaled(parameter, middle - width),
            unscaled(parameter, middle + width),
        )
    return lower, upper
