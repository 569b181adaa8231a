"""The one θ at which variances of residuals are computed.

A REML, ML or MAP fit has it.  A posterior has thousands; its residuals are those at the
posterior means of γ and u, and their variances are taken at the posterior means of G and σ.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hierbayes.design.problem import Problem
from hierbayes.fit.fit import Fit
from hierbayes.fit.point import PointFit
from hierbayes.frames.arrays import Floats
from hierbayes.likelihood.of_products import AnyState, likelihood_of
from hierbayes.likelihood.reading import NORMAL
from hierbayes.likelihood.state import State
from hierbayes.likelihood.theta import Theta


@dataclass(frozen=True, slots=True, eq=False)
class Anchor:
    """A fit at one θ.

    Parameters
    ----------
    problem : Problem
    any_state : State or SparseState
        The likelihood at θ, of one grouping factor or of several.
    """

    problem: Problem
    any_state: AnyState

    @property
    def state(self) -> State:
        """That of the only factor."""
        _ = self.problem.design.factor  # refuses several
        assert isinstance(self.any_state, State)
        return self.any_state


def anchor(fit: Fit) -> Anchor:
    """The anchor of a fit: θ̂, or the posterior means of G and σ."""
    if isinstance(fit, PointFit):
        return Anchor(fit.problem.holding_sigma, fit.any_state)
    theta = Theta.of_covariance(fit.G, fit.sigma)
    likelihood = likelihood_of(fit.problem.products, NORMAL, fit.gamma_prior)
    return Anchor(fit.problem, likelihood.at(theta))


def given(fit: Fit) -> tuple[str, str]:
    """What the residuals and their variances are given, labelled."""
    if not fit.sampled:
        return "Given", f"θ̂ by {fit.engine}"
    of_errors = "" if fit.problem.moments is None else " and of the coordinates of the errors"
    return "Given", (
        "residuals at the posterior means of γ and u, their variances at the posterior "
        f"means of G and σ{of_errors}"
    )


def sd_over_draws(values: Floats) -> Floats:
    """Standard deviation over the first two axes (chain, draw)."""
    spread: Floats = np.std(values, axis=(0, 1), ddof=1)
    return spread
