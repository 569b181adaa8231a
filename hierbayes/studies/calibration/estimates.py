"""Estimates and limits of every parameter of one data set, by each method."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from hierbayes.design.family_rows import gaussian_only, has_thresholds
from hierbayes.design.problem import Problem
from hierbayes.errors import EstimationError, StudyError, in_quotes
from hierbayes.estimation.settings import FAMILY_ACCEPT, SamplerSettings
from hierbayes.fit.maximised import maximum_likelihood
from hierbayes.fit.of_family.maximised import maximise_family
from hierbayes.fit.of_family.sampled import sample_family_posterior
from hierbayes.fit.point import PointFit
from hierbayes.fit.posterior import PosteriorFit
from hierbayes.fit.sampled import sample_posterior
from hierbayes.fit.structured.posterior import sample_structured_posterior
from hierbayes.frames.arrays import Floats
from hierbayes.inference.bootstraps.bootstrap import bootstrap
from hierbayes.inference.profiles.parameter import (
    Estimates,
    Parameter,
    parameter_values,
    parameters_of,
)
from hierbayes.likelihood.reading import ML, REML
from hierbayes.priors.prior_set import PriorSet
from hierbayes.studies.calibration.truths import Truth

METHODS = ("reml", "ml", "posterior", "bootstrap")
SAMPLERS = ("auto", "nutpie", "importance")
_TUNE, _CHAINS = 500, 2  # of NUTS
_ACCEPT = 0.95


@dataclass(frozen=True, slots=True, eq=False)
class Fitting:
    """How data sets are fitted.

    Parameters
    ----------
    priors : PriorSet
        Of posteriors: those of the model, whatever the data.
    sampler : str
        A value of `SAMPLERS`: ``"auto"`` is importance sampling of θ where its weights can stand
        for the posterior, and NUTS where they cannot.
    draws : int
        Of a posterior in all.
    refits : int
        Of a bootstrap.
    prob : float
        Of intervals.
    """

    priors: PriorSet
    sampler: str
    draws: int
    refits: int
    prob: float

    def maximum(self, problem: Problem, method: str) -> PointFit:
        """The fit by REML or ML; of families by Laplace's approximation."""
        if problem.family is not None:
            return maximise_family(problem, 1)
        return maximum_likelihood(problem, ML if method == "ml" else REML)

    def posterior(self, problem: Problem, seed: int) -> PosteriorFit:
        """The posterior.

        Raises
        ------
        EstimationError
            When importance sampling was asked for and cannot stand for it.
        """
        if problem.family is not None:
            settings = self._settings("nutpie", _CHAINS, seed, FAMILY_ACCEPT)
            return sample_family_posterior(problem, self.priors, settings)
        sample = sample_posterior if problem.moments is None else sample_structured_posterior
        if self.sampler != "nutpie" and self.priors.are_built_in:
            try:
                settings = self._settings("importance", 1, seed, _ACCEPT)
                return sample(problem, self.priors, settings)
            except EstimationError:
                if self.sampler == "importance":
                    raise
        settings = self._settings("nutpie", _CHAINS, seed, _ACCEPT)
        return sample(problem, self.priors, settings)

    def _settings(self, sampler: str, chains: int, seed: int, accept: float) -> SamplerSettings:
        return SamplerSettings(
            self.draws // chains, _TUNE, chains, seed, accept, sampler, 1, progress=False
        )

    def bootstrap_limits(self, fit: PointFit, seed: int) -> pd.DataFrame:
        """Percentiles of a parametric bootstrap."""
        drawn = bootstrap(fit, n=self.refits, seed=seed, progress=False)
        return drawn.intervals(self.prob, "percentile")


def limits_of(fitting: Fitting, problem: Problem, methods: tuple[str, ...], seed: int
              ) -> tuple[dict[str, Any], PosteriorFit | None]:  # fmt: skip
    """What every method says of a data set, and its posterior where there is one.

    Of each method ``lower``, ``estimate`` and ``upper``, lists in the order of `parameters_of`, and
    ``engine``; or ``failed``, why there is nothing.
    """
    found: dict[str, Any] = {}
    fits: dict[str, Any] = {}
    for method in methods:
        ask = _OF[method]
        try:
            fits[method], table = ask(fitting, problem, seed)
        except (EstimationError, np.linalg.LinAlgError) as error:
            found[method] = {"failed": str(error)}
            continue
        keys = [(one.block, one.name) for one in parameters_of(problem)]
        rows = table.reindex(pd.MultiIndex.from_tuples(keys))
        found[method] = {name: rows[name].tolist() for name in ("lower", "estimate", "upper")}
        found[method]["engine"] = _engine(fits[method])
        found[method]["singular"] = bool(fits[method].singular)
    return found, fits.get("posterior")


def _engine(fit: Any) -> str:
    if not isinstance(fit, PosteriorFit):
        return str(fit.engine)
    return "NUTS" if fit.evidence.k_hat is None else "importance sampling"


def _maximum(method: str) -> Callable[[Fitting, Problem, int], tuple[Any, pd.DataFrame]]:
    def ask(fitting: Fitting, problem: Problem, seed: int) -> tuple[Any, pd.DataFrame]:
        fit = fitting.maximum(problem, method)
        return fit, fit.intervals(fitting.prob)

    return ask


def _posterior(fitting: Fitting, problem: Problem, seed: int) -> tuple[Any, pd.DataFrame]:
    fit = fitting.posterior(problem, seed)
    return fit, fit.intervals(fitting.prob)


def _bootstrap(fitting: Fitting, problem: Problem, seed: int) -> tuple[Any, pd.DataFrame]:
    fit = fitting.maximum(problem, "reml")
    return fit, fitting.bootstrap_limits(fit, seed)


_OF = {
    "reml": _maximum("reml"),
    "ml": _maximum("ml"),
    "posterior": _posterior,
    "bootstrap": _bootstrap,
}


def true_values(problem: Problem, truth: Truth) -> Floats:
    """The truth of every parameter, in the order of `parameters_of`."""
    return parameter_values(parameters_of(problem), truth_as_said(problem, truth))


def truth_as_said(problem: Problem, truth: Truth) -> Estimates:
    """A truth as fits say it: thresholds without the intercept of η, errors by parameters."""
    phi = truth.phi
    if problem.family is not None and has_thresholds(problem.family):
        phi = phi - truth.gamma[problem.design.terms.index("Intercept")]
    if problem.moments is not None:
        phi = np.concatenate([phi[:1], problem.moments.rows.natural(phi[1:])])
    return Estimates(truth.gamma, truth.theta, phi)


def labels_of(problem: Problem) -> tuple[Parameter, ...]:
    """Every parameter, as it is called."""
    return parameters_of(problem)


def read_methods(stated: Any, problem: Problem, usual: tuple[str, ...]) -> tuple[str, ...]:
    """The methods that are asked for.

    Raises
    ------
    StudyError
        When there is none of that name.
    FormulaError
        When REML is asked of a family that has none.
    """
    asked = usual if stated is None else (stated,) if isinstance(stated, str) else tuple(stated)
    unknown = [name for name in asked if name not in METHODS]
    if unknown or not asked:
        raise StudyError(f"methods are some of {in_quotes(METHODS)}, not {stated!r}")
    if "reml" in asked and problem.family is not None:
        raise StudyError(f"REML: {gaussian_only(problem.family)}; use 'ml', or 'posterior'")
    return tuple(dict.fromkeys(asked))
