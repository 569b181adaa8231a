"""A fit with one θ: REML, ML, or the mode of the marginal posterior."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Self

import numpy as np
import pandas as pd
from scipy.special import ndtri

from hierbayes.design.problem import Problem
from hierbayes.display.interval import Interval
from hierbayes.errors import EstimationError
from hierbayes.fit.brief import maximum_text
from hierbayes.fit.contextual.effects import Asked, ContextualEffects, effects_given_theta
from hierbayes.fit.degrees_of_freedom.source import usual_or_stated
from hierbayes.fit.diagnosis import Diagnosis, diagnose_maximum
from hierbayes.fit.evidence import Maximum
from hierbayes.fit.fit import Fit
from hierbayes.fit.intervals import approximate_intervals
from hierbayes.fit.predictions.effect_errors import EffectErrors, GaussianErrors
from hierbayes.fit.predictions.gaussian_draws import draws_given_theta
from hierbayes.fit.predictions.kinds import refuse_unknown_uncertainty
from hierbayes.fit.predictions.limits import (
    Limits,
    LimitsRequest,
    NormalPredictors,
    limits_of_draws,
    limits_of_normal,
)
from hierbayes.fit.predictions.parameter_draws import ParameterDraws
from hierbayes.fit.predictions.prediction_rows import PredictionRows
from hierbayes.fit.predictions.predictor_moments import predictor_variance
from hierbayes.fit.predictions.response_law import ResponseLaw
from hierbayes.fit.prior_conflict import prior_conflicts
from hierbayes.fit.resampling.theta_draws import bootstrapped_theta
from hierbayes.fit.saving.own_parts import OwnParts
from hierbayes.fit.summary import Summary, summarise_maximum
from hierbayes.fit.variance import undetermined
from hierbayes.frames.arrays import Booleans, Floats, Integers
from hierbayes.likelihood.conditional import ConditionalMoments
from hierbayes.likelihood.of_products import AnyLikelihood, AnyState, likelihood_of
from hierbayes.likelihood.reading import NORMAL, Reading
from hierbayes.likelihood.theta import Theta
from hierbayes.specification.counts import refuse_bad_count

_DRAWS, _DRAWS_WITH_THETA, _REFITS = 1000, 2000, 400


@dataclass(frozen=True, eq=False, repr=False)
class PointFit(Fit):
    """A maximum as a fit: γ and u are their means given θ̂, covariances are given θ̂.

    Made by `Model.reml`, `Model.ml` and `Model.map`.

    Parameters
    ----------
    evidence : Maximum
        Of the (restricted) likelihood, or of the marginal posterior density.
    """

    evidence: Maximum

    # ---------------------------------------------------------------- what it is

    @property
    def engine(self) -> str:
        """``"REML"``, ``"ML"`` or ``"MAP"``."""
        return self.evidence.name

    @property
    def sampled(self) -> bool:
        """No: it has one θ̂."""
        return False

    @property
    def singular(self) -> bool:
        """Whether Ĝ is singular."""
        return self.evidence.singular

    @property
    def reading(self) -> Reading | None:
        """The likelihood that was maximised, ``REML`` or ``ML``; None for MAP."""
        return self.evidence.reading

    @property
    def maximum(self) -> Maximum:
        """The maximum of the likelihood.

        Raises
        ------
        EstimationError
            For MAP, which maximises a density.
        """
        return self.evidence if self.reading is not None else super().maximum

    @property
    def what(self) -> str:
        """``"REML estimates"`` and so on."""
        return f"{self.engine} estimates"

    @property
    def prediction(self) -> str:
        """``"BLUP"``."""
        return "BLUP"

    @property
    def draws_text(self) -> str:
        """Nothing."""
        return ""

    def _found(self) -> str:
        return maximum_text(self.evidence)

    # ---------------------------------------------------------------- θ̂, γ and u given θ̂

    @cached_property
    def any_state(self) -> AnyState:
        """The likelihood at θ̂, of one grouping factor or of several."""
        return self._likelihood.at(self.theta[0, 0])

    @property
    def _likelihood(self) -> AnyLikelihood:
        reading = NORMAL if self.reading is None else self.reading
        return likelihood_of(self.problem.products, reading, self.gamma_prior)

    def _at_all(self, M: int) -> list[tuple[Integers, AnyLikelihood]]:
        """The one likelihood for M values of θ."""
        return [(np.arange(M), self._likelihood)]

    @property
    def moments(self) -> ConditionalMoments:
        """Moments of γ and u given θ̂ in the internal basis."""
        return self.state.moments

    @cached_property
    def us(self) -> tuple[Floats, ...]:
        """E(u | θ̂, y), (1, 1, J_k, q_k) by factor."""
        factors = range(len(self.design.factors))
        return tuple(self.any_state.u_of(k)[None, None] for k in factors)

    # ---------------------------------------------------------------- uncertainty given θ̂

    @property
    def gamma_cov(self) -> Floats:
        """Covariance of γ given θ̂ (p, p)."""
        return self.any_state.gamma_cov

    def u_cov(self, k: int, *, given_gamma: bool) -> Floats:
        """Covariance of each u_j of factor k given θ̂ (J, q, q), and given γ̂ or not."""
        return self.any_state.u_cov_of(k, given_gamma=given_gamma)

    def group_sd(self, k: int) -> Floats:
        """Prediction errors of W_jγ + u_j of factor k given θ̂ (J, q)."""
        cov = self.any_state.coefficient_cov_of(k, self.group_designs[k].W)
        return np.sqrt(np.diagonal(cov, axis1=1, axis2=2))

    @property
    def effect_errors(self) -> EffectErrors:
        """What is not known of u given θ̂."""
        return GaussianErrors(self.any_state)

    def u_limits(self, k: int, interval: Interval, *, given_gamma: bool) -> tuple[Floats, Floats]:
        """Normal limits of each u_j (J, q) of factor k given θ̂."""
        variance = np.diagonal(self.u_cov(k, given_gamma=given_gamma), axis1=1, axis2=2)
        half = ndtri(interval.tails[1]) * np.sqrt(np.maximum(variance, 0.0))
        return self.u_means[k] - half, self.u_means[k] + half

    def unknown_corr(self) -> Booleans:
        """Entries of G (q, q) that are not in the likelihood."""
        return undetermined(self.problem)

    def spread(self, draws: Floats, interval: Interval | None = None) -> dict[str, float]:
        """Nothing: there is one value."""
        return {}

    # ---------------------------------------------------------------- responses

    def parameter_draws(
        self, draws: int | None, uncertainty: str | None, seed: int
    ) -> ParameterDraws:
        """Exact joint draws of γ and u given θ̂, or given bootstrapped θ."""
        M = _DRAWS if draws is None else draws
        refuse_bad_count("draws", M)
        if refuse_unknown_uncertainty(uncertainty) == "theta":
            if self.reading is None:
                raise EstimationError(
                    "uncertainty='theta' is of REML and ML fits, which are refitted to simulated "
                    "responses; a MAP fit has a posterior: use sample()"
                )
            return self._draws_with_theta(self.reading, min(_REFITS, M), M, seed)
        one = self.theta[0][:1]
        theta = Theta.of(np.repeat(one.root, M, axis=0), np.repeat(one.sigma, M))
        return draws_given_theta(self._at_all(M), theta, seed, f"given the {self.what} of θ")

    def _draws_with_theta(self, reading: Reading, refits: int, M: int, seed: int) -> ParameterDraws:
        """M joint draws of γ and u given θ of parametric bootstraps, as many of each."""
        theta = bootstrapped_theta(self, reading, refits, seed, progress=True)
        cycled = np.arange(M) * refits // M
        theta = Theta.of(theta.root[cycled], theta.sigma[cycled])
        source = f"θ of {refits} parametric bootstraps, γ and u given each and the data"
        return draws_given_theta(self._at_all(M), theta, seed, source)

    def _limits(
        self, rows: PredictionRows, law: ResponseLaw, kind: str, request: LimitsRequest
    ) -> Limits:
        if refuse_unknown_uncertainty(request.uncertainty) == "theta":
            draws = self.parameter_draws(_DRAWS_WITH_THETA, "theta", request.seed)
            return limits_of_draws(draws, rows, law, kind, request.interval)
        return limits_of_normal(self.normal_predictors(rows), law, kind, request)

    def normal_predictors(self, rows: PredictionRows) -> NormalPredictors:
        """Linear predictors given θ̂."""
        variance = predictor_variance(self, self.effect_errors, rows)
        mean = rows.linear(self.gamma, self.u_means)
        held = "θ" if self.problem.family is None else "variances and dispersion"
        source = f"plug-in: given the {self.what} of {held}"
        return NormalPredictors(mean, np.sqrt(variance), self.mean_phi, source)

    def _with_problem(self, problem: Problem) -> Self:
        moved = replace(self, problem=problem)
        return replace(moved, gamma_draws=moved.any_state.gamma[None, None])

    # ---------------------------------------------------------------- reports

    def _own_parts(self) -> OwnParts:
        return OwnParts("PointFit", self.evidence)

    def _intervals(self, interval: Interval, df: str | None) -> pd.DataFrame:
        source = usual_or_stated(self, df)
        return approximate_intervals(self, self.evidence, source, interval)

    def _contextual(self, asked: Asked, df: str | None, interval: Interval) -> ContextualEffects:
        return effects_given_theta(self, asked, usual_or_stated(self, df), interval)

    def _summary(self, interval: Interval, df: str | None) -> Summary:
        source = usual_or_stated(self, df)
        limits = approximate_intervals(self, self.evidence, source, interval)
        found = summarise_maximum(self, self.evidence, source, limits)
        return found.warned(self.diagnose())

    def diagnose(self) -> Diagnosis:
        """Whether θ̂ is a maximum, and what its boundary means."""
        return diagnose_maximum(self, self.evidence, prior_conflicts(self))
