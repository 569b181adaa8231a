"""Where a search for a maximum of a family's likelihood begins, and what its curvature may be."""

from __future__ import annotations

import numpy as np
from scipy.linalg.lapack import dposv, dtrtri

from hierbayes.estimation.latent_criterion import LatentCriterion
from hierbayes.frames.arrays import Floats
from hierbayes.likelihood.laplace import LatentPoint, Mode

# Where a search begins, and not where it ends.
_FIRST_SD = 0.5  # of the random effects, on the scale of η
_FAR = 10.0  # widths of the middle half of the responses, on both sides of it
_LONG_STEP, _SHORT_STEP = 5.0, 1.0  # of η, on the way to the start
_ROUNDING = 1e-13  # of the information on γ without random effects
_TOLD = 1e-6  # of the scale of a coordinate: a curvature that says something of it
_STEP = 1e-4  # of a difference of the gradient, in scales of the coordinates
_BENT = 1e-3  # of such differences: what they are at least near a maximum


def latent_start(criterion: LatentCriterion) -> tuple[Floats, Floats]:
    """Where a search begins: the model without random effects; and scales of the coordinates."""
    rows, family = criterion.rows, criterion.family
    phi = family.dispersion_start(rows.y, rows.m)
    if "ordered" in family.dispersion_kinds:
        phi = phi - phi[0]
    each = _without_far(family.start(rows.y, rows.m) - rows.offset)
    gamma = _solved(rows.X.T @ rows.X, rows.X.T @ each, 1e-9, 0.0)
    information = np.eye(criterion.p)
    for _ in range(8):
        eta = rows.offset + rows.X @ gamma
        with np.errstate(all="ignore"):
            found = family.derivatives(rows.y, rows.m, eta, phi)
            slope, weights = found[1], rows.precisions(found)
            if family.predictors or not weights.min() > 0.0:
                weights = family.weights(rows.y, rows.m, eta, phi)
        if not (np.isfinite(slope).all() and np.isfinite(weights).all()):
            gamma = 0.5 * gamma
            continue
        information = rows.X.T @ rows.blocks.weighted(weights, rows.X)
        step = _solved(information, rows.X.T @ slope, 1e-6, 1e-12)
        longest = float(np.abs(rows.X @ step).max(initial=0.0))
        gamma = gamma + step / max(1.0, longest / _LONG_STEP)
        if longest < _SHORT_STEP:
            break
    start = criterion.coordinates(LatentPoint(gamma, _FIRST_SD * np.eye(criterion.q), phi))
    scale, p, m = np.empty_like(start), criterion.p, len(criterion.lower[0])
    scale[:p] = 1.0 / np.sqrt(np.maximum(information.diagonal(), 1e-6))
    scale[p : p + m], scale[p + m :] = 0.2, 0.3
    return start, scale


def _solved(square: Floats, right: Floats, share: float, least: float) -> Floats:
    """What solves a square (p, p), its diagonal larger by a share of it, and at least so much."""
    if not len(right):  # no fixed effects
        return right
    square = square.copy()
    square.flat[:: len(square) + 1] += np.maximum(share * square.diagonal(), least)
    _, found, failed = dposv(square, right, lower=1)
    return np.asarray(np.linalg.solve(square, right) if failed else found)


def _without_far(each: Floats) -> Floats:
    """Numbers (n,), those far from the middle half moved to where they are far enough."""
    first, last = len(each) // 4, 3 * len(each) // 4
    ordered = each.copy()
    ordered.partition((first, last))
    low, high = ordered[first], ordered[last]
    reach = _FAR * (high - low)
    return np.minimum(np.maximum(each, low - reach), high + reach) if reach > 0.0 else each


def beside_effects(criterion: LatentCriterion, scale: Floats) -> tuple[Floats, Floats | None]:
    """The scales (k,), those of γ being standard errors beside the random effects of a start.

    Of large counts or many trials those without random effects are far smaller, and differences of
    gradients at steps of that size are no more than rounding.  Also the covariance (p, p) of γ in
    these scales; None where it has no digits.
    """
    mode, p = criterion.reached, criterion.p
    if mode is None or not criterion.q:
        return scale, None
    with np.errstate(all="ignore"):
        covariance = _inverse(_of_gamma(criterion, mode), scale[:p], _ROUNDING)
    if covariance is None:
        return scale, None
    wider = np.maximum(np.sqrt(covariance.diagonal()), 1.0)
    return np.concatenate((scale[:p] * wider, scale[p:])), covariance / (wider[:, None] * wider)


def near_inverse(
    criterion: LatentCriterion, mode: Mode | None, scale: Floats, of_gamma: Floats | None = None
) -> Floats:
    """What −hessian⁻¹ (k, k) may be at a mode, in scales of the coordinates.

    That of γ given the other parameters, where it is not known (``of_gamma``), and of the entries
    of L the expected one of the Gaussian model with the weights of the rows there; of the
    dispersion nothing is known.
    """
    inverse, p = np.eye(len(scale)), criterion.p
    if mode is None:
        return inverse
    with np.errstate(all="ignore"):
        if of_gamma is None:
            of_gamma = _inverse(_of_gamma(criterion, mode), scale[:p], _TOLD)
        if of_gamma is not None:
            inverse[:p, :p] = of_gamma
        if criterion.q and not criterion.family.predictors:
            at = slice(p, p + len(criterion.lower[0]))
            of_root = _inverse(_of_root(criterion, mode), scale[at], _TOLD)
            if of_root is not None:
                inverse[at, at] = of_root
    return inverse


def inverse_near_maximum(criterion: LatentCriterion, x: Floats, scale: Floats) -> Floats | None:
    """`near_inverse` at coordinates x near a maximum, by how the gradient moves with L and φ.

    None where that is not known, or the likelihood is not bent down there.
    """
    p = criterion.p
    bends = criterion.bends(x, _STEP * scale[p:]) if len(x) > p else None
    if bends is None or criterion.reached is None:
        return None
    hessian = np.zeros((len(x), len(x)))  # of −ℓ, its lower triangle
    with np.errstate(all="ignore"):
        hessian[:p, :p], hessian[p:] = _of_gamma(criterion, criterion.reached), -bends
        return _inverse(hessian, scale, _BENT)


def _inverse(information: Floats, scale: Floats, least: float) -> Floats | None:
    """That of an information (k, k), in scales; None where it has no digits.

    Its lower triangle is read.  The trace of the inverse is at least one over the least eigenvalue,
    and at most k times that.
    """
    scaled = information * (scale[:, None] * scale)
    if not (len(scaled) and np.isfinite(scaled).all()):
        return None
    _, inverse, failed = dposv(scaled, np.eye(len(scaled)), lower=1)
    return inverse if not failed and inverse.trace() * least < 1.0 else None


def _of_gamma(criterion: LatentCriterion, mode: Mode) -> Floats:
    """X'V⁻¹X (p, p) of the weights of the rows at a mode."""
    rows, root, X = criterion.rows, mode.point.root, criterion.rows.X
    kappa = rows.precisions(mode.derivatives)
    weighted = rows.blocks.weighted(kappa, X)
    found = X.T @ weighted
    if mode.slopes is not None and mode.slopes.half.shape[1]:
        half = mode.slopes.half[:, : criterion.p]
        return np.asarray(found - half.T @ half)
    if rows.effects:
        right = [rows.spherical(root, column) for column in weighted.T]  # L'Z'κX
        found -= np.array([mode.curvature.solve(one) for one in right]) @ np.array(right).T
    return np.asarray(found)


def _of_root(criterion: LatentCriterion, mode: Mode) -> Floats:
    """½ Σ_j tr S_eD_jS_fD_j (m, m) with S_e = ∂Γ/∂L_e and D_j = Z_j'V_j⁻¹Z_j, by level.

    Of the posterior covariance of a level's effects D_j is Γ⁻¹R_jΓ⁻¹, R_j = Γ − cov, so that the
    trace is that of T_eR_jT_fR_j with T = Γ⁻¹SΓ⁻¹, and the sum over levels is one of R_j ⊗ R_j.
    """
    (rows, columns), root = criterion.lower, mode.point.root
    total = np.zeros((len(rows), len(rows)))
    if not root.diagonal().all():
        return np.full_like(total, np.nan)
    inverse = dtrtri(root, lower=1)[0]
    T = (inverse.T @ inverse)[rows, :, None] * inverse[columns][:, None]  # Γ⁻¹ times ∂L L⁻¹
    T += T.swapaxes(1, 2)
    for k, at in enumerate(criterion.rows.spans):
        own, q = root[at, at], at.stop - at.start
        R = (own @ own.T - mode.curvature.conditional(k)).reshape(-1, q * q)
        both = (R.T @ R).reshape(q, q, q, q)  # by rows and columns of R_j and R_j
        by_both = T[:, at, at].reshape(-1, q * q)
        total += 0.5 * by_both @ both.transpose(3, 0, 1, 2).reshape(q * q, q * q) @ by_both.T
    return total
