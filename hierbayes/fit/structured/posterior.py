"""A posterior with a residual structure: each draw has errors of its own."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Self

import numpy as np
import pandas as pd

from hierbayes.design.problem import Problem
from hierbayes.design.residual_blocks import correlated
from hierbayes.design.residual_rows import ResidualRows
from hierbayes.estimation.residual_posterior import sample_structured
from hierbayes.estimation.settings import SamplerSettings
from hierbayes.fit.evidence import Sampling
from hierbayes.fit.posterior import PosteriorFit
from hierbayes.fit.predictions.expected import ByPredictor
from hierbayes.fit.predictions.limits import OF_KIND, Limits, LimitsRequest, summarised
from hierbayes.fit.predictions.parameter_draws import ParameterDraws
from hierbayes.fit.predictions.prediction_rows import PredictionRows
from hierbayes.fit.sampled import as_run
from hierbayes.fit.saving.own_parts import OwnParts
from hierbayes.fit.structured.densities import StructuredDensities
from hierbayes.fit.structured.each_errors import likelihoods_of
from hierbayes.fit.structured.given_errors import draws_given_errors
from hierbayes.fit.structured.normalized import normalized_residuals
from hierbayes.frames.arrays import Floats, Integers, stacked
from hierbayes.language.estimates import Estimates
from hierbayes.likelihood.conditional import NormalPrior, flat_prior
from hierbayes.likelihood.of_products import AnyLikelihood
from hierbayes.priors.far_origin import refuse_far_origin
from hierbayes.priors.prior_set import PriorSet
from hierbayes.priors.propriety import refuse_improper


@dataclass(frozen=True, eq=False, repr=False)
class StructuredPosteriorFit(PosteriorFit):
    """Draws of θ and of the parameters of the errors, with exact ones of γ and u given each.

    Its problem is weighted by the errors at the posterior mean of their coordinates.

    Parameters
    ----------
    z : (chains, draws, k) float
        Coordinates of the residual structure.
    """

    z: Floats

    @property
    def error_rows(self) -> ResidualRows:
        """The structure on the rows of the design."""
        assert self.problem.moments is not None
        return self.problem.moments.rows

    @cached_property
    def error_draws(self) -> tuple[tuple[str, ...], Floats]:
        """Names and draws of the parameters of the errors."""
        rows = self.error_rows
        names = tuple(parameter.name for parameter in rows.parameters)
        flat = self.z.reshape(-1, self.z.shape[-1])
        draws = np.array([rows.natural(one) for one in flat]).reshape(self.z.shape)
        return names, draws

    @property
    def error_coordinates(self) -> Floats:
        """As in `Fitted`."""
        return self.z

    @property
    def error_parameters(self) -> pd.Series:
        """Posterior means of the parameters of the residual structure by name."""
        names, draws = self.error_draws
        index = pd.Index(names, name="parameter")
        return pd.Series(draws.mean(axis=(0, 1)), index, name="residual")

    def _estimates(self) -> Estimates:
        """As in `Fit`, with the posterior means of the parameters of the errors."""
        return replace(super()._estimates(), errors=dict(self.error_parameters))

    @cached_property
    def us(self) -> tuple[Floats, ...]:
        """An exact joint draw of u given each draw of θ, γ and the errors."""
        gammas = stacked(self.gamma_draws)
        generator = self.generator(1)
        found = [np.empty((len(gammas), f.J, s.stop - s.start))
                 for f, s in zip(self.design.factors, self.design.spans, strict=True)]  # fmt: skip
        for at, likelihood in likelihoods_of(self.problem, self.z):
            drawn = likelihood.draw_us(self.theta.flat.at(at), gammas[at], generator)
            for place, u in zip(found, drawn, strict=True):
                place[at] = u
        return tuple(u.reshape(*self.z.shape[:2], *u.shape[1:]) for u in found)

    def likelihoods(self) -> Iterator[tuple[Integers, AnyLikelihood]]:
        """As in `Fitted`: one for each distinct z."""
        return likelihoods_of(self.problem, self.z)

    def parameter_draws(
        self, draws: int | None, uncertainty: str | None, seed: int
    ) -> ParameterDraws:
        """As in `PosteriorFit`; φ is σ and, of each draw, the coordinates of its errors."""
        found = super().parameter_draws(draws, uncertainty, seed)
        z = self.z.reshape(found.M, self.z.shape[-1])
        return replace(found, phi=np.concatenate([found.phi, z], axis=1))

    def averaged_given_errors(
        self, rows: PredictionRows, kind: str, request: LimitsRequest
    ) -> tuple[Limits, pd.Series]:
        """As in `PredictingFit`, each draw with errors of its own."""
        draws = self.parameter_draws(None, request.uncertainty, request.seed)
        eta, sd = draws_given_errors(self.problem, draws, rows)
        point = pd.Series(eta.mean(axis=0), rows.index, name="predicted")
        if kind == "response":
            eta = eta + sd * np.random.default_rng(request.seed).standard_normal(eta.shape)
        of = f"{request.interval} limits of {OF_KIND[kind]}, {draws.source}"
        method = f"{of}, given the errors of each row's group: quantiles of draws"
        return summarised([eta], request.interval, method), point

    def draw_response(self, rng: np.random.Generator, eta: Floats, at: tuple[int, int]) -> Floats:
        """A response (n,) at random given its linear predictor, errors as of that draw."""
        normals = rng.standard_normal(len(eta))
        errors = correlated(self.error_rows, self.z[at], normals) * self.design.rows.row_sd
        return eta + self.theta.sigma[at] * errors

    def _residuals(self, eta: ByPredictor, kind: str) -> ByPredictor:
        """As of a maximum, at posterior means of σ and of the coordinates of the errors."""
        if kind != "normalized":
            return super()._residuals(eta, kind)
        rest = super()._residuals(eta, "response")
        return normalized_residuals(self, rest, self.z.mean(axis=(0, 1)))

    @property
    def densities(self) -> StructuredDensities:
        """Log densities of priors and of the likelihood at the draws, each with its own R."""
        one = super().densities
        z = self.z.reshape(-1, self.z.shape[-1])
        return StructuredDensities(self.problem.unweighted, one.theta, one.gamma, z)

    def with_gamma(self, priors: PriorSet) -> Self:
        """As in `PosteriorFit`, given the errors of each draw."""
        prior = priors.normal_gamma(self.problem.unweighted.products)
        normals = self.generator(0).standard_normal(self.gamma_draws.shape)
        drawn = _gamma_draws(self, prior, normals)
        return replace(self, gamma_draws=drawn, gamma_prior=prior, priors=priors)

    def _with_problem(self, problem: Problem) -> Self:
        moved = replace(self, problem=problem)
        if self.priors is None or not self.priors.collapses_gamma:
            return moved
        normals = self.generator(0).standard_normal(self.gamma_draws.shape)
        return replace(moved, gamma_draws=_gamma_draws(moved, self.gamma_prior, normals))

    def _own_parts(self) -> OwnParts:
        return replace(super()._own_parts(), kind="StructuredPosteriorFit", arrays={"z": self.z})


def _gamma_draws(fit: StructuredPosteriorFit, prior: NormalPrior, normals: Floats) -> Floats:
    """γ (chains, draws, p) given θ and the errors of each draw, from standard normal numbers."""
    flat = stacked(normals)
    gamma = np.empty_like(flat)
    for at, likelihood in likelihoods_of(fit.problem, fit.z, prior):
        gamma[at] = likelihood.draw_gamma(fit.theta.flat.at(at), flat[at])
    return gamma.reshape(normals.shape)


def sample_structured_posterior(
    problem: Problem, priors: PriorSet, settings: SamplerSettings
) -> StructuredPosteriorFit:
    """The posterior of a problem with a residual structure.

    Raises
    ------
    PriorError, ResidualError
        When no sampler can work with these priors, or their posterior is improper.
    EstimationError
        When no start with a finite density is found.
    """
    problem.refuse_fitted_variances("sample()")
    design = problem.design
    refuse_far_origin(design, problem.products.basis, priors)
    refuse_improper(problem, priors)
    found = sample_structured(problem, priors, settings)
    drawn = found.theta
    evidence = Sampling(
        drawn.stats, as_run(settings, drawn), drawn.seconds, drawn.compile_seconds, drawn.k_hat
    )
    weighted = problem.weighted(found.z.mean(axis=(0, 1)))
    p = len(design.terms)
    empty = np.zeros((*drawn.theta.shape, p))
    fit = StructuredPosteriorFit(
        weighted, drawn.theta, empty, flat_prior(p), priors, evidence, found.z
    )
    return fit.with_gamma(priors)
