r"""Cluster-robust covariances of generalised least squares: CR0, CR1 and CR2, and their df.

With residuals e_j, columns X_j and working covariance Φ_j of cluster j, and M = (X'Φ⁻¹X)⁻¹,

    V = M (Σ_j X_j'Φ_j⁻¹A_j e_j e_j'A_jΦ_j⁻¹X_j) M

where A_j = I for CR0, A_j = √(J/(J − 1)) I for CR1, and for CR2 the symmetric A_j with
A_j(Φ_j − X_jMX_j')A_j = Φ_j, which makes V unbiased where Φ holds:

    A_j = Φ_j^½ [Φ_j^½ (Φ_j − X_jMX_j') Φ_j^½]^(−½) Φ_j^½

(a generalised inverse where a cluster alone determines a direction).  Under Φ the scores of
clusters are normal, and those of two combinations s and t of γ̂ have the covariance

    P_jk = δ_jk a_js'Φ_ja_jt − d_js'd_kt,     a_j = A_jΦ_j⁻¹X_jc,  d_j = X_j'a_j    (M = I)

from which Satterthwaite's degrees of freedom of a t, (tr P)²/tr(P²), and those of the approximate
Hotelling T² of several rows follow.

References
----------
Bell & McCaffrey (2002), Bias reduction in standard errors for linear regression with multi-stage
samples, *Survey Methodology* 28, 169–181.
Pustejovsky & Tipton (2018), Small-sample methods for cluster-robust variance estimation,
*Journal of Business & Economic Statistics* 36, 672–683; the joint test is their HTZ, of
Tipton & Pustejovsky (2015), *Journal of Educational and Behavioral Statistics* 40, 604–634.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hierbayes.frames.arrays import Floats

KINDS = ("CR0", "CR1", "CR2")
_WHOLE = 1e-10  # of 1 − λ, below which a cluster alone determines a direction


@dataclass(frozen=True, slots=True, eq=False)
class Sandwich:
    """What cluster-robust covariances are made of, in columns X with M = I.

    Parameters
    ----------
    scores : (J, p) float
        X_j'Φ_j⁻¹A_je_j.
    own : (J, p, p) float
        X_j'Φ_j⁻¹A_jΦ_jA_jΦ_j⁻¹X_j.
    shared : (J, p, p) float
        X_j'A_jΦ_j⁻¹X_j.
    """

    scores: Floats
    own: Floats
    shared: Floats

    def inflated(self, kind: str) -> Sandwich:
        """With CR1's factor, which counts all clusters; as it is for other kinds."""
        if kind != "CR1":
            return self
        J = len(self.scores)
        factor = np.sqrt(J / (J - 1.0))
        return Sandwich(factor * self.scores, factor**2 * self.own, factor * self.shared)

    @property
    def cov(self) -> Floats:
        """The covariance (p, p) of γ̂."""
        cov: Floats = self.scores.T @ self.scores
        return cov

    def expected(self, contrasts: Floats) -> Floats:
        """The expectation (m, m) of the covariance of rows (m, p) of γ̂ under Φ.

        It is 0 for a row that one cluster alone determines, whose residuals say nothing of it.
        """
        seen = self.own.sum(axis=0) - np.einsum("jab,jac->bc", self.shared, self.shared)
        found: Floats = contrasts @ seen @ contrasts.T
        return found

    def df(self, contrasts: Floats) -> Floats:
        """Satterthwaite's degrees of freedom (m,) of each combination (m, p) of γ̂."""
        return np.array([self._hotelling(row[None]) for row in contrasts])

    def joint_df(self, contrasts: Floats) -> tuple[float, float]:
        """Denominator degrees of freedom and the scaling of F, for all rows (m, p).

        Both are missing where there are too few clusters for the rows together.
        """
        m = len(contrasts)
        eta = self._hotelling(contrasts)
        below = eta - m + 1.0
        return (below, below / eta) if below > 0.0 else (np.nan, np.nan)

    def _hotelling(self, contrasts: Floats) -> float:
        """η = m(m + 1)/Σ_st Var(D_st), D the covariance of rows of which E D = I under Φ.

        Var(D_st) = Σ_jk P_jk^ss P_jk^tt + P_jk^st P_jk^ts; of one row η = (tr P)²/tr(P²).
        """
        C = np.linalg.solve(np.linalg.cholesky(self.expected(contrasts)), contrasts)
        w = np.einsum("sa,jab,tb->jst", C, self.own, C)
        d = np.einsum("jab,sb->jsa", self.shared, C)
        dd = d @ np.swapaxes(d, 1, 2)
        cross = np.einsum("jsa,jtb->stab", d, d)
        on_diagonal = np.einsum("jss,jtt->", w, w) - 2.0 * np.einsum("jss,jtt->", w, dd)
        on_diagonal += np.einsum("jst,jst->", w, w) - 2.0 * np.einsum("jst,jst->", w, dd)
        elsewhere = (cross**2).sum() + np.einsum("stab,stba->", cross, cross)
        m = len(contrasts)
        return float(m * (m + 1.0) / (on_diagonal + elsewhere))


def sandwich(kind: str, Phi: Floats, X: Floats, e: Floats) -> Sandwich:
    """The parts of a sandwich from rows of clusters, which orthogonal matrices may have turned.

    CR1 is that of CR0 until all clusters are together, see `Sandwich.inflated`.

    Parameters
    ----------
    kind : str
        One of `KINDS`.
    Phi : (J, m, m) float
        Working covariances.
    X : (J, m, p) float
        With M = I over all clusters.
    e : (J, m) float
        Residuals.
    """
    values, vectors = np.linalg.eigh(Phi)
    WX = _function(1.0 / values, vectors) @ X
    AWX = _adjustment(kind, values, vectors, X) @ WX
    transposed = np.swapaxes(AWX, 1, 2)
    scores = (transposed @ e[:, :, None])[:, :, 0]
    return Sandwich(scores, transposed @ Phi @ AWX, np.swapaxes(X, 1, 2) @ AWX)


def _adjustment(kind: str, values: Floats, vectors: Floats, X: Floats) -> Floats:
    """A_j (J, m, m) of Φ_j with these eigenvalues (J, m) and eigenvectors; CR1 as CR0."""
    if kind != "CR2":
        return np.broadcast_to(np.eye(values.shape[1]), vectors.shape)
    half = _function(np.sqrt(values), vectors)
    white = _function(1.0 / np.sqrt(values), vectors) @ X
    seen = white @ np.swapaxes(white, 1, 2)
    whole = (np.linalg.eigvalsh(seen) > 1.0 - _WHOLE).sum(axis=1)
    outer = half @ half
    size, turn = np.linalg.eigh(outer @ (np.eye(values.shape[1]) - seen) @ outer)
    inside = np.arange(values.shape[1]) >= whole[:, None]
    return half @ _function(np.where(inside, 1.0 / np.sqrt(np.where(inside, size, 1.0)), 0.0),
                            turn) @ half  # fmt: skip


def _function(values: Floats, vectors: Floats) -> Floats:
    """Matrices (J, m, m) with these eigenvalues and eigenvectors."""
    result: Floats = (vectors * values[:, None, :]) @ np.swapaxes(vectors, 1, 2)
    return result
