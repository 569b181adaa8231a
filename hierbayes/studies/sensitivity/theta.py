"""Draws of θ as priors see them, and log densities of priors and of the likelihood at them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from hierbayes.design.blocks import block_slices
from hierbayes.design.problem import Problem
from hierbayes.fit.fitted import Fitted
from hierbayes.frames.arrays import Floats
from hierbayes.likelihood.reading import NORMAL, REML
from hierbayes.likelihood.reduction import Reduction, reduce_draws
from hierbayes.priors.families import LKJ, Prior
from hierbayes.priors.joint_parameters import log_lkj_constant
from hierbayes.priors.prior_set import PriorSet


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
        blocks = [chol[:, at, at] for at in block_slices(self.problem.design.blocks)]
        return [root for root in blocks if root.shape[-1] > 1]

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
        """Log prior density (M,) of one block.

        Of ``corr`` per Cholesky factor, as PyMC counts it, and of ``G`` accordingly; of
        ``icc`` that of the sds given the correlations and σ.
        """
        from hierbayes.priors.density import log_density_joint

        total = np.zeros(len(self.sigma))
        for entry in priors.joint:
            if entry[0] == block:
                total += log_density_joint(entry, self.problem.design, self.root, self.sigma)
                if block == "G":
                    for chol in self.corr_roots:
                        total += uniform_corr(chol)
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

    def log_ratio_of_variances(self, new: PriorSet, old: PriorSet) -> Floats:
        """Log of the prior density of (G, σ) under new priors over that under old ones (M,)."""
        if joint_of(new) == joint_of(old):
            return np.asarray(sum(self.log_ratio(b, new, old) for b in ("sd", "corr", "sigma")))
        blocks = ("sd", "corr", "G", "icc")
        change = sum(self.log_prior(b, new) - self.log_prior(b, old) for b in blocks)
        return np.asarray(change + self.log_ratio("sigma", new, old))

    def stated(self, block: str, priors: PriorSet) -> list[tuple[Prior, Floats]]:
        """Each prior of a block with the draws of what it is a prior of; none for joint blocks."""
        design = self.problem.design
        match block:
            case "gamma":
                columns = dict(zip(design.terms, self.gamma.T, strict=True))
                return [(prior, columns[name]) for name, prior, _ in priors.gamma]
            case "sd":
                columns = dict(zip(design.effects, self.sd.T, strict=True))
                return [(prior, columns[name]) for name, prior, _ in priors.sd]
            case "corr" if priors.corr:
                pairs = zip(priors.corr, self.corr_roots, strict=True)
                return [(prior, roots) for (_, prior, _), roots in pairs]
            case "sigma":
                return [(priors.sigma[1], self.sigma)]
        return []


def joint_of(priors: PriorSet) -> list[tuple[str, Prior]]:
    """The joint priors of a set, whatever their source."""
    return [(block, prior) for block, prior, _ in priors.joint]


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


def uniform_corr(chol: Floats) -> Floats:
    """What PyMC counts a uniform correlation matrix as, per Cholesky factor (M,), without constant.

    A density of the correlation matrix itself becomes one per factor by this volume.
    """
    from hierbayes.priors.density import log_density_corr

    return log_density_corr(LKJ(1), chol) - log_lkj_constant(1.0, chol.shape[-1])


def _log_density(prior: Prior, values: Floats) -> Floats:
    from hierbayes.priors.density import log_density, log_density_corr

    if isinstance(prior, LKJ):
        return log_density_corr(prior, values)
    return log_density(prior, values)
