"""A row left out of a Gaussian model given each draw, of a group whose rows are not in memory.

As `left_out_rows.densities_given_draws`, with Z_j'Z_j and Z_j'r_j from cross-products, all in
their internal basis.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hierbayes.design.basis import Basis
from hierbayes.design.level_products import LevelProducts
from hierbayes.design.problem import Problem
from hierbayes.design.products import Products
from hierbayes.design.rows import Rows
from hierbayes.design.sparse_products import SparseProducts
from hierbayes.fit.predictions.densities_of_errors import log_normal
from hierbayes.fit.predictions.parameter_draws import ParameterDraws
from hierbayes.frames.arrays import Floats


@dataclass(frozen=True, slots=True, eq=False)
class InternalDraws:
    """Draws in the basis of cross-products.

    Parameters
    ----------
    products : CrossProducts or SparseProducts
    spans : tuple of slice
        The random columns of each factor.
    k : int
        The factor with most groups, whose effects are integrated out.
    level : LevelProducts
        Its own.
    contrast : (M, p + 1) float
        (−γ°, 1): what is left of a response is [x° y°] times it.
    us : tuple of (M, J, q) float
        Effects of each factor.
    root : (M, q_k, q_k) float
        A root of the covariance of those of factor k, relative to σ.
    sigma : (M,) float
        In the user's units.
    """

    products: Products
    spans: tuple[slice, ...]
    k: int
    level: LevelProducts
    contrast: Floats
    us: tuple[Floats, ...]
    root: Floats
    sigma: Floats

    @classmethod
    def of(cls, problem: Problem, draws: ParameterDraws) -> InternalDraws:
        """Those of a problem in the user's units."""
        basis, spans = problem.products.basis, problem.design.spans
        k = int(np.argmax([factor.J for factor in problem.design.factors]))
        gamma, sigma = basis.gamma_internal(draws.gamma), draws.phi[:, 0]
        relative = basis.root_internal(draws.root) * (basis.scale / sigma)[:, None, None]
        return cls(
            products=problem.products,
            spans=spans,
            k=k,
            level=problem.products.levels[k],
            contrast=np.column_stack([-gamma, np.ones(len(gamma))]),
            us=tuple(_internal(basis, u, at) for u, at in zip(draws.us, spans, strict=True)),
            root=np.ascontiguousarray(relative[:, spans[k], spans[k]]),
            sigma=sigma,
        )

    def left_of_group(self, j: int) -> Floats:
        """Z_j'(y − Xγ − Zu) (M, q_k), without the effects of factor k itself."""
        left: Floats = self.contrast @ self.level.B[j].T
        if not isinstance(self.products, SparseProducts):
            return left
        for pair in self.products.pairs:
            if self.k not in (pair.first, pair.second):
                continue
            is_first = pair.first == self.k
            mine, theirs = (pair.i, pair.j) if is_first else (pair.j, pair.i)
            u = self.us[pair.second if is_first else pair.first]
            for at in np.flatnonzero(mine == j):
                block = pair.values[at] if is_first else pair.values[at].T
                left = left - u[:, theirs[at]] @ block.T
        return left

    def left_of_row(self, columns: Floats, Z: Floats, groups: list[int]) -> Floats:
        """What is left (M,) of a response, of [x° y°] (p + 1,) and z° (q,) of a row."""
        left: Floats = self.contrast @ columns
        for m, (span, group) in enumerate(zip(self.spans, groups, strict=True)):
            if m != self.k:
                left = left - self.us[m][:, group] @ Z[span]
        return left


def _internal(basis: Basis, u: Floats, at: slice) -> Floats:
    """u° (M, J, q) of effects in the user's units."""
    M, J, q = u.shape
    back = np.linalg.solve(basis.z.matrix[at, at], u.reshape(M * J, q).T)
    found: Floats = (back.T / basis.scale).reshape(M, J, q)
    return found


def densities_from_products(draws: InternalDraws, rows: Rows, row: int) -> Floats:
    """Log p(y_i | y_−i, γ, θ) (M,) of one of some rows, u of its group integrated out."""
    basis = draws.products.basis
    one = np.array([row])
    some = rows.chosen(one, tuple(codes[one] for codes in rows.codes_of))
    columns, Z = (part[0] for part in some.internal(basis))
    groups = [int(codes[0]) for codes in some.codes_of]
    j, z = groups[draws.k], Z[draws.spans[draws.k]]
    rooted = np.swapaxes(draws.root, 1, 2)
    inner = np.eye(len(z)) + rooted @ draws.level.A[j] @ draws.root
    turned = z @ draws.root  # (M, q)
    solved = np.linalg.solve(inner, turned[..., None])[..., 0]
    of_group = (rooted @ draws.left_of_group(j)[..., None])[..., 0]
    error = draws.left_of_row(columns, Z, groups) - (solved * of_group).sum(axis=1)
    room = 1.0 - (turned * solved).sum(axis=1)
    sd = float(np.ravel(some.row_sd)[0])
    return log_normal(sd * basis.scale * error / room, (sd * draws.sigma) ** 2 / room)
