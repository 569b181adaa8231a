"""Coordinates of G in which a held standard deviation or correlation is an entry.

The random effects are read in coordinates whose first are the held effects, the others those
of the internal basis (where the zero of a column is far from its data, only these are well
apart).  With EE' their covariance, the first sd is an entry of E, and the first correlation ρ
splits the second row into ρ s and √(1 − ρ²) s.  What is left of E is free.
"""

from __future__ import annotations

import numpy as np

from hierbayes.design.basis import Basis
from hierbayes.frames.arrays import Booleans, Floats, Integers
from hierbayes.inference.profiles.parameter import Parameter
from hierbayes.likelihood.covariance import block_mask, cholesky_psd

_HELD: dict[str, tuple[int, ...]] = {"sd": (0, 0), "corr": (1, 0)}  # the entry that is held


class HeldRoot:
    """The root of G° as a function of free entries of E, with at most one of them held.

    A correlation's two standard deviations are not below zero; the sign of a column of E means
    nothing, so that nothing else needs a bound.

    Parameters
    ----------
    basis : Basis
    blocks : tuple of int
        Of G.
    parameter : Parameter
        Which is held; one that is none of G's holds no entry.
    """

    def __init__(self, basis: Basis, blocks: tuple[int, ...], parameter: Parameter) -> None:
        self.parameter = parameter
        first = parameter.at if parameter.block in ("sd", "corr") else ()
        order, self._to_effects, self.unit = _coordinates(basis, first)
        self._order, self._back = order, np.argsort(order)
        inside = block_mask(blocks)[np.ix_(order, order)]
        if parameter.block in _HELD:
            inside[_HELD[parameter.block]] = False
        rows, columns = np.nonzero(np.tril(inside))
        self.entries: tuple[Integers, Integers] = (rows, columns)
        self._to_coordinates = np.linalg.inv(self._to_effects)

    @property
    def bounded(self) -> Booleans:
        """Which free entries are not below zero."""
        bounded = np.zeros(len(self.entries[0]), dtype=np.bool_)
        if self.parameter.block == "corr":
            bounded[[self._place(0, 0), self._place(1, 1)]] = True
        return bounded

    def variables(self, internal: Floats) -> Floats:
        """The free entries at a root of G° (q, q), whatever the value of the held parameter."""
        root = self._to_coordinates @ internal
        E = cholesky_psd(root @ root.T)
        if self.parameter.block == "corr":
            E[1, 1] = np.hypot(E[1, 0], E[1, 1])
            E[1, 0] = 0.0
        return np.asarray(E[self.entries])

    def lifted(self, x: Floats) -> Floats:
        """The same with pivots off zero, where they cannot see that they should grow."""
        pivots = self.entries[0] == self.entries[1]
        return np.where(pivots & (np.abs(x) < 2e-2), 3e-2, x)

    def _place(self, row: int, column: int) -> int:
        return int(np.flatnonzero((self.entries[0] == row) & (self.entries[1] == column))[0])

    def at(self, value: float, x: Floats) -> Floats:
        """A root of G° (q, q), block-diagonal as G is."""
        E = np.zeros_like(self._to_effects)
        E[self.entries] = x
        match self.parameter.block:
            case "sd":
                E[0, 0] = value / self.unit[0]
                if value == 0.0:  # what is left of its column belongs to the other effects
                    E[:, 0] = 0.0
            case "corr":
                E[1, 0], E[1, 1] = value * E[1, 1], np.sqrt(1.0 - value**2) * E[1, 1]
        root: Floats = self._to_effects @ E[:, self._back]
        return root

    def pulled(self, value: float, x: Floats, by_root: Floats) -> tuple[Floats, float]:
        """The derivatives by the free entries, and by the held one, from that by the root."""
        dE = self._to_effects.T @ by_root[:, self._order]
        held = 0.0
        match self.parameter.block:
            case "sd":
                held = dE[0, 0] / self.unit[0]
                dE[:, 0] = np.where(value == 0.0, 0.0, dE[:, 0])
                dE[0, 0] = 0.0
            case "corr":
                s, rest = x[self._place(1, 1)], np.sqrt(1.0 - value**2)
                with np.errstate(divide="ignore", invalid="ignore"):
                    held = s * (dE[1, 0] - dE[1, 1] * np.float64(value) / rest)
                dE[1, 1] = value * dE[1, 0] + rest * dE[1, 1]
                dE[1, 0] = 0.0
        return dE[self.entries], float(held)


def _coordinates(basis: Basis, first: tuple[int, ...]) -> tuple[np.ndarray, Floats, Floats]:
    """Coordinates of the random effects that begin with effects ``first`` in the user's units.

    Each takes the place of the internal coordinate that it depends on most.

    Returns
    -------
    order : (q,) int
        The internal coordinate that each takes the place of, or is.
    to_effects : (q, q) float
        Internal effects from coordinates.
    unit : (k,) float
        What one of each held coordinate is in the user's units.
    """
    T = basis.scale * basis.z.matrix
    q = len(T)
    D, unit, taken = np.eye(q), np.empty(len(first)), []
    left = T[list(first)].copy()
    for row, k in enumerate(first):
        unit[row] = np.sqrt((T[k] ** 2).sum())
        pivot = int(np.abs(left[row]).argmax())
        taken.append(pivot)
        for later in range(row + 1, len(first)):
            left[later] -= left[later, pivot] / left[row, pivot] * left[row]
        D[pivot] = T[k] / unit[row]
    order = np.array(taken + [k for k in range(q) if k not in taken], dtype=np.intp)
    return order, np.linalg.inv(D)[:, order], unit
