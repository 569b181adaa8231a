"""Standard errors of least squares that allow for groups: CR0, CR1 and CR2.

They are the sandwich of `hierbayes.fit.degrees_of_freedom.sandwich` with Φ = I.  On orthonormal
columns Q (X = QR) everything is a function of Q_g'Q_g and Q_g'e_g: a root of the first stands for
the rows of a group, and no matrix has the size of a group.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from hierbayes.fit.degrees_of_freedom.sandwich import KINDS, Sandwich, sandwich
from hierbayes.frames.arrays import Floats, Integers
from hierbayes.studies.estimators.linear_estimate import LeastSquares, t_table

_NONE = 1e-14  # of an eigenvalue of Q_g'Q_g: a direction that a group knows nothing of


@dataclass(frozen=True, slots=True, eq=False)
class ClusterRobust:
    """Cluster-robust covariances of one fit.

    Parameters
    ----------
    fit : LeastSquares
    parts : dict
        From each of the kinds to its `Sandwich`, in the orthonormal columns.
    """

    fit: LeastSquares
    parts: dict[str, Sandwich]

    def table(self, kind: str, weights: Floats, index: pd.Index) -> pd.DataFrame:
        """Estimates, standard errors and tests of linear combinations, (m, k) weights."""
        value = weights @ self.fit.estimate.value
        on_basis = weights @ self.fit.to_beta
        part = self.parts[kind]
        se = np.sqrt(np.einsum("mk,kl,ml->m", on_basis, part.cov, on_basis))
        return t_table(value, se, part.df(on_basis), index)


def cluster_robust(fit: LeastSquares, codes: Integers, J: int) -> ClusterRobust:
    """Cluster-robust covariances of a fit whose rows are in J groups."""
    Q = fit.basis
    k = Q.shape[1]
    scores, U = np.empty((J, k)), np.empty((J, k, k))
    for a in range(k):
        scores[:, a] = np.bincount(codes, weights=Q[:, a] * fit.residuals, minlength=J)
        for b in range(a + 1):
            U[:, a, b] = U[:, b, a] = np.bincount(codes, weights=Q[:, a] * Q[:, b], minlength=J)
    values, vectors = np.linalg.eigh(U)
    turned = np.swapaxes(vectors, 1, 2)
    known = values > _NONE
    root = np.sqrt(np.where(known, values, 0.0))
    e = np.where(known, (turned @ scores[:, :, None])[:, :, 0] / np.where(known, root, 1.0), 0.0)
    rows = root[:, :, None] * turned
    alike = np.broadcast_to(np.eye(k), (J, k, k))
    return ClusterRobust(
        fit, {kind: sandwich(kind, alike, rows, e).inflated(kind) for kind in KINDS}
    )
