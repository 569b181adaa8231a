r"""Responses simulated from a model, as cross-products: exact, and without rows.

Given θ and γ a response is y = Xγ + r with r_j = Z_ju_j + ε_j.  With Z_j = Q_jR_j, as in
`CrossProducts`, what the likelihood takes from r splits into independent parts:

    w_j = Q_j'r_j                   ~ N(0, σ²I + R_jGR_j')    rank(Z_j) numbers a group
    a   = Σ_j X_j'(I − Q_jQ_j')r_j  ~ N(0, σ²W_XX)
    s   = what is left of r'r       ~ σ²χ²(n − Σ_j rank(Z_j) − rank(W_XX))

because u_j moves r_j within the span of Z_j only, and what lies outside is white.  w_j is added
to T_j, a to W_Xy, and a'W_XX⁺a + s to W_yy.

A group with fewer rows than random effects, or columns that are dependent within it, has
fewer numbers in w_j and is as exact as any other.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from hierbayes.design.crossproducts import CrossProducts
from hierbayes.frames.arrays import Floats

_OUTSIDE_TOLERANCE = 1e-10  # of what X has outside the random columns


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
    inside : (J, r) float
        1 for the rows of R_j that are not zero.
    outside : (p, k) float
        A root of W_XX.
    left : float
        Degrees of freedom of s.
    """

    cross: CrossProducts
    gamma: Floats
    root: Floats
    sigma: float
    inside: Floats
    outside: Floats
    left: float

    def draw(self, generator: np.random.Generator) -> CrossProducts:
        """Cross-products with those of one simulated response."""
        return self.draw_with_effects(generator)[0]

    def draw_with_effects(self, generator: np.random.Generator) -> tuple[CrossProducts, Floats]:
        """The same, and the random effects u° (J, q) it was made from."""
        J, r = self.inside.shape
        u = generator.standard_normal((J, self.root.shape[1])) @ self.root.T
        w = self.sigma * generator.standard_normal((J, r)) * self.inside
        w += np.einsum("jik,jk->ji", self.cross.R, u)
        f = self.sigma * generator.standard_normal((self.outside.shape[1],))
        square = float(f @ f)
        if self.left > 0.0:
            square += self.sigma**2 * float(generator.chisquare(self.left))
        return self._with_response(w, self.outside @ f, square), u

    def _with_response(self, w: Floats, a: Floats, square: float) -> CrossProducts:
        """The cross-products of y = Xγ + r, from w (J, r), a (p,) and what r'r has outside w."""
        T, W = self.cross.T.copy(), self.cross.W.copy()
        expected = W[:-1, :-1] @ self.gamma
        T[:, :, -1] = T[:, :, :-1] @ self.gamma + w
        W[:-1, -1] = W[-1, :-1] = expected + a
        W[-1, -1] = self.gamma @ (expected + 2.0 * a) + square
        return replace(self.cross, T=T, W=W)


def simulator(cross: CrossProducts, gamma: Floats, root: Floats, sigma: float) -> Simulator:
    """Prepare to simulate from γ (p,), a root of G (q, k) and σ, all in the internal basis."""
    inside = cross.R.any(axis=2)
    outside = _root(cross.W[:-1, :-1], np.sqrt(np.diag(cross.C)[:-1]))
    left = cross.n - float(inside.sum()) - outside.shape[1]
    return Simulator(cross, gamma, root, sigma, inside.astype(float), outside, left)


def _root(S: Floats, scale: Floats) -> Floats:
    """F (p, r) with FF' = S and r its rank, S (p, p) positive semidefinite."""
    scale = np.maximum(scale, 1e-300)
    size, V = np.linalg.eigh(S / np.outer(scale, scale))
    kept = size > _OUTSIDE_TOLERANCE
    root: Floats = scale[:, None] * V[:, kept] * np.sqrt(size[kept])
    return root
