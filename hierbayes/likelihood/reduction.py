"""The collapsed likelihood at many θ, under as many priors of γ as wanted.

What a draw of θ takes from the groups, Σ_j log|N_j| and S, does not depend on the prior of γ.
So it is computed once per draw; any normal or flat prior of γ then costs only p × p matrices.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hierbayes.compilation import compiled
from hierbayes.compiled_arrays import room_for, zeros_of
from hierbayes.design.crossproducts import CrossProducts
from hierbayes.design.products import Products
from hierbayes.frames.arrays import Floats
from hierbayes.likelihood.collapsed import read_value
from hierbayes.likelihood.conditional import NormalPrior, log_jacobian
from hierbayes.likelihood.elimination import reduce_groups
from hierbayes.likelihood.reading import GIVEN, NORMAL, Reading

_OWN = 1e-11  # smallest eigenvalue of X'X of unit columns that is not 0


@dataclass(frozen=True, slots=True, eq=False)
class Reduction:
    """The groups of a data set, reduced at M draws of θ.

    Parameters
    ----------
    log_det : (M,) float
        Σ_j log|N_j|.
    S : (M, p+1, p+1) float
        [X y]'(V/σ²)⁻¹[X y].
    sigmas : (M,) float
        σ in the internal basis.
    cross : CrossProducts or SparseProducts
    """

    log_det: Floats
    S: Floats
    sigmas: Floats
    cross: Products

    def log_density(self, prior: NormalPrior, reading: Reading) -> Floats:
        """Log p(y | θ) (M,) of the response in the user's units, γ integrated out under a prior.

        Parameters
        ----------
        prior : NormalPrior
            Of γ in the internal basis; ignored under a flat prior.
        reading : Reading
            ``REML`` or ``NORMAL``.
        """
        values = _values(
            self.log_det,
            self.S,
            self.sigmas,
            self.cross.n,
            prior.precision,
            prior.mean,
            int(reading),
        )
        return values + log_jacobian(reading, self.cross.basis, self.cross.n)

    @property
    def tells_gamma(self) -> bool:
        """Whether the rows can estimate every column of X, which a flat prior asks of them."""
        XtX = self.cross.C[:-1, :-1]
        size = np.sqrt(np.maximum(np.diag(XtX), 1e-300))
        return bool(np.linalg.eigvalsh(XtX / np.outer(size, size))[0] > _OWN)

    def gamma_means(self, prior: NormalPrior, reading: Reading) -> Floats:
        """E(γ | θ, y) (M, p) under the same prior, in the user's units."""
        Q, scaled = self._precision(prior, reading)
        right = self.S[:, :-1, -1:] + scaled @ prior.mean[:, None]
        return self.cross.basis.gamma(np.linalg.solve(Q, right)[..., 0])

    def gamma_covs(self, prior: NormalPrior, reading: Reading) -> Floats:
        """Cov(γ | θ, y) (M, p, p) under the same prior, in the user's units."""
        inverse = np.linalg.inv(self._precision(prior, reading)[0])
        return self.cross.basis.gamma_covariance(self.sigmas[:, None, None] ** 2 * inverse)

    def _precision(self, prior: NormalPrior, reading: Reading) -> tuple[Floats, Floats]:
        """Q = S_XX + σ²P₀ and σ²P₀ (M, p, p)."""
        P = prior.precision if reading == NORMAL else np.zeros_like(prior.precision)
        scaled = self.sigmas[:, None, None] ** 2 * P
        Q: Floats = self.S[:, :-1, :-1] + scaled
        return Q, scaled

    def log_density_given(self, gammas: Floats) -> Floats:
        """Log p(y | θ, γ) (M,), only u integrated out, at γ° (M, p) of the internal basis."""
        values = _values_given(self.log_det, self.S, self.sigmas, gammas, self.cross.n)
        return values + log_jacobian(GIVEN, self.cross.basis, self.cross.n)


def reduce_draws(roots: Floats, sigmas: Floats, cross: CrossProducts) -> Reduction:
    """Reduce the groups at M relative roots λ (M, q, q) and σ (M,) of the internal basis."""
    log_det, S = _reduce(roots, cross.R, cross.T, cross.W)
    return Reduction(log_det, S, sigmas, cross)


@compiled()
def _reduce(roots: Floats, R: Floats, T: Floats, W: Floats) -> tuple[Floats, Floats]:
    M, m = len(roots), len(W)
    log_det = room_for(M)
    S = room_for((M, m, m))
    for i in range(M):
        log_det[i], S[i], _, _ = reduce_groups(roots[i], R, T, W)
    return log_det, S


@compiled()
def _values(
    log_det: Floats,
    S: Floats,
    sigmas: Floats,
    n: float,
    precision: Floats,
    mean: Floats,
    reading: int,
) -> Floats:
    values = room_for(len(sigmas))
    for i in range(len(sigmas)):
        values[i] = read_value(log_det[i], S[i], sigmas[i], mean, n, precision, mean, reading)[0]
    return values


@compiled()
def _values_given(log_det: Floats, S: Floats, sigmas: Floats, gammas: Floats, n: float) -> Floats:
    values = room_for(len(sigmas))
    nothing = zeros_of((gammas.shape[1], gammas.shape[1]))
    for i in range(len(sigmas)):
        values[i] = read_value(
            log_det[i], S[i], sigmas[i], gammas[i], n, nothing, gammas[i], GIVEN
        )[0]
    return values
