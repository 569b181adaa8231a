r"""Errors with a structure as variables of a PyMC graph.

Their coordinates have the density of `error_density`, those of the sampler of which z are a
function (`error_axes`); the response is one variable of all rows,

    log p(y | η, σ, z) = −½ e'R⁻¹e − ½ log|R| − Σ log(σ w_i √(2π)),   e_i = (y_i − η_i)/(σ w_i)

with R⁻¹ a sum over links, whose coefficients and their slopes the structure has.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytensor.tensor as pt
from pytensor.tensor.variable import TensorVariable

from hierbayes.design.problem import Problem
from hierbayes.design.residual_blocks import correlated, weighed
from hierbayes.design.residual_rows import ResidualRows
from hierbayes.estimation.error_axes import ErrorAxes, axes_of
from hierbayes.estimation.python_function import PythonFunction
from hierbayes.frames.arrays import Floats
from hierbayes.priors.draws import Streams, draw_errors
from hierbayes.priors.error_density import ErrorDensity, error_density
from hierbayes.priors.prior_set import PriorSet
from hierbayes.pymc_import import pm


def error_coordinates(problem: Problem, priors: PriorSet) -> TensorVariable:
    """z (k,), a function of ``error_coordinates`` that have a prior; ``residual``, the parameters.

    Both of these are registered in the model that is open.
    """
    assert problem.moments is not None
    rows = problem.moments.rows
    density = error_density(rows, priors)
    axes = axes_of(density)
    log_prior = PythonFunction(lambda y: _log_prior(density, axes, y), 0)
    natural = PythonFunction(lambda z: (rows.natural(z), [rows.natural_slope(z)]), 1)

    def random(start: Floats, rng: np.random.Generator, size: Any) -> Floats:
        streams = Streams(1, int(rng.integers(2**31)))
        return axes.of_sampler(draw_errors(priors, problem, streams)[0])

    z = y = pm.CustomDist(
        "error_coordinates",
        axes.of_sampler(rows.start),
        logp=lambda value, _: log_prior(value)[0],
        random=random,
        support_point=lambda rv, size, start: start,
        signature="(k)->(k)",
        class_name="ErrorCoordinates",
    )
    if axes.are_other:
        turned = PythonFunction(
            lambda y: (axes.of_structure(y), [np.diag(axes.log_volume(y)[2])]), 1
        )
        z = turned(y)[0]
    names = [parameter.name for parameter in rows.parameters]
    pm.modelcontext(None).add_coord("residual_parameter", names)
    pm.Deterministic("residual", natural(z)[0], dims="residual_parameter")
    return z


def _log_prior(density: ErrorDensity, axes: ErrorAxes, y: Floats) -> tuple[float, list[Floats]]:
    """Log density of coordinates y (k,) of the sampler, and its slope."""
    z = axes.of_structure(y)
    volume, slope, turn = axes.log_volume(y)
    return density.value(z) + volume, [turn * density.slope(z) + slope]


def structured_response(
    problem: Problem, eta: TensorVariable, sigma: TensorVariable, z: TensorVariable
) -> TensorVariable:
    """``response``, observed: all rows together, given η (n,), σ and z (k,)."""
    assert problem.moments is not None
    rows, weights = problem.moments.rows, problem.design.rows.row_sd
    density = PythonFunction(_log_density(rows), 0)
    log_scale = float(np.log(np.broadcast_to(weights, rows.n)).sum())

    def logp(y: Any, eta: Any, sigma: Any, z: Any) -> TensorVariable:
        error = (y - eta) / (sigma * weights)
        return density(error, z)[0] - rows.n * pt.log(sigma) - log_scale

    def random(
        eta: Floats, sigma: Floats, z: Floats, rng: np.random.Generator, size: Any
    ) -> Floats:
        normals = rng.standard_normal(rows.n)
        return np.asarray(eta + sigma * weights * correlated(rows, z, normals))

    return pm.CustomDist(
        "response",
        eta,
        sigma,
        z,
        logp=logp,
        random=random,
        signature="(n),(),(k)->(n)",
        class_name="StructuredErrors",
        observed=problem.design.rows.observed,
        dims="obs",
    )


def _log_density(rows: ResidualRows) -> Any:
    """(e, z) -> −½ e'R⁻¹e − ½ log|R| − ½ n log 2π, and its slopes (n,) and (k,)."""
    links, level = rows.links, rows.node_levels
    keys = np.column_stack([links.kind, level[links.left], level[links.right]])
    classes, of_link = np.unique(keys, axis=0, return_inverse=True)
    times = np.where(links.left == links.right, 1.0, 2.0)
    constant = 0.5 * rows.n * np.log(2.0 * np.pi)

    def density(e: Floats, z: Floats) -> tuple[float, list[Floats]]:
        nodes = e
        if links.sums is not None:
            nodes = np.concatenate([e, np.bincount(links.sums, e)])
        products = times * nodes[links.left] * nodes[links.right]
        sums = np.append(np.bincount(of_link.ravel(), products, len(classes)), 1.0)
        try:
            value = -0.5 * float(rows.coefficients(z, classes) @ sums) - constant
            of_z = -0.5 * rows.coefficient_slopes(z, classes).T @ sums
            return value, [-weighed(rows, z, e[:, None])[:, 0], of_z]
        except np.linalg.LinAlgError:  # so near a limit that R is singular in all digits
            return -np.inf, [np.zeros_like(e), np.zeros_like(z)]

    return density
