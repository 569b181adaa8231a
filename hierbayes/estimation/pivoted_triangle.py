"""Roots of Γ that are triangular in the order of a pivoted factorisation, moved entry by entry."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hierbayes.design.blocks import block_slices
from hierbayes.frames.arrays import Floats, Integers
from hierbayes.likelihood.covariance import free_entries

_SNAP = 1e-5  # of the noise of an effect: a smaller relative standard deviation is zero


@dataclass(frozen=True, slots=True, eq=False)
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

    def moved(self, step: Floats) -> Floats:
        """Γ (q, q) after a step (k,)."""
        root = self.root.copy()
        root[self.at] += step
        return root @ root.T

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
    unit = (Gamma / (noise[:, None] * noise)).tolist()
    root, order = [[0.0] * len(unit) for _ in unit], list(range(len(unit)))
    for at in block_slices(blocks):
        _factorise_block(unit, at.start, at.stop, root, order)
    rows, columns = free_entries(blocks)
    return PivotedTriangle(np.array(root) * noise[:, None], (np.array(order)[rows], columns))


def _factorise_block(
    left: list[list[float]], start: int, stop: int, root: list[list[float]], order: list[int]
) -> None:
    """Write the root of a block of ``left``, which becomes what is left of it, and its order.

    The largest variance left stands first; one that is not above the least, or is rounding beside
    that of its effect, is zero, and so are all after it.  (Plain numbers: arrays as small as these
    take longer.)
    """
    whole = [left[i][i] for i in range(stop)]
    for k in range(start, stop):
        best = max(range(k, stop), key=lambda i: left[order[i]][order[i]])
        order[k], order[best] = order[best], order[k]
        row = order[k]
        pivot = left[row][row]
        if pivot <= max(_SNAP**2, 1e-14 * whole[row]):
            break
        for i in order[k:stop]:
            root[i][k] = left[i][row] / pivot**0.5
        for i in order[k + 1 : stop]:
            for j in order[k + 1 : stop]:
                left[i][j] -= root[i][k] * root[j][k]
