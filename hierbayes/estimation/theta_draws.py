"""Draws of θ as a sampler leaves them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from hierbayes.frames.arrays import Floats
from hierbayes.likelihood.theta import Theta

if TYPE_CHECKING:
    import xarray as xr

# What is kept of nutpie's statistics, and under which names: those of PyMC.
STATISTICS = {
    "diverging": "diverging",
    "energy": "energy",
    "logp": "lp",
    "depth": "tree_depth",
    "n_steps": "n_steps",
    "step_size_bar": "step_size",
    "mean_tree_accept": "acceptance_rate",
    "maxdepth_reached": "reached_max_treedepth",
}


@dataclass(frozen=True, slots=True, eq=False)
class ThetaDraws:
    """Draws of θ (and of γ when it is not collapsed), in the user's units.

    Parameters
    ----------
    theta : Theta
        With axes (chains, draws).
    gamma : (chains, draws, p) float or None
    stats : Dataset
        Sampler statistics by chain and draw.
    seconds : float
        Wall time of sampling, compilation excluded.
    compile_seconds : float
    k_hat : float, optional
        Of the weights of importance sampling.
    latent : (chains, draws, N) float, optional
        Latent coordinates, where random effects are sampled (`latent_effects`).
    """

    theta: Theta
    gamma: Floats | None
    stats: xr.Dataset
    seconds: float
    compile_seconds: float
    k_hat: float | None = None
    latent: Floats | None = None
