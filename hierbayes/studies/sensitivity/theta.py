"""Draws of θ as priors see them, and log densities of priors and of the likelihood at them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from hierbayes.design.problem import Problem
from hierbayes.estimation.prior_set import PriorSet
from hierbayes.estimation.priors import LKJ, Family
from hierbayes.fit.fitted import Fitted
from hierbayes.frames.arrays import Floats
from hierbayes.likelihood.collapsed import NORMAL, REML
from hierbayes.likelihood.reduction import Reduction, reduce_draws


@dataclass(frozen=True, eq=False)
class Theta:
    """M draws of the parameters that have priors, in the user's units.

    Parameters
    ----------
    problem : Problem
    root : (M, q, q) float
        A lower root of G.
    sigma : (M,) float
    gamma : (M, p) float
    """

    problem: Problem
    root: Floats
    sigma: Floats
    gamma: Floats

    @cached_property
    def sd(self) -> Floats:
        """Standard deviations of the random effects (M, q)."""
        sd: Floats = np.sqrt((self.root**2).sum(axis=-1))
        return sd

    @cached_property
    def corr_roots(self) -> list[Floats]:
        """Cholesky factors (M, k, k) of the correlations of each block of G with k > 1 effects."""
        diagonal = np.diagonal(self.root, axis1=1, axis2=2)
        chol = self.root / (np.where(diagonal < 0.0, -1.0, 1.0) * self.sd)[:, :, None]
        roots, start = [], 0
        for size in self.problem.design.blocks:
            if size > 1:
                block = slice(start, start + size)
                roots.append(chol[:, block, block])
            start += size
        return roots

    @cached_property
    def reduction(self) -> Reduction:
        """The groups reduced at every draw: the likelihood under any normal prior of γ."""
        cross = self.problem.cross
        scaled = self.sigma[:, None, None] / cross.basis.scale
        return reduce_draws(
            cross.basis.root_internal(self.root) / scaled, self.sigma / cross.basis.scale, cross
        )

    def log_likelihood(self, priors: PriorSet) -> Floats:
        """Log p(y | θ) (M,), γ integrated out under its normal or flat priors."""
        reading = REML if priors.gamma_is_flat else NORMAL
        return self.reduction.log_density(priors.normal_gamma(self.problem.cross.basis), reading)

    def log_likelihood_given_gamma(self) -> Floats:
        """Log p(y | θ, γ) (M,), only u integrated out."""
        return self.reduction.log_density_given(self.problem.cross.basis.gamma_internal(self.gamma))

    def log_prior(self, block: str, priors: PriorSet) -> Floats:
        """Log prior density (M,) of one block: ``gamma``, ``sd``, ``corr`` or ``sigma``."""
        total = np.zeros(len(self.sigma))
        for prior, values in self.stated(block, priors):
            total += _log_density(prior, values)
        return total

    def log_ratio(self, block: str, new: PriorSet, old: PriorSet) -> Floats:
        """Log of the density of a block under new priors over that under old ones (M,).

        Entries that are equal in both are not evaluated.
        """
        total = np.zeros(len(self.sigma))
        pairs = zip(self.stated(block, new), self.stated(block, old), strict=True)
        for (prior, values), (before, _) in pairs:
            if prior != before:
                total += _log_density(prior, values) - _log_density(before, values)
        return total

    def stated(self, block: str, priors: PriorSet) -> list[tuple[Family, Floats]]:
        """Each prior of a block with the draws of what it is a prior of."""
        match block:
            case "gamma":
                values = list(self.gamma.T)
            case "sd":
                values = list(self.sd.T)
            case "corr":
                values = self.corr_roots
            case _:
                return [(priors.sigma[1], self.sigma)]
        entries = getattr(priors, block)
        return [(prior, x) for (_, prior, _), x in zip(entries, values, strict=True)]


def theta_of(fit: Fitted) -> Theta:
    """The draws of a fit, chains one after the other."""
    q = fit.root.shape[-1]
    p = fit.gamma_draws.shape[-1]
    return Theta(
        fit.problem,
        fit.root.reshape(-1, q, q),
        fit.sigma_draws.ravel(),
        fit.gamma_draws.reshape(-1, p),
    )


def _log_density(prior: Family, values: Floats) -> Floats:
    from hierbayes.estimation.prior_density import log_density, log_density_corr

    if isinstance(prior, LKJ):
        return log_density_corr(prior, values)
    return log_density(prior, values)
