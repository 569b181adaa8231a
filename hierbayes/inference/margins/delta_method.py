r"""Margins of a maximum with standard errors by the delta method.

A margin e is a smooth function of γ and u, with gradients g by γ and h by u.  Given θ̂, with
û(γ), M = ∂û/∂γ and Cov(u | γ) of `effect_errors`,

    Var(e) ≈ (g + M'h)'Cov(γ̂)(g + M'h) + h'Cov(u | γ)h,

exact where e is linear, as of a Gaussian response; with u held or averaged over h is 0.  Where the
mean depends on the dispersion, what is not known of that is added.
"""

from __future__ import annotations

import numpy as np
from scipy.sparse import csr_array

from hierbayes.fit.of_family.point import FamilyPointFit
from hierbayes.fit.point import PointFit
from hierbayes.frames.arrays import Floats, stacked
from hierbayes.inference.margins.dispersion_errors import (
    counts_dispersion,
    variance_of_dispersion,
)
from hierbayes.inference.margins.expected_rows import ExpectedRows
from hierbayes.inference.margins.quantity import Quantity

NODES = 41


def delta_method(fit: PointFit, quantity: Quantity) -> tuple[Floats, Floats, Floats]:
    """Estimates (K, C), standard errors (K, C) and gradients by γ (K, C, p), û moving with it."""
    averages, combination = quantity.averages, quantity.combination
    phi, root = fit.mean_phi, fit.theta.root[0, 0]
    means, derivatives = [], []
    for side in quantity.sides:
        whole = slice(0, len(side.rows.index))
        eta = side.rows.linear(fit.gamma, fit.u_means)
        at = (side.law, eta, phi, side.spread(root, whole), NODES)
        means.append(averages.of(side.values(*at)))
        derivatives.append(side.derivatives(*at))
    partials = combination.partials(*means)
    shares = [
        (partial / averages.counts[:, None])[averages.codes][..., None] * derivative
        for partial, derivative in zip(partials, derivatives, strict=True)
    ]  # (n, C, P) by side: how a margin moves with the η of a row
    found = [
        _errors(fit, quantity, [one[:, c] for one in shares]) for c in range(means[0].shape[1])
    ]
    se, gradient = (np.stack(parts, axis=1) for parts in zip(*found, strict=True))
    if isinstance(fit, FamilyPointFit) and counts_dispersion(quantity):
        further = variance_of_dispersion(fit, quantity, gradient, NODES)
        se = np.sqrt(np.maximum(se**2 + further, 0.0))
    return combination.value(*means), se, gradient


def _errors(fit: PointFit, quantity: Quantity, shares: list[Floats]) -> tuple[Floats, Floats]:
    """Standard errors (K,) and gradients (K, p) of margins that move so with η (n, P) by side."""
    K, codes = quantity.averages.K, quantity.averages.codes
    gradient = np.zeros((K, len(fit.gamma)))
    counted = quantity.sides[0].rows.counted
    by_effect = {k: csr_array((K, fit.u_means[k].size)) for k in counted}
    for side, share in zip(quantity.sides, shares, strict=True):
        weights = _by_margin(share, codes, K)
        gradient += weights @ side.rows.X
        for k in counted:
            by_effect[k] = by_effect[k] + weights @ _effects_of_rows(side, k, fit.u_means[k].shape)
    apart = np.zeros(K)
    if counted:
        errors = fit.effect_errors
        for k in counted:
            moved = errors.on_gamma(k)
            gradient += by_effect[k] @ stacked(moved)
        apart = errors.of_sums(by_effect)
    of_gamma = np.einsum("kp,pr,kr->k", gradient, fit.gamma_cov, gradient)
    return np.sqrt(of_gamma + apart), gradient


def _by_margin(share: Floats, codes: np.ndarray, K: int) -> csr_array:
    """(K, n P): the share (n, P) of each row in the margin that it is in."""
    n, P = share.shape
    return csr_array((share.ravel(), (np.repeat(codes, P), np.arange(n * P))), shape=(K, n * P))


def _effects_of_rows(side: ExpectedRows, k: int, shape: tuple[int, ...]) -> csr_array:
    """(n P, J q): the columns of Z of each row at the effects of its group."""
    rows = side.rows
    Z, q = rows.Z[:, rows.spans[k]], shape[1]
    columns = rows.codes_of[k][:, None] * q + np.arange(q)
    places = np.repeat(np.arange(len(Z)), q)
    return csr_array((Z.ravel(), (places, columns.ravel())), shape=(len(Z), shape[0] * q))
