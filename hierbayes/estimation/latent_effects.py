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
    shape, draws = gamma.shape[:-1], int(np.prod(gamma.shape[:-1]))
    flat, z = gamma.reshape(draws, -1), z.reshape(draws, -1)
    L = [root.reshape(draws, *root.shape[-2:]) for root in roots]
    step = max(1, _CHUNK // max(1, *(A.size for A in pseudo.A)))
    chunks = [slice(first, first + step) for first in range(0, draws, step)]
    parts = [_effects([one[c] for one in L], flat[c], z[c], pseudo) for c in chunks]
    return tuple(
        np.concatenate(one).reshape(*shape, *A.shape[:2])
        for one, A in zip(zip(*parts, strict=True), pseudo.A, strict=True)
    )


def _effects(
    roots: Sequence[Floats], gamma: Floats, z: Floats, pseudo: PseudoData
) -> tuple[Floats, ...]:
    """The same of D draws, factor by factor in the order of the map."""
    first = np.cumsum([0, *(A.shape[0] * A.shape[1] for A in pseudo.A)])
    found: dict[int, Floats] = {}
    for k in pseudo.order:
        own = z[:, first[k] : first[k + 1]].reshape(len(z), *pseudo.A[k].shape[:2])
        e = np.zeros(own.shape)
        for before, u in found.items():
            e += (pseudo.carried[k, before] @ u.reshape(len(z), -1).T).T.reshape(own.shape)
        found[k] = _of_factor(roots[k], gamma, e, own, pseudo.A[k], pseudo.B[k])
    return tuple(found[k] for k in range(len(pseudo.A)))


def _of_factor(L: Floats, gamma: Floats, e: Floats, z: Floats, A: Floats, B: Floats) -> Floats:
    """u (D, J, q) of one factor: L (b₀ + C⁻ᵀz)."""
    L_each = L[:, None]  # (D, 1, q, q)
    across = np.swapaxes(L_each, -1, -2)
    C = np.linalg.cholesky(np.eye(L.shape[-1]) + across @ A @ L_each)
    r = B[..., -1] - np.einsum("jqp,dp->djq", B[..., :-1], gamma) - e
    half = np.linalg.solve(C, across @ r[..., None])  # C⁻¹L'r
    b = np.linalg.solve(np.swapaxes(C, -1, -2), half + z[..., None])
    u: Floats = (L_each @ b)[..., 0]
    return u
