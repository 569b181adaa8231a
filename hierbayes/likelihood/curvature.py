r"""The matrix M = I + L'Z'κZL of random effects given weights κ of rows, one grouping factor.

It is that of a Gaussian model with residual precisions κ, group by group.
"""

from __future__ import annotations

from functools import cached_property
from typing import NamedTuple, Protocol, Self

import numpy as np

from hierbayes.frames.arrays import Floats
from hierbayes.likelihood.group_modes import GroupMode, group_hessian, group_modes
from hierbayes.likelihood.latent_rows import LatentRows
from hierbayes.likelihood.mode_search import (
    GRADIENT,
    NO_CLIMB,
    Climb,
    Gradients,
    ModeSearch,
    Points,
    Slopes,
)


class Curvature(Protocol):
    """M at one L and one κ, factored."""

    @property
    def log_det(self) -> float:
        """log|M|."""

    def solve(self, right: Floats) -> Floats:
        """M⁻¹ times (effects,)."""

    @property
    def leverage(self) -> Floats:
        """z_i'L M⁻¹ L'z_i of every row (n,); of blocks of weights for each of their entries."""

    @property
    def root_gradient(self) -> Floats:
        """∂log|M|/∂L (q, q), zero between factors."""

    def conditional(self, k: int) -> Floats:
        """L_k (M⁻¹)_jj L_k' of each level j of factor k (J, q, q)."""


class FoundMode(NamedTuple):
    """What compiled code finds at a point.

    Parameters
    ----------
    b, eta, found : (effects,), (n,), (4, n) float
        Spherical effects, η, and derivatives of rows.
    curvature : Curvature
        M.
    slopes : Slopes, optional
    """

    b: Floats
    eta: Floats
    found: Floats
    curvature: Curvature
    slopes: Slopes | None


class CompiledModes(Protocol):
    """Compiled code that finds modes."""

    def mode(
        self, rows: LatentRows, root: Floats, points: Points, search: ModeSearch
    ) -> FoundMode | None:
        """The mode at one point, whose L (q, q) is ``root`` too; None where none is found."""

    def gradients(self, rows: LatentRows, points: Points, search: ModeSearch) -> Gradients | None:
        """Those at several points; None where one of them has no mode."""


class GroupCurvature:
    """M of one grouping factor.

    Parameters
    ----------
    rows : LatentRows
    weights : (n,) float
        κ; blocks of several predictors.
    root : (q, q) float
        L.

    Raises
    ------
    numpy.linalg.LinAlgError
        When M is not positive definite.
    """

    def __init__(self, rows: LatentRows, weights: Floats, root: Floats) -> None:
        (codes,), (J,), Z = rows.codes_of, rows.levels, rows.Z
        q = Z.shape[1]
        left, right = rows.blocks.left, rows.blocks.right
        at = codes[left]
        A = np.empty((J, q, q))
        for a in range(q):
            for c in range(a + 1):
                A[:, a, c] = np.bincount(at, weights * Z[left, a] * Z[right, c], J)
                A[:, c, a] = A[:, a, c]
        self.rows, self.root, self.A = rows, root, A
        self.M = np.eye(q) + root.T @ A @ root
        self.C = np.linalg.cholesky(self.M)  # (J, q, q)

    @classmethod
    def of(cls, rows: LatentRows, root: Floats, mode: GroupMode) -> Self:
        """The same at a mode, where compiled code has made it."""
        curvature = cls.__new__(cls)
        curvature.rows, curvature.root, blocks = rows, root, mode.blocks
        curvature.A, curvature.M, curvature.C = blocks[0], blocks[1], blocks[2]
        return curvature

    @cached_property
    def log_det(self) -> float:
        """log|M|."""
        return 2.0 * float(np.log(np.einsum("jaa->ja", self.C)).sum())

    def solve(self, right: Floats) -> Floats:
        """M⁻¹ times (effects,)."""
        J, q, _ = self.M.shape
        if q == 1:
            return right / self.M.ravel()
        solved: Floats = np.linalg.solve(self.M, right.reshape(J, q, 1)).ravel()
        return solved

    @cached_property
    def inverse(self) -> Floats:
        """M⁻¹ (J, q, q)."""
        inverse: Floats = 1.0 / self.M if self.M.shape[1] == 1 else np.linalg.inv(self.M)
        return inverse

    @cached_property
    def leverage(self) -> Floats:
        """z_i'L M⁻¹ L'z_i of every row (n,)."""
        return self.quadratic(self.inverse)

    def quadratic(self, inner: Floats) -> Floats:
        """z_i'L N_j L'z_i of every row (n,), for N (J, q, q)."""
        (codes,), Z = self.rows.codes_of, self.rows.Z
        left, right = self.rows.blocks.left, self.rows.blocks.right
        V = (self.root @ inner @ self.root.T)[codes[left]]
        return np.asarray(np.einsum("na,nab,nb->n", Z[left], V, Z[right]))

    @property
    def root_gradient(self) -> Floats:
        """∂log|M|/∂L (q, q)."""
        return 2.0 * self.root_adjoint(self.inverse)

    def root_adjoint(self, inner: Floats) -> Floats:
        """Σ_j A_j L N_j (q, q), for N (J, q, q)."""
        return np.asarray((self.A @ self.root @ inner).sum(axis=0))

    def conditional(self, k: int) -> Floats:
        """L (M⁻¹)_jj L' of each group j (J, q, q)."""
        return np.asarray(self.root @ self.inverse @ self.root.T)


class CompiledGroups:
    """Modes of one grouping factor and one linear predictor, see `CompiledModes`."""

    @staticmethod
    def mode(
        rows: LatentRows, root: Floats, points: Points, search: ModeSearch, climb: Climb = NO_CLIMB
    ) -> FoundMode | None:
        """As `CompiledModes`; of a climb that at a maximum, whose L is written over ``root``."""
        found = group_modes(rows, points, search, climb)
        if found is None:
            return None
        (mode, gradients), slopes = found, None
        curvature = GroupCurvature.of(rows, root, mode)
        if search.wanted >= GRADIENT:
            both = mode.moves.reshape(2, rows.effects, mode.moves.shape[3])
            slopes = Slopes(gradients, both[0], both[1])
        return FoundMode(mode.b.ravel(), mode.found[-1], mode.found[:4], curvature, slopes)

    @staticmethod
    def gradients(rows: LatentRows, points: Points, search: ModeSearch) -> Gradients | None:
        """As `CompiledModes`."""
        found = group_modes(rows, points, search)
        return None if found is None else found[1]

    @staticmethod
    def hessian(rows: LatentRows, points: Points, moves: Floats, climb: Climb) -> Floats | None:
        """That of Laplace's approximation around the first of some points; None without modes."""
        return climb.hessian if group_hessian(rows, points, moves, climb) else None
