"""What a fit is: a design, draws of θ, and what follows exactly from them.

A REML, ML or MAP fit has one θ; a posterior has thousands.  Given θ, γ and every u_j are exactly
Gaussian.  For a point fit γ and u are their conditional means given θ̂; for a posterior draws.  What
both answer differently is declared here, defined in `point` and `posterior`; the rest is here.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import NoReturn

import numpy as np
import pandas as pd

from hierbayes.design.design import Design
from hierbayes.design.group_design import GroupDesign, group_design
from hierbayes.design.problem import Problem
from hierbayes.display.interval import Interval
from hierbayes.errors import EstimationError
from hierbayes.estimation.information import NaturalParameters, natural_parameters
from hierbayes.fit.error_readings import ErrorReadings
from hierbayes.fit.evidence import Maximum
from hierbayes.frames.arrays import Booleans, Floats, Integers, read_only
from hierbayes.likelihood.conditional import NormalPrior
from hierbayes.likelihood.gaussian import State
from hierbayes.likelihood.of_products import AnyLikelihood, AnyState, likelihood_of
from hierbayes.likelihood.reading import Reading
from hierbayes.likelihood.theta import Theta
from hierbayes.priors.prior_set import PriorSet


@dataclass(frozen=True, eq=False)
class Fitted(ErrorReadings, ABC):
    """A design and draws of θ, in the user's units.

    Parameters
    ----------
    problem : Problem
        Design and cross-products.
    theta : Theta
        Its leading axes are (chains, draws), of a point fit (1, 1).
    gamma_draws : (chains, draws, p) float
        Fixed effects: draws, or for a point fit their mean given θ̂.
    gamma_prior : NormalPrior
        Of γ where it is collapsed, in the internal basis; flat otherwise.
    priors : PriorSet or None
        Priors in force; None for REML and ML.
    """

    problem: Problem
    theta: Theta
    gamma_draws: Floats
    gamma_prior: NormalPrior
    priors: PriorSet | None

    # ---------------------------------------------------------------- what it is

    @property
    def design(self) -> Design:
        """Matrices, names and groups."""
        return self.problem.design

    @property
    @abstractmethod
    def engine(self) -> str:
        """``"REML"``, ``"ML"``, ``"MAP"`` or ``"posterior"``."""

    @property
    @abstractmethod
    def sampled(self) -> bool:
        """Whether it is draws from a posterior, and not one θ̂ at a maximum."""

    @property
    @abstractmethod
    def singular(self) -> bool:
        """Whether Ĝ is singular; no posterior's G is."""

    @property
    @abstractmethod
    def reading(self) -> Reading | None:
        """The likelihood that was maximised, ``REML`` or ``ML``; None where none was."""

    @property
    def maximum(self) -> Maximum:
        """The maximum of a REML or ML fit; refused of others, which maximise no likelihood."""
        return self.no_maximum()

    def no_maximum(self) -> NoReturn:
        """Refuse what a maximised likelihood has.

        Raises
        ------
        EstimationError
        """
        raise EstimationError(
            f"a {self.engine} fit has no maximised likelihood; loglik, aic and bic belong to "
            "model.reml() and model.ml()"
        )

    @property
    def state(self) -> State:
        """`any_state` of the only factor."""
        _ = self.design.factor  # refuses several
        state = self.any_state
        assert isinstance(state, State)
        return state

    @property
    def any_state(self) -> AnyState:
        """The likelihood at the θ̂ of a point fit, of any factors; refused of many θ."""
        raise EstimationError(f"a {self.engine} fit has no one θ at which the likelihood stands")

    def likelihoods(self) -> Iterator[tuple[Integers, AnyLikelihood]]:
        """Draws, counted through, and the likelihood of each: one for all, but by z of errors."""
        yield np.arange(self.theta.sigma.size), likelihood_of(self.problem.holding_sigma.products)

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

    @property
    def objection(self) -> str:
        """Why its draws cannot be used; empty where they can, and where one θ was maximised."""
        return ""

    # ---------------------------------------------------------------- in words

    @property
    @abstractmethod
    def what(self) -> str:
        """What its numbers are, as in ``"REML estimates"`` or ``"posterior means"``."""

    @property
    @abstractmethod
    def prediction(self) -> str:
        """What a group's coefficient is called: ``"BLUP"`` or ``"posterior mean"``."""

    @property
    @abstractmethod
    def draws_text(self) -> str:
        """How many draws there are; nothing for a point fit."""

    # ---------------------------------------------------------------- θ, γ and u

    @property
    @abstractmethod
    def us(self) -> tuple[Floats, ...]:
        """Random effects (chains, draws, J_k, q_k) by factor: exact draws, or means given θ̂."""

    @property
    def u_draws(self) -> Floats:
        """Those of the only factor."""
        _ = self.design.factor  # refuses several
        return self.us[0]

    @cached_property
    def group_designs(self) -> tuple[GroupDesign, ...]:
        """By factor: how γ makes each group's population coefficients."""
        factors = range(len(self.design.factors))
        return tuple(group_design(self.design.of_factor(k)) for k in factors)

    @property
    def groups_of(self) -> GroupDesign:
        """That of the only factor."""
        _ = self.design.factor  # refuses several
        return self.group_designs[0]

    @cached_property
    def gamma(self) -> Floats:
        """Fixed effects (p,): the estimate, or the posterior mean."""
        return read_only(self.gamma_draws.mean(axis=(0, 1)))

    @cached_property
    def u_means(self) -> tuple[Floats, ...]:
        """Random effects (J_k, q_k) by factor: BLUPs, or posterior means."""
        return tuple(read_only(u.mean(axis=(0, 1))) for u in self.us)

    @property
    def judged_effects(self) -> list[tuple[pd.Index, Floats]]:
        """By factor the groups whose effects say whether chains agree, and their draws."""
        return [(k.labels, u) for k, u in zip(self.design.factors, self.us, strict=True)]

    @property
    def u(self) -> Floats:
        """Those of the only factor."""
        _ = self.design.factor  # refuses several
        return self.u_means[0]

    @cached_property
    def G(self) -> Floats:
        """G (q, q): the estimate, or the posterior mean."""
        return read_only(self.theta.G.mean(axis=(0, 1)))

    @property
    def variance_errors(self) -> Floats:
        """Standard errors of all but γ, where they are told: of a family's maximum."""
        return np.empty(0)

    @property
    def phi_draws(self) -> Floats:
        """Dispersion of the response (chains, draws, d): σ, or what the family has."""
        return self.theta.sigma[..., None]

    @property
    def response_phi(self) -> Floats:
        """Dispersion (chains, draws, d) as η is computed, see `family_rows.has_thresholds`."""
        return self.phi_draws

    @property
    def mean_phi(self) -> Floats:
        """The same (d,): the estimate, or the posterior mean."""
        return np.asarray(self.response_phi.mean(axis=(0, 1)))

    @property
    def residual_variance(self) -> Floats:
        """What varies within groups (chains, draws): σ², of unequal variances their mean over rows.

        Raises
        ------
        EstimationError
            When the variances of errors are known, and differ from row to row.
        """
        if self.design.specification.known_sd:
            raise EstimationError(
                "the variances of all errors are known and differ from row to row, so that they "
                "share no residual variance, and there are no shares of it; see "
                "var_corr(), hb.variance_explained(fit) for I², or icc(data=) at stated rows"
            )
        moments, z = self.problem.moments, self.error_coordinates
        return self.theta.sigma**2 * (1.0 if moments is None else moments.rows.mean_variance(z))

    def draw_response(self, rng: np.random.Generator, eta: Floats, at: tuple[int, int]) -> Floats:
        """A response (n,) at random given its linear predictor, of one draw (chain, draw)."""
        sd = self.theta.sigma[at] * self.design.rows.row_sd
        return np.asarray(eta + sd * rng.standard_normal(len(eta)))

    @property
    def sigma(self) -> float:
        """Residual standard deviation: the estimate, or the posterior mean.

        Raises
        ------
        FormulaError
            When the response is not Gaussian.
        """
        self.problem.refuse_other_families("sigma")
        return float(self.theta.sigma.mean())

    # ---------------------------------------------------------------- uncertainty of θ̂

    def natural_parameters(self, reading: Reading) -> NaturalParameters:
        """Variance parameters on nlme's scale with their approximate covariance, at a maximum."""
        return natural_parameters(self.problem, self.G, self.sigma, reading)

    # ---------------------------------------------------------------- uncertainty

    @property
    @abstractmethod
    def gamma_cov(self) -> Floats:
        """Covariance of γ (p, p): given θ̂ for a point fit, of the posterior otherwise."""

    @abstractmethod
    def u_cov(self, k: int, *, given_gamma: bool) -> Floats:
        """Covariance of each u_j (J, q, q) of factor k, see `Fit.ranef_cov`."""

    @abstractmethod
    def group_sd(self, k: int) -> Floats:
        """Standard deviation of each group's coefficients W_jγ + u_j (J, q) of factor k."""

    @abstractmethod
    def u_limits(self, k: int, interval: Interval, *, given_gamma: bool) -> tuple[Floats, Floats]:
        """Lower and upper limits of each u_j (J, q) of factor k; ``given_gamma`` as in `u_cov`."""

    @abstractmethod
    def unknown_corr(self) -> Booleans:
        """Entries of G (q, q) of which the fit can tell nothing."""

    @abstractmethod
    def spread(self, draws: Floats, interval: Interval | None = None) -> dict[str, float]:
        """``sd`` of a quantity (chains, draws) and, of an interval, ``lower`` and ``upper``.

        Nothing for a point fit, which has one value of it.
        """
