"""Maximum likelihood of a family's model: Laplace's approximation or quadrature, maximised."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, partial
from typing import NamedTuple

import numpy as np

from hierbayes.errors import EstimationError
from hierbayes.estimation.latent_axes import Axes, axes_of, size_of
from hierbayes.estimation.latent_criterion import ASIDE, LatentCriterion
from hierbayes.estimation.latent_polish import STEP, on_boundary, polish
from hierbayes.estimation.latent_start import (
    beside_effects,
    inverse_near_maximum,
    latent_start,
    near_inverse,
)
from hierbayes.estimation.quasi_newton import Reached, minimise, settled
from hierbayes.frames.arrays import Floats
from hierbayes.likelihood.laplace import LatentPoint, Mode
from hierbayes.likelihood.mode_search import LAST, MOST_AT_LAST

# How a search goes: where it ends differs by no more than the last gain.
_NOISE = 1e-15  # of what the responses alone add to ℓ, and large sums of rows take away
_SCORINGS, _NEARBY = 8, 0.1  # first steps, and the gain of ℓ by one that secants make instead
_NEAR_MAXIMUM = 10.0  # gain of a step behind which differences of the gradient say more
_SLOPE = 5e-3  # in units of the scale, where secants take whole steps
_LONG = 4.0  # of a first step, in scales of the coordinates, and so many times more of each later


@dataclass(frozen=True, eq=False)
class Certificate:
    """What the curvature at a maximum says of it.

    Parameters
    ----------
    hessian : (k, k) float
        Of ℓ in the coordinates: γ, the free entries of L, dispersion.
    gradient : float
        Largest derivative, in the units that the curvature gives: standard errors.
    """

    hessian: Floats
    gradient: float

    @cached_property
    def axes(self) -> Axes:
        """How −ℓ bends."""
        return axes_of(self.hessian)

    @property
    def curvature(self) -> float:
        """Smallest eigenvalue of −hessian, each coordinate in its own scale.

        Above zero at a maximum; next to zero along a direction in which ℓ does not end.
        """
        return float(self.axes.values[0])


@dataclass(frozen=True, eq=False)
class LatentOptimum:
    """A maximum of an approximate likelihood, in the internal basis.

    Parameters
    ----------
    mode : Mode
        Of the random effects, at the maximum.
    value : float
    size : int
        How many coordinates there are.
    gradient : float
        Largest derivative, in standard errors as the search knows them.
    evaluations : int
    look : callable
        Makes the certificate, when it is first asked for.
    """

    mode: Mode
    value: float
    size: int
    gradient: float
    evaluations: int
    look: Callable[[], Certificate]

    @cached_property
    def certificate(self) -> Certificate:
        """What the curvature says of the maximum."""
        return self.look()

    @property
    def hessian(self) -> Floats:
        """Of ℓ in the coordinates (k, k)."""
        return self.certificate.hessian


def maximise_latent(criterion: LatentCriterion, near: LatentPoint | None = None) -> LatentOptimum:
    """The maximum of an approximate likelihood.

    Parameters
    ----------
    criterion : LatentCriterion
    near : LatentPoint, optional
        Where the search begins; by default where the model without random effects is best.

    Raises
    ------
    EstimationError
        When the likelihood is finite nowhere near the start.
    """
    found = _newton(criterion, near) or _searched(criterion, near)
    size, scale, hessian = found.size, found.scale, found.hessian
    x, value, gradient = on_boundary(criterion, found.x, found.value, found.gradient)
    mode = criterion.mode(x)
    assert mode is not None
    return LatentOptimum(
        mode=mode,
        value=value,
        size=len(x),
        gradient=_largest(gradient, size),
        evaluations=criterion.evaluations,
        look=partial(_certified, criterion, (x, gradient, scale), hessian),
    )


class _Found(NamedTuple):
    """x, ℓ and its gradient; roots of curvatures; scales (k,); the Hessian, if it is known."""

    x: Floats
    value: float
    gradient: Floats
    size: Floats
    scale: Floats
    hessian: Floats | None


def _newton(criterion: LatentCriterion, near: LatentPoint | None) -> _Found | None:
    """A maximum by the compiled steps of a criterion that has such; None where they reach none."""
    start = None if near is None else criterion.coordinates(near)
    found = criterion.climbed(start, without=near is None)
    if found is None:
        return None
    size = size_of(found.bend)
    scale = 1.0 / size
    scale[criterion.p :] = ASIDE / STEP
    return _Found(found.x, found.value, found.gradient, size, scale, None)


def _searched(criterion: LatentCriterion, near: LatentPoint | None) -> _Found:
    """A maximum by scoring and secants."""
    start, scale = latent_start(criterion)
    if near is not None and np.isfinite(criterion(criterion.coordinates(near))[0]):
        start = criterion.coordinates(near)
    criterion(start)
    scale, of_gamma = beside_effects(criterion, scale)
    found = _climb(criterion, start, scale, of_gamma)
    x, value, gradient = found.x * scale, -found.value, -found.gradient / scale
    if found.gain > LAST * (1.0 + abs(value)):
        x, value, gradient, hessian = polish(criterion, x, scale)
        return _Found(x, value, gradient, size_of(hessian), scale, hessian)
    size = 1.0 / np.sqrt(np.maximum(np.diag(found.inverse), 1e-300)) / scale
    return _Found(x, value, gradient, size, scale, None)


def known(certificate: Certificate) -> Certificate:
    """A certificate that has been made."""
    return certificate


def _certified(
    criterion: LatentCriterion, at: tuple[Floats, Floats, Floats], hessian: Floats | None
) -> Certificate:
    """The certificate at coordinates with their gradient and scales (k,)."""
    x, gradient, scale = at
    if hessian is None:
        hessian = criterion.hessian(x, STEP * scale)
    return Certificate(hessian, _largest(gradient, size_of(hessian)))


def _largest(gradient: Floats, size: Floats) -> float:
    """The largest derivative in standard errors, one over the roots of curvatures (k,)."""
    pairs = zip(gradient.tolist(), size.tolist(), strict=True)
    each = [abs(slope) / max(root, 1e-8) for slope, root in pairs]
    return max(each) if math.isfinite(sum(each)) else math.inf


def _climb(
    criterion: LatentCriterion, start: Floats, scale: Floats, of_gamma: Floats | None
) -> Reached:
    """Steps of scoring from the start, and then those of secants to all digits.

    ``of_gamma`` is as in `near_inverse`.  What is returned is of −ℓ, in units of the scale.
    """

    def minus(t: Floats) -> tuple[float, Floats]:
        value, gradient = criterion(t * scale)
        return (-value, -gradient * scale) if math.isfinite(value) else (np.inf, np.zeros(len(t)))

    t = start / scale
    value, gradient = criterion(start)
    value, gradient = -value, -gradient * scale
    if not math.isfinite(value):
        raise EstimationError(
            "the likelihood is not a number where the search begins; look for responses or "
            "predictors in an extreme unit"
        )
    inverse, near = near_inverse(criterion, criterion.reached, scale, of_gamma), None
    for k in range(_SCORINGS):
        step = -inverse @ gradient
        step *= min(1.0, _LONG ** (1 + k) / max(float(np.abs(step).max()), 1e-300))
        gain = -float(step @ gradient)
        if gain < _NEARBY:
            break
        lower, slope = minus(t + step)
        if not lower < value - 0.1 * gain:
            break
        t, value, gradient = t + step, lower, slope
        near = inverse_near_maximum(criterion, t * scale, scale) if gain < _NEAR_MAXIMUM else None
        inverse = near_inverse(criterion, criterion.reached, scale) if near is None else near
    if near is None:
        near = inverse_near_maximum(criterion, t * scale, scale)
        inverse = inverse if near is None else near
    noise = _NOISE * abs(criterion.rows.log_constant)
    found = minimise(minus, t, inverse, slope=_SLOPE, steps=500, noise=noise)
    least = min(LAST * (1.0 + abs(found.value)), MOST_AT_LAST)
    return settled(minus, found, least, noise)
