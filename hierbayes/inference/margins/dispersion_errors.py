r"""What is not known of the dispersion φ, in the variance of margins whose mean depends on it.

Beside the gradient g by γ, f by φ is of central differences, û moving with φ as it does with γ:

    2 g'Cov(γ̂, φ̂)f + f'Cov(φ̂)f

is added to the variance given φ̂.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from hierbayes.estimation.latent_problem import curvature_of
from hierbayes.fit.of_family.natural import covariance_with_dispersion
from hierbayes.fit.of_family.point import FamilyPointFit
from hierbayes.frames.arrays import Floats
from hierbayes.inference.margins.quantity import Quantity
from hierbayes.likelihood.laplace import find_mode

_STEP = 1e-3  # of a standard error of φ


def counts_dispersion(quantity: Quantity) -> bool:
    """Whether a margin depends on the dispersion given η."""
    return any(side.law.dispersion_moves_mean and not side.is_linear for side in quantity.sides)


def variance_of_dispersion(
    fit: FamilyPointFit, quantity: Quantity, gradient: Floats, nodes: int
) -> Floats:
    """What is to be added to the variances (K, C) of margins given the dispersion.

    Parameters
    ----------
    fit : FamilyPointFit
    quantity : Quantity
    gradient : (K, C, p) float
        By γ, û moving with it.
    nodes : int
        Of averages over new groups.
    """
    p = gradient.shape[2]
    V = np.nan_to_num(covariance_with_dispersion(fit.optimum, fit.bend, fit.scale, fit.unbounded))
    found = np.zeros(gradient.shape[:2])
    steps = _STEP * np.sqrt(np.maximum(np.diag(V)[p:], 0.0))
    steps = np.minimum(steps, _STEP * np.maximum(np.abs(fit.phi), 1.0))
    slopes = np.zeros((*found.shape, len(steps)))
    for k in np.flatnonzero(steps > 0.0):
        step = np.where(np.arange(len(steps)) == k, steps, 0.0)
        up, down = (_value(fit, quantity, fit.phi + s * step, nodes) for s in (1.0, -1.0))
        slopes[..., k] = (up - down) / (2.0 * steps[k])
    both = np.einsum("kcp,pd,kcd->kc", gradient, np.nan_to_num(V[:p, p:]), slopes)
    return np.asarray(2.0 * both + np.einsum("kcd,de,kce->kc", slopes, V[p:, p:], slopes))


def _value(fit: FamilyPointFit, quantity: Quantity, phi: Floats, nodes: int) -> Floats:
    """The margins (K, C) at another dispersion, γ̂ and Ĝ as they are."""
    us, root = _modes(fit, quantity, phi), fit.theta.root[0, 0]
    means = []
    for side in quantity.sides:
        eta = side.rows.linear(fit.gamma, us)
        spread = side.spread(root, slice(0, len(side.rows.index)))
        means.append(quantity.averages.of(side.values(side.law, eta, phi, spread, nodes)))
    return quantity.combination.value(*means)


def _modes(fit: FamilyPointFit, quantity: Quantity, phi: Floats) -> tuple[Floats, ...]:
    """û by factor at another dispersion."""
    if not any(side.rows.counted for side in quantity.sides):
        return fit.u_means
    mode = fit.optimum.mode
    rows, point = mode.rows, replace(mode.point, phi=phi)
    moved = find_mode(rows, point, mode.b, curvature_of(fit.problem, rows))
    if moved is None:
        return fit.u_means
    internal = rows.effects_of(point.root, moved.b)
    return tuple(u @ fit.effect_scale(k).T for k, u in enumerate(internal))
