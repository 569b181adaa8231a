r"""A maximum of a family's likelihood as a fit.

γ̂, Ĝ and φ̂ maximise the likelihood with u integrated out; u is at its mode given them, and its
covariance is that of the normal approximation there.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from hierbayes.design.family_rows import gaussian_only, has_thresholds
from hierbayes.display.interval import Interval
from hierbayes.errors import EstimationError, FormulaError
from hierbayes.estimation.laplace_search import LatentOptimum
from hierbayes.fit.brief import maximum_text
from hierbayes.fit.contextual.effects import Asked, ContextualEffects
from hierbayes.fit.degrees_of_freedom.source import DfSource, of_normal
from hierbayes.fit.diagnosis import Diagnosis
from hierbayes.fit.of_family.diagnosis import diagnose_latent, told_terms
from hierbayes.fit.of_family.evidence import LatentMaximum, certified
from hierbayes.fit.of_family.intervals import latent_intervals
from hierbayes.fit.of_family.limits_of_means import has_such_limits, limits_of_means
from hierbayes.fit.of_family.natural import (
    Bend,
    bend_of,
    errors_of_thresholds,
    errors_of_variances,
    natural_variances,
    unbounded,
)
from hierbayes.fit.of_family.normal_draws import normal_draws
from hierbayes.fit.of_family.response import (
    dispersion_draws,
    draw_family,
    family_residuals,
    latent_variance,
    place_of_intercept,
)
from hierbayes.fit.of_family.response_shares import response_shares
from hierbayes.fit.of_family.summary import summarise_latent
from hierbayes.fit.point import PointFit
from hierbayes.fit.predictions.effect_errors import LatentErrors
from hierbayes.fit.predictions.expected import ByPredictor
from hierbayes.fit.predictions.kinds import refuse_unknown_uncertainty
from hierbayes.fit.predictions.limits import Limits, LimitsRequest, limits_of_draws
from hierbayes.fit.predictions.parameter_draws import ParameterDraws
from hierbayes.fit.predictions.prediction_rows import PredictionRows
from hierbayes.fit.predictions.response_law import ResponseLaw
from hierbayes.fit.prior_conflict import prior_conflicts
from hierbayes.fit.saving.own_parts import OwnParts
from hierbayes.fit.summary import Summary
from hierbayes.fit.variance import moment_at, shares_table
from hierbayes.frames.arrays import Booleans, Floats
from hierbayes.likelihood.of_products import AnyState
from hierbayes.specification.counts import refuse_bad_count

_DRAWS = 1000


@dataclass(frozen=True, eq=False, repr=False)
class FamilyPointFit(PointFit):
    """A maximum of the likelihood, or of the posterior density, of a family's responses.

    Made by `Model.ml` and `Model.map`.

    Parameters
    ----------
    evidence : LatentMaximum
    phi : (d,) float
        Dispersion.
    optimum : LatentOptimum
        In the internal basis.
    """

    evidence: LatentMaximum
    phi: Floats
    optimum: LatentOptimum

    @property
    def reading(self) -> None:
        """None: REML and ML of a Gaussian response are read by other means."""
        return

    @property
    def maximum(self) -> LatentMaximum:
        """The maximum of the likelihood.

        Raises
        ------
        EstimationError
            For MAP, which maximises a density.
        """
        return self.evidence if self.engine == "ML" else self.no_maximum()

    @property
    def what(self) -> str:
        """``"ML estimates"`` or ``"MAP estimates"``."""
        return f"{self.engine} estimates"

    @property
    def prediction(self) -> str:
        """``"conditional mode"``."""
        return "conditional mode"

    @property
    def any_state(self) -> AnyState:
        """None there is: a FormulaError names the family."""
        raise FormulaError(gaussian_only(self.problem.family_rows.family))

    @property
    def phi_draws(self) -> Floats:
        """Dispersion (1, 1, d)."""
        return dispersion_draws(self, self.phi[None, None])

    def _found(self) -> str:
        return f"{maximum_text(self.evidence)} by {self.evidence.how}"

    # ---------------------------------------------------------------- the internal basis and back

    @cached_property
    def scale(self) -> Floats:
        """What turns γ° into γ (p, p)."""
        basis = self.problem.working.basis
        return basis.scale * basis.x.matrix

    def effect_scale(self, k: int) -> Floats:
        """What turns u° of factor k into u (q, q)."""
        basis, at = self.problem.working.basis, self.design.spans[k]
        return basis.scale * basis.z.matrix[at, at]

    # ---------------------------------------------------------------- estimates and uncertainty

    @cached_property
    def us(self) -> tuple[Floats, ...]:
        """The mode of u given the estimates, (1, 1, J_k, q_k) by factor."""
        mode = self.optimum.mode
        internal = mode.rows.effects_of(mode.point.root, mode.b)
        return tuple((u @ self.effect_scale(k).T)[None, None] for k, u in enumerate(internal))

    @cached_property
    def bend(self) -> Bend:
        """How the likelihood bends there."""
        return bend_of(self.optimum, len(self.design.terms), self.design.blocks)

    @cached_property
    def unbounded(self) -> Booleans:
        """Fixed effects (p,) that the likelihood sends to infinity."""
        told, terms = told_terms(self, self.evidence, self.optimum.certificate), self.design.terms
        found: Booleans = np.isin(terms, told) if told else np.zeros(len(terms), dtype=bool)
        if not self.bend.flat.size:
            return found
        size = np.maximum(self.design.rows.column_sizes, 1e-150)
        return found | unbounded(self.bend, self.scale, 1.0 / size)

    @cached_property
    def gamma_cov(self) -> Floats:
        """Covariance of γ̂ (p, p), of everything estimated together; missing without a maximum."""
        scale, p = self.scale, len(self.design.terms)
        cov: Floats = scale @ self.bend.covariance[:p, :p] @ scale.T
        if self.unbounded.any():
            cov[self.unbounded] = np.nan
            cov[:, self.unbounded] = np.nan
        return cov

    def u_cov(self, k: int, *, given_gamma: bool) -> Floats:
        """Covariance of each u_j of factor k (J, q, q) at its mode, and given γ̂ or not."""
        cov = self.effect_errors.covariance(k)
        if given_gamma:
            return cov
        moved = self.effect_errors.on_gamma(k)
        return np.asarray(cov + moved @ self.gamma_cov @ np.swapaxes(moved, 1, 2))

    def group_sd(self, k: int) -> Floats:
        """Prediction errors of W_jγ + u_j of factor k (J, q)."""
        both = self.group_designs[k].W + self.effect_errors.on_gamma(k)
        cov = self.u_cov(k, given_gamma=True)
        cov = cov + both @ self.gamma_cov @ np.swapaxes(both, 1, 2)
        return np.sqrt(np.diagonal(cov, axis1=1, axis2=2))

    @cached_property
    def effect_errors(self) -> LatentErrors:
        """What is not known of u given the estimates, by the normal approximation at its mode."""
        factors = range(len(self.design.factors))
        return LatentErrors(self.optimum, self.scale, tuple(map(self.effect_scale, factors)))

    def unknown_corr(self) -> Booleans:
        """None."""
        q = len(self.design.effects)
        return np.zeros((q, q), dtype=bool)

    # ---------------------------------------------------------------- the response

    def parameter_draws(
        self, draws: int | None, uncertainty: str | None, seed: int
    ) -> ParameterDraws:
        """Joint draws of γ and u by the normal approximation."""
        _refuse_theta(uncertainty)
        M = _DRAWS if draws is None else draws
        refuse_bad_count("draws", M)
        return normal_draws(self, self.effect_errors, M, seed)

    def _limits(
        self, rows: PredictionRows, law: ResponseLaw, kind: str, request: LimitsRequest
    ) -> Limits:
        _refuse_theta(request.uncertainty)
        if rows.P > 1:
            draws = self.parameter_draws(None, None, request.seed)
            return limits_of_draws(draws, rows, law, kind, request.interval)
        if has_such_limits(rows, law, kind, tuple(one.J for one in self.design.factors)):
            normal = self.normal_predictors(rows)
            return limits_of_means(self, rows, normal, law, request, kind=kind)
        return super()._limits(rows, law, kind, request)

    @property
    def residual_variance(self) -> Floats:
        """The variance of the latent response of the link (1, 1)."""
        return latent_variance(self)

    @property
    def response_phi(self) -> Floats:
        """Dispersion (1, 1, d) as η is computed."""
        return self.phi[None, None]

    def _response_icc(self, at: dict[str, float] | None) -> pd.Series | pd.DataFrame:
        second = None if at is None else moment_at(self.design, at)
        return shares_table(self, response_shares(self, second))

    def draw_response(self, rng: np.random.Generator, eta: Floats, at: tuple[int, int]) -> Floats:
        """A response (n,) at random given its linear predictor."""
        return draw_family(self, rng, eta, self.phi)

    def _residuals(self, eta: ByPredictor, kind: str) -> ByPredictor:
        return family_residuals(self, eta, kind)

    # ---------------------------------------------------------------- reports

    def normal_source(self, df: str | None) -> DfSource:
        """γ̂ is normal in large samples: no degrees of freedom.

        Raises
        ------
        HypothesisError
            When others are asked for.
        """
        return of_normal(self, df)

    def _intervals(self, interval: Interval, df: str | None) -> pd.DataFrame:
        _ = self.normal_source(df)
        return latent_intervals(self, self.natural, interval, self.threshold_errors)

    @cached_property
    def natural(self) -> tuple[Floats, Floats]:
        """log sd, atanh correlations and free dispersion, and their standard errors."""
        turn = np.zeros((len(self.design.effects),) * 2)
        for k, at in enumerate(self.design.spans):
            turn[at, at] = self.effect_scale(k)
        return natural_variances(self.optimum, self.bend, turn, self.design.blocks)

    @cached_property
    def threshold_errors(self) -> Floats:
        """Standard errors of thresholds (d,); empty where the family has none."""
        if not has_thresholds(self.problem.family_rows.family):
            return np.zeros(0)
        return errors_of_thresholds(self.bend, self.scale[place_of_intercept(self)], self.phi)

    @cached_property
    def variance_errors(self) -> Floats:
        """Standard errors of sd, corr and dispersion (q + pairs + d,), by the delta method."""
        blocks, family = self.design.blocks, self.problem.family_rows.family
        return errors_of_variances(self.natural, blocks, family, self.phi, self.threshold_errors)

    def _own_parts(self) -> OwnParts:
        found, mode = self.optimum, self.optimum.mode
        evidence = certified(self.evidence, found)
        numbers = found.value, evidence.gradient, evidence.curvature, found.evaluations
        arrays = {"point_gamma": mode.point.gamma, "point_root": mode.point.root}
        arrays |= {"phi": mode.point.phi, "b": mode.b, "hessian": found.hessian}
        return OwnParts("FamilyPointFit", (evidence, numbers), arrays)

    def _contextual(self, asked: Asked, df: str | None, interval: Interval) -> ContextualEffects:
        raise FormulaError(gaussian_only(self.problem.family_rows.family, "contextual()"))

    def _summary(self, interval: Interval, df: str | None) -> Summary:
        source, limits = self.normal_source(df), self._intervals(interval, df)
        found, errors = self.diagnose(), self.variance_errors
        return summarise_latent(self, self.evidence, source, limits, errors, found).warned(found)

    def diagnose(self) -> Diagnosis:
        """Whether the estimates are a maximum, and what its boundary means."""
        evidence = certified(self.evidence, self.optimum)
        return diagnose_latent(self, evidence, prior_conflicts(self), self.variance_errors)


def _refuse_theta(uncertainty: str | None) -> None:
    """What is said of γ and u is given the variances; a posterior says it of all together."""
    if refuse_unknown_uncertainty(uncertainty) == "theta":
        raise EstimationError(
            "uncertainty='theta' is of Gaussian responses; of other families use sample(), whose "
            "limits include the uncertainty of every parameter"
        )
