"""The mode of the marginal posterior of a family's model, u integrated out approximately.

To Laplace's approximation of the likelihood the log priors of γ, of sd and correlation matrices and
of the dispersion are added: the density is one of these numbers themselves, as that of a Gaussian
model.  The priors' part of the gradient is by central differences; they are cheap.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np

from hierbayes.design.basis import Basis
from hierbayes.design.blocks import block_slices, free_entries
from hierbayes.design.design import Design
from hierbayes.design.family_rows import has_thresholds
from hierbayes.design.problem import Problem
from hierbayes.errors import PriorError
from hierbayes.estimation.latent_criterion import LatentCriterion
from hierbayes.estimation.latent_problem import curvature_of, latent_rows
from hierbayes.frames.arrays import Floats
from hierbayes.likelihood.covariance import sd_corr
from hierbayes.likelihood.laplace import LatentPoint
from hierbayes.priors.column_priors import ColumnPriors, column_priors
from hierbayes.priors.correlation_families import LKJ
from hierbayes.priors.design_normal import DesignPrior
from hierbayes.priors.families import Prior, Uniform
from hierbayes.priors.joint_kernels import icc_density
from hierbayes.priors.joint_parameters import joint_parameters, log_lkj_constant
from hierbayes.priors.prior_set import Entry, PriorSet
from hierbayes.priors.scalar_density import coefficients, scalar_density

_STEP = 1e-5  # of a central difference of the log prior


@dataclass(eq=False)
class PosteriorCriterion(LatentCriterion):
    """The log likelihood with the log prior, and its gradient, in the same coordinates.

    Parameters
    ----------
    log_prior : callable
        Of parameters in the internal basis; −∞ where there are none.
    """

    log_prior: Callable[[LatentPoint], float] = lambda point: 0.0

    def __call__(self, x: Floats) -> tuple[float, Floats]:
        """ℓ + log prior and its gradient; −∞ where there is none."""
        value, gradient = super().__call__(x)
        prior = self._prior_at(x)
        if not np.isfinite(value + prior):
            return -np.inf, np.zeros(len(x))
        total = gradient + self._prior_slope(x)
        return (value + prior, total) if np.isfinite(total).all() else (-np.inf, np.zeros(len(x)))

    @property
    def is_climbed(self) -> bool:
        """No: compiled steps know no prior."""
        return False

    def _beside(self, x: Floats, others: Floats) -> Floats | None:
        found = super()._beside(x, others)
        return None if found is None else found + np.array([self._prior_slope(o) for o in others])

    def density(self, x: Floats) -> float:
        """ℓ + log prior alone; −∞ where there is none."""
        point = self.point(x)
        found = self.value_at(point)
        return found + self.log_prior(point) if np.isfinite(found) else -np.inf

    def _prior_slope(self, x: Floats) -> Floats:
        """Central differences; 0 where the prior ends on both sides, as at no variance."""
        steps = np.diag(np.full(len(x), _STEP))
        both = [(self._prior_at(x + h), self._prior_at(x - h)) for h in steps]
        return np.array([0.0 if up == down else (up - down) / (2.0 * _STEP) for up, down in both])

    def _prior_at(self, x: Floats) -> float:
        return self.log_prior(self.point(x))


def posterior_criterion(problem: Problem, priors: PriorSet, nodes: int) -> PosteriorCriterion:
    """The criterion of a problem, u integrated out with so many nodes; 1 is Laplace's.

    Raises
    ------
    PriorError
        When a prior is made by PyMC.
    """
    rows = latent_rows(problem)
    return PosteriorCriterion(
        rows,
        free_entries(problem.design.blocks),
        curvature_of(problem, rows),
        nodes,
        log_prior=log_prior_of(problem, priors),
    )


def log_prior_of(problem: Problem, priors: PriorSet) -> LogPrior:
    """The log density of built-in priors at parameters in the internal basis.

    It is one of γ, of the sd and correlation matrices of the columns that priors are of, and of the
    dispersion; of thresholds, of the distances between them.

    Raises
    ------
    PriorError
        When a prior is made by PyMC.
    """
    if not priors.are_built_in:
        raise PriorError(
            "a distribution made by PyMC has no density here: the mode of a response that is not "
            "Gaussian takes built-in priors; sample() takes both"
        )
    design, products = problem.design, problem.working
    basis, joint = products.basis, priors.joint_gamma(products)
    columns = np.linalg.inv(priors.columns(len(design.effects)))
    slices = [at for at in block_slices(design.blocks) if at.stop - at.start > 1]
    ordered = has_thresholds(problem.family_rows.family)

    of_columns = column_priors(priors, problem)
    dispersion = priors.dispersion if of_columns is None else of_columns.priors.dispersion
    shares = [_share_density(entry, design) for entry in priors.joint]
    volume = 0.0 if of_columns is None else float(np.linalg.slogdet(of_columns.turn)[1])

    return LogPrior(
        priors, basis, joint, columns, slices, ordered, of_columns, dispersion, shares, volume
    )


@dataclass(frozen=True, slots=True, eq=False)
class LogPrior:
    """The log density of priors at parameters in the internal basis, as `log_prior_of` makes it.

    Parameters
    ----------
    priors : PriorSet
    basis : Basis
    joint : DesignPrior or None
        Of γ, where one prior is of several.
    columns : (q, q) float
        What turns effects into those of the columns that priors are of.
    slices : list of slice
        Of the effects that are correlated.
    ordered : bool
        Whether dispersion are thresholds.
    of_columns : ColumnPriors or None
        What the dispersion is in the columns that priors are of.
    dispersion : tuple of Entry
    shares : list of callable
        Densities of sds under priors of the icc.
    volume : float
        log|∂| of those columns.
    """

    priors: PriorSet
    basis: Basis
    joint: DesignPrior | None
    columns: Floats
    slices: list[slice]
    ordered: bool
    of_columns: ColumnPriors | None
    dispersion: tuple[Entry, ...]
    shares: list[Callable[[Floats, Floats], float]]
    volume: float

    def __call__(self, point: LatentPoint) -> float:
        """At a point; −∞ where there is none."""
        priors, joint, volume = self.priors, self.joint, self.volume
        gamma = self.basis.gamma(point.gamma)
        root = self.columns @ self.basis.root(point.root)
        sd, corr = sd_corr(root @ root.T)
        phi = np.diff(point.phi) if self.ordered else point.phi
        phi = phi if self.of_columns is None else self.of_columns.coordinates(phi)
        total = -volume if joint is None else float(joint.log_density(gamma[None])[0]) - volume
        total += sum(density(root, sd) for density in self.shares)
        of_sd = sd if priors.sd else sd[:0]
        for entries, values in ((priors.gamma, gamma), (priors.sd, of_sd), (self.dispersion, phi)):
            for (_, prior, _), value in zip(entries, values, strict=True):
                total += scalar_log_density(prior, float(value))
        for (_, prior, _), at in zip(priors.corr, self.slices, strict=True):
            total += _log_lkj(prior, corr[at, at])
        return total


def _share_density(entry: Entry, design: Design) -> Callable[[Floats, Floats], float]:
    """The log density of the sds (q,) given correlations under a prior of the icc.

    Of any root (q, q) of G; −∞ where G is singular.
    """
    given = {
        name.partition("_")[2]: value for name, value in joint_parameters(entry, design).items()
    }
    named = [given[name].ravel() for name in ("alpha", "beta", "known", "second_moments")]
    return partial(_log_share, np.concatenate(named), float(given["log_constant"]))


def _log_share(data: Floats, constant: float, root: Floats, sd: Floats) -> float:
    if not sd.min() > 0.0:
        return -np.inf
    try:
        lower = np.linalg.cholesky(root @ root.T)
    except np.linalg.LinAlgError:
        return -np.inf
    slopes = np.zeros(root.shape), np.zeros(1 + len(sd))
    value = icc_density.py_func(data, 0, lower, np.concatenate([[1.0], sd]), *slopes)
    return float(value + constant)


def scalar_log_density(prior: Prior, value: float) -> float:
    """Log density of a built-in prior of one number; −∞ outside its range."""
    if isinstance(prior, Uniform) and not prior.lower <= value <= prior.upper:
        return -np.inf
    try:
        return float(scalar_density.py_func(value, coefficients(prior), 0)[0])
    except (ValueError, ZeroDivisionError):  # log 0 and 1/0
        return -np.inf


def _log_lkj(prior: Prior, corr: Floats) -> float:
    assert isinstance(prior, LKJ)
    constant = log_lkj_constant(prior.eta, len(corr))
    if prior.eta == 1.0:
        return constant
    # Where a standard deviation is 0 its correlations are none, and the likeliest are 0.
    sign, log_det = np.linalg.slogdet(np.where(np.isfinite(corr), corr, np.eye(len(corr))))
    if not sign > 0.0:
        return -np.inf if prior.eta > 1.0 else np.inf
    return float(constant + (prior.eta - 1.0) * log_det)
