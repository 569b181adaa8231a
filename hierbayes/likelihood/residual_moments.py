r"""Second moments of (−u, −γ, 1) given the data, by which the likelihood moves with R.

The likelihood with u (and γ, of REML) integrated out has, by Fisher's identity, the slope

    ∂ℓ/∂z = −½ ∂log|R|/∂z − ½ Σ_j tr(∂M_j/∂z E_j),    M_j = [Z_j X_j y_j]'R_j⁻¹[Z_j X_j y_j]

where E_j σ² is the mean of cc', c = (−u_j, −γ, 1), given y and θ.
"""

from __future__ import annotations

import numpy as np

from hierbayes.compilation import compiled, inner
from hierbayes.compiled_arrays import room_for
from hierbayes.design.crossproducts import CrossProducts
from hierbayes.frames.arrays import Floats
from hierbayes.likelihood.conditional import NormalPrior
from hierbayes.likelihood.elimination import reduce_groups
from hierbayes.likelihood.reading import ML, Reading
from hierbayes.likelihood.triangular import cholesky_in_place


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
    q, m = cross.R.shape[2], cross.T.shape[2]
    _, S, _, _ = reduce_groups(root, cross.R, cross.T, cross.W)
    Q, right = S[:-1, :-1], S[:-1, -1]
    if prior is not None:
        Q = Q + sigma**2 * prior.precision
        right = right + sigma**2 * prior.precision @ prior.mean
    inverse = np.linalg.inv(Q)
    c = np.append(-inverse @ right, 1.0)
    mean = np.outer(c, c) / sigma**2
    if reading != ML:
        mean[:-1, :-1] += inverse
    E = np.empty((cross.J, q + m, q + m))
    _write_moments(root, cross.R, cross.T, mean, E)
    return E


@compiled(error_model="numpy")
def _write_moments(root: Floats, R: Floats, T: Floats, mean: Floats, E: Floats) -> None:
    """[−K_j; I] mean [−K_j; I]' + D_j ⊕ 0, D_j = λ(I + (R_jλ)'(R_jλ))⁻¹λ', K_j = D_jR_j'T_j."""
    J, r, q = R.shape
    m, k = T.shape[2], root.shape[1]
    N, half = room_for((k, k)), room_for((k, q))  # N, and N^-½λ'
    size, known = room_for((r, k)), room_for((k, m))  # R_jλ, and N^-½λ'R_j'T_j
    for j in range(J):
        for a in range(r):
            for b in range(k):
                size[a, b] = 0.0
                for i in range(q):
                    size[a, b] += R[j, a, i] * root[i, b]
        for a in range(k):
            for b in range(a + 1):
                N[a, b] = 1.0 if a == b else 0.0
                for i in range(r):
                    N[a, b] += size[i, a] * size[i, b]
        cholesky_in_place(N)
        for a in range(k):
            for i in range(q):
                half[a, i] = root[i, a]
            for c in range(m):
                known[a, c] = 0.0
                for i in range(r):
                    known[a, c] += size[i, a] * T[j, i, c]
            for b in range(a):
                for i in range(q):
                    half[a, i] -= N[a, b] * half[b, i]
                for c in range(m):
                    known[a, c] -= N[a, b] * known[b, c]
            for i in range(q):
                half[a, i] /= N[a, a]
            for c in range(m):
                known[a, c] /= N[a, a]
        _write_group(j, half, known, mean, E)


@inner
def _write_group(j: int, half: Floats, known: Floats, mean: Floats, E: Floats) -> None:
    """One group: D = half'half, K = half'known."""
    k, q = half.shape
    m = len(mean)
    for a in range(m):
        for c in range(m):
            E[j, q + a, q + c] = mean[a, c]
    for i in range(q):
        for c in range(m):
            E[j, i, q + c] = 0.0
        for a in range(m):
            K = 0.0
            for b in range(k):
                K += half[b, i] * known[b, a]
            E[j, q + a, i] = -K  # until the product with the mean stands there
            for c in range(m):
                E[j, i, q + c] -= K * mean[a, c]
    for i in range(q):
        for h in range(i + 1):
            total = 0.0
            for b in range(k):
                total += half[b, i] * half[b, h]
            for c in range(m):
                total += E[j, i, q + c] * E[j, q + c, h]
            E[j, i, h] = total
            E[j, h, i] = total
    for i in range(q):
        for c in range(m):
            E[j, q + c, i] = E[j, i, q + c]


@inner
def write_profiled(Gamma: Floats, half: Floats, turned: Floats, mean: Floats, E: Floats) -> None:
    """[−K_j; I] mean [−K_j; I]' + D_j ⊕ 0 where the profiled likelihood has been computed already.

    With Γ = λλ', half_j = N_j^-½R_j and turned_j = N_j^-½T_j they are those of D_j = Γ − Γ half_j'
    half_j Γ and K_j = Γ half_j' turned_j.
    """
    J, r, q = half.shape
    m = turned.shape[2]
    taken, K = room_for((r, q)), room_for((q, m))  # half_jΓ, K_j
    for j in range(J):
        for i in range(r):
            for k in range(q):
                total = 0.0
                for h in range(q):
                    total += half[j, i, h] * Gamma[h, k]
                taken[i, k] = total
        for k in range(q):
            for c in range(m):
                total = 0.0
                for i in range(r):
                    total += taken[i, k] * turned[j, i, c]
                K[k, c] = total
        for a in range(m):
            for c in range(m):
                E[j, q + a, q + c] = mean[a, c]
        for k in range(q):
            for c in range(m):
                E[j, k, q + c] = 0.0
            for a in range(m):  # no sum waits for another
                for c in range(m):
                    E[j, k, q + c] -= K[k, a] * mean[a, c]
            for c in range(m):
                E[j, q + c, k] = E[j, k, q + c]
            for h in range(k + 1):
                total = Gamma[k, h]
                for i in range(r):
                    total -= taken[i, k] * taken[i, h]
                for c in range(m):
                    total -= E[j, k, q + c] * K[h, c]
                E[j, k, h] = total
                E[j, h, k] = total
