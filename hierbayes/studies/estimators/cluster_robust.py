"""Standard errors of least squares that allow for groups: CR0, CR1 and CR2.

With residuals e_g and columns X_g of group g, and M = (X'X)⁻¹,

    V = M (Σ_g X_g' A_g e_g e_g' A_g X_g) M

where A_g = I for CR0, A_g = √(J/(J − 1)) I for CR1, and A_g = (I − X_g M X_g')^(−1/2) for CR2,
which makes V unbiased where rows are independent.  Degrees of freedom are Satterthwaite's under
the same working model.

On orthonormal columns Q (X = QR) everything is a function of U_g = Q_g'Q_g, whose eigenvalues
are those of X_g M X_g': no matrix has the size of a group.

References
----------
Bell & McCaffrey (2002), Bias reduction in standard errors for linear regression with multi-stage
samples, *Survey Methodology* 28, 169–181.
Pustejovsky & Tipton (2018), Small-sample methods for cluster-robust variance estimation,
*Journal of Business & Economic Statistics* 36, 672–683.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from hierbayes.frames.arrays import Floats, Integers
from hierbayes.studies.estimators.linear_estimate import LeastSquares, t_table

KINDS = ("CR0", "CR1", "CR2")
_WHOLE = 1e-10  # of 1 − λ, below which a group alone determines a direction


@dataclass(frozen=True, slots=True, eq=False)
class ClusterRobust:
    """What cluster-robust covariances of one fit are made of.

    Parameters
    ----------
    fit : LeastSquares
    scores : (J, k) float
        Q_g'e_g.
    values, vectors : (J, k), (J, k, k) float
        Eigenvalues λ and eigenvectors of U_g.
    """

    fit: LeastSquares
    scores: Floats
    values: Floats
    vectors: Floats

    def table(self, kind: str, weights: Floats, index: pd.Index) -> pd.DataFrame:
        """Estimates, standard errors and tests of linear combinations, (m, k) weights."""
        value = weights @ self.fit.estimate.value
        on_basis = weights @ self.fit.to_beta
        se = np.sqrt(np.einsum("mk,kl,ml->m", on_basis, self._meat(kind), on_basis))
        df = np.array([self._df(kind, row) for row in on_basis])
        return t_table(value, se, df, index)

    def _factor(self, kind: str) -> Floats:
        """Eigenvalues of A_g on the span of Q_g (J, k)."""
        if kind != "CR2":
            return np.ones_like(self.values)
        left = 1.0 - self.values
        inside = left > _WHOLE
        return np.where(inside, 1.0 / np.sqrt(np.where(inside, left, 1.0)), 0.0)

    def _meat(self, kind: str) -> Floats:
        """Σ_g Q_g'A_g e_g e_g'A_g Q_g (k, k)."""
        turned = np.einsum("gab,ga->gb", self.vectors, self.scores) * self._factor(kind)
        adjusted = np.einsum("gab,gb->ga", self.vectors, turned)
        J = len(self.scores)
        inflation = J / (J - 1.0) if kind == "CR1" else 1.0
        meat: Floats = inflation * adjusted.T @ adjusted
        return meat

    def _df(self, kind: str, weights: Floats) -> float:
        """Satterthwaite's degrees of freedom of a combination: tr(P)²/tr(P²).

        P has entries p_g'p_h with p_g = (I − H)_g'A_g Q_g c, that is w_g on the diagonal less
        d_g'd_h, where w_g = |A_g Q_g c|² and d_g = Q_g'A_g Q_g c.
        """
        factor = self._factor(kind)
        turned = np.einsum("gab,a->gb", self.vectors, weights)
        w = (turned**2 * self.values * factor**2).sum(axis=1)
        d = np.einsum("gab,gb->ga", self.vectors, turned * self.values * factor)
        own = (d**2).sum(axis=1)
        trace = (w - own).sum()
        square = (w**2).sum() - 2.0 * (w * own).sum() + ((d.T @ d) ** 2).sum()
        return float(trace**2 / square)


def cluster_robust(fit: LeastSquares, codes: Integers, J: int) -> ClusterRobust:
    """The parts of cluster-robust covariances of a fit whose rows are in J groups."""
    Q = fit.basis
    k = Q.shape[1]
    scores, U = np.empty((J, k)), np.empty((J, k, k))
    for a in range(k):
        scores[:, a] = np.bincount(codes, weights=Q[:, a] * fit.residuals, minlength=J)
        for b in range(a + 1):
            U[:, a, b] = U[:, b, a] = np.bincount(codes, weights=Q[:, a] * Q[:, b], minlength=J)
    values, vectors = np.linalg.eigh(U)
    return ClusterRobust(fit, scores, np.clip(values, 0.0, 1.0), vectors)
