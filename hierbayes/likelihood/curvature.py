r"""The matrix M = I + L'Z'κZL of random effects given weights κ of rows, one grouping factor.

It is that of a Gaussian model with residual precisions κ, group by group.
"""

from __future__ import annotations

from functools import cached_property
from typing import Protocol, Self

import numpy as np

from hierbayes.frames.arrays import Floats
from hierbayes.likelihood.latent_rows import LatentRows


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
    def of(cls, rows: LatentRows, root: Floats, made: tuple[Floats, Floats, Floats]) -> Self:
        """The same of A, M and C that are made already."""
        curvature = cls.__new__(cls)
        curvature.rows, curvature.root = rows, root
        curvature.A, curvature.M, curvature.C = made
        return curvature

    @cached_property
    def log_det(self) -> float:
        """log|M|."""
        return 2.0 * float(np.log(np.einsum("jaa->ja", self.C)).sum())

    def solve(self, right: Floats) -> Floats:
        """M⁻¹ times (effects,)."""
        J, q, _ = self.M.shape
        solved: Floats = np.linalg.solve(self.M, right.reshape(J, q, 1)).ravel()
        return solved

    @cached_property
    def inverse(self) -> Floats:
        """M⁻¹ (J, q, q)."""
        inverse: Floats = np.linalg.inv(self.M)
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
