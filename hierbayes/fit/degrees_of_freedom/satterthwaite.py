r"""Satterthwaite's degrees of freedom of linear combinations of γ, by exact derivatives.

The variance v = c'Φ(φ)c of c'γ̂ depends on the variance parameters φ, and so on their
sampling error: with g = ∂v/∂φ and 𝓘 the observed information of the (restricted)
likelihood, 2v²/(g'𝓘⁻¹g) is the number of degrees of freedom of a χ² with the mean and the
variance of the estimate of v.  Both g and 𝓘 are sums over groups, see
`variance_derivatives`.

Where Ĝ is singular the likelihood is not flat at its maximum in the directions out of the
boundary, and neither 𝓘 nor a normal approximation is to be had there.  Then G is taken
to have the rank it is found to have: φ are the entries of a root with that many columns,
in which the maximum is stationary.

References
----------
Satterthwaite (1946), doi:10.2307/3002019; Fai & Cornelius (1996),
doi:10.1080/00949659608811740 (several rows); Kuznetsova, Brockhoff & Christensen (2017),
doi:10.18637/jss.v082.i13.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hierbayes.design.blocks import block_slices, free_entries
from hierbayes.errors import EstimationError
from hierbayes.fit.degrees_of_freedom.error_directions import with_directions
from hierbayes.fit.fitted import Fitted
from hierbayes.frames.arrays import Floats
from hierbayes.likelihood.of_products import derivatives_of
from hierbayes.likelihood.variance_derivatives import (
    effect_sizes,
    entry_units,
    generalised_inverse,
)

_RANK = 1e-7  # of a singular value of a root of a block of G, against the largest


@dataclass(frozen=True, slots=True, eq=False)
class SatterthwaiteParts:
    """What Satterthwaite's formula needs of a fit, in the internal basis.

    Parameters
    ----------
    gamma_cov : (p, p) float
        Φ, relative to σ̂².
    slopes : (k, p, p) float
        ∂Φ/∂φ_i.
    covariance : (k, k) float
        Of φ̂.
    ranks : tuple of int
        Of the blocks of Ĝ.
    """

    gamma_cov: Floats
    slopes: Floats
    covariance: Floats
    ranks: tuple[int, ...]

    def df(self, contrasts: Floats) -> Floats:
        """Degrees of freedom (m,) of combinations (m, p) of the internal γ; of 0, infinite."""
        variance = np.einsum("ma,ab,mb->m", contrasts, self.gamma_cov, contrasts)
        slope = np.einsum("ma,iab,mb->mi", contrasts, self.slopes, contrasts)
        error = np.einsum("mi,ij,mj->m", slope, self.covariance, slope)
        known = np.full(len(error), np.inf)
        df: Floats = np.divide(2.0 * variance**2, error, out=known, where=error > 0.0)
        return df

    def joint_df(self, contrasts: Floats) -> float:
        """Denominator degrees of freedom of the F of all rows (m, p) together.

        F is a mean of squared t's of the principal components of the rows; its mean,
        were they independent, is that of an F with so many degrees of freedom.
        """
        _, vectors = np.linalg.eigh(contrasts @ self.gamma_cov @ contrasts.T)
        single = self.df(vectors.T @ contrasts)
        m = len(single)
        if np.ptp(single) < 1e-8 * single.max():
            return float(single.mean())
        if (single <= 2.0).any():  # such a t² has no mean
            return 2.0
        mean = float((single / (single - 2.0)).sum())
        return 2.0 * mean / (mean - m)


def satterthwaite_parts(fit: Fitted) -> SatterthwaiteParts:
    """What the formula needs of a REML or ML fit.

    Raises
    ------
    EstimationError
        When the observed information is not positive semidefinite.
    """
    derivatives = derivatives_of(fit.any_state, fit.design.blocks)
    information = derivatives.observed(restricted=fit.engine == "REML")
    slopes = derivatives.gamma_cov @ derivatives.of_gamma @ derivatives.gamma_cov
    ranks: tuple[int, ...] = fit.design.blocks
    units = entry_units(fit.any_state, fit.design.blocks)
    if fit.maximum.singular:
        information, slopes, units, ranks = _on_the_boundary(fit, information, slopes)
    covariance = generalised_inverse(information, units)
    if covariance is None:
        raise EstimationError(
            "the information on the variance parameters is not positive definite at this "
            "maximum, so that Satterthwaite's degrees of freedom do not exist; use "
            "df='inner-outer', or fewer random effects"
        )
    slopes, covariance = with_directions(slopes, covariance, fit.error_directions)
    return SatterthwaiteParts(derivatives.gamma_cov, slopes, covariance, ranks)


def _on_the_boundary(
    fit: Fitted, information: Floats, slopes: Floats
) -> tuple[Floats, Floats, Floats, tuple[int, ...]]:
    """The same, and units, in terms of roots of the blocks of G with as many columns as their rank.

    G = LL' makes the Hessian J'𝓘J less what the slope ∂ℓ/∂G adds by the curvature of LL'.
    Rotations of L change nothing; the generalised inverse leaves them out.
    """
    lam = fit.any_state.relative_root
    root, steps, ranks = _face(lam, fit.design.blocks)
    rows, columns = free_entries(fit.design.blocks)
    change = steps @ root.T  # ∂G = ∂L L' + L ∂L'
    J = np.zeros((len(rows) + 1, len(steps) + 1))
    J[:-1, :-1] = (change + np.swapaxes(change, 1, 2))[:, rows, columns].T
    J[-1, -1] = 1.0
    M = fit.any_state.relative_score
    on_face = J.T @ information @ J
    on_face[:-1, :-1] -= 2.0 * np.einsum("ab,iac,jbc->ij", M, steps, steps)
    units = np.append(steps.sum(axis=2) @ effect_sizes(fit.any_state), 1.0)
    return on_face, np.einsum("ij,iab->jab", J, slopes), units, ranks


def _face(lam: Floats, blocks: tuple[int, ...]) -> tuple[Floats, Floats, tuple[int, ...]]:
    """A root (q, q) of λλ' with as many columns as ranks, its entries (k, q, q), the ranks."""
    root, steps, ranks = np.zeros_like(lam), [], []
    for block in block_slices(blocks):
        start = block.start
        left, values, _ = np.linalg.svd(lam[block, block])
        rank = int((values > _RANK * max(1.0, float(values[0]))).sum())
        root[block, start : start + rank] = left[:, :rank] * values[:rank]
        for row, column in np.ndindex(len(left), rank):
            step = np.zeros_like(lam)
            step[start + row, start + column] = 1.0
            steps.append(step)
        ranks.append(rank)
    return root, np.array(steps).reshape(-1, *lam.shape), tuple(ranks)
