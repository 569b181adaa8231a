"""Several grouping factors with n×n matrices: slow, plain, and written independently."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tests.dense import gls, log_normal

type Array = NDArray[np.float64]


@dataclass(frozen=True)
class FactorRows:
    """Raw data: y (n,), X (n, p), and for each factor its codes (n,) and columns (n, q)."""

    y: Array
    X: Array
    factors: tuple[tuple[NDArray[np.intp], Array], ...]

    def Z(self, k: int) -> Array:
        """Columns of all levels of a factor (n, J q), level by level."""
        codes, columns = self.factors[k]
        J, q = int(codes.max()) + 1, columns.shape[1]
        wide = np.zeros((len(codes), J, q))
        wide[np.arange(len(codes)), codes] = columns
        return wide.reshape(len(codes), J * q)

    def G(self, k: int, root: Array) -> Array:
        """Covariance of all effects of a factor (J q, J q)."""
        J = int(self.factors[k][0].max()) + 1
        wide = np.zeros((J, len(root), J, len(root)))
        wide[np.arange(J), :, np.arange(J)] = root @ root.T
        return wide.reshape(J * len(root), -1)

    def V(self, roots: list[Array], sigma: float) -> Array:
        """Var(y | γ) (n, n)."""
        V = sigma**2 * np.eye(len(self.y))
        for k, root in enumerate(roots):
            V = V + self.Z(k) @ self.G(k, root) @ self.Z(k).T
        return V

    def log_density(self, roots: list[Array], sigma: float, *, restricted: bool) -> float:
        """Log density of y at γ̂, or of its error contrasts where γ is integrated out."""
        V = self.V(roots, sigma)
        gamma, cov = gls(self.X, self.y, V)
        value = log_normal(self.y - self.X @ gamma, V)
        if not restricted:
            return value
        p = self.X.shape[1]
        return value + 0.5 * (p * np.log(2.0 * np.pi) + float(np.linalg.slogdet(cov)[1]))

    def u(self, k: int, roots: list[Array], sigma: float) -> tuple[Array, Array, Array]:
        """BLUPs of a factor (J q,), their covariance given γ and with γ's uncertainty."""
        V = self.V(roots, sigma)
        gamma, cov = gls(self.X, self.y, V)
        GZ = self.G(k, roots[k]) @ self.Z(k).T
        inverse = np.linalg.inv(V)
        given = self.G(k, roots[k]) - GZ @ inverse @ GZ.T
        on_gamma = GZ @ inverse @ self.X
        return GZ @ inverse @ (self.y - self.X @ gamma), given, given + on_gamma @ cov @ on_gamma.T
