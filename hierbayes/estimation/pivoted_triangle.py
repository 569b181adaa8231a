"""Roots of Γ that are triangular in the order of a pivoted factorisation, moved entry by entry."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hierbayes.design.blocks import block_slices
from hierbayes.frames.arrays import Floats, Integers
from hierbayes.likelihood.covariance import free_entries, pivoted_root

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

    def directions(self) -> Floats:
        """∂Γ/∂(free entry) (k, q, q)."""
        rows, columns = self.at
        k = np.arange(len(rows))
        directions = np.zeros((len(rows), *self.root.shape))
        directions[k, rows] = self.root.T[columns]
        turned: Floats = directions + np.swapaxes(directions, 1, 2)
        return turned

    def slope(self, M: Floats) -> Floats:
        """∂ℓ/∂(free entries) (k,)."""
        slope: Floats = 2.0 * (M @ self.root)[self.at]
        return slope

    def bend(self, M: Floats) -> Floats:
        """What Γ's own curvature adds to ∂²ℓ (k, k)."""
        rows, columns = self.at
        bend: Floats = np.where(columns[:, None] == columns, 2.0 * M[rows[:, None], rows], 0.0)
        return bend

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
    """
    unit = Gamma / np.outer(noise, noise)
    root, order = np.zeros_like(unit), np.arange(len(unit))
    for at in block_slices(blocks):
        root[at, at], places = pivoted_root(unit[at, at], _SNAP**2)
        order[at] = at.start + places
    rows, columns = free_entries(blocks)
    return PivotedTriangle(root * noise[:, None], (order[rows], columns))
