"""What a marginal model is made of: its numbers by name, and its structure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from hierbayes.design.crossproducts import CrossProducts
from hierbayes.design.design import Design
from hierbayes.estimation.reml import maximise
from hierbayes.frames.arrays import Floats
from hierbayes.likelihood.conditional import flat_prior, log_jacobian
from hierbayes.likelihood.gaussian import Likelihood
from hierbayes.likelihood.reading import GIVEN, NORMAL, REML, Reading
from hierbayes.priors.families import ForeignPrior, Prior
from hierbayes.priors.joint_parameters import joint_parameters, log_lkj_constant
from hierbayes.priors.prior_set import PriorSet

type Structure = tuple[Any, ...]


@dataclass(frozen=True, slots=True, eq=False)
class GraphInputs:
    """Everything a graph is built from: numbers by name, and its structure.

    Parameters
    ----------
    data : dict of str to array
        Cross-products, changes of basis and prior parameters.
    structure : tuple
        Equal for two graphs that differ only in ``data``.
    """

    data: dict[str, Floats]
    structure: Structure


def reading_of(priors: PriorSet) -> Reading:
    """What the graph does with γ: integrates it out, under a flat or normal prior, or not."""
    if not priors.collapses_gamma:
        return GIVEN
    return REML if priors.gamma_is_flat else NORMAL


def graph_inputs(design: Design, cross: CrossProducts, priors: PriorSet) -> GraphInputs:
    """Numbers and structure of the graph of a model."""
    basis, reading = cross.basis, reading_of(priors)
    p, q = len(design.terms), len(design.effects)
    data = {
        "R": cross.R,
        "T": cross.T,
        "W": cross.W,
        "n": np.array(cross.n),
        "to_internal": np.linalg.inv(basis.z.matrix) / basis.scale,
        "scale": np.array(basis.scale),
        "log_jacobian": np.array(log_jacobian(reading, basis, cross.n)),
    }
    normal = priors.normal_gamma(basis) if reading == NORMAL else flat_prior(p)
    data |= {"gamma_mean": normal.mean, "gamma_precision": normal.precision}
    if reading == GIVEN:
        data["gamma_to_internal"] = np.linalg.inv(basis.x.matrix) / basis.scale
        data["gamma_center"] = basis.origin
        data |= _parameters("gamma", [prior for _, prior, _ in priors.gamma])
    data |= _parameters("sd", [prior for _, prior, _ in priors.sd])
    data |= _parameters("corr", [prior for _, prior, _ in priors.corr])
    data |= _parameters("sigma", [priors.sigma[1]])
    for entry in priors.joint:
        data |= joint_parameters(entry, design)
        if entry[0] == "G":  # a density of (sd, R), added to a uniform one of R
            data["corr_eta"] = np.ones(1)
            data["G_log_constant"] = data["G_log_constant"] - log_lkj_constant(1.0, q)
    # γ that is integrated out leaves no trace in the structure, not even its size
    sampled, gamma = (p, priors.gamma) if reading == GIVEN else (0, ())
    families = [_family(prior) for _, prior, _ in (*gamma, *priors.sd, *priors.corr, priors.sigma)]
    families += [_family(prior) for _, prior, _ in priors.joint]
    if priors.explains_gamma:
        at = place_of_constant(design, priors)
        data |= gamma_evidence(design, cross, at)
        families.append(at)
    return GraphInputs(data, (reading.value, sampled, q, design.blocks, tuple(families)))


def gamma_evidence(design: Design, cross: CrossProducts, at: int) -> dict[str, Floats]:
    """What REML says of γ without its element ``at``: estimates and standard errors."""
    moments = Likelihood(cross).at(maximise(cross, design.blocks).theta).moments
    errors = np.sqrt(np.diagonal(cross.basis.gamma_covariance(moments.gamma_cov)))
    return {
        "gamma_estimate": np.delete(cross.basis.gamma(moments.gamma), at),
        "gamma_error": np.delete(errors, at),
    }


def _parameters(block: str, priors: list[Prior]) -> dict[str, Floats]:
    """Prior parameters of a block as arrays by name; 0 where a prior has no such parameter."""
    names = {name for prior in priors for name in prior.parameters}
    return {
        f"{block}_{name}": np.array([prior.parameters.get(name, 0.0) for prior in priors])
        for name in sorted(names)
    }


def _family(prior: Prior) -> object:
    """What of a prior is part of the structure: a PyMC distribution is all of it."""
    return prior if isinstance(prior, ForeignPrior) else prior.distribution


def are_one_family(priors: list[Prior]) -> bool:
    """Whether one variable of the graph can hold the parameters of all of these priors."""
    first = priors[0]
    return not isinstance(first, ForeignPrior) and all(_family(p) == _family(first) for p in priors)


def place_of_constant(design: Design, priors: PriorSet) -> int:
    """Where the constant column stands, the only one with a prior of γ beside one of R²."""
    return design.terms.index(priors.gamma[0][0])
