r"""Second moments of (−u, −γ, 1) given the data, by which the likelihood moves with R.

The likelihood with u (and γ, of REML) integrated out has, by Fisher's identity, the slope

    ∂ℓ/∂z = −½ ∂log|R|/∂z − ½ Σ_j tr(∂M_j/∂z E_j),    M_j = [Z_j X_j y_j]'R_j⁻¹[Z_j X_j y_j]

where E_j σ² is the mean of cc', c = (−u_j, −γ, 1), given y and θ.
"""

from __future__ import annotations

import numpy as np

from hierbayes.design.crossproducts import CrossProducts
from hierbayes.frames.arrays import Floats
from hierbayes.likelihood.conditional import NormalPrior
from hierbayes.likelihood.reading import ML, Reading


def second_moments(
    root: Floats,
    sigma: float,
    cross: CrossProducts,
    reading: Reading,
    prior: NormalPrior | None = None,
) -> Floats:
    """E_j (J, q + p + 1, q + p + 1) at a relative root λ (q, q) and σ, of one grouping factor.

    Parameters
    ----------
    root : (q, q) float
        λ, in the internal basis.
    sigma : float
        In it as well.
    cross : CrossProducts
    reading : Reading
        ``ML``, ``REML``, or ``NORMAL`` with a prior of γ.
    prior : NormalPrior, optional
    """
    A, B, C = cross.A, cross.B, cross.C
    q, m = B.shape[1:]
    inner = np.eye(q) + root.T @ A @ root
    D = root @ np.linalg.solve(inner, np.broadcast_to(root.T, inner.shape))
    K = D @ B
    S = C - np.einsum("jkc,jkd->cd", B, K)
    Q, right = S[:-1, :-1], S[:-1, -1]
    if prior is not None:
        Q = Q + sigma**2 * prior.precision
        right = right + sigma**2 * prior.precision @ prior.mean
    inverse = np.linalg.inv(Q)
    c = np.append(-inverse @ right, 1.0)
    mean = np.outer(c, c) / sigma**2
    if reading != ML:
        mean[:-1, :-1] += inverse
    full = np.concatenate([-K, np.broadcast_to(np.eye(m), (len(B), m, m))], axis=1)
    E: Floats = full @ mean @ full.swapaxes(1, 2)
    E[:, :q, :q] += D
    return E
