r"""Proposals that learn: mixtures of t distributions about weighted draws.

A t at the mode misses a posterior that is skewed or bent.  A few weighted proposals of it say where
the posterior is; kernels about them, drawn in towards their mean so that mean and covariance stay,
propose better, and the first t keeps a share, so that no region is without proposals.

    q(w) = Σ_k s_k t_ν(w; m_k, R R'),   m_k = m + √(1 − h²)(w_k − m),   R R' = h² V

with m and V the weighted mean and covariance, and h Silverman's width for as many draws as the
weights are worth.

References
----------
West (1993), *Approximating posterior distributions by mixtures*, JRSS B 55(2), section 3.
Cappé, Guillin, Marin & Robert (2004), *Population Monte Carlo*, JCGS 13(4).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.linalg import solve_triangular
from scipy.special import logsumexp

from hierbayes.estimation.importance import FREEDOM, log_t
from hierbayes.frames.arrays import Floats

_KERNELS = 300  # at most
_KEPT = 0.1  # share of the first t


@dataclass(frozen=True, slots=True, eq=False)
class Kernels:
    """Multivariate t distributions of one shape.

    Parameters
    ----------
    centres : (K, d) float
    log_shares : (K,) float
        Logs of their shares in all proposals.
    root : (d, d) float
        Lower triangular.
    """

    centres: Floats
    log_shares: Floats
    root: Floats

    def log_density(self, w: Floats) -> Floats:
        """Log of what they add to the density of proposals, at w (n, d)."""
        whitened = solve_triangular(self.root, w.T, lower=True).T
        centres = solve_triangular(self.root, self.centres.T, lower=True).T
        squares = (whitened**2).sum(axis=1)[:, None] - 2.0 * whitened @ centres.T
        squares = np.maximum(squares + (centres**2).sum(axis=1), 0.0)
        found: Floats = logsumexp(log_t(squares[..., None], self.root) + self.log_shares, axis=1)
        return found


@dataclass(frozen=True, slots=True, eq=False)
class Proposals:
    """A mixture from which parameters are proposed.

    Parameters
    ----------
    parts : tuple of Kernels
        Whose shares sum to 1.
    """

    parts: tuple[Kernels, ...]

    @classmethod
    def at_mode(cls, mode: Floats, root: Floats) -> Proposals:
        """One t at the mode (d,), of the shape of a root (d, d) of a covariance."""
        return cls((Kernels(mode[None], np.zeros(1), np.linalg.cholesky(root @ root.T)),))

    def draw(self, generator: np.random.Generator, n: int) -> Floats:
        """Proposals (n, d)."""
        shares = np.exp(np.concatenate([part.log_shares for part in self.parts]))
        chosen = generator.choice(len(shares), n, p=shares / shares.sum())
        centres = np.concatenate([part.centres for part in self.parts])
        part_of = np.repeat(range(len(self.parts)), [len(part.centres) for part in self.parts])
        roots = np.array([part.root for part in self.parts])[part_of[chosen]]
        z = generator.standard_normal((n, centres.shape[1], 1))
        scale = np.sqrt(FREEDOM / generator.chisquare(FREEDOM, n))
        return np.asarray(centres[chosen] + scale[:, None] * (roots @ z)[..., 0])

    def log_density(self, w: Floats) -> Floats:
        """Log density (n,) at w (n, d)."""
        found: Floats = logsumexp([part.log_density(w) for part in self.parts], axis=0)
        return found

    def learnt(self, w: Floats, log_p: Floats, generator: np.random.Generator) -> Proposals:
        """Better ones, from proposals (n, d) of these and the log density at them (n,).

        Weights are cut at √n times their mean, so that no proposal rules alone.
        """
        log_weights = log_p - self.log_density(w)
        if np.isfinite(log_weights).sum() <= w.shape[1]:
            return self
        weights = np.exp(log_weights - log_weights.max())
        weights = np.minimum(weights, np.sqrt(len(w)) * weights.mean())
        weights /= weights.sum()
        worth, d = 1.0 / (weights**2).sum(), w.shape[1]
        width = min((4.0 / ((d + 2.0) * worth)) ** (1.0 / (d + 4.0)), 1.0)
        mean = weights @ w
        cov = np.einsum("n,ni,nj->ij", weights, w - mean, w - mean)
        chosen = generator.choice(len(w), _KERNELS, p=weights)
        centres = mean + np.sqrt(1.0 - width**2) * (w[chosen] - mean)
        root = width * np.linalg.cholesky(cov + 1e-9 * np.diag(np.diag(cov)) + 1e-12 * np.eye(d))
        first = self.parts[-1]
        kept = np.full(len(first.centres), np.log(_KEPT / len(first.centres)))
        shares = np.full(_KERNELS, np.log((1.0 - _KEPT) / _KERNELS))
        return Proposals((Kernels(centres, shares, root), Kernels(first.centres, kept, first.root)))
