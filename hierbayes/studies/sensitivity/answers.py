"""What a posterior becomes under another prior: re-weighted draws, or a new fit where they fail."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np

from hierbayes.design.problem import Problem
from hierbayes.errors import HierbayesError, PriorError, StudyError
from hierbayes.estimation.settings import SamplerSettings
from hierbayes.fit.convergence import convergence_table, objection
from hierbayes.fit.densities import Densities
from hierbayes.fit.fit import Fit
from hierbayes.fit.of_family.sampled import sample_family_posterior
from hierbayes.fit.posterior import PosteriorFit
from hierbayes.fit.sampled import sample_posterior
from hierbayes.fit.structured.posterior import sample_structured_posterior
from hierbayes.priors.prior_set import PriorSet
from hierbayes.priors.propriety import refuse_improper
from hierbayes.sources.cluster import done_by_workers, refuse_no_client
from hierbayes.studies.sensitivity.alternatives import Alternative
from hierbayes.studies.sensitivity.support import obstacle
from hierbayes.studies.sensitivity.weights import (
    K_HAT_LIMIT,
    Weights,
    even,
    gamma_changes,
    log_ratio,
    weights_for,
)

FEWEST = 100  # draws of a baseline
REWEIGHTED = "re-weighted"
REFITTED = "refitted"
UNANSWERED = "not answered"


@dataclass(frozen=True, slots=True, eq=False)
class Baseline:
    """The posterior that a study starts from.

    Parameters
    ----------
    fit : PosteriorFit
    priors : PriorSet
        In force for it.
    settings : SamplerSettings
        How it was sampled, and other posteriors will be.
    densities : Densities
        Its draws.
    r_hat : float
        The largest of its parameters but u; missing for a single chain.
    """

    fit: PosteriorFit
    priors: PriorSet
    settings: SamplerSettings
    densities: Densities
    r_hat: float

    @property
    def objection(self) -> str:
        """Why no verdict can rest on its draws; empty where one can."""
        diverging = np.asarray(self.fit.evidence.stats["diverging"])
        k_hat = self.fit.evidence.k_hat
        return objection(self.r_hat, int(diverging.sum()), diverging.size, k_hat)


def baseline_of(fit: object) -> Baseline:
    """A posterior as the baseline of a study.

    Raises
    ------
    StudyError
        When it is no posterior.
    """
    if not isinstance(fit, Fit):
        raise StudyError(
            f"a study starts from a posterior, model.sample(), not from {type(fit).__name__}"
        )
    if not isinstance(fit, PosteriorFit) or fit.priors is None:
        raise StudyError(
            f"a study starts from a posterior, model.sample(); a fit by {fit.engine} has one θ and "
            "no draws to weight"
        )
    if fit.theta.sigma.size < FEWEST:
        raise StudyError(
            f"a study needs a posterior of at least {FEWEST} draws, not {fit.theta.sigma.size}"
        )
    r_hat = float(convergence_table(fit, random_effects=False)["r_hat"].max())
    return Baseline(fit, fit.priors, fit.evidence.settings, fit.densities, r_hat)


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Answer:
    """The posterior under an alternative.

    Parameters
    ----------
    alternative : Alternative
    fit : PosteriorFit or None
        Draws: those of the baseline, or new ones; None where there is no answer.
    weights : Weights
        Of its draws, with the k-hat of the re-weighting; after a refit all equal, with
        the k-hat that called for it.
    how : str
        ``"re-weighted"``, ``"refitted"`` or ``"not answered"``.
    reason : str
        Why it is not re-weighted from the baseline, or what to beware of; empty otherwise.
    same_theta : bool
        Whether its draws of θ are the baseline's.
    """

    alternative: Alternative
    fit: PosteriorFit | None
    weights: Weights
    how: str
    reason: str
    same_theta: bool

    def __repr__(self) -> str:
        return f"<{self.alternative.name}: {self.how}>"


class Answerer:
    """Answers alternatives one after the other, and learns: what was sampled for one serves others.

    Parameters
    ----------
    baseline : Baseline
    refit : bool
        Whether to sample anew where no draws at hand can be re-weighted.
    """

    def __init__(self, baseline: Baseline, *, refit: bool) -> None:
        self.baseline = baseline
        self.refit = refit
        self._sampled: list[tuple[str, Baseline]] = []
        self._ahead: dict[Alternative, PosteriorFit | HierbayesError] = {}

    def sample_ahead(self, chosen: Sequence[Alternative], client: Any) -> None:
        """Have the workers of a cluster sample what re-weighting the baseline does not answer.

        Raises
        ------
        UsageError, EstimationError
            When the client is none, or the cluster is lost.
        """
        refuse_no_client(client)
        if not self.refit:
            return
        out = [one for one in chosen if self._is_out_of_reach(one)]
        todo = [(one.priors, self._settings(place)) for place, one in enumerate(out)]
        work = partial(_sampled_of, self.baseline.fit.problem)
        found = done_by_workers(client, work, todo, "posteriors were sampled")
        self._ahead = dict(zip(out, found, strict=True))

    def answer(self, alternative: Alternative) -> Answer:
        """The posterior under an alternative, by re-weighting where that can be trusted."""
        try:
            weights, reason = self._weighted(alternative)
        except PriorError as error:
            return _unanswered(alternative, Weights(np.zeros(0), np.nan), str(error))
        if not reason:
            fit = reprior(self.baseline, alternative.priors)
            return Answer(alternative, fit, weights, REWEIGHTED, "", same_theta=True)
        for name, other in () if alternative in self._ahead else self._sampled:
            again, obstacle_there = _weighted(other, alternative.priors)
            if not obstacle_there:
                reason = f"{reason}: re-weighted from the draws under '{name}'"
                fit = reprior(other, alternative.priors)
                return Answer(alternative, fit, again, REWEIGHTED, reason, same_theta=False)
        if not self.refit:
            return _unanswered(alternative, weights, f"{reason}; allow refit=True to sample it")
        return self._sample(alternative, weights, reason)

    def _weighted(self, alternative: Alternative) -> tuple[Weights, str]:
        refuse_improper(self.baseline.fit.problem, alternative.priors)
        return _weighted(self.baseline, alternative.priors)

    def _is_out_of_reach(self, alternative: Alternative) -> bool:
        try:
            return bool(self._weighted(alternative)[1])
        except PriorError:
            return False

    def _settings(self, place: int) -> SamplerSettings:
        """Those of the posterior that is sampled in this place."""
        seed = (self.baseline.settings.seed + 1 + place) % 2**32
        settings = replace(self.baseline.settings, seed=seed, progress=False)
        if settings.sampler == "importance":  # which may have served the baseline alone
            settings = replace(settings, sampler="auto")
        return settings

    def _sample(self, alternative: Alternative, weights: Weights, reason: str) -> Answer:
        fit = self._ahead.get(alternative)
        if fit is None:
            work = [(alternative.priors, self._settings(len(self._sampled)))]
            (fit,) = _sampled_of(self.baseline.fit.problem, work)
        if isinstance(fit, HierbayesError):
            return _unanswered(alternative, weights, f"{reason}; and {fit}")
        sampled = baseline_of(fit)
        if sampled.objection:
            reason = f"{reason}; beware, of the new draws: {sampled.objection}"
        else:
            self._sampled.append((alternative.name, sampled))
        equal = Weights(even(fit.theta.sigma.size).values, weights.k_hat)
        return Answer(alternative, fit, equal, REFITTED, reason, same_theta=False)


def _sampled_of(
    problem: Problem, todo: Sequence[tuple[PriorSet, SamplerSettings]]
) -> list[PosteriorFit | HierbayesError]:
    """The posterior under other priors and settings, or why there is none, of each."""
    found: list[PosteriorFit | HierbayesError] = []
    for priors, settings in todo:
        try:
            found.append(sample_anew(problem, priors, settings))
        except HierbayesError as error:
            found.append(error)
    return found


def sample_anew(problem: Problem, priors: PriorSet, settings: SamplerSettings) -> PosteriorFit:
    """The posterior of a problem under other priors."""
    if problem.moments is not None:
        return sample_structured_posterior(problem.unweighted, priors, settings)
    sample = sample_posterior if problem.family is None else sample_family_posterior
    return sample(problem, priors, settings)


def weights_of(baseline: Baseline, priors: PriorSet) -> Weights:
    """Weights that turn the draws of the baseline into draws under other priors."""
    return weights_for(baseline.densities, log_ratio(baseline.densities, priors, baseline.priors))


def reprior(baseline: Baseline, priors: PriorSet) -> PosteriorFit:
    """The draws of the baseline, γ drawn anew where its prior differs; still to be weighted."""
    redraws = baseline.densities.redraws_gamma(priors, baseline.priors)
    if redraws and gamma_changes(priors, baseline.priors):
        return baseline.fit.with_gamma(priors)
    return baseline.fit


def _weighted(baseline: Baseline, priors: PriorSet) -> tuple[Weights, str]:
    """Weights to other priors, and why they cannot be used; empty when they can."""
    M = len(baseline.densities.theta.sigma)
    why = obstacle(baseline.densities, priors, baseline.priors)
    if why:
        return Weights(np.zeros(M), np.nan), why
    weights = weights_of(baseline, priors)
    if weights.trusted:
        return weights, ""
    if weights.k_hat == np.inf:
        return weights, "(nearly) no draw of the baseline has any probability under it"
    if weights.k_hat > K_HAT_LIMIT:
        return weights, f"Pareto k-hat is {weights.k_hat:.2f}, above {K_HAT_LIMIT}"
    return weights, f"the {M} draws are worth only {weights.ess:.0f} when weighted"


def _unanswered(alternative: Alternative, weights: Weights, reason: str) -> Answer:
    return Answer(alternative, None, weights, UNANSWERED, reason, same_theta=True)
