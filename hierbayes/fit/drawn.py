"""What draws of everything in a model are, wherever they come from."""

from __future__ import annotations

from typing import Protocol

from hierbayes.design.design import Design
from hierbayes.design.problem import Problem
from hierbayes.frames.arrays import Floats
from hierbayes.likelihood.theta import Theta


class Drawn(Protocol):
    """Draws of everything in a model: those of a fit, or of its priors."""

    @property
    def problem(self) -> Problem:
        """The model on data."""

    @property
    def design(self) -> Design:
        """Its design."""

    @property
    def theta(self) -> Theta:
        """Axes (chains, draws)."""

    @property
    def gamma_draws(self) -> Floats:
        """γ (chains, draws, p)."""

    @property
    def us(self) -> tuple[Floats, ...]:
        """Random effects (chains, draws, J_k, q_k) of each factor."""

    @property
    def phi_draws(self) -> Floats:
        """Dispersion (chains, draws, d), as it is told."""

    @property
    def error_draws(self) -> tuple[tuple[str, ...], Floats]:
        """Names and draws (chains, draws, k) of the parameters of a residual structure."""
