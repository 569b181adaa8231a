"""The likelihood of several grouping factors.

What `gaussian` is for one factor: θ and what is returned are in the user's units, what is by level
is asked for factor by factor.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from hierbayes.design.blas_threads import with_few_blas_threads
from hierbayes.design.design import Design
from hierbayes.design.elimination import Layout
from hierbayes.design.elimination_order import elimination_of
from hierbayes.design.rows_left import connected_rows, products_left
from hierbayes.design.sparse_products import SparseProducts
from hierbayes.frames.arrays import Floats, Integers
from hierbayes.likelihood import sparse_native
from hierbayes.likelihood.collapsed import read_value
from hierbayes.likelihood.eliminated import by_roots, eliminated
from hierbayes.likelihood.marginal import Gradient, MarginalLikelihood
from hierbayes.likelihood.reading import GIVEN
from hierbayes.likelihood.reduction import Reduction
from hierbayes.likelihood.sparse_draws import draw_effects, draw_gamma
from hierbayes.likelihood.sparse_state import SparseState
from hierbayes.likelihood.theta import Theta
from hierbayes.likelihood.threads import in_threads

_MOST_STATES = 200  # at which what is by level is averaged


@dataclass(frozen=True, eq=False)
class SparseLikelihood(MarginalLikelihood[SparseProducts]):
    """The likelihood of a data set with several grouping factors in one reading.

    Parameters are those of `MarginalLikelihood`.
    """

    @property
    def kernel(self) -> Any:
        """The likelihood of several factors."""
        sparse_native.provide()
        return sparse_native.sparse_native

    @property
    def of_rows(self) -> tuple[Floats, Floats, Floats]:
        """The order of elimination, packed, the cross-products and [X y]'[X y]."""
        e = self.layout.elimination
        return sparse_native.packed(e), e.products, e.C

    def at(self, theta: Theta, gamma: Floats | None = None) -> SparseState[SparseLikelihood]:
        """The state at one θ, and for ``GIVEN`` at γ (p,)."""
        return SparseState(self, theta, gamma)

    def search(self, root: Floats, sigma: float, gamma: Floats) -> tuple[float, Gradient]:
        """Value and derivatives, see `MarginalLikelihood.search`; of a very small σ by roots."""
        left = by_roots(self.cross, np.ascontiguousarray(root / sigma))
        if left is None:
            return super().search(root, sigma, gamma)
        d_gamma = np.zeros_like(gamma)

        def read(S: Floats) -> tuple[float, float, Floats, Floats]:
            prior = self.gamma_prior
            found: tuple[float, float, Floats, Floats] = read_value(
                left.log_det, S, sigma, gamma, self.cross.n, prior.precision, prior.mean,
                int(self.reading),
            )  # fmt: skip
            return found

        value, d_log_sigma, _, _ = read(left.S)
        by_root = 2.0 * left.score(lambda S: (*read(S)[2:], sigma)) @ left.root
        if self.reading == GIVEN:
            d_gamma = (left.S[:-1, -1] - left.S[:-1, :-1] @ gamma) / sigma**2
        d_log_sigma -= float((by_root * left.root).sum())
        return value, Gradient(by_root / sigma, d_log_sigma / sigma, d_gamma)

    @cached_property
    def layout(self) -> Layout:
        """The order of elimination."""
        return elimination_of(self.cross)

    @with_few_blas_threads(lambda self, *_, **__: self.cross)
    def draw_gamma(self, theta: Theta, normals: Floats) -> Floats:
        """One exact draw of γ (M, p) given each of M θ, from standard normal numbers (M, p)."""
        basis, prior = self.cross.basis, self.gamma_prior
        roots, sigmas = theta.relative(basis), theta.internal(basis)[1]
        e = self.layout.elimination

        def draw(roots: Floats, sigmas: Floats, normals: Floats) -> Floats:
            drawn: Floats = draw_gamma(roots, sigmas, e, prior.precision, prior.mean, normals)
            return drawn

        internal = in_threads(draw, e.size, np.ascontiguousarray(roots), sigmas, normals)
        return basis.gamma(internal)

    @with_few_blas_threads(lambda self, *_, **__: self.cross)
    def draw_us(
        self, theta: Theta, gammas: Floats, generator: np.random.Generator
    ) -> tuple[Floats, ...]:
        """One exact joint draw of every u given each of M θ and γ: (M, J_k, q_k) by factor."""
        basis = self.cross.basis
        roots, sigmas = theta.relative(basis), theta.internal(basis)[1]
        normals = generator.standard_normal((len(gammas), self.layout.elimination.effects))
        spherical = draw_effects(
            np.ascontiguousarray(roots), sigmas, basis.gamma_internal(gammas),
            self.layout.elimination, normals,
        )  # fmt: skip
        to_user = basis.scale * basis.z.matrix @ roots
        return tuple(
            np.einsum("mjk,mik->mji", spherical[:, places], to_user[:, span, span], optimize=True)
            for span, places in zip(self.cross.spans, self.layout.places, strict=True)
        )

    @with_few_blas_threads(lambda self, *_, **__: self.cross)
    def reduce(self, theta: Theta) -> Reduction:
        """The levels reduced at M θ: the likelihood there under any normal prior of γ."""
        basis, e = self.cross.basis, self.layout.elimination
        roots, sigmas = theta.relative(basis), theta.internal(basis)[1]
        log_det, S = np.empty(len(sigmas)), np.empty((len(sigmas), *e.C.shape))
        for m, root in enumerate(roots):
            left = eliminated(self.cross, root)
            log_det[m], S[m] = left.log_det, left.S
        return Reduction(log_det, S, sigmas, self.cross)

    @with_few_blas_threads(lambda self, *_, **__: self.cross)
    def without_levels(
        self, theta: Theta, design: Design, k: int
    ) -> Iterator[tuple[int, Reduction]]:
        """Each level of a factor, and all rows but its own reduced at M θ.

        What no chain of common levels joins to the level is reduced once for all.  Levels come in
        an order in which those of one such set of rows follow each other.
        """
        basis, codes = self.cross.basis, design.rows.codes_of[k]
        set_of, (_, one_row) = connected_rows(design), np.unique(codes, return_index=True)
        whole, last = self.reduce(theta), -1
        for j in np.argsort(set_of[one_row], kind="stable").tolist():
            stay, near = codes != j, set_of == set_of[one_row[j]]
            left = products_left(design, basis, stay)
            if near.all():
                yield j, replace(self, cross=left).reduce(theta)
                continue
            if set_of[one_row[j]] != last:
                last = int(set_of[one_row[j]])
                joined = replace(self, cross=products_left(design, basis, near)).reduce(theta)
            log_det, S = whole.log_det - joined.log_det, whole.S - joined.S
            if (near & stay).any():
                rest = replace(self, cross=products_left(design, basis, near & stay))
                added = rest.reduce(theta)
                log_det, S = log_det + added.log_det, S + added.S
            yield j, Reduction(log_det, S, whole.sigmas, left)

    @with_few_blas_threads(lambda self, *_, **__: self.cross)
    def shrinkage_of(self, k: int, theta: Theta) -> tuple[Floats, Floats]:
        """Mean and sd over M θ of the shrinkage matrices Λ_j (J, q, q) of a factor."""
        found = self.shrinkage_at(k, theta)
        return found.mean(axis=0), found.std(axis=0, ddof=1) if len(found) > 1 else 0.0 * found[0]

    def shrinkage_of_groups(self, k: int, theta: Theta, groups: Integers) -> Iterator[Floats]:
        """`shrinkage_at`, (m, q, q) of one level of a factor after another."""
        found = self.shrinkage_at(k, theta)
        return (found[:, j] for j in groups.tolist())

    def shrinkage_at(self, k: int, theta: Theta) -> Floats:
        """Shrinkage matrices Λ_j (m, J, q, q) of a factor at each of M θ.

        Λ_j = I − Cov(u_j | γ, θ, y)G⁻¹: the share of what varies between levels that the data
        resolve, the effects of other factors being as unknown as those of this one.  Of more than
        200 θ, 200 evenly spaced ones are taken.
        """
        M = len(theta.sigma)
        chosen = np.unique(np.linspace(0, M - 1, min(M, _MOST_STATES)).astype(int))
        return np.array([self.at(theta[int(m)]).shrinkage_of(k) for m in chosen])

    def shrinkage_of_group(self, theta: Theta, j: int, k: int) -> Floats:
        """Λ_j (..., q, q) of one level of a factor at every θ."""
        flat = theta.flat
        found = np.array([self.at(flat[m]).shrinkage_of(k)[j] for m in range(len(flat.sigma))])
        return found.reshape(*theta.shape, *found.shape[1:])
