r"""What is not known of the dispersion φ, in the variance of means that depend on it.

Beside the gradient g by γ, f by φ is of central differences, û moving with φ as it does with γ:

    2 g'Cov(γ̂, φ̂)f + f'Cov(φ̂)f

is added to the variance given φ̂.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Protocol

import numpy as np

from hierbayes.design.problem import Problem
from hierbayes.estimation.laplace_search import LatentOptimum
from hierbayes.estimation.latent_problem import curvature_of
from hierbayes.fit.of_family.natural import Bend, covariance_with_dispersion
from hierbayes.fit.predictions.effect_errors import LatentErrors
from hierbayes.frames.arrays import Booleans, Floats
from hierbayes.likelihood.laplace import find_mode

_STEP = 1e-3  # of a standard error of φ


class LatentFit(Protocol):
    """A maximum of a family's likelihood, as `FamilyPointFit` is."""

    @property
    def problem(self) -> Problem:
        """What it is of."""

    @property
    def what(self) -> str:
        """Its estimates in words."""

    @property
    def gamma(self) -> Floats:
        """γ̂ (p,)."""

    @property
    def phi(self) -> Floats:
        """φ̂ (d,), as η is computed."""

    @property
    def u_means(self) -> tuple[Floats, ...]:
        """û by factor (J_k, q_k)."""

    @property
    def optimum(self) -> LatentOptimum:
        """In the internal basis."""

    @property
    def bend(self) -> Bend:
        """How the likelihood bends there."""

    @property
    def scale(self) -> Floats:
        """What turns γ° into γ (p, p)."""

    @property
    def unbounded(self) -> Booleans:
        """Fixed effects (p,) without a maximum."""

    @property
    def effect_errors(self) -> LatentErrors:
        """What is not known of u."""

    def effect_scale(self, k: int) -> Floats:
        """What turns u° of factor k into u (q, q)."""


def dispersion_variance(
    fit: LatentFit,
    value: Callable[[Floats, tuple[Floats, ...]], Floats],
    gradient: Floats,
    *,
    counted: bool,
) -> Floats:
    """What is to be added to the variances (K, C) of means given the dispersion.

    Parameters
    ----------
    fit : LatentFit
    value : callable
        The means (K, C) at a dispersion (d,) and effects by factor (J_k, q_k), γ̂ and Ĝ held.
    gradient : (K, C, p) float
        By γ, û moving with it.
    counted : bool
        Whether random effects are part of the means.
    """
    p = gradient.shape[2]
    V = np.nan_to_num(covariance_with_dispersion(fit.optimum, fit.bend, fit.scale, fit.unbounded))
    steps = _STEP * np.sqrt(np.maximum(np.diag(V)[p:], 0.0))
    steps = np.minimum(steps, _STEP * np.maximum(np.abs(fit.phi), 1.0))
    slopes = np.zeros((*gradient.shape[:2], len(steps)))
    for k in np.flatnonzero(steps > 0.0):
        step = np.where(np.arange(len(steps)) == k, steps, 0.0)
        both = (fit.phi + step, fit.phi - step)
        up, down = (value(phi, _modes(fit, phi) if counted else fit.u_means) for phi in both)
        slopes[..., k] = (up - down) / (2.0 * steps[k])
    both_moved = np.einsum("kcp,pd,kcd->kc", gradient, V[:p, p:], slopes, optimize=True)
    of_phi = np.einsum("kcd,de,kce->kc", slopes, V[p:, p:], slopes, optimize=True)
    return np.asarray(2.0 * both_moved + of_phi)


def _modes(fit: LatentFit, phi: Floats) -> tuple[Floats, ...]:
    """û by factor at another dispersion."""
    mode = fit.optimum.mode
    rows, point = mode.rows, replace(mode.point, phi=phi)
    moved = find_mode(rows, point, mode.b, curvature_of(fit.problem, rows))
    if moved is None:
        return fit.u_means
    internal = rows.effects_of(point.root, moved.b)
    return tuple(u @ fit.effect_scale(k).T for k, u in enumerate(internal))
