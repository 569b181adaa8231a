r"""The PyMC graph of a Gaussian model with nothing integrated out, to be extended by hand.

    γ ~ its prior;  u_j ~ N(0, G);  y ~ N(Xγ + Zu, σ²)

Its marginal over γ and u is the graph of `graph`.  Columns and groups of the rows are data of the
graph, which ``pm.set_data`` changes.
"""

from __future__ import annotations

import numpy as np
import pytensor.tensor as pt
from pytensor.tensor.variable import TensorVariable

from hierbayes.design.basis import Basis
from hierbayes.design.problem import Problem
from hierbayes.estimation.error_graph import error_coordinates, structured_response
from hierbayes.estimation.graph import coords_of, parameters
from hierbayes.estimation.graph_effects import effect_coords, random_effects
from hierbayes.estimation.inputs import graph_inputs
from hierbayes.frames.arrays import Floats
from hierbayes.likelihood.reading import GIVEN
from hierbayes.priors.prior_set import PriorSet
from hierbayes.pymc_import import pm

_FLAT = 1e-12  # of the largest precision of γ°: a direction without a prior


def explicit_graph(problem: Problem, priors: PriorSet, *, centered: bool) -> pm.Model:
    """The model as a PyMC model whose γ, u and rows are variables.

    Free variables are those of the marginal graph for θ; ``gamma_standard``, γ in units of its
    normal prior, and ``gamma_flat`` along directions in which it has none (or ``gamma``, under
    other priors); and the random effects, see `random_effects`.  ``gamma``, ``u``, ``eta``,
    ``sd``, ``corr``, ``G`` are in the user's units; ``response`` is observed.  A residual structure
    has ``error_coordinates``, and ``residual``, its parameters.

    Parameters
    ----------
    problem : Problem
        Of a Gaussian response.
    priors : PriorSet
    centered : bool
        Whether u is a variable itself, or u = Lb with b ~ N(0, I).
    """
    design, products = problem.design, problem.products
    inputs, rows = graph_inputs(design, products, priors), design.rows
    coords = coords_of(design) | effect_coords(design) | {"obs": list(range(design.n))}
    of_rows = {*inputs.of_rows, "n", "to_internal", "log_jacobian", "scale"}
    with pm.Model(coords=coords) as model:
        data = {
            name: pt.as_tensor(value) for name, value in inputs.data.items() if name not in of_rows
        }
        root, sigma, _ = parameters(design, inputs, priors, data)
        z = None if problem.moments is None else error_coordinates(problem, priors)
        if design.terms and inputs.structure[0] != GIVEN:
            _normal_gamma(inputs.data, products.basis)
        eta = pt.zeros(design.n) + rows.offset
        if design.terms:
            eta = pt.dot(pm.Data("X", rows.X, dims=("obs", "term")), model["gamma"]) + rows.offset
        Z = pm.Data("Z", rows.Z, dims=("obs", "effect")) if design.effects else pt.zeros((0, 0))
        effects = random_effects(design, root, centered=centered)
        for (span, u), codes, factor in zip(
            effects, rows.codes_of, design.factors, strict=bool(design.effects)
        ):
            suffix = f"_{factor.name}" if len(design.factors) > 1 else ""
            place = pm.Data(f"group_of{suffix}", codes, dims="obs")
            eta = eta + (Z[:, span] * u[place]).sum(axis=1)
        eta = pm.Deterministic("eta", eta, dims="obs")
        if z is not None:
            structured_response(problem, eta, sigma, z)
            return model
        observed = pm.Data("observed", rows.observed)
        pm.Normal("response", eta, sigma * rows.row_sd, observed=observed, dims="obs")
    return model


def _normal_gamma(data: dict[str, Floats], basis: Basis) -> TensorVariable:
    """γ with the normal prior that the marginal graph integrates over, flat where it has none.

    γ° = m + Fw + Vf, where FF' is the inverse of the precision along its own directions, w is
    standard normal, and V spans the others.
    """
    precision, inner = data["gamma_precision"], pt.as_tensor(data["gamma_mean"])
    size, vectors = np.linalg.eigh(precision)
    proper = size > _FLAT * max(float(size.max(initial=0.0)), np.finfo(float).tiny)
    if proper.any():
        w = pm.Normal("gamma_standard", shape=int(proper.sum()))
        inner = inner + pt.dot(vectors[:, proper] / np.sqrt(size[proper]), w)
    if not proper.all():
        f = pm.Flat("gamma_flat", shape=int((~proper).sum()))
        inner = inner + pt.dot(vectors[:, ~proper], f)
    turn = basis.scale * basis.x.matrix
    return pm.Deterministic("gamma", basis.origin + pt.dot(turn, inner), dims="term")
