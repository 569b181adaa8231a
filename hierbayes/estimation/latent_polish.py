"""Newton steps near a maximum of a family's likelihood, with differences of the exact gradient."""

from __future__ import annotations

import numpy as np

from hierbayes.estimation.latent_criterion import LatentCriterion
from hierbayes.frames.arrays import Floats

_NEGLIGIBLE = 1e-14  # gain of ℓ, beside its size, that ends a search by Newton steps
_POLISHES = 30
STEP = 1e-4  # of a central difference of the gradient, in scales of the coordinates
_NEAR = 1e-4  # standard errors between two points whose Hessians are one
_FLAT = 1e-6  # of a standard direction's curvature: none
_BOUNDARY = 1e-4  # an entry of L below this is tried at 0


def refine(criterion: LatentCriterion, x: Floats, scale: Floats) -> tuple[Floats, Floats]:
    """The maximum near coordinates x (k,) that are nearly one, and the Hessian (k, k) there."""
    x, value, gradient, hessian = polish(criterion, x, scale)
    return on_boundary(criterion, x, value, gradient)[0], hessian


def newton_step(criterion: LatentCriterion, x: Floats, scale: Floats) -> tuple[Floats, Floats]:
    """Coordinates (k,) after one Newton step from x, and the Hessian (k, k) at x."""
    hessian = criterion.hessian(x, STEP * scale)
    return x + ascent_step(hessian, criterion(x)[1], scale), hessian


def on_boundary(
    criterion: LatentCriterion, x: Floats, value: float, gradient: Floats
) -> tuple[Floats, float, Floats]:
    """The same with entries of L that are next to 0 made 0, where that loses nothing.

    Together first: a prior may take a row of L but not a part of it.
    """
    p = criterion.p
    entries = x[p : p + len(criterion.lower[0])].tolist()
    small = [k for k, entry in enumerate(entries, p) if abs(entry) < _BOUNDARY]
    if not small:
        return x, value, gradient
    together = [small] if len(small) > 1 else []
    for places in [*together, *([k] for k in small)]:
        if not x[places].any():
            continue
        trial = x.copy()
        trial[places] = 0.0
        reached, slope = criterion(trial)
        if reached >= value - 1e-9 * (1.0 + abs(value)):
            x, value, gradient = trial, reached, slope
    return x, value, gradient


def polish(
    criterion: LatentCriterion, x: Floats, scale: Floats
) -> tuple[Floats, float, Floats, Floats]:
    """Newton steps with central differences of the exact gradient: x, ℓ, gradient, Hessian."""
    value, gradient = criterion(x)
    hessian = criterion.hessian(x, STEP * scale)
    moved = 0.0  # since the Hessian was made, in standard errors
    for _ in range(_POLISHES):
        step = ascent_step(hessian, gradient, scale)
        gain = float(gradient @ step)
        if gain <= _NEGLIGIBLE * (1.0 + abs(value)):
            break
        for halving in range(20):
            trial = x + 0.5**halving * step
            reached, slope = criterion(trial)
            if reached > value:
                break
        else:
            break
        moved += float(np.abs((trial - x) * np.sqrt(np.abs(np.diag(hessian)))).max())
        small = gain < 1e-6
        x, value, gradient = trial, reached, slope
        if not small:
            hessian, moved = criterion.hessian(x, STEP * scale), 0.0
    if moved > _NEAR:
        hessian = criterion.hessian(x, STEP * scale)
    return x, value, gradient, hessian


def ascent_step(hessian: Floats, gradient: Floats, scale: Floats) -> Floats:
    """A Newton step uphill; curvature that points up counts by its size."""
    size, vectors = np.linalg.eigh(-hessian * np.outer(scale, scale))
    size = np.maximum(np.abs(size), _FLAT)
    step = vectors @ ((vectors.T @ (gradient * scale)) / size)
    length = float(np.abs(step).max())
    return np.asarray(step * scale * min(1.0, 10.0 / max(length, 1e-300)))
