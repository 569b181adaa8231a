"""Random effects of draws, from the latent coordinates that were sampled in their place."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from hierbayes.estimation.pseudo_data import PseudoData
from hierbayes.frames.arrays import Floats

_CHUNK = 2_000_000  # numbers in one array of small matrices


def effects_of(
    roots: Sequence[Floats], gamma: Floats, z: Floats, pseudo: PseudoData
) -> tuple[Floats, ...]:
    """u of every draw, for each grouping factor (..., J, q).

    Parameters
    ----------
    roots : sequence of (..., q, q) float
        A root of G of each factor, the one the draw was made with: another root of the same G
        makes other effects of the same z.
    gamma : (..., p) float
        γ°.
    z : (..., N) float
        Latent coordinates, factor by factor and group by group.
    pseudo : PseudoData
        Of the map (`panel_map`).
    """
    found, at = [], 0
    shape = gamma.shape[:-1]
    flat = gamma.reshape(-1, gamma.shape[-1])
    for root, A, B in zip(roots, pseudo.A, pseudo.B, strict=True):
        J, q = A.shape[:2]
        own = z[..., at : at + J * q].reshape(-1, J, q)
        L = root.reshape(-1, q, q)
        step = max(1, _CHUNK // (J * q * q))
        chunks = [slice(first, first + step) for first in range(0, len(flat), step)]
        u = [_effects(L[chunk], flat[chunk], own[chunk], A, B) for chunk in chunks]
        found.append(np.concatenate(u).reshape(*shape, J, q))
        at += J * q
    return tuple(found)


def _effects(L: Floats, gamma: Floats, z: Floats, A: Floats, B: Floats) -> Floats:
    """u (D, J, q) of D draws of one factor: L (b₀ + C⁻ᵀz)."""
    L_each = L[:, None]  # (D, 1, q, q)
    across = np.swapaxes(L_each, -1, -2)
    C = np.linalg.cholesky(np.eye(L.shape[-1]) + across @ A @ L_each)
    r = B[..., -1] - np.einsum("jqp,dp->djq", B[..., :-1], gamma)
    half = np.linalg.solve(C, across @ r[..., None])  # C⁻¹L'r
    b = np.linalg.solve(np.swapaxes(C, -1, -2), half + z[..., None])
    u: Floats = (L_each @ b)[..., 0]
    return u
