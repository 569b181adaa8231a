"""The mode of the marginal posterior density of (sd, corr, σ), u integrated out.

The density is the one the graph states, without the Jacobians of the sampler's
transforms: that of sd and σ, and of the correlation matrix R itself.  Never the joint
mode with u, whose density has no bound.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np

from hierbayes.design.blas_threads import with_few_blas_threads
from hierbayes.design.problem import Problem
from hierbayes.errors import EstimationError
from hierbayes.estimation.coordinates import Variable, variables_of
from hierbayes.estimation.density import density_at
from hierbayes.estimation.density_data import density_data
from hierbayes.estimation.inputs import GraphInputs, graph_inputs
from hierbayes.estimation.start import start_point
from hierbayes.frames.arrays import Floats
from hierbayes.likelihood.of_products import likelihood_of
from hierbayes.likelihood.reading import NORMAL
from hierbayes.likelihood.theta import Theta
from hierbayes.priors.prior_set import PriorSet

_ROUNDING = 1e-13  # of the largest sd of the random effects, in comparable units
_BOUNDARY = 1e-5  # a relative eigenvalue of the correlation matrix below this is zero


@dataclass(frozen=True, slots=True, eq=False)
class MarginalMode:
    """A mode of the marginal posterior, in the user's units.

    Parameters
    ----------
    theta : Theta
    gamma : (p,) float
        E(γ | θ̂) where γ is integrated out, its mode otherwise.
    value : float
        Log density at the mode (up to the constants of improper priors).
    gradient : float
        Largest derivative on the scale that was searched.
    singular : bool
        Whether Ĝ is singular, for practical purposes.
    evaluations : int
    """

    theta: Theta
    gamma: Floats
    value: float
    gradient: float
    singular: bool
    evaluations: int


@with_few_blas_threads(lambda problem, _: problem.products)
def marginal_mode(problem: Problem, priors: PriorSet) -> MarginalMode:
    """Maximise the marginal posterior density of (sd, corr, σ[, γ]).

    Raises
    ------
    EstimationError
        When the density has no finite value near the REML estimate.
    """
    from scipy.optimize import minimize

    design, cross = problem.design, problem.products
    inputs = graph_inputs(design, cross, priors)
    density, variables = _objective(problem, inputs, priors)
    centre, width = start_point(variables, cross, inputs)
    starts = [centre, centre + 0.5 * width, centre - 0.3 * width]
    found = [minimize(lambda x: density(x)[:2], start, jac=True, method="BFGS",
                      options={"gtol": 1e-6, "maxiter": 500}) for start in starts]  # fmt: skip
    found = [one for one in found if np.isfinite(one.fun)]
    if not found:
        raise EstimationError(
            "the posterior density is nowhere finite near the REML estimate; look at "
            "model.priors: a prior may exclude what the data show"
        )
    best = min(found, key=lambda one: float(one.fun))
    x = polished(density, best.x)
    value, gradient, parameters = density(x)
    q, p = len(design.effects), len(design.terms)
    root, sigma = parameters[: q * q].reshape(q, q), float(parameters[q * q])
    scale = 1.0 / cross.basis.z.spread
    root = without_rounding(root, scale)
    theta = Theta.of(root, sigma)
    if priors.collapses_gamma:
        likelihood = likelihood_of(cross, NORMAL, priors.normal_gamma(cross))
        gamma = likelihood.at(theta).gamma
    else:
        gamma = parameters[-p:]
    return MarginalMode(
        theta=theta,
        gamma=gamma,
        value=-value,
        gradient=float(np.abs(gradient).max()),
        singular=is_singular(root, scale),
        evaluations=sum(int(one.nfev) for one in found),
    )


def _objective(
    problem: Problem, inputs: GraphInputs, priors: PriorSet
) -> tuple[Callable[[Floats], tuple[float, Floats, Floats]], tuple[Variable, ...]]:
    """x -> minus the log density, its gradient, and (root, σ, γ) in one vector; what x is."""
    design = problem.design
    log_density: Callable[[Floats], tuple[float, Floats, Floats]]
    if priors.are_built_in:
        variables = variables_of(design, priors)
        data = density_data(design, inputs, priors, volumes=False)
        log_density = partial(_density_of, columns=inputs.data["columns"], data=data)
    else:
        from hierbayes.estimation.compiled import free_variables
        from hierbayes.estimation.graph import build_graph
        from hierbayes.estimation.graph_density import graph_density

        model = build_graph(design, inputs, priors)
        variables = free_variables(model)
        log_density = graph_density(model, variables, design.blocks)

    def objective(x: Floats) -> tuple[float, Floats, Floats]:
        value, gradient, parameters = log_density(x)
        if not np.isfinite(value):
            return 1e300, np.zeros(len(x)), parameters
        return -value, -gradient, parameters

    return objective, variables


def _density_of(x: Floats, columns: Floats, data: Floats) -> tuple[float, Floats, Floats]:
    """`density_at`, with the root of G in the user's columns."""
    value, gradient, parameters = density_at(x, data)
    size = columns.size
    root = columns @ parameters[:size].reshape(columns.shape)
    return value, gradient, np.concatenate([root.ravel(), parameters[size:]])


def polished(density: Callable[[Floats], tuple[float, Floats, Floats]], x: Floats) -> Floats:
    """Newton steps with central differences of the gradient, while they help."""
    for _ in range(6):
        value, gradient, _ = density(x)
        if np.abs(gradient).max() < 1e-9:
            break
        steps = 1e-5 * np.maximum(1.0, np.abs(x))
        rows = [
            (density(x + h * e)[1] - density(x - h * e)[1]) / (2 * h)
            for h, e in zip(steps, np.eye(len(x)), strict=True)
        ]
        hessian = 0.5 * (np.array(rows) + np.array(rows).T)
        size = np.linalg.eigvalsh(hessian)
        if not np.isfinite(size).all() or size[0] <= 0.0:
            break
        trial = x - np.linalg.solve(hessian, gradient)
        new_value, new_gradient, _ = density(trial)
        if new_value > value + 1e-9 or np.abs(new_gradient).max() > np.abs(gradient).max():
            break
        x = trial
    return x


def without_rounding(root: Floats, scale: Floats) -> Floats:
    """A root of G with 0 for effects whose sd is nothing but the rounding of a 0.

    Examples
    --------
    >>> without_rounding(np.diag([2.0, 1e-17]), np.ones(2))
    array([[2., 0.],
           [0., 0.]])
    """
    sd = np.linalg.norm(root / scale[:, None], axis=1, keepdims=True)
    return np.where(sd > _ROUNDING * sd.max(initial=0.0), root, 0.0)


def is_singular(root: Floats, scale: Floats) -> bool:
    """Whether a root of G is singular, for practical purposes, in units of its effects."""
    size = np.linalg.svd(root / scale[:, None], compute_uv=False)
    return bool(len(size)) and bool(size[-1] <= _BOUNDARY * max(size[0], 1e-300))
