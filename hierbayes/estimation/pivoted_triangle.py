"""Roots of Γ that are triangular in the order of a pivoted factorisation, moved entry by entry."""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np

from hierbayes.compilation import compiled
from hierbayes.compiled_arrays import room_for
from hierbayes.design.blocks import free_entries
from hierbayes.frames.arrays import Floats, Integers
from hierbayes.value import value

_SNAP = 1e-5**2  # of the squared noise of an effect: a smaller relative variance is zero


@value()
class PivotedTriangle:
    """A root λ whose rows are in an order in which it is triangular.

    Parameters
    ----------
    root : (q, q) float
    at : (k,) int, (k,) int
        Where its free entries stand.
    """

    root: Floats
    at: tuple[Integers, Integers]

    def slope(self, M: Floats) -> Floats:
        """∂ℓ/∂(free entries) (k,)."""
        slope: Floats = 2.0 * (M @ self.root)[self.at]
        return slope

    @property
    def largest(self) -> float:
        """The largest sd of a random effect beside σ."""
        return float(np.sqrt((self.root**2).sum(axis=1)).max())


def factorise(Gamma: Floats, blocks: tuple[int, ...], noise: Floats) -> PivotedTriangle:
    """Pivoted Cholesky factor of each block of Γ (q, q), its smallest variances put to zero.

    Parameters
    ----------
    blocks : tuple of int
        Sizes of the diagonal blocks of G.
    noise : (q,) float
        Of each effect, against σ.

    Examples
    --------
    >>> found = factorise(np.array([[1.0, 2.0], [2.0, 4.0]]), (2,), np.ones(2))
    >>> found.root.tolist(), found.at[0].tolist()
    ([[1.0, 0.0], [2.0, 0.0]], [1, 0, 0])
    """
    rows, columns = free_entries(blocks)
    root, order = np.empty(Gamma.shape), np.arange(len(noise))
    pivoted(Gamma, ends_of(blocks), noise, order, root)
    return PivotedTriangle(root, (order[rows], columns))


def moved(
    triangle: PivotedTriangle, step: Floats, blocks: tuple[int, ...], noise: Floats
) -> PivotedTriangle:
    """`factorise` of Γ after a step (k,) of the free entries of its root."""
    root = triangle.root.copy()
    root[triangle.at] += step
    return factorise(root @ root.T, blocks, noise)


@lru_cache(maxsize=64)
def ends_of(blocks: tuple[int, ...]) -> Integers:
    """Where each block ends."""
    return np.cumsum(np.array(blocks, dtype=np.intp))


@compiled(error_model="numpy", short_loops=True)
def pivoted(Gamma: Floats, ends: Integers, noise: Floats, order: Integers, root: Floats) -> None:
    """Block by block, of which ``ends`` (b,) say where they end; ``order`` (q,) is changed.

    The largest variance left stands first; one that is not above the least, or is rounding beside
    that of its effect, is zero, and so are all after it.
    """
    q, start = len(noise), 0
    left = room_for((q, q))
    for i in range(q):
        for j in range(q):
            left[i, j] = Gamma[i, j] / (noise[i] * noise[j])
            root[i, j] = 0.0
    for block in range(len(ends)):
        stop = ends[block]
        for k in range(start, stop):
            best = k
            for i in range(k + 1, stop):
                if left[order[i], order[i]] > left[order[best], order[best]]:
                    best = i
            order[k], order[best] = order[best], order[k]
            row = order[k]
            pivot, whole = left[row, row], Gamma[row, row] / (noise[row] * noise[row])
            if pivot <= _SNAP or pivot <= 1e-14 * whole:
                break
            for a in range(k, stop):
                i = order[a]
                root[i, k] = left[i, row] / math.sqrt(pivot)
                for b in range(k + 1, a + 1):
                    j = order[b]
                    left[i, j] -= root[i, k] * root[j, k]
                    left[j, i] = left[i, j]
        start = stop
    for i in range(q):
        for k in range(q):
            root[i, k] *= noise[i]
