r"""Shares of nominal categories averaged over normal linear predictors.

The category chosen is that of the largest of independent utilities v_c = η_c + s_c z_c + ε_c, with
η_0 = s_0 = 0 and ε_c of Gumbel's distribution: given z these are the shares of the softmax of
η + s z.  So the K-fold average over z is one integral of one-dimensional ones,

    p_c = ∫ F_c′(v) Π_{k ≠ c} F_k(v) dv,   F_k(v) = ∫ exp(−e^{η_k + s_k z − v}) φ(z) dz.

The trapezoid rule in v has errors of the order exp(−π²/step), for the Fourier transform of these
densities falls off like that of Gumbel's.

References
----------
McFadden (1974), "Conditional logit analysis of qualitative choice behavior", in Zarembka (ed.),
*Frontiers in Econometrics*; Trefethen & Weideman (2014), *SIAM Review* 56, 385–458.
"""

from __future__ import annotations

import numpy as np

from hierbayes.frames.arrays import Floats

_STEP = 0.6  # of a utility
_BELOW, _ABOVE = 3.5, 18.0  # of the largest η, where a standard Gumbel variable is not
_NORMAL = 6.5  # standard deviations on both sides
_AT_ONCE = 100_000  # numbers
_LARGE = 1e200  # whose exp(−x) is 0


def averaged_shares(eta: Floats, spread: Floats, nodes: int) -> Floats:
    """The expected share of each category where η_c ~ N(η, s²), independent within a row.

    Parameters
    ----------
    eta, spread : (n, K − 1) float
        Of the categories but the first.
    nodes : int
        Of Gauss and Hermite's rule, for each linear predictor.

    Returns
    -------
    (n, K) float

    Examples
    --------
    >>> averaged_shares(np.array([[0.4, -0.3]]), np.zeros((1, 2)), 1).round(2)
    array([[0.31, 0.46, 0.23]])
    >>> averaged_shares(np.array([[0.4, -0.3]]), np.array([[1.5, 0.5]]), 41).round(3)
    array([[0.299, 0.468, 0.233]])
    """
    whole = np.column_stack([np.zeros(len(eta)), eta])
    whole = whole - whole.max(axis=1, keepdims=True)
    sd = np.column_stack([np.zeros(len(eta)), spread])
    z, weights = np.polynomial.hermite_e.hermegauss(nodes)
    reach = _NORMAL * float(sd.max(initial=0.0))
    v = np.arange(-_BELOW - reach, _ABOVE + reach, _STEP)
    size = max(_AT_ONCE // (whole.shape[1] * len(v)), 1)
    parts = [
        _shares(whole[start : start + size], sd[start : start + size], v, z, weights)
        for start in range(0, len(whole), size)
    ]
    return np.concatenate(parts) if parts else np.empty(whole.shape)


def _shares(eta: Floats, sd: Floats, v: Floats, z: Floats, weights: Floats) -> Floats:
    """Those of some rows (m, K)."""
    falling = np.exp(-v)
    F, density = np.zeros((*eta.shape, len(v))), np.zeros((*eta.shape, len(v)))
    for node, weight in zip(z, weights / weights.sum(), strict=True):
        with np.errstate(over="ignore"):
            steps = np.minimum(np.exp(eta + sd * node), _LARGE)[..., None] * falling
        inside = weight * np.exp(-steps)
        F += inside
        density += steps * inside
    others = np.stack([np.delete(F, c, axis=1).prod(axis=1) for c in range(F.shape[1])], axis=1)
    shares = (density * others).sum(axis=2)
    return np.asarray(shares / shares.sum(axis=1, keepdims=True))
