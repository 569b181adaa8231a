"""Responses simulated row by row, and the cross-products of other responses on the same rows.

For models of several grouping factors, whose cross-products have no roots by group to draw.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from hierbayes.design.crossproducts import cross_products
from hierbayes.design.design import Design
from hierbayes.design.problem import Problem
from hierbayes.design.products import Products
from hierbayes.design.sparse_products import SparseProducts
from hierbayes.fit.fitted import Fitted
from hierbayes.frames.arrays import Floats, Integers


@dataclass(frozen=True, slots=True, eq=False)
class Responses:
    """Responses y = Xγ + Σ_k Z_ku_k + ε from one model.

    Parameters
    ----------
    expected : (n,) float
        Xγ.
    parts : tuple of (Z, codes, root)
        Of each factor: its columns (n, q_k), the level of each row, and a root of its G.
    levels : tuple of int
        J_k.
    sd : (n,) float or float
        Of the errors.
    """

    expected: Floats
    parts: tuple[tuple[Floats, Integers, Floats], ...]
    levels: tuple[int, ...]
    sd: Floats | float

    def draw(self, generator: np.random.Generator) -> Floats:
        """One response (n,)."""
        return self.draw_with_effects(generator)[0]

    def draw_with_effects(
        self, generator: np.random.Generator
    ) -> tuple[Floats, tuple[Floats, ...]]:
        """One response (n,), and the random effects (J_k, q_k) it was made from."""
        us = []
        y = self.expected + self.sd * generator.standard_normal(len(self.expected))
        for (Z, codes, root), J in zip(self.parts, self.levels, strict=True):
            u = generator.standard_normal((J, root.shape[1])) @ root.T
            y += np.einsum("nk,nk->n", Z, u[codes])
            us.append(u)
        return y, tuple(us)


@dataclass(frozen=True, slots=True, eq=False)
class ResponseSums:
    """The cross-products of any response on the rows of a problem, in its basis.

    Parameters
    ----------
    problem : Problem
    X : (n, p) float
        In the internal basis, as `Rows.internal` has it.
    parts : tuple of (n, q_k) float
        Z of each factor, likewise.
    """

    problem: Problem
    X: Floats
    parts: tuple[Floats, ...]

    def of(self, y: Floats) -> Products:
        """Those of a response (n,) in the user's units."""
        design, products = self.problem.design, self.problem.holding_sigma.products
        if not isinstance(products, SparseProducts):
            rows = replace(design.rows, response=y)
            return cross_products(rows, design.groups, products.basis)
        basis = products.basis
        inner = (y - basis.center) / (basis.scale * design.rows.row_sd) - self.X @ basis.taken
        levels = []
        for level, Z, codes in zip(products.levels, self.parts, design.rows.codes_of, strict=True):
            B = level.B.copy()
            for k, column in enumerate(Z.T):
                B[:, k, -1] = np.bincount(codes, column * inner, level.J)
            levels.append(replace(level, B=B))
        C = products.C.copy()
        C[:-1, -1] = C[-1, :-1] = self.X.T @ inner
        C[-1, -1] = inner @ inner
        return replace(products, levels=tuple(levels), C=C, rows=None)


@dataclass(frozen=True, slots=True, eq=False)
class RowSimulator:
    """Cross-products of responses from one model, ready to be drawn.

    Parameters
    ----------
    responses : Responses
    sums : ResponseSums
    """

    responses: Responses
    sums: ResponseSums

    def draw(self, generator: np.random.Generator) -> Products:
        """Cross-products with those of one simulated response."""
        return self.sums.of(self.responses.draw(generator))


def responses_of(fit: Fitted) -> Responses:
    """Simulates from the estimates of a fit."""
    return responses_at(fit.design, fit.gamma, fit.theta[0, 0].root, fit.sigma)


def responses_at(design: Design, gamma: Floats, root: Floats, sigma: float) -> Responses:
    """Simulates from γ (p,), a root (q, q) of G and σ, on the rows of a design."""
    parts = tuple(
        (design.rows.Z[:, span], codes, root[span, span])
        for span, codes in zip(design.spans, design.rows.codes_of, strict=True)
    )
    levels = tuple(factor.J for factor in design.factors)
    return Responses(design.rows.X @ gamma, parts, levels, sigma * design.rows.row_sd)


def sums_of(problem: Problem) -> ResponseSums:
    """Ready to sum up responses on the rows of a problem."""
    design = problem.design
    W, Z = design.rows.internal(problem.holding_sigma.products.basis)
    parts = tuple(np.ascontiguousarray(Z[:, span]) for span in design.spans)
    return ResponseSums(problem, np.ascontiguousarray(W[:, :-1]), parts)
