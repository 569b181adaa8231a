"""Log densities of priors and of the likelihood at draws of θ and γ."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from hierbayes.design.blocks import block_slices
from hierbayes.design.problem import Problem
from hierbayes.frames.arrays import Floats
from hierbayes.likelihood.covariance import lower_root
from hierbayes.likelihood.of_products import likelihood_of
from hierbayes.likelihood.reading import NORMAL, REML
from hierbayes.likelihood.reduction import Reduction
from hierbayes.likelihood.theta import Theta
from hierbayes.priors.correlation_families import LKJ
from hierbayes.priors.families import DesignNormal, Prior
from hierbayes.priors.joint_parameters import log_lkj_constant
from hierbayes.priors.prior_set import PriorSet
from hierbayes.specification.effect_name import EffectName

TOGETHER = "coefficients"  # the block of those of columns beside η that have one prior together


@dataclass(frozen=True, slots=True, eq=False)
class Scales:
    """Standard deviations and correlations at M draws.

    Parameters
    ----------
    sd : (M, q) float
    corr_roots : list of (M, k, k) float
        Cholesky factors of the correlations of each block of G with k > 1 effects.
    log_volume : (M,) float
        Log of the volume by which a density of (sd, corr), the latter per Cholesky factor,
        becomes one of G, but for a constant.
    """

    sd: Floats
    corr_roots: list[Floats]
    log_volume: Floats


def scales_of(root: Floats, blocks: tuple[int, ...]) -> Scales:
    """Of lower roots of G (M, q, q)."""
    diagonal = np.diagonal(root, axis1=1, axis2=2)
    sd = np.sqrt((root**2).sum(axis=2))
    chol = root / (np.where(diagonal < 0.0, -1.0, 1.0) * sd)[:, :, None]
    found = [chol[:, at, at] for at in block_slices(blocks)]
    roots = [one for one in found if one.shape[-1] > 1]
    volume = np.zeros(len(root))
    for at in block_slices(blocks):
        width = at.stop - at.start
        volume -= width * np.log(np.maximum(sd[:, at], 1e-300)).sum(axis=1)
    for one in roots:
        volume -= uniform_corr(one)
    return Scales(sd, roots, volume)


@dataclass(frozen=True, eq=False)
class Densities:
    """Log densities at M draws of the parameters that have priors.

    Parameters
    ----------
    problem : Problem
    theta : Theta
        With one leading axis, and lower roots of G.
    gamma : (M, p) float
    """

    problem: Problem
    theta: Theta
    gamma: Floats

    def scales(self, priors: PriorSet) -> Scales:
        """Sds and correlations as the priors of a set are of them."""
        key = priors.centring
        if key not in self._scales:
            root, blocks = self.theta.root, self.problem.design.blocks
            if key:
                root = np.linalg.solve(priors.columns(root.shape[-1]), root)
            self._scales[key] = scales_of(lower_root(root) if key else root, blocks)
        return self._scales[key]

    @cached_property
    def _scales(self) -> dict[tuple[tuple[float, ...], ...], Scales]:
        return {}

    @property
    def dispersion(self) -> Floats:
        """Draws (M, d) of what has priors beside γ and G: σ."""
        return self.theta.sigma[:, None]

    @property
    def scalars(self) -> Floats:
        """Draws (M, k) of every standard deviation, and of the dispersion."""
        return np.concatenate([self.theta.sd, self.dispersion], axis=1)

    @property
    def positive(self) -> tuple[str, ...]:
        """Blocks of priors whose parameters are above 0."""
        return ("sd", "sigma")

    def limits(self, block: str, name: str | EffectName) -> tuple[float, float]:
        """Between which numbers a parameter lies, whatever its prior."""
        return (0.0 if block in self.positive else -np.inf), np.inf

    def redraws_gamma(self, new: PriorSet, old: PriorSet) -> bool:
        """Whether γ given θ is exactly Gaussian under both sets of priors."""
        return new.collapses_gamma and old.collapses_gamma

    @cached_property
    def reduction(self) -> Reduction:
        """The groups reduced at every draw: the likelihood under any normal prior of γ."""
        return likelihood_of(self.problem.products).reduce(self.theta)

    def log_likelihood(self, priors: PriorSet) -> Floats:
        """Log p(y | θ) (M,), γ integrated out under its normal or flat priors."""
        reading = REML if priors.gamma_is_flat else NORMAL
        return self.reduction.log_density(priors.normal_gamma(self.problem.products), reading)

    def log_likelihood_given_gamma(self) -> Floats:
        """Log p(y | θ, γ) (M,), only u integrated out."""
        return self.reduction.log_density_given(
            self.problem.products.basis.gamma_internal(self.gamma)
        )

    def log_prior(self, block: str, priors: PriorSet) -> Floats:
        """Log prior density (M,) of one block.

        Of ``corr`` per Cholesky factor, as PyMC counts it, and of ``G`` accordingly; of
        ``icc`` that of the sds given the correlations and σ.
        """
        from hierbayes.priors.density import log_density_joint

        total = np.zeros(len(self.theta.sigma))
        for entry in priors.joint:
            if entry[0] == block:
                theta = self.theta
                total += log_density_joint(entry, self.problem.design, theta.root, theta.sigma)
                if block == "G":
                    for chol in self._roots_under_matrices(priors):
                        total += uniform_corr(chol)
        for prior, values in self.stated(block, priors):
            if not isinstance(prior, DesignNormal):
                total += log_density_of(prior, values)
        joint = priors.joint_gamma(self.problem.working) if block == "gamma" else None
        return total if joint is None else total + joint.log_density(self.gamma)

    def _roots_under_matrices(self, priors: PriorSet) -> list[Floats]:
        """Roots of the correlations whose block of G has a prior of its own."""
        roots = self.scales(priors).corr_roots
        if not priors.corr:
            return roots
        pairs = zip(priors.corr, roots, strict=True)
        return [root for (_, prior, _), root in pairs if prior.is_elsewhere]

    def log_priors(self, priors: PriorSet) -> dict[str, Floats]:
        """Log prior density (M,) by block.

        A prior of R² has none, for it comes with latent shares; its block is left out.
        """
        joint = [block for block, prior, _ in priors.joint if prior.has_density]
        blocks = [b for b in ("gamma", "sd", "corr") if getattr(priors, b)]
        blocks += [*dispersion_blocks(priors), *joint]
        return {block: self.log_prior(block, priors) for block in blocks}

    def log_ratio(self, block: str, new: PriorSet, old: PriorSet) -> Floats:
        """Log of the density of a block under new priors over that under old ones (M,).

        Entries that are equal in both are not evaluated.
        """
        total = np.zeros(len(self.theta.sigma))
        if block == "gamma" and _share_a_prior(new, old):
            return self.log_prior(block, new) - self.log_prior(block, old)
        pairs = zip(self.stated(block, new), self.stated(block, old), strict=True)
        for (prior, values), (before, _) in pairs:
            if prior != before:
                total += log_density_of(prior, values) - log_density_of(before, values)
        return total

    def log_ratio_of_variances(self, new: PriorSet, old: PriorSet) -> Floats:
        """Log ratio (M,) of the densities of G and dispersion, new priors over old ones."""
        change = self.log_ratio_of_dispersion(new, old)
        if joint_of(new) == joint_of(old) and new.centring == old.centring:
            return change + sum(self.log_ratio(b, new, old) for b in ("sd", "corr"))
        for b in ("sd", "corr", "G", "icc"):
            change = change + self.log_prior(b, new) - self.log_prior(b, old)
        if new.centring != old.centring:
            change = change + self.scales(new).log_volume - self.scales(old).log_volume
        return np.asarray(change)

    def log_ratio_of_dispersion(self, new: PriorSet, old: PriorSet) -> Floats:
        """The same of what has priors beside γ and G."""
        return np.asarray(sum(self.log_ratio(b, new, old) for b in dispersion_blocks(old)))

    def stated(self, block: str, priors: PriorSet) -> list[tuple[Prior, Floats]]:
        """Each prior of a block with the draws of what it is a prior of; none for joint blocks."""
        design = self.problem.design
        match block:
            case "gamma":
                columns = dict(zip(design.terms, self.gamma.T, strict=True))
                return [(prior, columns[name]) for name, prior, _ in priors.gamma]
            case "sd":
                of_effect = dict(zip(design.effect_names, self.scales(priors).sd.T, strict=True))
                return [(prior, of_effect[name]) for name, prior, _ in priors.sd]
            case "corr" if priors.corr:
                pairs = zip(priors.corr, self.scales(priors).corr_roots, strict=True)
                return [(prior, roots) for (_, prior, _), roots in pairs]
        drawn = zip(priors.dispersion, self.dispersion.T, strict=True)
        return [(prior, values) for (name, prior, _), values in drawn
                if priors.block_of(name) == block]  # fmt: skip


def dispersion_blocks(priors: PriorSet) -> tuple[str, ...]:
    """The blocks of priors of σ, or of the dispersion of another family; none of a σ that is known.

    Coefficients of columns that have one prior together are one block.
    """
    if priors.holds_sigma:
        return ()
    return tuple(dict.fromkeys(
        TOGETHER if isinstance(prior, DesignNormal) else priors.block_of(name)
        for name, prior, _ in priors.dispersion
    ))  # fmt: skip


def _share_a_prior(*sets: PriorSet) -> bool:
    """Whether under any of these sets terms of γ have one prior together."""
    return any(isinstance(one, DesignNormal) for each in sets for _, one, _ in each.gamma)


def joint_of(priors: PriorSet) -> list[tuple[str, Prior]]:
    """The joint priors of a set, whatever their source."""
    return [(block, prior) for block, prior, _ in priors.joint]


def uniform_corr(chol: Floats) -> Floats:
    """What PyMC counts a uniform correlation matrix as, per Cholesky factor (M,), without constant.

    A density of the correlation matrix itself becomes one per factor by this volume.
    """
    from hierbayes.priors.density import log_density_corr

    return log_density_corr(LKJ(1), chol) - log_lkj_constant(1.0, chol.shape[-1])


def log_density_of(prior: Prior, values: Floats) -> Floats:
    """Log density (M,) of a prior of one parameter, or of LKJ at Cholesky factors."""
    from hierbayes.priors.density import log_density, log_density_corr

    if prior.is_elsewhere:
        return np.zeros(len(values))
    if isinstance(prior, LKJ):
        return log_density_corr(prior, values)
    return log_density(prior, values)
