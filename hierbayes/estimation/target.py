"""What NUTS samples from: compiled callbacks, their data, and how to read what they write."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from hierbayes.estimation.coordinates import Variable
from hierbayes.frames.arrays import Floats


@dataclass(frozen=True, slots=True, eq=False)
class Target:
    """A log density as C callbacks.

    Parameters
    ----------
    log_density, expand : numba CFunc
        As nutpie calls them.
    data : (k,) float
        What they read.
    variables : tuple of Variable
        Free variables in the order of the unconstrained vector x.
    q : int
        Number of random effects.
    p : int
        Number of fixed effects that ``expand`` writes: 0 where γ is integrated out.
    columns : (q, q) float
        M, where ``expand`` writes the root of the effects of Z M.
    latent : int
        Number of coordinates after those of the variables, from which random effects are made.
    """

    log_density: Any
    expand: Any
    data: Floats
    variables: tuple[Variable, ...]
    q: int
    p: int
    columns: Floats
    latent: int = 0

    @property
    def n_dim(self) -> int:
        """Number of unconstrained coordinates."""
        return sum(variable.size for variable in self.variables) + self.latent

    @property
    def n_out(self) -> int:
        """Number of numbers `expand` writes."""
        return self.q**2 + 1 + self.p + self.latent

    def parameters(self, expanded: Floats) -> tuple[Floats, Floats, Floats | None]:
        """Root (..., q, q), σ (...) and γ (..., p), if sampled, from (..., n_out)."""
        size = self.q**2
        root = self.columns @ expanded[..., :size].reshape(*expanded.shape[:-1], self.q, self.q)
        gamma = expanded[..., size + 1 : size + 1 + self.p] if self.p else None
        return root, expanded[..., size], gamma

    def latent_coordinates(self, expanded: Floats) -> Floats:
        """The latent coordinates (..., latent) from (..., n_out)."""
        return expanded[..., self.n_out - self.latent :]
