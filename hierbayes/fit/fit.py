"""The Fit: a design and draws of θ, with the same words for every engine.

A REML, ML or MAP fit has one θ; a posterior has thousands.  Given θ, γ and every
u_j are exactly Gaussian, so each accessor has one definition.  For a point fit γ
and u are their conditional means given θ̂; for a posterior they are draws.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
import xarray as xr

from hierbayes.design.design import Design
from hierbayes.design.group_design import GroupDesign, group_design
from hierbayes.design.problem import Problem
from hierbayes.errors import EstimationError
from hierbayes.estimation.prior_set import PriorSet
from hierbayes.fit import effects, intervals, prediction, storage, summary, variance
from hierbayes.fit.diagnosis import Diagnosis, diagnose
from hierbayes.fit.evidence import Evidence, Maximum, Sampling
from hierbayes.fit.probability import DEFAULT_PROB, Interval
from hierbayes.frames.arrays import Floats
from hierbayes.likelihood.conditional import (
    ConditionalMoments,
    NormalPrior,
    conditional_moments,
    draw_u,
)


@dataclass(frozen=True, eq=False)
class Fit:
    """A fitted hierarchical model.

    Made by `Model.reml`, `Model.ml`, `Model.map` and `Model.sample`.

    Parameters
    ----------
    problem : Problem
        Design and cross-products.
    root : (chains, draws, q, q) float
        A root of G in the user's units, G = root root'.
    sigma_draws : (chains, draws) float
        Residual standard deviation.
    gamma_draws : (chains, draws, p) float
        Fixed effects: draws, or for a point fit their mean given θ̂.
    gamma_prior : NormalPrior
        Of γ where it is collapsed, in the internal basis; flat otherwise.
    priors : PriorSet or None
        Priors in force; None for REML and ML.
    evidence : Maximum or Sampling
        How θ was found.
    """

    problem: Problem
    root: Floats
    sigma_draws: Floats
    gamma_draws: Floats
    gamma_prior: NormalPrior
    priors: PriorSet | None
    evidence: Evidence

    # ---------------------------------------------------------------- what it is

    @property
    def design(self) -> Design:
        """Matrices, names and groups."""
        return self.problem.design

    @property
    def is_point(self) -> bool:
        """Whether this is one θ (REML, ML, MAP) and not a posterior."""
        return isinstance(self.evidence, Maximum)

    @property
    def engine(self) -> str:
        """``"REML"``, ``"ML"``, ``"MAP"`` or ``"posterior"``."""
        return self.evidence.name if isinstance(self.evidence, Maximum) else "posterior"

    @property
    def maximum(self) -> Maximum:
        """The maximum of a REML or ML fit.

        Raises
        ------
        EstimationError
            For a posterior or a MAP fit, which maximise no likelihood.
        """
        if isinstance(self.evidence, Maximum) and self.evidence.name != "MAP":
            return self.evidence
        raise EstimationError(
            f"a {self.engine} fit has no maximised likelihood; loglik, aic and bic belong to "
            "model.reml() and model.ml()"
        )

    @property
    def loglik(self) -> float:
        """Maximised log-likelihood (restricted for REML)."""
        return self.maximum.value

    @property
    def aic(self) -> float:
        """Akaike's criterion."""
        return self.maximum.aic

    @property
    def bic(self) -> float:
        """Schwarz's criterion; under REML it counts n − p rows, as nlme does."""
        return self.maximum.bic

    # ---------------------------------------------------------------- θ, γ and u

    @cached_property
    def G_draws(self) -> Floats:
        """G (chains, draws, q, q)."""
        G: Floats = self.root @ np.swapaxes(self.root, -1, -2)
        return G

    @cached_property
    def relative_root(self) -> Floats:
        """λ = L/σ (chains, draws, q, q) in the internal basis."""
        basis = self.problem.cross.basis
        scaled = self.sigma_draws[..., None, None] / basis.scale
        relative: Floats = basis.root_internal(self.root) / scaled
        return relative

    @cached_property
    def moments(self) -> ConditionalMoments:
        """Moments of γ and u given θ̂ in the internal basis; only for a point fit."""
        cross = self.problem.cross
        sigma = float(self.sigma_draws[0, 0]) / cross.basis.scale
        return conditional_moments(self.relative_root[0, 0], sigma, cross, self.gamma_prior)

    @cached_property
    def u_draws(self) -> Floats:
        """Random effects (chains, draws, J, q): exact draws, or means given θ̂."""
        basis = self.problem.cross.basis
        if self.is_point:
            return basis.u(self.moments.u)[None, None]
        chains, draws, p = self.gamma_draws.shape
        J, q = self.design.J, len(self.design.effects)
        normals = _generator(self.evidence, stream=1).standard_normal((chains * draws, J, q))
        u = draw_u(
            self.relative_root.reshape(-1, q, q),
            self.sigma_draws.ravel() / basis.scale,
            basis.gamma_internal(self.gamma_draws.reshape(-1, p)),
            self.problem.cross,
            normals,
        )
        return basis.u(u).reshape(chains, draws, J, q)

    @cached_property
    def groups_of(self) -> GroupDesign:
        """How γ makes each group's population coefficients."""
        return group_design(self.design)

    def draws(self, name: str) -> xr.DataArray:
        """Draws of ``gamma``, ``u``, ``beta``, ``sd``, ``corr``, ``G`` or ``sigma``, labelled.

        A point fit has one chain of one draw.
        """
        return storage.labelled_draws(self, name)

    def to_datatree(self) -> xr.DataTree:
        """Everything as an ArviZ DataTree: posterior, sample_stats, data, attributes."""
        return storage.to_datatree(self)

    # ---------------------------------------------------------------- accessors

    def fixef(self) -> pd.Series:
        """Fixed effects γ by term: the estimate, or the posterior mean."""
        return effects.fixef(self)

    def vcov(self) -> pd.DataFrame:
        """Covariance of γ: given θ̂ for a point fit, of the posterior otherwise."""
        return effects.vcov(self)

    def ranef(self) -> pd.DataFrame:
        """Random effects u by group and effect: BLUPs, or posterior means."""
        return effects.ranef(self)

    def ranef_cov(self, *, given_gamma: bool = True) -> xr.DataArray:
        """Covariance of each u_j (group, effect, effect_bis).

        Parameters
        ----------
        given_gamma : bool
            For a point fit: conditional on γ̂ as well as θ̂ (lme4's conditional
            variance), or with the uncertainty of γ (prediction-error variance).
            A posterior's covariance includes everything and ignores this.
        """
        return effects.ranef_cov(self, given_gamma=given_gamma)

    def coef(self) -> pd.DataFrame:
        """Coefficients of each group: fixed effects plus its random effects."""
        return effects.coef(self)

    def blue(self) -> pd.DataFrame:
        """Each group's own least-squares coefficients; missing where not estimable."""
        return effects.blue(self)

    def shrinkage(self) -> pd.DataFrame:
        """Per group and effect: n_j, BLUE, BLUP, population value and shrinkage matrix."""
        return effects.shrinkage(self)

    @property
    def sigma(self) -> float:
        """Residual standard deviation: the estimate, or the posterior mean."""
        return float(self.sigma_draws.mean())

    def var_corr(self) -> pd.DataFrame:
        """Variances, standard deviations and correlations of the random effects, and σ."""
        return variance.var_corr(self)

    def icc(self, at: dict[str, float] | None = None) -> pd.Series:
        """Share of the unexplained variance that lies between groups.

        Parameters
        ----------
        at : dict, optional
            Values of the random columns, as in ``{"ses": 0}``; the intercept is 1 and
            columns left out are 0.  By default the between variance z'Gz is averaged
            over the rows.
        """
        return variance.icc(self, at)

    def intervals(self, prob: float = DEFAULT_PROB) -> pd.DataFrame:
        """Lower limit, estimate and upper limit of γ, sd, corr and σ.

        Posterior: equal-tailed quantiles.  REML and ML: nlme's approximate
        intervals, t with inner–outer degrees of freedom for γ, Wald on log sd,
        log((1 + ρ)/(1 − ρ)) and log σ; missing where Ĝ is on the boundary.
        """
        return intervals.intervals(self, Interval(prob))

    # ---------------------------------------------------------------- predictions

    def predict(
        self,
        data: pd.DataFrame | None = None,
        *,
        level: int = 1,
        new_groups: str = "refuse",
    ) -> pd.Series:
        """Expected response of each row.

        Parameters
        ----------
        data : DataFrame, optional
            New rows; by default the rows of the fit.
        level : int
            0 for the population (fixed part only), 1 for the row's own group.
        new_groups : str
            What a group that the fit has not seen gets at level 1: ``"refuse"`` or
            ``"population"`` (u = 0).
        """
        return prediction.predict(self, data, level=level, new_groups=new_groups)

    def residuals(self, *, level: int = 1, standardized: bool = False) -> pd.Series:
        """Response minus `predict` at a level; standardized divides by σ."""
        return prediction.residuals(self, level=level, standardized=standardized)

    # ---------------------------------------------------------------- reports

    def summary(self, prob: float = DEFAULT_PROB) -> summary.Summary:
        """All of it as tables that print: engine, random and fixed effects, residuals."""
        return summary.summarise(self, Interval(prob))

    def diagnose(self) -> Diagnosis:
        """Whether to trust this fit, and why: a verdict with its table."""
        return diagnose(self)

    def __str__(self) -> str:
        return str(self.summary())

    def __repr__(self) -> str:
        spec = self.design.specification
        return f"<{self.engine} fit of {spec} on {len(self.design.y)} rows, {self.design.J} groups>"

    def _repr_html_(self) -> str:
        return self.summary()._repr_html_()


def _generator(evidence: Evidence, stream: int) -> np.random.Generator:
    """The generator of one stream of numbers that the seed of a fit determines."""
    seed = evidence.seed if isinstance(evidence, Sampling) else 0
    return np.random.default_rng([0 if seed is None else seed, stream])
