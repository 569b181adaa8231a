"""Groups of an ArviZ tree that are about priors: draws, responses and log densities."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from hierbayes.design.design import Design
from hierbayes.design.problem import Problem
from hierbayes.errors import PriorError
from hierbayes.fit.densities import Densities
from hierbayes.fit.of_family.response import dispersion_draws
from hierbayes.fit.predictions.correlated_draws import correlated_responses
from hierbayes.fit.predictions.law_of_rows import law_of
from hierbayes.fit.predictions.parameter_draws import ParameterDraws
from hierbayes.fit.predictions.prediction_rows import rows_to_predict
from hierbayes.fit.predictions.row_groups import by_draw_and_row
from hierbayes.fit.storage import as_stored, drawn_quantities
from hierbayes.frames.arrays import Floats
from hierbayes.likelihood.theta import Theta
from hierbayes.priors.prior_set import PriorSet

if TYPE_CHECKING:
    import xarray as xr

_NEW_GROUPS, _RESPONSES = 16, 17  # streams of random numbers
FURTHEST = 40.0  # of η of a family, beyond which counts overflow


@dataclass(frozen=True, slots=True, eq=False)
class PriorSample:
    """Draws of everything from the priors of a model; one chain.

    Parameters
    ----------
    problem : Problem
    theta : Theta
        Axes (1, M).
    gamma_draws : (1, M, p) float
    us : tuple of (1, M, J_k, q_k) float
        Effects of new groups, as many as the data have.
    phi : (1, M, d) float
        Dispersion as η is computed; with a residual structure σ and its coordinates.
    seed : int
    """

    problem: Problem
    theta: Theta
    gamma_draws: Floats
    us: tuple[Floats, ...]
    phi: Floats
    seed: int

    @property
    def design(self) -> Design:
        """Of the model."""
        return self.problem.design

    @property
    def phi_draws(self) -> Floats:
        """Dispersion (1, M, d) as it is told."""
        return self.phi if self.problem.family is None else dispersion_draws(self, self.phi)

    @property
    def error_draws(self) -> tuple[tuple[str, ...], Floats]:
        """Names and draws (1, M, k) of the parameters of a residual structure; none without."""
        if self.problem.moments is None:
            return (), self.phi[..., :0]
        rows = self.problem.moments.rows
        return tuple(one.name for one in rows.parameters), rows.natural(self.phi[..., 1:])

    def quantities(self) -> xr.Dataset:
        """γ, u, G, dispersion and errors, as a posterior has them in a tree."""
        return drawn_quantities(self)

    def responses(self) -> xr.Dataset:
        """A new response of each row at each draw."""
        rows = rows_to_predict(self.design, None)
        law, rng = law_of(self.problem, rows), np.random.default_rng([self.seed, _RESPONSES])
        draws = ParameterDraws(
            self.gamma_draws[0], tuple(u[0] for u in self.us), self.theta.root[0], self.phi[0],
            (1, len(self.phi[0])), self.seed, "priors",
        )  # fmt: skip
        if self.problem.has_correlated_errors:
            responses = correlated_responses(self.problem, draws, rows)
            return by_draw_and_row(self.problem, draws, [responses])
        reach = np.inf if self.problem.family is None else FURTHEST
        pieces = []
        for at, eta in draws.of_rows(rows, law, "linear"):
            each = zip(np.clip(eta, -reach, reach), draws.phi, strict=True)
            drawn = np.stack([law.part(at).draw(rng, one, phi) for one, phi in each])
            pieces.append(as_stored(self.problem, drawn))
        return by_draw_and_row(self.problem, draws, pieces)


def prior_sample(problem: Problem, priors: PriorSet, draws: int, seed: int) -> PriorSample:
    """Draw everything from the priors.

    Raises
    ------
    PriorError
        When nothing can be drawn from one.
    """
    from hierbayes.priors.draws import draw_priors

    drawn, design = draw_priors(priors, problem, draws, seed), problem.design
    rng, root = np.random.default_rng([seed, _NEW_GROUPS]), drawn.theta.root
    us = tuple(
        rng.standard_normal((draws, factor.J, root.shape[-1])) @ root[:, span].transpose(0, 2, 1)
        for factor, span in zip(design.factors, design.spans, strict=True)
    )
    theta = Theta.of(root[None], drawn.theta.sigma[None])
    return PriorSample(
        problem, theta, drawn.gamma[None], tuple(u[None] for u in us), drawn.phi[None], seed
    )


def log_prior(densities: Densities, priors: PriorSet, shape: tuple[int, ...]) -> xr.Dataset:
    """Log density (chain, draw) of each block of priors at draws of this shape.

    Raises
    ------
    PriorError
        When a prior has no density without latent parameters.
    """
    import xarray as xr  # noqa: PLC0415  # loads slowly

    latent = [prior for _, prior, _ in priors.joint if not prior.has_density]
    if latent:
        raise PriorError(
            f"the prior {latent[0]} has no density of its own, only with latent shares; leave "
            "log_prior out"
        )
    coords = {"chain": np.arange(shape[0]), "draw": np.arange(shape[1])}
    blocks = densities.log_priors(priors)
    values = {name: (("chain", "draw"), one.reshape(shape)) for name, one in blocks.items()}
    return xr.Dataset(values, coords=coords)
