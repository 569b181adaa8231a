"""Maximum likelihood of a family's model: Laplace's approximation or quadrature, maximised."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from hierbayes.errors import EstimationError
from hierbayes.estimation.latent_criterion import LatentCriterion
from hierbayes.estimation.quasi_newton import minimise
from hierbayes.frames.arrays import Floats
from hierbayes.likelihood.dispersion import dispersion_coordinates
from hierbayes.likelihood.laplace import LatentPoint, Mode

_NEGLIGIBLE = 1e-14  # gain of ℓ, beside its size, that ends the search
_POLISHES = 30
_STEP = 1e-4  # of a central difference of the gradient, in scales of the coordinates
_NEAR = 1e-4  # standard errors between two points whose Hessians are one
_FLAT = 1e-6  # of a standard direction's curvature: none
_FIRST_SD = 0.5  # of the random effects, on the scale of η
_BOUNDARY = 1e-4  # an entry of L below this is tried at 0
_LONG_STEP, _SHORT_STEP = 5.0, 1e-3  # of η, on the way to the start


@dataclass(frozen=True, slots=True, eq=False)
class LatentOptimum:
    """A maximum of an approximate likelihood, in the internal basis.

    Parameters
    ----------
    mode : Mode
        Of the random effects, at the maximum.
    value : float
    hessian : (k, k) float
        Of ℓ in the coordinates: γ, the free entries of L, dispersion.
    gradient : float
        Largest derivative, in the units that the curvature gives: standard errors.
    curvature : float
        Smallest eigenvalue of −hessian, each coordinate in its own scale: above zero at a
        maximum; next to zero along a direction in which ℓ does not end.
    evaluations : int
    """

    mode: Mode
    value: float
    hessian: Floats
    gradient: float
    curvature: float
    evaluations: int


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
    start, scale = _start(criterion)
    if near is not None and np.isfinite(criterion(criterion.coordinates(near))[0]):
        start = criterion.coordinates(near)
    x = _climb(criterion, start, scale)
    x, value, gradient, hessian = _polish(criterion, x, scale)
    x, value, gradient = _on_boundary(criterion, x, value, gradient)
    mode = criterion.mode(x)
    assert mode is not None
    size = np.sqrt(np.maximum(np.abs(np.diag(hessian)), 1e-300))
    relative = np.linalg.eigvalsh(-hessian / np.outer(size, size))
    return LatentOptimum(
        mode=mode,
        value=value,
        hessian=hessian,
        gradient=float(np.abs(gradient / np.maximum(size, 1e-8)).max()),
        curvature=float(relative[0]),
        evaluations=criterion.evaluations,
    )


def _on_boundary(
    criterion: LatentCriterion, x: Floats, value: float, gradient: Floats
) -> tuple[Floats, float, Floats]:
    """The same with entries of L that are next to 0 made 0, where that loses nothing.

    Together first: a prior may take a row of L but not a part of it.
    """
    entries = x[criterion.p : criterion.p + len(criterion.lower[0])]
    small = criterion.p + np.flatnonzero(np.abs(entries) < _BOUNDARY)
    for places in [small, *small[:, None]] if len(small) > 1 else small[:, None]:
        if not x[places].any():
            continue
        trial = x.copy()
        trial[places] = 0.0
        reached, slope = criterion(trial)
        if reached >= value - 1e-9 * (1.0 + abs(value)):
            x, value, gradient = trial, reached, slope
    return x, value, gradient


def refine(criterion: LatentCriterion, x: Floats, scale: Floats) -> tuple[Floats, Floats]:
    """The maximum near coordinates x (k,) that are nearly one, and the Hessian (k, k) there."""
    x, value, gradient, hessian = _polish(criterion, x, scale)
    return _on_boundary(criterion, x, value, gradient)[0], hessian


def newton_step(criterion: LatentCriterion, x: Floats, scale: Floats) -> tuple[Floats, Floats]:
    """Coordinates (k,) after one Newton step from x, and the Hessian (k, k) at x."""
    hessian = _hessian(criterion, x, scale)
    return x + ascent_step(hessian, criterion(x)[1], scale), hessian


def _start(criterion: LatentCriterion) -> tuple[Floats, Floats]:
    """Where a search begins: the model without random effects; and scales of the coordinates."""
    rows, family = criterion.rows, criterion.family
    phi = family.dispersion_start(rows.y, rows.m)
    if "ordered" in family.dispersion_kinds:
        phi = phi - phi[0]
    gamma = np.linalg.lstsq(rows.X, family.start(rows.y, rows.m) - rows.offset)[0]
    information = np.eye(criterion.p)
    for _ in range(8):
        eta = rows.offset + rows.X @ gamma
        with np.errstate(all="ignore"):
            slope = family.derivatives(rows.y, rows.m, eta, phi)[1]
            weights = family.weights(rows.y, rows.m, eta, phi)
        if not (np.isfinite(slope).all() and np.isfinite(weights).all()):
            gamma = 0.5 * gamma
            continue
        information = rows.X.T @ rows.blocks.weighted(weights, rows.X)
        ridge = 1e-6 * np.diag(np.maximum(np.diag(information), 1e-6))
        step = np.linalg.solve(information + ridge, rows.X.T @ slope)
        longest = float(np.abs(rows.X @ step).max(initial=0.0))
        gamma = gamma + step / max(1.0, longest / _LONG_STEP)
        if longest < _SHORT_STEP:
            break
    root = _FIRST_SD * np.eye(criterion.q)
    errors = 1.0 / np.sqrt(np.maximum(np.diag(information), 1e-6))
    m, d = len(criterion.lower[0]), len(dispersion_coordinates(family, phi))
    scale = np.concatenate([errors, np.full(m, 0.2), np.full(d, 0.3)])
    return criterion.coordinates(LatentPoint(gamma, root, phi)), scale


def _near_inverse(criterion: LatentCriterion, x: Floats, scale: Floats) -> Floats:
    """What −hessian⁻¹ (k, k) may be, in scales of the coordinates, where a search begins.

    That of γ given the other parameters; of those nothing is known.
    """
    inverse, p = np.eye(len(x)), criterion.p
    with np.errstate(all="ignore"):
        mode = criterion.mode(x)
        if mode is None:
            return inverse
        rows, root, X = criterion.rows, mode.point.root, criterion.rows.X
        kappa = rows.precisions(mode.derivatives)
        left = rows.blocks.weighted(kappa, X)  # κX, and below V⁻¹X
        for c in range(p):
            u = mode.curvature.solve(rows.spherical(root, left[:, c]))
            left[:, c] -= rows.blocks.weighted(kappa, rows.random_part(rows.effects_of(root, u)))
        information = X.T @ left * np.outer(scale[:p], scale[:p])
        size, vectors = np.linalg.eigh(0.5 * (information + information.T))
    if np.isfinite(size).all() and size[0] > 1e-6:
        of_gamma = (vectors / size) @ vectors.T
        inverse[:p, :p] = 0.5 * (of_gamma + of_gamma.T)
    return inverse


def _climb(criterion: LatentCriterion, start: Floats, scale: Floats) -> Floats:
    """A quasi-Newton search from the start."""

    def minus(t: Floats) -> tuple[float, Floats]:
        value, gradient = criterion(t * scale)
        return (-value, -gradient * scale) if np.isfinite(value) else (np.inf, np.zeros(len(t)))

    if np.isinf(minus(start / scale)[0]):
        raise EstimationError(
            "the likelihood is not a number where the search begins; look for responses or "
            "predictors in an extreme unit"
        )
    inverse = _near_inverse(criterion, start, scale)
    return minimise(minus, start / scale, inverse, slope=5e-5, steps=500) * scale


def _polish(
    criterion: LatentCriterion, x: Floats, scale: Floats
) -> tuple[Floats, float, Floats, Floats]:
    """Newton steps with central differences of the exact gradient: x, ℓ, gradient, Hessian."""
    value, gradient = criterion(x)
    hessian = _hessian(criterion, x, scale)
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
            hessian, moved = _hessian(criterion, x, scale), 0.0
    if moved > _NEAR:
        hessian = _hessian(criterion, x, scale)
    return x, value, gradient, hessian


def ascent_step(hessian: Floats, gradient: Floats, scale: Floats) -> Floats:
    """A Newton step uphill; curvature that points up counts by its size."""
    size, vectors = np.linalg.eigh(-hessian * np.outer(scale, scale))
    size = np.maximum(np.abs(size), _FLAT)
    step = vectors @ ((vectors.T @ (gradient * scale)) / size)
    length = float(np.abs(step).max())
    return np.asarray(step * scale * min(1.0, 10.0 / max(length, 1e-300)))


def _hessian(
    criterion: Callable[[Floats], tuple[float, Floats]], x: Floats, scale: Floats
) -> Floats:
    """Central differences of the gradient (k, k)."""
    columns = []
    for k, size in enumerate(scale):
        step = np.zeros(len(x))
        step[k] = _STEP * size
        up, down = criterion(x + step)[1], criterion(x - step)[1]
        columns.append((up - down) / (2.0 * step[k]))
    hessian = np.array(columns)
    return 0.5 * (hessian + hessian.T)
