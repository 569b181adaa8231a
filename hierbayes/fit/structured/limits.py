"""Limits of the parameters of a residual structure, symmetric on the scale of each."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.special import expit, logit, ndtri

from hierbayes.design.residual_rows import ResidualRows
from hierbayes.display.interval import Interval
from hierbayes.frames.arrays import Floats

type Change = Callable[[Floats], Floats]


def _fisher(rho: Floats) -> Floats:
    """log((1 + ρ)/(1 − ρ))."""
    return np.log1p(rho) - np.log1p(-rho)


# By the name of a scale: from the parameter to it, its derivative, and back.
SCALES: dict[str, tuple[Change, Change, Change]] = {
    "fisher": (_fisher, lambda rho: 2.0 / (1.0 - rho**2), lambda v: np.tanh(v / 2.0)),
    "logit": (logit, lambda phi: 1.0 / (phi * (1.0 - phi)), expit),
    "log": (np.log, lambda ratio: 1.0 / ratio, np.exp),
    "identity": (lambda v: v, np.ones_like, lambda v: v),
}


def limits_on_scales(
    rows: ResidualRows, z: Floats, covariance: Floats, interval: Interval
) -> tuple[Floats, Floats]:
    """Wald limits (k,) of the parameters at coordinates z with a covariance (k, k)."""
    values = rows.natural(z)
    slope = rows.natural_slope(z)
    se = np.sqrt(np.einsum("ij,jl,il->i", slope, covariance, slope))
    half = float(ndtri(interval.tails[1])) * se
    lower, upper = np.empty_like(values), np.empty_like(values)
    for i, parameter in enumerate(rows.parameters):
        there, change, back = SCALES[parameter.scale]
        value = values[i : i + 1]
        middle, width = there(value), change(value) * half[i]
        lower[i : i + 1], upper[i : i + 1] = back(middle - width), back(middle + width)
    return lower, upper
