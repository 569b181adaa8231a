"""What a posterior becomes under another prior: re-weighted draws, or a new fit where they fail."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from hierbayes.errors import HierbayesError, PriorError, StudyError
from hierbayes.estimation.prior_set import PriorSet
from hierbayes.estimation.propriety import refuse_improper
from hierbayes.estimation.settings import SamplerSettings
from hierbayes.fit.convergence import R_HAT_LIMIT, convergence_table
from hierbayes.fit.evidence import Sampling
from hierbayes.fit.fit import Fit
from hierbayes.fit.sampled import sample_posterior, with_gamma
from hierbayes.studies.alternatives import Alternative
from hierbayes.studies.theta import Theta, theta_of
from hierbayes.studies.weights import (
    Weights,
    even,
    gamma_changes,
    log_ratio,
    pareto_smoothed,
    redraws_gamma,
)

K_HAT_LIMIT = 0.7
ESS_LIMIT = 200.0  # draws that re-weighting must be worth
REWEIGHTED = "re-weighted"
REFITTED = "refitted"
UNANSWERED = "not answered"


@dataclass(frozen=True, slots=True, eq=False)
class Baseline:
    """The posterior that a study starts from.

    Parameters
    ----------
    fit : Fit
    priors : PriorSet
        In force for it.
    settings : SamplerSettings
        How it was sampled, and other posteriors will be.
    theta : Theta
        Its draws.
    """

    fit: Fit
    priors: PriorSet
    settings: SamplerSettings
    theta: Theta


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
    if not isinstance(fit.evidence, Sampling) or fit.priors is None:
        raise StudyError(
            f"a study starts from a posterior, model.sample(); a {fit.engine} fit has one θ and "
            "no draws to weight"
        )
    return Baseline(fit, fit.priors, fit.evidence.settings, theta_of(fit))


@dataclass(frozen=True, slots=True, eq=False)
class Answer:
    """The posterior under an alternative.

    Parameters
    ----------
    alternative : Alternative
    fit : Fit or None
        Draws: those of the baseline, or new ones; None where there is no answer.
    weights : Weights
        Of its draws.
    k_hat, ess : float
        How well the baseline's draws serve for it, whether or not they were used.
    how : str
        ``"re-weighted"``, ``"refitted"`` or ``"not answered"``.
    reason : str
        Why it is not re-weighted, or what to beware of; empty otherwise.
    """

    alternative: Alternative
    fit: Fit | None
    weights: Weights
    k_hat: float
    ess: float
    how: str
    reason: str


def answer(baseline: Baseline, alternative: Alternative, seed: int, *, refit: bool) -> Answer:
    """The posterior under an alternative, by re-weighting where that can be trusted.

    Parameters
    ----------
    baseline : Baseline
    alternative : Alternative
    seed : int
        Of a new fit.
    refit : bool
        Whether to sample anew where re-weighting cannot be trusted.
    """
    try:
        refuse_improper(baseline.fit.problem, alternative.priors)
        weights = weights_of(baseline, alternative.priors)
    except PriorError as error:
        return _unanswered(alternative, even(0), str(error))
    if weights.k_hat <= K_HAT_LIMIT and weights.ess >= ESS_LIMIT:
        fit = reprior(baseline, alternative.priors)
        return Answer(alternative, fit, weights, weights.k_hat, weights.ess, REWEIGHTED, "")
    reason = _why_not(weights)
    if not refit:
        return _unanswered(alternative, weights, f"{reason}; allow refit=True to sample it")
    return _refitted(baseline, alternative, seed, weights, reason)


def weights_of(baseline: Baseline, priors: PriorSet) -> Weights:
    """Weights that turn the draws of the baseline into draws under other priors."""
    return pareto_smoothed(log_ratio(baseline.theta, priors, baseline.priors))


def reprior(baseline: Baseline, priors: PriorSet) -> Fit:
    """The draws of the baseline, γ drawn anew where its prior differs; still to be weighted."""
    if gamma_changes(priors, baseline.priors) and redraws_gamma(priors, baseline.priors):
        return with_gamma(baseline.fit, priors)
    return baseline.fit


def _why_not(weights: Weights) -> str:
    if weights.k_hat == np.inf:
        return "(nearly) no draw of the baseline has any probability under it"
    if weights.k_hat > K_HAT_LIMIT:
        return f"Pareto k-hat is {weights.k_hat:.2f}, above {K_HAT_LIMIT}"
    return f"re-weighted draws are worth only {weights.ess:.0f} of {len(weights.values)}"


def _refitted(
    baseline: Baseline, alternative: Alternative, seed: int, weights: Weights, reason: str
) -> Answer:
    settings = replace(baseline.settings, seed=seed, progress=False)
    try:
        fit = sample_posterior(baseline.fit.problem, alternative.priors, settings)
    except HierbayesError as error:
        return _unanswered(alternative, weights, f"{reason}; and {error}")
    worst = float(convergence_table(fit, random_effects=False)["r_hat"].max())
    if worst > R_HAT_LIMIT:
        reason = f"{reason}; beware, the new chains disagree (R-hat {worst:.2f})"
    return Answer(
        alternative, fit, even(fit.sigma_draws.size), weights.k_hat, weights.ess, REFITTED, reason
    )


def _unanswered(alternative: Alternative, weights: Weights, reason: str) -> Answer:
    return Answer(alternative, None, weights, weights.k_hat, weights.ess, UNANSWERED, reason)
