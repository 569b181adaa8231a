"""What fits a model: one verb for each way, whatever the response is."""

from __future__ import annotations

from typing import Protocol

from hierbayes.design.family_rows import gaussian_only
from hierbayes.design.problem import Problem
from hierbayes.errors import EstimationError, FormulaError
from hierbayes.estimation.settings import FAMILY_ACCEPT, SamplerSettings
from hierbayes.fit.maximised import maximum_likelihood, posterior_mode
from hierbayes.fit.of_family.maximised import family_mode, maximise_family
from hierbayes.fit.of_family.sampled import sample_family_posterior
from hierbayes.fit.point import PointFit
from hierbayes.fit.posterior import PosteriorFit
from hierbayes.fit.sampled import sample_posterior
from hierbayes.fit.structured.maximised import structured_posterior_mode
from hierbayes.fit.structured.posterior import sample_structured_posterior
from hierbayes.likelihood.reading import ML, REML
from hierbayes.priors.prior_set import PriorSet
from hierbayes.value import value


class Engine(Protocol):
    """The ways to fit a problem."""

    @property
    def target_accept(self) -> float:
        """The acceptance rate that NUTS is to have where none is stated."""

    def reml(self) -> PointFit:
        """Restricted maximum likelihood."""

    def ml(self, nodes: int) -> PointFit:
        """Maximum likelihood."""

    def map(self, priors: PriorSet) -> PointFit:
        """The mode of the marginal posterior."""

    def sample(self, priors: PriorSet, settings: SamplerSettings) -> PosteriorFit:
        """The posterior."""


@value()
class GaussianEngine:
    """A Gaussian response: γ and u are integrated out exactly."""

    problem: Problem

    @property
    def target_accept(self) -> float:
        """As in `Engine`."""
        return 0.95

    def reml(self) -> PointFit:
        """As in `Engine`."""
        return maximum_likelihood(self.problem, REML)

    def ml(self, nodes: int) -> PointFit:
        """As in `Engine`; the likelihood is exact."""
        if nodes != 1:
            raise EstimationError(
                "the likelihood of a Gaussian response is exact and needs no nodes; leave them out"
            )
        return maximum_likelihood(self.problem, ML)

    def map(self, priors: PriorSet) -> PointFit:
        """As in `Engine`."""
        return posterior_mode(self.problem.holding_sigma, priors)

    def sample(self, priors: PriorSet, settings: SamplerSettings) -> PosteriorFit:
        """As in `Engine`."""
        return sample_posterior(self.problem.holding_sigma, priors, settings)


@value()
class FamilyEngine:
    """Another family: u is integrated out approximately, or sampled."""

    problem: Problem

    @property
    def target_accept(self) -> float:
        """As in `Engine`."""
        return FAMILY_ACCEPT

    def reml(self) -> PointFit:
        """Refused: REML is of a Gaussian response."""
        raise FormulaError(
            f"{gaussian_only(self.problem.family_rows.family, 'REML')}; use "
            "ml(), with nodes= for quadrature, or sample()"
        )

    def ml(self, nodes: int) -> PointFit:
        """As in `Engine`."""
        return maximise_family(self.problem, nodes)

    def map(self, priors: PriorSet) -> PointFit:
        """As in `Engine`; of Laplace's approximation."""
        return family_mode(self.problem, priors)

    def sample(self, priors: PriorSet, settings: SamplerSettings) -> PosteriorFit:
        """As in `Engine`."""
        return sample_family_posterior(self.problem, priors, settings)


@value()
class StructuredEngine(GaussianEngine):
    """A Gaussian response whose errors have a structure."""

    @property
    def target_accept(self) -> float:
        """As in `Engine`: coordinates are nearly normal and independent."""
        return 0.8

    def map(self, priors: PriorSet) -> PointFit:
        """As in `Engine`, with the parameters of the errors."""
        return structured_posterior_mode(self.problem, priors)

    def sample(self, priors: PriorSet, settings: SamplerSettings) -> PosteriorFit:
        """As in `Engine`, with the parameters of the errors."""
        return sample_structured_posterior(self.problem, priors, settings)


def engine_of(problem: Problem) -> Engine:
    """What fits this problem."""
    if problem.moments is not None:
        return StructuredEngine(problem)
    return GaussianEngine(problem) if problem.family is None else FamilyEngine(problem)
