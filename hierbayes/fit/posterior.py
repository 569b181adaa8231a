"""A fit with draws of θ: the posterior."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Literal, Self

import numpy as np
import pandas as pd

from hierbayes.design.problem import Problem
from hierbayes.display.interval import Interval
from hierbayes.errors import DataError
from hierbayes.fit import prior_groups
from hierbayes.fit.contextual.effects import Asked, ContextualEffects, effects_of_draws
from hierbayes.fit.convergence import convergence_table, objection
from hierbayes.fit.densities import Densities
from hierbayes.fit.diagnosis import Diagnosis
from hierbayes.fit.drawn_effects import DrawnEffects
from hierbayes.fit.evidence import Sampling
from hierbayes.fit.fit import Fit
from hierbayes.fit.intervals import posterior_intervals
from hierbayes.fit.predictions import row_groups
from hierbayes.fit.predictions.limits import Limits, LimitsRequest, limits_of_draws
from hierbayes.fit.predictions.parameter_draws import ParameterDraws
from hierbayes.fit.predictions.prediction_rows import PredictionRows
from hierbayes.fit.predictions.response_law import ResponseLaw
from hierbayes.fit.prior_conflict import prior_conflicts
from hierbayes.fit.sampler_diagnosis import diagnose_sampler
from hierbayes.fit.saving.own_parts import OwnParts
from hierbayes.fit.storage import to_datatree
from hierbayes.fit.summary import Summary, summarise_draws
from hierbayes.frames.arrays import Booleans, Floats, stacked
from hierbayes.likelihood.of_products import likelihood_of
from hierbayes.likelihood.reading import NORMAL
from hierbayes.priors.prior_set import PriorSet

if TYPE_CHECKING:
    import xarray as xr


@dataclass(frozen=True, eq=False, repr=False)
class PosteriorFit(DrawnEffects, Fit):
    """Draws of θ as a fit, with an exact draw of γ and u given each.

    Made by `Model.sample`.

    Parameters
    ----------
    evidence : Sampling
        The record of the sampler.
    """

    evidence: Sampling

    # ---------------------------------------------------------------- what it is

    @property
    def engine(self) -> str:
        """``"posterior"``."""
        return "posterior"

    @property
    def sampled(self) -> bool:
        """Yes."""
        return True

    @property
    def singular(self) -> bool:
        """False: it averages over the inside of the cone."""
        return False

    @property
    def reading(self) -> None:
        """None: no likelihood was maximised."""
        return None

    @property
    def what(self) -> str:
        """``"posterior means"``."""
        return "posterior means"

    @property
    def prediction(self) -> str:
        """``"posterior mean"``."""
        return "posterior mean"

    @property
    def draws_text(self) -> str:
        """Chains, draws and seed."""
        chains, draws = self.theta.sigma.shape
        return f"{chains} chains × {draws}, seed {self.evidence.seed}"

    @cached_property
    def objection(self) -> str:
        """Why the draws cannot be used, of chains and divergences; empty where they can."""
        r_hat = float(convergence_table(self, random_effects=False)["r_hat"].max())
        diverging = np.asarray(self.evidence.stats["diverging"])
        return objection(r_hat, int(diverging.sum()), diverging.size, self.evidence.k_hat)

    def _found(self) -> str:
        return self.draws_text

    # ---------------------------------------------------------------- u

    @cached_property
    def us(self) -> tuple[Floats, ...]:
        """An exact joint draw of u given each draw of θ and γ (chains, draws, J_k, q_k)."""
        if self.effect_blocks is not None:
            return (self.effect_blocks.whole,)
        chains, draws = self.gamma_draws.shape[:2]
        gammas = stacked(self.gamma_draws)
        likelihood = likelihood_of(self.problem.products)
        drawn = likelihood.draw_us(self.theta.flat, gammas, self.generator(1))
        return tuple(u.reshape(chains, draws, *u.shape[1:]) for u in drawn)

    def generator(self, stream: int) -> np.random.Generator:
        """The generator of one stream of numbers, determined by the seed of the fit."""
        return np.random.default_rng([self.evidence.seed, stream])

    # ---------------------------------------------------------------- uncertainty

    @property
    def gamma_cov(self) -> Floats:
        """Posterior covariance of γ (p, p)."""
        draws = stacked(self.gamma_draws)
        return np.atleast_2d(np.cov(draws, rowvar=False))

    def unknown_corr(self) -> Booleans:
        """None: what is not in the likelihood is the prior's."""
        q = len(self.design.effects)
        return np.zeros((q, q), dtype=bool)

    def spread(self, draws: Floats, interval: Interval | None = None) -> dict[str, float]:
        """Standard deviation over draws, and limits."""
        found = {"sd": float((draws - draws.flat[0]).std(ddof=1))}  # 0 of what does not vary
        if interval is not None:
            lower, upper = interval.of_draws(draws)
            found |= {"lower": float(lower), "upper": float(upper)}
        return found

    # ---------------------------------------------------------------- responses

    def parameter_draws(
        self, draws: int | None, uncertainty: str | None, seed: int
    ) -> ParameterDraws:
        """Those of the posterior."""
        if draws is not None:
            raise DataError("draws is of maxima; a posterior has its own draws, and all are taken")
        _refuse_plug_in(uncertainty)
        flat = (self.gamma_draws, *self.us, self.theta.root, self.response_phi)
        chains, of_each = self.theta.shape
        # of no dispersion phi has no numbers, and −1 no meaning
        gamma, *us, root, phi = (one.reshape(chains * of_each, *one.shape[2:]) for one in flat)
        source = f"posterior, {self.draws_text}"
        return ParameterDraws(gamma, tuple(us), root, phi, (chains, of_each), seed, source)

    def _limits(
        self, rows: PredictionRows, law: ResponseLaw, kind: str, request: LimitsRequest
    ) -> Limits:
        draws = self.parameter_draws(None, request.uncertainty, request.seed)
        return limits_of_draws(draws, rows, law, kind, request.interval)

    def seed_or_new(self, seed: int | None) -> int:
        """The seed that is asked for, or that of the fit."""
        return super().seed_or_new(self.evidence.seed if seed is None else seed)

    def _with_problem(self, problem: Problem) -> Self:
        moved = replace(self, problem=problem)
        if self.priors is None or not self.priors.collapses_gamma:
            return moved
        normals = self.generator(0).standard_normal(self.gamma_draws.shape)
        likelihood = likelihood_of(problem.products, NORMAL, self.gamma_prior)
        gamma = likelihood.draw_gamma(self.theta.flat, stacked(normals))
        return replace(moved, gamma_draws=gamma.reshape(normals.shape))

    def with_gamma(self, priors: PriorSet) -> Self:
        """The same draws of θ, with γ drawn given each under its normal or flat prior in a set.

        The random numbers behind γ depend on the seed of the fit alone, so that two priors
        of γ give draws that differ by what the priors say and by nothing else.
        """
        cross = self.problem.products
        prior = priors.normal_gamma(cross)
        normals = self.generator(0).standard_normal(self.gamma_draws.shape)
        flat = stacked(normals)
        gamma = likelihood_of(cross, NORMAL, prior).draw_gamma(self.theta.flat, flat)
        drawn = gamma.reshape(normals.shape)
        return replace(self, gamma_draws=drawn, gamma_prior=prior, priors=priors)

    @property
    def densities(self) -> Densities:
        """Log densities of priors and of the likelihood at the draws, chain by chain."""
        gamma = stacked(self.gamma_draws)
        return Densities(self.problem, self.theta.flat, gamma)

    # ---------------------------------------------------------------- reports

    def _own_parts(self) -> OwnParts:
        record = self.evidence
        plain = (record.settings, record.seconds, record.compile_seconds, record.k_hat)
        return OwnParts("PosteriorFit", plain, stats=record.stats)

    def to_datatree(
        self,
        *,
        graph: bool = False,
        posterior_predictive: bool = False,
        log_likelihood: bool | Literal["in turn"] = False,
        prior: bool = False,
        prior_predictive: bool = False,
        log_prior: bool = False,
    ) -> xr.DataTree:
        """Everything as an ArviZ DataTree: posterior, sample_stats, data, attributes.

        Parameters
        ----------
        graph : bool
            Whether the posterior also holds the free variables of `Model.graph`, which
            functions of PyMC read: ``pm.stats.compute_log_prior(tree, model=model.graph())``.
        posterior_predictive, log_likelihood : bool
            Whether there are groups of that name, under the name of the response: a new response,
            and the log density given γ and u, of each row at each draw.  ``az.plot_ppc_dist``,
            ``az.loo``, ``az.compare`` and ``az.psense`` read them; they are as large as rows times
            draws.  Where errors are correlated, a row is given those of the others of its group
            as well, by which ``az.loo`` leaves it out exactly; these do not add up to the
            log-likelihood, and ``log_likelihood="in turn"``, each row given those before it in
            its group, is what ``az.psense`` needs.
        prior, prior_predictive : bool
            Whether there are groups of that name: as many draws from the priors as the posterior
            has, of the same quantities, and a new response of each row at each, in new groups.
        log_prior : bool
            Whether there is a group of that name: the log density of each block of priors at each
            draw, for ``az.psense``.  There u is no parameter with a prior: those of ``log_prior``
            are of γ, G and the dispersion.

        Raises
        ------
        DataError
            When ``log_likelihood`` is another word.
        EstimationError
            When ``graph`` is asked for under a prior of R².
        PriorError
            When nothing can be drawn from a prior, or one of R² has no density of its own.
        """
        further: dict[str, xr.Dataset] = {}
        if posterior_predictive or log_likelihood:
            drawn = self.parameter_draws(None, None, self.evidence.seed)
            if posterior_predictive:
                made = row_groups.posterior_predictive(self.problem, drawn)
                further["posterior_predictive"] = made
            if log_likelihood:
                made = row_groups.log_likelihood(self.problem, drawn, log_likelihood)
                further["log_likelihood"] = made
        priors, M = self.priors, self.theta.sigma.size
        assert priors is not None
        if prior or prior_predictive:
            sample = prior_groups.prior_sample(self.problem, priors, M, self.evidence.seed)
            further |= {"prior": sample.quantities()} if prior else {}
            further |= {"prior_predictive": sample.responses()} if prior_predictive else {}
        if log_prior:
            further["log_prior"] = prior_groups.log_prior(self.densities, priors, self.theta.shape)
        return to_datatree(self, self.evidence, graph=graph, further=further)

    def _intervals(self, interval: Interval, df: str | None) -> pd.DataFrame:
        return posterior_intervals(self, interval)

    def _contextual(self, asked: Asked, df: str | None, interval: Interval) -> ContextualEffects:
        return effects_of_draws(self, asked, interval)

    def _summary(self, interval: Interval, df: str | None) -> Summary:
        return summarise_draws(self, self.evidence, interval)

    def diagnose(self) -> Diagnosis:
        """Whether the chains agree and went everywhere."""
        return diagnose_sampler(self, self.evidence, prior_conflicts(self))


def _refuse_plug_in(uncertainty: str | None) -> None:
    """A posterior's limits include the uncertainty of everything."""
    if uncertainty not in (None, "theta"):
        raise DataError(
            f"uncertainty={uncertainty!r} is of maxima; a posterior's limits include the "
            "uncertainty of θ always, leave it out"
        )
