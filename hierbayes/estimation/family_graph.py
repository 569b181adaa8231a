"""The PyMC graph of a family's model: everything sampled, random effects non-centred or centred.

    b ~ N(0, I);  u_k = L_k b_k;  η = offset + Xγ + Σ_k Z_k u_k;  y ~ family(η, φ)

It is the definition of the model that `family_posterior` samples by other coordinates.
"""

from __future__ import annotations

import itertools

import pytensor.tensor as pt

from hierbayes.design.family_rows import has_thresholds
from hierbayes.design.problem import Problem
from hierbayes.estimation.family_distributions import distribution_of
from hierbayes.estimation.family_inputs import FamilyInputs
from hierbayes.estimation.graph import coords_of, parameters
from hierbayes.estimation.graph_effects import effect_coords, random_effects
from hierbayes.estimation.prior_variable import prior_variable
from hierbayes.likelihood.latent_rows import LatentRows
from hierbayes.priors.prior_set import PriorSet
from hierbayes.pymc_import import pm


def family_graph(
    problem: Problem,
    inputs: FamilyInputs,
    priors: PriorSet,
    rows: LatentRows,
    *,
    centered: bool = False,
) -> pm.Model:
    """The model as a PyMC model, with named dimensions.

    Free variables are those of a Gaussian model's graph, σ being the dispersion of the family,
    ``dispersion_0``, … further ones (of thresholds, both are the distances between them), and
    ``b`` (of several factors ``b_`` and the name of each), the random effects in units of G;
    ``u``, ``eta`` and ``gamma`` are in the user's units.

    Parameters
    ----------
    problem : Problem
    inputs : FamilyInputs
        For the numbers of priors.
    priors : PriorSet
    rows : LatentRows
        With X° and what is added to η.
    centered : bool
        Whether ``u`` is a variable itself, in the place of ``b``.
    """
    priors = inputs.priors
    design = problem.design
    observed = problem.family_rows
    kept = {name: one for name, one in inputs.data.items() if name != "family_rows"}
    p = len(design.terms)
    kept |= {name: kept[name][:p] for name in ("gamma_center", "gamma_mean")}
    kept |= {name: kept[name][:p, :p] for name in ("gamma_to_internal", "gamma_precision")}
    coords = coords_of(design) | effect_coords(design) | {"obs": list(range(design.n))}
    row = "obs" if len(observed.y) == design.n else "obs_predictor"  # predictors of rows in turn
    coords[row] = list(range(len(observed.y)))
    if observed.further is not None:
        coords["zero_column"] = list(observed.further.names)
    with pm.Model(coords=coords) as model:
        data = {name: pm.Data(name, value) for name, value in kept.items()}
        root, sigma, gamma = parameters(design, inputs, priors, data)
        more = [
            prior_variable(f"dispersion_{k}", prior, data, "dispersion", at=k)
            for k, (_, prior, _) in enumerate(priors.extra)
        ]
        eta = pt.as_tensor(rows.offset)
        if design.terms:
            eta = eta + pt.dot(pt.as_tensor(rows.X), gamma)
        effects = random_effects(design, root, centered=centered)
        for (span, u), codes in zip(effects, design.rows.codes_of, strict=bool(design.effects)):
            eta = eta + (pt.as_tensor(design.rows.Z[:, span]) * u[codes]).sum(axis=1)
        eta = pm.Deterministic("eta", eta, dims=row)
        phi = [sigma, *more][: len(problem.dispersion)]
        if has_thresholds(observed.family):
            phi = [pt.zeros(()), *itertools.accumulate([sigma, *more])]
        m = observed.m
        if inputs.of_columns is not None:
            first = len(phi) - len(inputs.of_columns.turn)
            coefficients = pt.dot(pt.as_tensor(inputs.of_columns.turn), pt.stack(phi[first:]))
            coefficients = pm.Deterministic("zeros", coefficients, dims="zero_column")
            phi, m = [*phi[:first], pt.dot(pt.as_tensor(m[:, 1:]), coefficients)], m[:, 0]
        kind, arguments = distribution_of(observed.family, eta, m, phi)
        kind("response", **arguments, observed=observed.observed, dims="obs")
    return model
