"""The posterior of a family's model: draws of θ, γ, the dispersion and every u."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from hierbayes.design.family_rows import gaussian_only
from hierbayes.display.interval import Interval
from hierbayes.errors import FormulaError
from hierbayes.fit.contextual.effects import Asked, ContextualEffects
from hierbayes.fit.of_family.densities import FamilyDensities
from hierbayes.fit.of_family.response import (
    dispersion_draws,
    draw_family,
    family_residuals,
    latent_variance,
)
from hierbayes.fit.of_family.response_shares import response_shares
from hierbayes.fit.of_family.summary import summarise_family_draws
from hierbayes.fit.posterior import PosteriorFit
from hierbayes.fit.predictions.expected import ByPredictor
from hierbayes.fit.saving.own_parts import OwnParts
from hierbayes.fit.summary import Summary
from hierbayes.fit.variance import moment_at, shares_table
from hierbayes.frames.arrays import Floats


@dataclass(frozen=True, eq=False, repr=False)
class FamilyPosteriorFit(PosteriorFit):
    """Draws of everything, where γ and u cannot be integrated out exactly.

    Made by `Model.sample`.

    Parameters
    ----------
    phi : (chains, draws, d) float
        Dispersion.
    u_sampled : tuple of (chains, draws, J_k, q_k) float
        Random effects of each factor.
    """

    phi: Floats
    u_sampled: tuple[Floats, ...]

    @property
    def phi_draws(self) -> Floats:
        """Dispersion (chains, draws, d)."""
        return dispersion_draws(self, self.phi)

    @property
    def us(self) -> tuple[Floats, ...]:
        """Random effects (chains, draws, J_k, q_k) by factor."""
        return self.u_sampled

    @property
    def residual_variance(self) -> Floats:
        """The variance of the latent response of the link (chains, draws)."""
        return latent_variance(self)

    @property
    def response_phi(self) -> Floats:
        """Dispersion (chains, draws, d) as η is computed."""
        return self.phi

    @property
    def densities(self) -> FamilyDensities:
        """Log densities of priors and of the likelihood at the draws."""
        one = super().densities
        M = len(one.gamma)
        us = tuple(u.reshape(M, *u.shape[2:]) for u in self.u_sampled)
        phi = self.phi.reshape(M, self.phi.shape[-1])
        return FamilyDensities(self.problem, one.theta, one.gamma, phi, us)

    def _response_icc(self, at: dict[str, float] | None) -> pd.Series | pd.DataFrame:
        second = None if at is None else moment_at(self.design, at)
        return shares_table(self, response_shares(self, second))

    def draw_response(self, rng: np.random.Generator, eta: Floats, at: tuple[int, int]) -> Floats:
        """A response (n,) at random given its linear predictor, of one draw."""
        return draw_family(self, rng, eta, self.phi[at])

    def _own_parts(self) -> OwnParts:
        us = {f"u_{k}": u for k, u in enumerate(self.u_sampled)}
        return replace(
            super()._own_parts(), kind="FamilyPosteriorFit", arrays={"phi": self.phi, **us}
        )

    def _residuals(self, eta: ByPredictor, kind: str) -> ByPredictor:
        return family_residuals(self, eta, kind)

    def _contextual(self, asked: Asked, df: str | None, interval: Interval) -> ContextualEffects:
        raise FormulaError(gaussian_only(self.problem.family_rows.family, "contextual()"))

    def _summary(self, interval: Interval, df: str | None) -> Summary:
        return summarise_family_draws(self, self.evidence, interval)
