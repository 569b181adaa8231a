"""Draws of everything in a family's model."""

from __future__ import annotations

from dataclasses import dataclass

from hierbayes.estimation.theta_draws import ThetaDraws
from hierbayes.frames.arrays import Floats


@dataclass(frozen=True, slots=True, eq=False)
class FamilyDraws:
    """Draws of everything in a family's model.

    Parameters
    ----------
    drawn : ThetaDraws
        θ, with 1 for σ, γ and the record of the sampler.
    phi : (chains, draws, d) float
    us : tuple of (chains, draws, J_k, q_k) float
    """

    drawn: ThetaDraws
    phi: Floats
    us: tuple[Floats, ...]
