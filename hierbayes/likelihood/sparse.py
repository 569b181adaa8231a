"""The likelihood of several grouping factors, and its state at one θ.

What `gaussian` is for one factor: θ and what is returned are in the user's units, what is by level
is asked for factor by factor.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import combinations

import numpy as np

from hierbayes.design.design import Design
from hierbayes.design.elimination_order import Layout, elimination_of
from hierbayes.design.rows_left import connected_rows, products_left
from hierbayes.design.sparse_products import SparseProducts
from hierbayes.frames.arrays import Floats, Integers
from hierbayes.likelihood.collapsed import read_value, solve_gamma
from hierbayes.likelihood.conditional import (
    ConditionalMoments,
    NormalPrior,
    flat_prior,
    log_jacobian,
)
from hierbayes.likelihood.marginal import Gradient
from hierbayes.likelihood.reading import NORMAL, REML, Reading
from hierbayes.likelihood.reduction import Reduction
from hierbayes.likelihood.row_blocks import pair_blocks
from hierbayes.likelihood.sparse_kernels import (
    draw_effects,
    draw_gamma,
    eliminate,
    inverse_entries,
    solve,
    sparse_collapsed,
)
from hierbayes.likelihood.sparse_profile import adjoint_of, full_rank, relative_score, turned
from hierbayes.likelihood.state import Score
from hierbayes.likelihood.theta import Theta

_MOST_STATES = 200  # at which what is by level is averaged


@dataclass(frozen=True, eq=False)
class SparseLikelihood:
    """The likelihood of a data set with several grouping factors in one reading.

    Parameters
    ----------
    cross : SparseProducts
    reading : Reading
        What is done with γ.
    prior : NormalPrior, optional
        Of γ in the internal basis, for ``NORMAL``; flat for the other readings.
    """

    cross: SparseProducts
    reading: Reading = REML
    prior: NormalPrior | None = None

    def at(self, theta: Theta, gamma: Floats | None = None) -> SparseState:
        """The state at one θ, and for ``GIVEN`` at γ (p,)."""
        return SparseState(self, theta, gamma)

    def search(self, root: Floats, sigma: float, gamma: Floats) -> tuple[float, Gradient]:
        """Value and derivatives in the internal basis, as `Likelihood.search`."""
        prior = self.gamma_prior
        value, d_root, d_sigma, d_gamma = sparse_collapsed(
            np.ascontiguousarray(root), sigma, gamma, self.layout.elimination, self.cross.n,
            prior.precision, prior.mean, int(self.reading),
        )  # fmt: skip
        return value, Gradient(d_root, d_sigma, d_gamma)

    @cached_property
    def layout(self) -> Layout:
        """The order of elimination."""
        return elimination_of(self.cross)

    @cached_property
    def gamma_prior(self) -> NormalPrior:
        """The prior of γ in the internal basis."""
        if self.reading == NORMAL and self.prior is not None:
            return self.prior
        return flat_prior(self.cross.p)

    @cached_property
    def log_jacobian(self) -> float:
        """What a log density of y in the internal basis lacks, see `conditional.log_jacobian`."""
        return log_jacobian(self.reading, self.cross.basis, self.cross.n)

    def draw_gamma(self, theta: Theta, normals: Floats) -> Floats:
        """One exact draw of γ (M, p) given each of M θ, from standard normal numbers (M, p)."""
        basis, prior = self.cross.basis, self.gamma_prior
        roots, sigmas = theta.relative(basis), theta.internal(basis)[1]
        internal = draw_gamma(
            np.ascontiguousarray(roots), sigmas, self.layout.elimination, prior.precision,
            prior.mean, normals,
        )  # fmt: skip
        return basis.gamma(internal)

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

    def reduce(self, theta: Theta) -> Reduction:
        """The levels reduced at M θ: the likelihood there under any normal prior of γ."""
        basis, e = self.cross.basis, self.layout.elimination
        roots, sigmas = theta.relative(basis), theta.internal(basis)[1]
        log_det, S = np.empty(len(sigmas)), np.empty((len(sigmas), *e.C.shape))
        for m, root in enumerate(roots):
            log_det[m], S[m], _ = eliminate(np.ascontiguousarray(root), e)
        return Reduction(log_det, S, sigmas, self.cross)

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


@dataclass(frozen=True, eq=False)
class SparseState:
    """The likelihood at one θ: computed when asked for, and kept.

    Parameters
    ----------
    likelihood : SparseLikelihood
    theta : Theta
        Without leading axes.
    given : (p,) float or None
        γ in the user's units, for ``GIVEN``.
    """

    likelihood: SparseLikelihood
    theta: Theta
    given: Floats | None = None

    @property
    def cross(self) -> SparseProducts:
        """The cross-products."""
        return self.likelihood.cross

    @cached_property
    def relative_root(self) -> Floats:
        """λ (Q, Q) in the internal basis."""
        return np.ascontiguousarray(self.theta.relative(self.cross.basis))

    @cached_property
    def internal_sigma(self) -> float:
        """σ in the internal basis."""
        return float(self.theta.internal(self.cross.basis)[1])

    @cached_property
    def _eliminated(self) -> tuple[float, Floats, Floats]:
        log_det, S, omega = eliminate(self.relative_root, self.likelihood.layout.elimination)
        return log_det, S, omega

    @cached_property
    def _read(self) -> tuple[float, float, Floats, Floats]:
        log_det, S, _ = self._eliminated
        return self._read_at(log_det, S)

    def _read_at(self, log_det: float, S: Floats) -> tuple[float, float, Floats, Floats]:
        """Value, ∂/∂log σ, the γ it is read at and a factor of Q⁻¹, see `read_value`."""
        likelihood = self.likelihood
        prior, given = likelihood.gamma_prior, np.zeros(self.cross.p)
        if self.given is not None:
            given = self.cross.basis.gamma_internal(self.given)
        value, d_log_sigma, at, F = read_value(
            log_det, S, self.internal_sigma, given, self.cross.n, prior.precision, prior.mean,
            int(likelihood.reading),
        )  # fmt: skip
        return value, d_log_sigma, at, F

    @property
    def value(self) -> float:
        """Log p(y | θ) of the reading; −inf where it cannot be computed."""
        return self._read[0] + self.likelihood.log_jacobian

    @cached_property
    def score(self) -> Score:
        """The derivatives of the log likelihood by G and σ."""
        relative, basis = self.relative_score, self.cross.basis
        back = np.linalg.inv(basis.z.matrix) / (basis.scale * self.internal_sigma)
        by_G = back.T @ relative @ back
        moved = self._read[1] - 2.0 * float((by_G * self.theta.G).sum())  # σ moves with G fixed
        return Score(by_G, moved / float(self.theta.sigma))

    # ---------------------------------------------------------------- γ

    @cached_property
    def _solved(self) -> tuple[Floats, Floats]:
        """E(γ° | θ, y) (p,) and F (p, p) with FF' = Q⁻¹."""
        prior = self.likelihood.gamma_prior
        S = self._eliminated[1]
        gamma, F, _ = solve_gamma(S, self.internal_sigma, prior.precision, prior.mean)
        return gamma, F

    @cached_property
    def gamma(self) -> Floats:
        """E(γ | θ, y) (p,)."""
        return self.cross.basis.gamma(self._solved[0])

    @cached_property
    def gamma_cov(self) -> Floats:
        """Cov(γ | θ, y) (p, p)."""
        F = self._solved[1]
        return self.cross.basis.gamma_covariance(self.internal_sigma**2 * F @ F.T)

    # ---------------------------------------------------------------- u, factor by factor

    @property
    def internal_gamma(self) -> Floats:
        """E(γ° | θ, y) (p,)."""
        return self._solved[0]

    @property
    def internal_gamma_cov(self) -> Floats:
        """Cov(γ° | θ, y) (p, p)."""
        F = self._solved[1]
        cov: Floats = self.internal_sigma**2 * F @ F.T
        return cov

    @cached_property
    def relative_score(self) -> Floats:
        """The derivative (Q, Q) of the log likelihood by λλ' at fixed σ."""

        def adjoint(S: Floats) -> Floats:
            _, _, at, F = self._read_at(0.0, S)
            return adjoint_of(at, F, self.internal_sigma)

        return relative_score(self.cross, self.relative_root, self._eliminated[1:], adjoint)

    def resolved(self, right: Floats) -> Floats:
        """ΛΩ⁻¹Λ' of right-hand sides (m, k), in the order of elimination."""
        half = turned(self.cross, self.relative_root, right, transposed=True)
        solve(self.likelihood.layout.elimination, self._eliminated[2], half, True, True)
        return turned(self.cross, self.relative_root, half, transposed=False)

    @cached_property
    def _on_W(self) -> Floats:
        """ΛΩ⁻¹Λ'Z'[X y] (m, p+1), in the order of elimination."""
        layout = self.likelihood.layout
        right = np.empty((layout.elimination.effects, self.cross.p + 1))
        for level, places in zip(self.cross.levels, layout.places, strict=True):
            right[places] = level.B
        return self.resolved(right)

    @cached_property
    def inverse(self) -> Floats:
        """Ω⁻¹ wherever Ω has an entry, as the elimination lays it out."""
        p1 = self.cross.p + 1
        e = self.likelihood.layout.elimination
        return inverse_entries(e, np.zeros((p1, p1)), self._eliminated[2])

    @cached_property
    def moments_of(self) -> tuple[ConditionalMoments, ...]:
        """Moments of γ° and of the u° of each factor."""
        gamma, F = self._solved
        cov = self.internal_sigma**2 * F @ F.T
        found = []
        for k, (span, places) in enumerate(
            zip(self.cross.spans, self.likelihood.layout.places, strict=True)
        ):
            on_W, root = self._on_W[places], self.relative_root[span, span]
            K = root @ self.inverse_blocks_of(k) @ root.T
            u = on_W[:, :, -1] - on_W[:, :, :-1] @ gamma
            u_cov = self.internal_sigma**2 * K
            found.append(ConditionalMoments(gamma, cov, u, u_cov, on_W[:, :, :-1]))
        return tuple(found)

    def inverse_blocks_of(self, k: int) -> Floats:
        """The blocks of Ω⁻¹ (J, q, q) of the levels of a factor."""
        return self._blocks_of(k, self.inverse)

    def row_quadratics(self, Z: Floats, codes_of: tuple[Integers, ...]) -> Floats:
        """z_i'Kz_i (n,) of rows Z (n, Q) in the internal basis, Cov(u° | γ, θ, y) = σ²K.

        K goes over the effects of all factors; ``codes_of`` are the levels that the rows have.
        """
        spans, total = self.cross.spans, np.zeros(len(Z))
        halves = [Z[:, span] @ self.relative_root[span, span] for span in spans]
        for k, half in enumerate(halves):
            own = self.inverse_blocks_of(k)[codes_of[k]]
            total += np.einsum("na,nab,nb->n", half, own, half)
        for k, m in combinations(range(len(spans)), 2):
            both = pair_blocks(self.likelihood.layout, self.inverse, k, m, codes_of)
            total += 2.0 * np.einsum("na,nab,nb->n", halves[k], both, halves[m])
        return total

    def _blocks_of(self, k: int, inverse: Floats) -> Floats:
        e = self.likelihood.layout.elimination
        mine = e.blocks[(e.blocks[:, 0] == k) & (e.blocks[:, 5] == 1)]
        i = np.arange(e.q[k])
        later, earlier = np.maximum.outer(i, i), np.minimum.outer(i, i)
        at = mine[:, 3, None, None] + later * mine[:, 4, None, None] + earlier
        entries: Floats = inverse[at]
        return entries

    def shrinkage_of(self, k: int) -> Floats:
        """Λ_j (J, q, q) of a factor in the user's units."""
        span, e = self.cross.spans[k], self.likelihood.layout.elimination
        full, omega = full_rank(self.cross, self.relative_root), self._eliminated[2]
        if full is not self.relative_root:
            omega = eliminate(full, e)[2]
        nothing = np.zeros((self.cross.p + 1,) * 2)
        resolved = np.eye(e.q[k]) - self._blocks_of(k, inverse_entries(e, nothing, omega))
        root = self.cross.basis.z.matrix[span, span] @ full[span, span]
        shares: Floats = root @ resolved @ np.linalg.inv(root)  # of λ(I − Ω⁻¹)λ⁻¹
        return shares

    def u_of(self, k: int) -> Floats:
        """E(u | θ, y) (J, q) of a factor, the BLUP."""
        u: Floats = self.moments_of[k].u @ self._to_user(k).T
        return u

    def u_cov_of(self, k: int, *, given_gamma: bool) -> Floats:
        """Cov(u_j | γ, θ, y) (J, q, q) of a factor, or Cov(u_j | θ, y)."""
        moments, T = self.moments_of[k], self._to_user(k)
        cov: Floats = T @ (moments.u_cov if given_gamma else moments.u_cov_marginal) @ T.T
        return cov

    def coefficient_cov_of(self, k: int, W: Floats) -> Floats:
        """Cov(β_j | θ, y) (J, q, q) of β_j = W_jγ + u_j of a factor, W (J, q, p)."""
        moments, T, basis = self.moments_of[k], self._to_user(k), self.cross.basis
        on_gamma = basis.scale * W @ basis.x.matrix - T @ moments.u_on_gamma
        cov: Floats = T @ moments.u_cov @ T.T
        cov = cov + on_gamma @ moments.gamma_cov @ np.swapaxes(on_gamma, 1, 2)
        return cov

    def _to_user(self, k: int) -> Floats:
        span, basis = self.cross.spans[k], self.cross.basis
        to_user: Floats = basis.scale * basis.z.matrix[span, span]
        return to_user
