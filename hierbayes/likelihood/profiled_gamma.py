"""γ̂ and what is left of y, from [X y]'(V/σ²)⁻¹[X y]."""

from __future__ import annotations

import numpy as np
from scipy.linalg.lapack import dpotrf, dtrtri

from hierbayes.frames.arrays import Floats


def solved(S: Floats) -> tuple[Floats, float, Floats, float]:
    """γ̂ (p,), r, F (p, p) with FF' = S_XX⁻¹, log|S_XX|; r is nan where S is not definite.

    Parameters
    ----------
    S : (p+1, p+1) float
        Symmetric.

    Examples
    --------
    >>> gamma, r, F, log_det = solved(np.array([[4.0, 2.0], [2.0, 10.0]]))
    >>> gamma, r, F, round(log_det, 4)
    (array([0.5]), 3.0, array([[0.5]]), 1.3863)
    """
    p = len(S) - 1
    low, failed = dpotrf(S.T, lower=1)  # the factor of S_XX, and r last
    if failed:
        return np.zeros(p), np.nan, np.zeros((p, p)), np.nan
    if p == 0:
        return np.zeros(0), float(low[0, 0]), np.zeros((0, 0)), 0.0
    F = np.ascontiguousarray(dtrtri(low[:p, :p], lower=1)[0].T)
    return F @ low[p, :p], float(low[p, p]), F, 2.0 * float(np.log(low.diagonal()[:p]).sum())
