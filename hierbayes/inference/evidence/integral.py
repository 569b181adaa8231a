"""What is integrated for a marginal likelihood, and what an integral found."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from hierbayes.frames.arrays import Booleans, Floats
from hierbayes.likelihood.theta import Theta


@dataclass(frozen=True, slots=True, eq=False)
class Points:
    """Parameters at N points.

    Parameters
    ----------
    theta : Theta
        With one leading axis.
    scales : (N, q, q) float
        Roots of the covariance of the effects of the columns that priors of sd are of.
    gamma : (N, p) float or None
        None where γ is integrated out.
    phi : (N, d) float
        What has priors beside γ and G: σ, or the dispersion of a family.
    """

    theta: Theta
    scales: Floats
    gamma: Floats | None
    phi: Floats

    @property
    def sd(self) -> Floats:
        """Standard deviations (N, q) as the priors have them."""
        return np.asarray(np.linalg.norm(self.scales, axis=-1))

    def at(self, some: Booleans) -> Points:
        """Those of them that are asked for (N,)."""
        theta = Theta.of(self.theta.root[some], self.theta.sigma[some])
        gamma = None if self.gamma is None else self.gamma[some]
        return Points(theta, self.scales[some], gamma, self.phi[some])


@dataclass(frozen=True, slots=True, eq=False)
class Integrand:
    """The density of the responses and of a model's coordinates together.

    Parameters
    ----------
    log_density : callable
        Of coordinates (N, d), values (N,), all constants included; −∞ where it is 0.
    points : callable
        From coordinates to `Points`.
    mode : (d,) float
    root : (d, d) float
        A root of the covariance that the curvature at the mode stands for.
    signed : (d,) bool
        Coordinates over whose two signs the density has the same integral.
    """

    log_density: Callable[[Floats], Floats]
    points: Callable[[Floats], Points]
    mode: Floats
    root: Floats
    signed: Booleans

    @property
    def d(self) -> int:
        """Number of coordinates."""
        return len(self.mode)


@dataclass(frozen=True, slots=True, eq=False)
class Integral:
    """The integral of a density, and the points that it is a sum over.

    Parameters
    ----------
    log_value : float
    log_error : float
        Its numerical or Monte Carlo error.
    k_hat : float
        Pareto k̂ of importance weights; nan where none are used.
    x : (N, d) float
        Coordinates.
    log_weights : (N,) float
        Log of the share of each point in the integral.
    """

    log_value: float
    log_error: float
    k_hat: float
    x: Floats
    log_weights: Floats
