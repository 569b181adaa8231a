"""What a fit is: a design, draws of θ, and what follows exactly from them.

A REML, ML or MAP fit has one θ; a posterior has thousands.  Given θ, γ and every
u_j are exactly Gaussian.  For a point fit γ and u are their conditional means given
θ̂; for a posterior they are draws.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from hierbayes.design.design import Design
from hierbayes.design.group_design import GroupDesign, group_design
from hierbayes.design.problem import Problem
from hierbayes.errors import EstimationError
from hierbayes.fit.evidence import Evidence, Maximum, Sampling
from hierbayes.frames.arrays import Floats
from hierbayes.likelihood.conditional import (
    ConditionalMoments,
    NormalPrior,
    conditional_moments,
    draw_u,
)
from hierbayes.priors.prior_set import PriorSet


@dataclass(frozen=True, eq=False)
class Fitted:
    """A design and draws of θ, in the user's units.

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
        normals = self.generator(1).standard_normal((chains * draws, J, q))
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

    def generator(self, stream: int) -> np.random.Generator:
        """The generator of one stream of numbers, determined by the seed of the fit."""
        seed = self.evidence.seed if isinstance(self.evidence, Sampling) else 0
        return np.random.default_rng([seed, stream])

    @property
    def sigma(self) -> float:
        """Residual standard deviation: the estimate, or the posterior mean."""
        return float(self.sigma_draws.mean())
