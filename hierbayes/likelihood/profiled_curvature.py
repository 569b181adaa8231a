"""First and second derivatives of the profiled likelihood, whose formulas `profiled` states."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hierbayes.compilation import compiled
from hierbayes.compiled_arrays import zeros_of
from hierbayes.frames.arrays import Floats
from hierbayes.likelihood.elimination import group_score_parts


@dataclass(frozen=True, slots=True, eq=False)
class Curvature:
    """First and second derivatives of the profiled likelihood with respect to Γ.

    Parameters
    ----------
    D : (q, q) float
        Σ_j D_j.
    products : (q², 2, q²) float
        Σ_j D_j ⊗ v_jv_j' and Σ_j D_j ⊗ (D_j − 2P_j).
    squares : (q(1+p), q(1+p)) float
        Σ_j w_jw_j' of the rows of w_j = [v_j, Y_j] (q, 1+p), one after the other.
    integrated : float
        1 where γ is integrated out, 0 where it is at its best.
    freedom : float
        N.
    score : (q, q) float
        M = ∂ℓ/∂Γ.
    """

    D: Floats
    products: Floats
    squares: Floats
    integrated: float
    freedom: float
    score: Floats

    @property
    def pull(self) -> Floats:
        """The diagonal (q,) of Σ_j D_j."""
        return self.D.diagonal()

    def observed(self, S: Floats) -> Floats:
        """−∂²ℓ (k, k) along k symmetric directions S (k, q, q)."""
        observed = np.empty((len(S), len(S)))
        observed_information(
            S, self.products, self.squares, self.integrated, self.freedom, observed
        )
        return observed

    def expected(self, S: Floats) -> tuple[Floats, Floats]:
        """What −∂²ℓ (k, k) is on average, positive semidefinite; and d (k,)."""
        expected, d = np.empty((len(S), len(S))), np.empty(len(S))
        _expected_information(
            S, self.products, self.squares, self.D.ravel(), self.integrated, self.freedom,
            expected, d,
        )  # fmt: skip
        return expected, d


@compiled(error_model="numpy", short_loops=True)
def score_of(squares, D, integrated, M):
    """Write M (q, q) = ½ Σ_j [v_jv_j' − D_j + P_j], from D (q²,)."""
    q = len(M)
    wide = len(squares) // q
    for a in range(q):
        for b in range(q):
            total = squares[a * wide, b * wide] - D[a * q + b]
            for c in range(1, wide):
                total += integrated * squares[a * wide + c, b * wide + c]
            M[a, b] = 0.5 * total


@compiled(error_model="numpy", short_loops=True)
def observed_information(S, products, squares, integrated, freedom, observed):
    """Write −∂²ℓ (k, k) along directions S (k, q, q): b − aa'/2N − ½e as the module has them."""
    k, q = len(S), S.shape[1]
    wide = len(squares) // q
    along, turned = zeros_of((k, wide, wide)), zeros_of((k, q, q))
    for i in range(k):
        for a in range(q):
            for b in range(q):
                if S[i, a, b] == 0.0:
                    continue
                for c in range(wide):
                    for d in range(wide):
                        along[i, c, d] += S[i, a, b] * squares[a * wide + c, b * wide + d]
                for c in range(q):
                    for d in range(q):  # tr S_i D S_j X = Σ S_i[a, b] D[b, c] S_j[c, d] X[d, a]
                        at, to = b * q + c, d * q + a
                        entry = products[at, 0, to] - 0.5 * products[at, 1, to]
                        turned[i, c, d] += S[i, a, b] * entry
    for i in range(k):
        for j in range(i + 1):
            total = 0.0
            for c in range(q):
                for d in range(q):
                    total += 0.5 * (turned[i, c, d] * S[j, c, d] + turned[j, c, d] * S[i, c, d])
            total -= 0.5 * along[i, 0, 0] * along[j, 0, 0] / freedom
            for c in range(1, wide):
                total -= along[i, 0, c] * along[j, 0, c]
                for d in range(1, wide):
                    total -= 0.5 * integrated * along[i, c, d] * along[j, c, d]
            observed[i, j] = observed[j, i] = total


@compiled(error_model="numpy", short_loops=True)
def _expected_information(S, products, squares, D, integrated, freedom, expected, d):
    """Write ½ (e − dd'/N) (k, k) and d (k,) along directions S (k, q, q)."""
    k, q = len(S), S.shape[1]
    wide = len(squares) // q
    p = wide - 1
    f, turned = zeros_of((k, p, p)), zeros_of((k, q, q))
    for i in range(k):
        d[i] = 0.0
        for a in range(q):
            for b in range(q):
                weight = S[i, a, b]
                if weight == 0.0:
                    continue
                d[i] += weight * D[a * q + b]
                for c in range(p):
                    for e in range(p):
                        f[i, c, e] += weight * squares[a * wide + 1 + c, b * wide + 1 + e]
                for c in range(q):
                    for e in range(q):  # tr S_i D S_j X = Σ S_i[a, b] D[b, c] S_j[c, e] X[e, a]
                        turned[i, c, e] += weight * products[b * q + c, 1, e * q + a]
        for c in range(p):
            d[i] -= integrated * f[i, c, c]
    for i in range(k):
        for j in range(i + 1):
            total = -d[i] * d[j] / freedom
            for c in range(q):
                for e in range(q):
                    total += 0.5 * (turned[i, c, e] * S[j, c, e] + turned[j, c, e] * S[i, c, e])
            for c in range(p):
                for e in range(p):
                    total += integrated * f[i, c, e] * f[j, c, e]
            expected[i, j] = expected[j, i] = 0.5 * total


def curvature_sums(
    half: Floats, turned: Floats, gamma: Floats, F: Floats, sigma: float, integrated: float
) -> tuple[Floats, Floats, Floats]:
    """Sums of D_j (q²,), of its products and of w_jw_j', the last two as `Curvature` has them.

    Parameters
    ----------
    half, turned : (J, r, q), (J, r, p + 1) float
        N_j^-½R_j and N_j^-½T_j.
    gamma, F, sigma, integrated
        As `Profile` has them, F its precision factor.
    """
    q, columns = half.shape[2], 1 + F.shape[1]
    squares, D = np.zeros((q * columns, q * columns)), np.zeros(q * q)
    products = np.zeros((q * q, 2, q * q))
    terms, w = np.empty((3, q * q)), np.empty((q, columns))
    add_curvature(
        half, turned, gamma, F, sigma, integrated, terms, w, w.ravel(), squares, D, products
    )
    return D, products, squares


@compiled(error_model="numpy")
def add_curvature(
    half, turned, gamma, F, sigma, integrated, terms, vY, w, squares, sum_D, products
):
    """Add Σ_j w_jw_j', Σ_j D_j and Σ_j D_j ⊗ [v_jv_j', D_j − 2P_j] to what is given.

    w_j are the rows of ``vY`` = [v_j, Y_j], one after the other; pairs of indices are counted flat.
    ``terms`` is room for v_jv_j', D_j − 2P_j and D_j.
    """
    J, r, q = half.shape
    columns = vY.shape[1]
    for j in range(J):
        group_score_parts(j, half, turned, gamma, F, sigma, vY)
        for a in range(q):
            for b in range(q):
                total, P = 0.0, 0.0
                for h in range(r):
                    total += half[j, h, a] * half[j, h, b]
                for c in range(1, columns):
                    P += vY[a, c] * vY[b, c]
                terms[0, a * q + b] = vY[a, 0] * vY[b, 0]
                terms[1, a * q + b] = total - 2.0 * integrated * P
                terms[2, a * q + b] = total
        for i in range(q * q):
            D = terms[2, i]
            sum_D[i] += D
            for k in range(2):
                for h in range(q * q):
                    products[i, k, h] += D * terms[k, h]
        for i in range(q * columns):
            for h in range(q * columns):
                squares[i, h] += w[i] * w[h]
