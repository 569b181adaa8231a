"""Log densities at draws of a posterior whose errors have a structure, each draw with its own R."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from hierbayes.fit.densities import Densities
from hierbayes.fit.structured.each_errors import likelihoods_of
from hierbayes.frames.arrays import Floats
from hierbayes.likelihood.reduction import Reduction
from hierbayes.priors.error_density import error_density
from hierbayes.priors.families import Prior
from hierbayes.priors.prior_set import PriorSet
from hierbayes.specification.effect_name import EffectName

ERRORS = "residual"


@dataclass(frozen=True, eq=False)
class StructuredDensities(Densities):
    """Log densities at M draws of θ, γ and the parameters of the errors.

    Its problem is that of the rows as they are, of whose columns priors of γ are.

    Parameters
    ----------
    z : (M, k) float
        Coordinates of the residual structure.
    """

    z: Floats

    @cached_property
    def error_values(self) -> Floats:
        """The parameters of the errors (M, k)."""
        assert self.problem.moments is not None
        return np.array([self.problem.moments.rows.natural(z) for z in self.z])

    @property
    def scalars(self) -> Floats:
        """As in `Densities`, and the parameters of the errors."""
        return np.concatenate([super().scalars, self.error_values], axis=1)

    def limits(self, block: str, name: str | EffectName) -> tuple[float, float]:
        """As in `Densities`; of a parameter of the errors its own."""
        if block != ERRORS:
            return super().limits(block, name)
        assert self.problem.moments is not None
        of = [one for one in self.problem.moments.rows.parameters
              if name in (one.name, one.together)]  # fmt: skip
        return of[0].support

    @cached_property
    def reduction(self) -> Reduction:
        """The groups reduced at every draw, their rows weighted by its own R⁻¹."""
        products = self.problem.products
        M, d = len(self.z), len(products.basis.origin) + 1
        log_det, S, sigmas = np.empty(M), np.empty((M, d, d)), np.empty(M)
        for at, likelihood in likelihoods_of(self.problem, self.z):
            found = likelihood.reduce(self.theta.at(at))
            log_det[at], S[at], sigmas[at] = found.log_det, found.S, found.sigmas
        return Reduction(log_det, S, sigmas, products)

    @cached_property
    def half_log_det(self) -> Floats:
        """½ log|R| (M,) of each draw."""
        moments = self.problem.moments
        assert moments is not None
        return np.array([moments.half_log_det(z) for z in self.z])

    def log_likelihood(self, priors: PriorSet) -> Floats:
        """Log p(y | θ, errors) (M,), γ integrated out under its normal or flat priors."""
        return super().log_likelihood(priors) - self.half_log_det

    def log_likelihood_given_gamma(self) -> Floats:
        """Log p(y | θ, errors, γ) (M,), only u integrated out."""
        return super().log_likelihood_given_gamma() - self.half_log_det

    def log_prior(self, block: str, priors: PriorSet) -> Floats:
        """As in `Densities`; of the errors that of their parameters, not of coordinates."""
        if block != ERRORS:
            return super().log_prior(block, priors)
        assert self.problem.moments is not None
        density = error_density(self.problem.moments.rows, priors)
        return np.array([density.of_parameters(z) for z in self.z])

    def log_priors(self, priors: PriorSet) -> dict[str, Floats]:
        """As in `Densities`, and of the errors where they have parameters."""
        found = super().log_priors(priors)
        return found | ({ERRORS: self.log_prior(ERRORS, priors)} if priors.residual else {})

    def log_ratio_of_dispersion(self, new: PriorSet, old: PriorSet) -> Floats:
        """As in `Densities`, of σ and of the parameters of the errors."""
        total = super().log_ratio_of_dispersion(new, old)
        if _error_priors(new) == _error_priors(old):
            return total
        assert self.problem.moments is not None
        after, before = (error_density(self.problem.moments.rows, one) for one in (new, old))
        change = [after.of_coordinates(z) - before.of_coordinates(z) for z in self.z]
        return total + np.asarray(change, dtype=np.float64)

    def stated(self, block: str, priors: PriorSet) -> list[tuple[Prior, Floats]]:
        """As in `Densities`; of the errors those that have a prior each."""
        if block != ERRORS:
            return super().stated(block, priors)
        assert self.problem.moments is not None
        own = dict(_error_priors(priors))
        parameters = self.problem.moments.rows.parameters
        return [
            (own[one.name], values)
            for one, values in zip(parameters, self.error_values.T, strict=True)
            if not one.together
        ]


def _error_priors(priors: PriorSet) -> list[tuple[str, Prior]]:
    return [(name, prior) for name, prior, _ in priors.residual]
