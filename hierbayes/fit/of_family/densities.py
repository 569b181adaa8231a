"""Log densities at draws of the posterior of a family's model."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from hierbayes.design.family_rows import has_thresholds
from hierbayes.errors import StudyError
from hierbayes.estimation.family_marginals import FamilyPoints
from hierbayes.fit.densities import (
    TOGETHER,
    Densities,
    dispersion_blocks,
    log_density_of,
)
from hierbayes.frames.arrays import Floats
from hierbayes.priors.column_priors import column_priors
from hierbayes.priors.families import DesignNormal
from hierbayes.priors.prior_set import THRESHOLDS, PriorSet


@dataclass(frozen=True, eq=False)
class FamilyDensities(Densities):
    """Log densities at M draws of γ, G and the dispersion of a family.

    γ is drawn, not integrated out: whatever its prior is, draws are weighted by densities of γ.

    Parameters
    ----------
    phi : (M, d) float
        Dispersion as η is computed.
    us : tuple of (M, J_k, q_k) float
    """

    phi: Floats
    us: tuple[Floats, ...]

    @cached_property
    def dispersion(self) -> Floats:
        """Draws (M, d) of the dispersion; of thresholds their distances."""
        family = self.problem.family_rows.family
        return np.diff(self.phi, axis=1) if has_thresholds(family) else self.phi

    @property
    def positive(self) -> tuple[str, ...]:
        """As in `Densities`."""
        family = self.problem.family_rows.family
        kinds = zip(family.dispersion, family.dispersion_kinds, strict=True)
        return ("sd", THRESHOLDS, *(name for name, kind in kinds if kind == "positive"))

    def redraws_gamma(self, new: PriorSet, old: PriorSet) -> bool:
        """False: γ is drawn with the rest."""
        return False

    @cached_property
    def points(self) -> FamilyPoints:
        """The draws for the likelihood."""
        return FamilyPoints(self.problem, self.theta, self.gamma, self.phi, self.us)

    @cached_property
    def by_group(self) -> Floats:
        """Log p(y_j | θ, γ, φ) of each group (M, J) of the only factor."""
        return self.points.by_level(0)

    def log_likelihood_given_gamma(self) -> Floats:
        """Log p(y | θ, γ, φ) (M,), u integrated out approximately.

        Raises
        ------
        StudyError
            When it has no approximation at some draws.
        """
        several = len(self.problem.design.factors) > 1
        found = self.points.log_likelihoods() if several else self.by_group.sum(axis=1)
        missing = int((~np.isfinite(found)).sum())
        if missing:
            raise StudyError(
                f"the likelihood with u integrated out has no approximation at {missing} of "
                f"{len(found)} draws, so that it cannot be raised to a power"
            )
        return found

    def log_prior(self, block: str, priors: PriorSet) -> Floats:
        """As in `Densities`; of coefficients that have one prior together as well."""
        if block != TOGETHER:
            return super().log_prior(block, priors)
        found = column_priors(priors, self.problem)
        total = np.zeros(len(self.phi))
        if found is None:
            return total
        k = len(found.turn)
        stated, own = priors.dispersion[-k:], found.priors.dispersion[-k:]
        coordinates = np.linalg.solve(found.turn, self.phi[:, -k:].T)
        for (_, before, _), (_, prior, _), values in zip(stated, own, coordinates, strict=True):
            if isinstance(before, DesignNormal):
                total += log_density_of(prior, values)
        return total - float(np.linalg.slogdet(found.turn)[1])

    def log_ratio_of_dispersion(self, new: PriorSet, old: PriorSet) -> Floats:
        """As in `Densities`."""
        if TOGETHER not in (*dispersion_blocks(new), *dispersion_blocks(old)):
            return super().log_ratio_of_dispersion(new, old)
        total = np.zeros(len(self.phi))
        for priors, sign in ((new, 1.0), (old, -1.0)):
            for block in dispersion_blocks(priors):
                total += sign * self.log_prior(block, priors)
        return total
