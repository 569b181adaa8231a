r"""The profiled likelihood at weights of classes of cells, with all that a search asks for.

At weights c_k of classes, M_j = Σ_k c_k M_jk, one pass over the cells tells ℓ and its slope by the
entries of a relative root λ and by coordinates on which the c_k depend (`structured_sums`); what it
keeps of the groups is enough for the curvature.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from hierbayes.frames.arrays import Booleans, Floats, Integers
from hierbayes.likelihood.profiled_curvature import Curvature, curvature_sums
from hierbayes.likelihood.structured_passes import sloped, write_information


class Room(NamedTuple):
    """Room for what is made on the way to a point, written over; m = p + 1.

    Parameters
    ----------
    R, T, W : (J, q, q), (J, q, m), (m, m) float
        The weighted cross-products, as `CrossProducts` has them.
    half, turned : (J, q, q), (J, q, m) float
        N_j^-½R_j and N_j^-½T_j.
    changed : (J, k, q, q + m) float
        The rows of Z of every Ṁ_j.
    low : (m, m) float
        The Cholesky factor of S.
    D, score : (q, q), (q, q) float
        Σ_j D̂_j and ∂ℓ/∂Γ.
    moved : (n, m, m) float
        ∂S by the free entries of λ and by coordinates, n together.
    F : (p, p) float
        FF' = S_XX⁻¹.
    gamma : (m,) float
        γ̂, and after it σ̂.
    """

    R: Floats
    T: Floats
    W: Floats
    half: Floats
    turned: Floats
    changed: Floats
    low: Floats
    D: Floats
    score: Floats
    moved: Floats
    F: Floats
    gamma: Floats

    @classmethod
    def of(cls, J: int, q: int, m: int, n: int, k: int) -> Room:
        """For J groups, q effects, m columns of [X y], n entries and coordinates, k of these."""
        return cls(
            np.zeros((J, q, q)), np.empty((J, q, m)), np.empty((m, m)), np.empty((J, q, q)),
            np.empty((J, q, m)), np.empty((J, k, q, q + m)), np.empty((m, m)),
            np.empty((q, q)), np.empty((q, q)),
            np.empty((n, m, m)), np.empty((m - 1, m - 1)), np.empty(m),
        )  # fmt: skip


class StructuredPoint(NamedTuple):
    """ℓ at some λ and coordinates z.

    Parameters
    ----------
    value : float
        −inf where it cannot be computed.
    slope : (m + k,) float
        ∂ℓ by the m free entries of λ, then by z.
    information : (m + k, m + k) float
        −∂²ℓ of them; zeros where it was not asked for.
    """

    value: float
    slope: Floats
    information: Floats


@dataclass(frozen=True, slots=True, eq=False)
class StructuredLikelihood:
    """The profiled likelihood of λ and of weights of classes of cells, of one grouping factor.

    Parameters
    ----------
    cells : (cells, d²) float, (cells,) int, (cells,) int
        M of group and class, the group (ascending) and the class of each.
    room : Room
        Of the last point.
    entries : (m,) int, (m,) int
        Rows and columns of the free entries of λ.
    mask : (q, q) bool
        Within blocks.
    n : float
        Rows.
    restricted : bool
        Whether γ is integrated out.
    """

    cells: tuple[Floats, Integers, Integers]
    room: Room
    entries: tuple[Integers, Integers]
    mask: Booleans
    n: float
    restricted: bool

    def at(
        self,
        root: Floats,
        unit: Floats,
        weights: Floats,
        slopes: Floats,
        bends: Floats | None = None,
    ) -> StructuredPoint:
        """ℓ, its slope and, which takes longer than both, its curvature.

        Parameters
        ----------
        root : (q, q) float
            λ, lower triangular within blocks.
        unit : (m + k,) float
            In which slope and curvature are meant, of the entries of λ and of z.
        weights, slopes : (K + 1,), (K + 1, k) float
            Of the classes and, after them, log|R|; their derivatives by z.
        bends : (K + 1, k, k) float, optional
            The second derivatives, where −∂²ℓ is wanted.
        """
        value, slope = self._sloped(root, unit, weights, slopes, keeps=bends is not None)
        information = np.zeros((len(slope), len(slope)))
        if bends is not None and math.isfinite(value):
            room = self.room
            write_information(
                *self.cells, room.half, room.turned, room.changed, room.low, room.score,
                room.moved, room.F, room.gamma, bends, root, *self.entries, unit, self.n,
                self.restricted, information,
            )  # fmt: skip
        return StructuredPoint(value, slope, information)

    def scored(self, root: Floats, unit: Floats, weights: Floats) -> tuple[float, Curvature]:
        """ℓ, and its derivatives by Γ = λλ' with the weights held."""
        held = np.empty((len(weights), 0))
        value, _ = self._sloped(root, unit, weights, held, keeps=True)
        room, integrated = self.room, 1.0 if self.restricted else 0.0
        D, products, squares = curvature_sums(
            room.half, room.turned, room.gamma[:-1], room.F, float(room.gamma[-1]), integrated
        )
        freedom = self.n - integrated * len(room.F)
        return value, Curvature(
            D.reshape(root.shape), products, squares, integrated, freedom, room.score
        )

    def _sloped(
        self, root: Floats, unit: Floats, weights: Floats, slopes: Floats, *, keeps: bool
    ) -> tuple[float, Floats]:
        found: tuple[float, Floats] = sloped(
            *self.cells, *self.room, weights, slopes, root, *self.entries, self.mask, unit, self.n,
            self.restricted, keeps,
        )  # fmt: skip
        return found
