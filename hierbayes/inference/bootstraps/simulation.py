r"""Responses simulated from a model, as cross-products: exact, and without rows.

Given θ and γ a response is y = Xγ + r with r_j = Z_ju_j + ε_j.  Let Z_j = Q_jR_j' with
orthonormal Q_j, as many columns as Z_j has rank (A_j = R_jR_j').  What the likelihood
takes from r splits into independent parts:

    w_j = Q_j'r_j            ~ N(0, σ²I + R_j'GR_j)         rank(A_j) numbers a group
    a   = Σ_j X_j'(I − Q_jQ_j')r_j ~ N(0, σ²C⊥)              C⊥ = X'X − Σ_j P_j'P_j
    s   = what is left of r'r ~ σ²χ²(n − Σ_j rank(A_j) − rank(C⊥))

with P_j = Q_j'X_j, because u_j moves r_j within the span of Z_j only, and what lies outside
is white.  Then

    Z_j'r = R_jw_j,   X'r = Σ_j P_j'w_j + a,   r'r = Σ_j w_j'w_j + a'C⊥⁺a + s.

A group with fewer rows than random effects, or columns that are dependent within it, has
fewer numbers in w_j and is as exact as any other.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from hierbayes.design.crossproducts import CrossProducts
from hierbayes.design.ranks import RANK_TOLERANCE, column_scale, unit_columns
from hierbayes.frames.arrays import Floats

_OUTSIDE_TOLERANCE = 1e-10  # of what X has outside the random columns; from differences


@dataclass(frozen=True, slots=True, eq=False)
class Simulator:
    """Cross-products of responses from one model, ready to be drawn.

    Parameters
    ----------
    cross : CrossProducts
        Of X and Z; those of y are replaced.
    gamma : (p,) float
        In the internal basis, as all that follows.
    root : (q, k) float
        A root of G, square or not.
    sigma : float
    R : (J, q, q) float
        A_j = R_jR_j'; columns beyond the rank are zero.
    inside : (J, q) float
        1 for the columns of R_j that are not zero.
    P : (J, q, p) float
        Q_j'X_j.
    outside : (p, r) float
        A root of C⊥.
    left : float
        Degrees of freedom of s.
    """

    cross: CrossProducts
    gamma: Floats
    root: Floats
    sigma: float
    R: Floats
    inside: Floats
    P: Floats
    outside: Floats
    left: float

    def draw(self, generator: np.random.Generator) -> CrossProducts:
        """Cross-products with those of one simulated response."""
        J, q = self.inside.shape
        u = generator.standard_normal((J, self.root.shape[1])) @ self.root.T
        w = self.sigma * generator.standard_normal((J, q)) * self.inside
        w += np.einsum("jki,jk->ji", self.R, u)
        f = self.sigma * generator.standard_normal((self.outside.shape[1],))
        square = float((w**2).sum() + f @ f)
        if self.left > 0.0:
            square += self.sigma**2 * float(generator.chisquare(self.left))
        Xr: Floats = np.einsum("jkp,jk->p", self.P, w) + self.outside @ f
        return self._with_response(np.einsum("jki,ji->jk", self.R, w), Xr, square)

    def _with_response(self, Zr: Floats, Xr: Floats, square: float) -> CrossProducts:
        """The cross-products of y = Xγ + r, from Z_j'r (J, q), X'r (p,) and r'r."""
        B, C = self.cross.B.copy(), self.cross.C.copy()
        expected = C[:-1, :-1] @ self.gamma
        B[:, :, -1] = B[:, :, :-1] @ self.gamma + Zr
        C[:-1, -1] = C[-1, :-1] = expected + Xr
        C[-1, -1] = self.gamma @ (expected + 2.0 * Xr) + square
        return replace(self.cross, B=B, C=C)


def simulator(cross: CrossProducts, gamma: Floats, root: Floats, sigma: float) -> Simulator:
    """Prepare to simulate from γ (p,), a root of G (q, k) and σ, all in the internal basis."""
    scale = column_scale(cross.A)
    size, V = np.linalg.eigh(unit_columns(cross.A))
    inside = size > RANK_TOLERANCE
    length = np.sqrt(np.where(inside, size, 0.0))
    R = scale[:, None] * V * length[:, None, :]
    inverse = np.divide(1.0, length, out=np.zeros_like(length), where=inside)
    P = np.einsum("jki,jkp->jip", V / scale[:, None] * inverse[:, None, :], cross.B[:, :, :-1])
    XtX = cross.C[:-1, :-1]
    outside = _root(XtX - np.einsum("jkp,jkr->pr", P, P), np.sqrt(np.diag(XtX)))
    left = cross.n - float(inside.sum()) - outside.shape[1]
    return Simulator(cross, gamma, root, sigma, R, inside.astype(float), P, outside, left)


def _root(S: Floats, scale: Floats) -> Floats:
    """F (p, r) with FF' = S and r its rank, S (p, p) positive semidefinite."""
    scale = np.maximum(scale, 1e-300)
    size, V = np.linalg.eigh(S / np.outer(scale, scale))
    kept = size > _OUTSIDE_TOLERANCE
    root: Floats = scale[:, None] * V[:, kept] * np.sqrt(size[kept])
    return root
