"""A fit with one θ: REML, ML, or the mode of the marginal posterior."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from hierbayes.display.interval import Interval
from hierbayes.fit.brief import maximum_text
from hierbayes.fit.contextual.effects import Asked, ContextualEffects, effects_given_theta
from hierbayes.fit.degrees_of_freedom.source import usual_or_stated
from hierbayes.fit.diagnosis import Diagnosis, diagnose_maximum
from hierbayes.fit.evidence import Maximum
from hierbayes.fit.fit import Fit
from hierbayes.fit.intervals import approximate_intervals
from hierbayes.fit.prior_conflict import prior_conflicts
from hierbayes.fit.summary import Summary, summarise_maximum
from hierbayes.fit.variance import undetermined
from hierbayes.frames.arrays import Booleans, Floats
from hierbayes.likelihood.conditional import ConditionalMoments
from hierbayes.likelihood.of_products import AnyState, likelihood_of
from hierbayes.likelihood.reading import NORMAL, Reading


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
        reading = NORMAL if self.reading is None else self.reading
        likelihood = likelihood_of(self.problem.products, reading, self.gamma_prior)
        return likelihood.at(self.theta[0, 0])

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

    def unknown_corr(self) -> Booleans:
        """Entries of G (q, q) that are not in the likelihood."""
        return undetermined(self.problem)

    def spread(self, draws: Floats, interval: Interval | None = None) -> dict[str, float]:
        """Nothing: there is one value."""
        return {}

    # ---------------------------------------------------------------- reports

    def _intervals(self, interval: Interval, df: str | None) -> pd.DataFrame:
        source = usual_or_stated(self, df)
        return approximate_intervals(self, self.evidence, source, interval)

    def _contextual(self, asked: Asked, df: str | None, interval: Interval) -> ContextualEffects:
        return effects_given_theta(self, asked, usual_or_stated(self, df), interval)

    def _summary(self, interval: Interval, df: str | None) -> Summary:
        source = usual_or_stated(self, df)
        limits = approximate_intervals(self, self.evidence, source, interval)
        return summarise_maximum(self, self.evidence, source, limits)

    def diagnose(self) -> Diagnosis:
        """Whether θ̂ is a maximum, and what its boundary means."""
        return diagnose_maximum(self, self.evidence, prior_conflicts(self))
