"""The mode of the posterior density of (sd, corr, σ) and of the parameters of the errors.

All are searched at once, γ and u being integrated out.  The density is that of the parameters
themselves, without Jacobians of coordinates, as where errors have no structure (`marginal_mode`);
of a φ whose prior is of the correlation over a gap it is that of the correlation, so that the mode
is one and the same whatever the unit of time.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import numpy as np

from hierbayes.design.problem import Problem
from hierbayes.design.products import Products
from hierbayes.errors import EstimationError
from hierbayes.estimation.climb import Optimum
from hierbayes.estimation.mode import is_singular, polished, without_rounding
from hierbayes.estimation.residual_optimum import AtCoordinates, ResidualMaximum, known
from hierbayes.estimation.residual_posterior import refuse_other_priors, structured_target
from hierbayes.estimation.residual_target import StructuredTarget
from hierbayes.frames.arrays import Floats
from hierbayes.likelihood.conditional import NormalPrior
from hierbayes.likelihood.of_products import likelihood_of
from hierbayes.likelihood.reading import NORMAL
from hierbayes.likelihood.theta import Theta
from hierbayes.priors.prior_set import PriorSet

_STEP = 1e-5  # of coordinates, for the curvature


@dataclass(frozen=True, slots=True, eq=False)
class StructuredMode:
    """A mode, in the user's units.

    Parameters
    ----------
    errors : ResidualMaximum
        Where it stands in the coordinates of the structure, with θ̂ and γ̂ in its optimum.
    gradient : float
        Largest derivative on the scale that was searched.
    gamma_prior : NormalPrior
    """

    errors: ResidualMaximum
    gradient: float
    gamma_prior: NormalPrior


def structured_mode(problem: Problem, priors: PriorSet) -> StructuredMode:
    """Maximise the posterior density of (sd, corr, σ) and of the parameters of the errors.

    Raises
    ------
    ResidualError
        When a prior is made by PyMC, or γ is not integrated out.
    EstimationError
        When the density has no finite value near the REML estimate.
    """
    from scipy.optimize import minimize

    refuse_other_priors(priors)
    made, centre, width = structured_target(problem, priors, progress=False, volumes=False)
    calls = 0

    def minus(w: Floats) -> tuple[float, Floats, Floats]:
        nonlocal calls
        calls += 1
        value, gradient = made.with_gradient(w)
        if not np.isfinite(value):
            return 1e300, np.zeros(len(w)), w
        return -value, -gradient, w

    starts = [centre, centre + 0.5 * width, centre - 0.3 * width]
    found = [minimize(lambda w: minus(w)[:2], start, jac=True, method="BFGS",
                      options={"gtol": 1e-5, "maxiter": 300}) for start in starts]  # fmt: skip
    best = min(found, key=lambda one: float(one.fun))
    if not best.fun < 1e300:
        raise EstimationError(
            "the posterior density is nowhere finite near the REML estimate; look at "
            "model.priors: a prior may exclude what the data show"
        )
    w = polished(minus, best.x)
    value, gradient = made.with_gradient(w)
    n = made.of_theta
    at = _at(made, w, value, float(np.abs(gradient).max()), calls)
    information = _information(made, w)
    errors = ResidualMaximum(at, gradient[n:], partial(known, information, ()), _STEP, calls)
    return StructuredMode(errors, float(np.abs(gradient).max()), made.prior)


def _at(
    made: StructuredTarget, w: Floats, value: float, gradient: float, calls: int
) -> AtCoordinates:
    """The point w with θ, and γ given it."""
    z = made.coordinates(w)
    products: Products = made.moments.at(z).products
    root, sigma, _ = made.target.parameters(made.value(w)[1])
    scale = 1.0 / products.basis.z.spread
    root = without_rounding(root, scale)
    theta = Theta.of(root, float(sigma))
    gamma = likelihood_of(products, NORMAL, made.prior).at(theta).gamma
    singular = is_singular(root, scale)
    optimum = Optimum(NORMAL, theta, gamma, value, gradient, 0.0, singular, calls)
    return AtCoordinates(z, value, optimum, products)


def _information(made: StructuredTarget, w: Floats) -> Floats:
    """Minus the curvature (k, k) in the coordinates of the structure, θ at its best."""
    steps = _STEP * np.eye(len(w))
    rows = [(made.with_gradient(w - h)[1] - made.with_gradient(w + h)[1]) / (2 * _STEP)
            for h in steps]  # fmt: skip
    H = 0.5 * (np.array(rows) + np.array(rows).T)
    n = made.of_theta
    found: Floats = H[n:, n:] - H[n:, :n] @ np.linalg.pinv(H[:n, :n]) @ H[:n, n:]
    return found
