r"""What is not known of random effects given the estimates: û_j as a function of γ, and the rest.

    u_j | γ, θ̂, y  has mean û_j(γ), with M_j = ∂û_j/∂γ, and covariance C_j;

exact for Gaussian responses, of the normal approximation at the mode otherwise.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_array

from hierbayes.estimation.laplace_search import LatentOptimum
from hierbayes.fit.predictions.prediction_rows import PredictionRows
from hierbayes.frames.arrays import Floats
from hierbayes.likelihood.gaussian import State
from hierbayes.likelihood.of_products import AnyState


class EffectErrors(ABC):
    """How random effects follow γ, and how they vary given γ."""

    @abstractmethod
    def on_gamma(self, k: int) -> Floats:
        """M_j = ∂û_j/∂γ (J, q, p) of factor k."""

    @abstractmethod
    def variance(self, rows: PredictionRows) -> Floats:
        """z'Cov(u | γ, θ̂, y)z (n P,) over the counted effects of groups that are in the data."""

    @abstractmethod
    def of_sums(self, weights: Mapping[int, csr_array]) -> Floats:
        """Variance (m,) given γ and θ̂ of m weighted sums of effects.

        Parameters
        ----------
        weights : mapping of int to (m, J_k q_k) sparse
            By factor the weights of every effect, level by level.
        """


@dataclass(frozen=True, slots=True, eq=False)
class GaussianErrors(EffectErrors):
    """Those of a Gaussian response.

    Parameters
    ----------
    state : State or SparseState
        The likelihood at θ̂.
    """

    state: AnyState

    def on_gamma(self, k: int) -> Floats:
        """−K_jZ_j'X_j in the user's units."""
        basis, at = self.state.cross.basis, self.state.cross.spans[k]
        moments = self.state.moments if isinstance(self.state, State) else self.state.moments_of[k]
        turn = -basis.z.matrix[at, at]
        return np.asarray(turn @ moments.u_on_gamma @ np.linalg.inv(basis.x.matrix))

    def variance(self, rows: PredictionRows) -> Floats:
        """z'Kz σ²."""
        state = self.state
        if isinstance(state, State):
            return quadratics(rows, 0, state.u_cov(given_gamma=True))
        inner = np.zeros((len(rows.X), len(state.theta.root)))
        if not rows.counted:
            return inner.sum(axis=1)
        for k in rows.counted:
            at = rows.spans[k]
            inner[:, at] = rows.Z[:, at] @ state.cross.basis.z.matrix[at, at]
        sigma = float(state.theta.sigma)
        if rows.data is None:
            return sigma**2 * state.row_quadratics(inner, rows.codes_of)
        return sigma**2 * state.solved_quadratics(inner, rows.codes_of)

    def of_sums(self, weights: Mapping[int, csr_array]) -> Floats:
        """w'Kw σ²."""
        state = self.state
        if isinstance(state, State):
            return of_blocks(weights[0], state.u_cov(given_gamma=True))
        internal = {}
        for k, one in weights.items():
            at = state.cross.spans[k]
            turn = state.cross.basis.z.matrix[at, at]
            internal[k] = (one @ block_diagonal(np.broadcast_to(
                turn, (one.shape[1] // len(turn), *turn.shape)))).tocsr()  # fmt: skip
        return float(state.theta.sigma) ** 2 * state.sum_quadratics(internal)


@dataclass(frozen=True, slots=True, eq=False)
class LatentErrors(EffectErrors):
    """Those at the mode of the random effects of another family.

    Parameters
    ----------
    optimum : LatentOptimum
        In the internal basis.
    scale : (p, p) float
        What turns γ° into γ.
    effect_scales : tuple of (q_k, q_k) float
        By factor what turns u° into u.
    """

    optimum: LatentOptimum
    scale: Floats
    effect_scales: tuple[Floats, ...]

    def on_gamma(self, k: int) -> Floats:
        """How modes follow γ."""
        mode = self.optimum.mode
        rows, root = mode.rows, mode.point.root
        kappa = rows.precisions(mode.derivatives)
        pull = -rows.blocks.weighted(kappa, rows.X).T  # −κX (p, n)
        if not len(pull):
            return np.zeros((*mode.curvature.conditional(k).shape[:2], 0))
        columns = [
            rows.effects_of(root, mode.curvature.solve(rows.spherical(root, one)))[k]
            for one in pull
        ]
        internal = np.stack(columns, axis=-1)  # (J, q, p) by γ°
        return np.asarray(self.effect_scales[k] @ internal @ np.linalg.inv(self.scale))

    def covariance(self, k: int) -> Floats:
        """C_j (J, q, q) of factor k."""
        turn = self.effect_scales[k]
        return np.asarray(turn @ self.optimum.mode.curvature.conditional(k) @ turn.T)

    def deviations(self, normals: Floats) -> tuple[Floats, ...]:
        """u less its mean given γ, by factor (M, J_k, q_k), of all factors together.

        Parameters
        ----------
        normals : (M, effects) float
            Independent standard normal numbers.
        """
        mode = self.optimum.mode
        inverse = np.array([mode.curvature.solve(one) for one in np.eye(normals.shape[1])])
        size, V = np.linalg.eigh(0.5 * (inverse + inverse.T))
        spherical = normals @ (V * np.sqrt(np.maximum(size, 0.0))).T
        drawn = [mode.rows.effects_of(mode.point.root, one) for one in spherical]
        return tuple(
            np.stack([one[k] for one in drawn]) @ turn.T
            for k, turn in enumerate(self.effect_scales)
        )

    def variance(self, rows: PredictionRows) -> Floats:
        """z'Cz, over all counted factors together."""
        if len(self.effect_scales) == 1:
            return quadratics(rows, 0, self.covariance(0))
        mode, found = self.optimum.mode, np.zeros(len(rows.X))
        for i in range(len(found)) if rows.counted else ():
            spherical = self._spherical(rows, i)
            found[i] = spherical @ mode.curvature.solve(spherical)
        return found

    def of_sums(self, weights: Mapping[int, csr_array]) -> Floats:
        """w'Cw, over all factors together."""
        if len(self.effect_scales) == 1:
            return of_blocks(weights[0], self.covariance(0))
        mode, found = self.optimum.mode, []
        latent, root = mode.rows, mode.point.root
        (m,) = {one.shape[0] for one in weights.values()}
        for i in range(m):
            v = np.zeros(latent.effects)
            for k, one in weights.items():
                turn = self.effect_scales[k] @ root[(span := latent.spans[k]), span]
                own = one[[i]].toarray().reshape(latent.levels[k], -1)
                v[latent.places[k]] = (own @ turn).ravel()
            found.append(v @ mode.curvature.solve(v))
        return np.array(found)

    def _spherical(self, rows: PredictionRows, i: int) -> Floats:
        """v (effects,) with z_i'u = v'b."""
        latent, root = self.optimum.mode.rows, self.optimum.mode.point.root
        v = np.zeros(latent.effects)
        for k in rows.counted:
            at, j = rows.spans[k], int(rows.codes_of[k][i])
            if j < latent.levels[k]:
                own = v[latent.places[k]].reshape(latent.levels[k], -1)  # a view
                own[j] = root[at, at].T @ self.effect_scales[k].T @ rows.Z[i, at]
        return v


def block_diagonal(blocks: Floats) -> csr_array:
    """Blocks (J, q, q) as one sparse matrix."""
    J, q, _ = blocks.shape
    rows, columns = np.indices((q, q)).reshape(2, -1)
    start = q * np.arange(J)[:, None]
    places = ((start + rows).ravel(), (start + columns).ravel())
    return csr_array((np.ravel(blocks), places), shape=(J * q, J * q))


def of_blocks(weights: csr_array, covariance: Floats) -> Floats:
    """w'Cw (m,) of weights (m, J q) of effects that are independent between J levels (J, q, q)."""
    both = (weights @ block_diagonal(covariance)).multiply(weights)
    return np.asarray(both.sum(axis=1)).ravel()


def quadratics(rows: PredictionRows, k: int, covariance: Floats) -> Floats:
    """z'C_jz (n P,) of the only factor, 0 for groups that are not in the data.

    Parameters
    ----------
    rows : PredictionRows
    k : int
    covariance : (J, q, q) float
    """
    found = np.zeros(len(rows.X))
    if k in rows.counted:
        seen = rows.is_seen(k, len(covariance))
        Z = rows.Z[seen][:, rows.spans[k]]
        own = covariance[rows.codes_of[k][seen]]
        found[seen] = np.einsum("nq,nqr,nr->n", Z, own, Z)
    return found
