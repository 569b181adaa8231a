"""The PyMC graph of the marginal model: priors of θ, and the collapsed likelihood.

    sd, corr, σ ~ priors;  root = sd · chol(corr), G = root root'
    y ~ p(y | G, σ) with every u, and γ where its prior is normal, integrated out

Standard deviations with a symmetric sibling (half-normal, half-t, half-Cauchy) are
sampled with a sign: s is normal, t or Cauchy and sd = |s|.  root = s · chol is then
smooth where an sd is zero, which is where hierarchical posteriors like to be; the
sign moves into the correlations, whose LKJ prior does not change under it.

Cross-products and prior parameters are data of the graph, so a compiled graph
serves every data set and every prior of the same structure.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pymc as pm
import pytensor.tensor as pt
from pytensor.tensor.variable import TensorVariable

from hierbayes.design.crossproducts import CrossProducts
from hierbayes.design.design import Design
from hierbayes.estimation.correlation import NormalisedRows
from hierbayes.estimation.variance_shares import explained_gamma, explained_scales, gamma_evidence
from hierbayes.frames.arrays import Floats
from hierbayes.likelihood.conditional import flat_prior, log_jacobian
from hierbayes.likelihood.op import CollapsedLogDensity
from hierbayes.likelihood.reading import GIVEN, NORMAL, REML, Reading
from hierbayes.priors.density import refuse_negative
from hierbayes.priors.families import ForeignPrior, Prior, refuse_shaped
from hierbayes.priors.joint_density import joint_log_density, joint_parameters, log_uniform_corr
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
        "A": cross.A,
        "B": cross.B,
        "C": cross.C,
        "n": np.array(cross.n),
        "to_internal": np.linalg.inv(basis.z.matrix) / basis.scale,
        "scale": np.array(basis.scale),
        "log_jacobian": np.array(log_jacobian(reading, basis, cross.n)),
    }
    normal = priors.normal_gamma(basis) if reading == NORMAL else flat_prior(p)
    data |= {"gamma_mean": normal.mean, "gamma_precision": normal.precision}
    if reading == GIVEN:
        data["gamma_to_internal"] = np.linalg.inv(basis.x.matrix) / basis.scale
        data["gamma_center"] = basis.center * basis.constant
        data |= _parameters("gamma", [prior for _, prior, _ in priors.gamma])
    data |= _parameters("sd", [prior for _, prior, _ in priors.sd])
    data |= _parameters("corr", [prior for _, prior, _ in priors.corr])
    data |= _parameters("sigma", [priors.sigma[1]])
    for entry in priors.joint:
        data |= joint_parameters(entry, design)
        if entry[0] == "G":  # a density of (sd, R), added to a uniform one of R
            data["corr_eta"] = np.ones(1)
            data["G_log_constant"] = data["G_log_constant"] - log_uniform_corr(q)
    # γ that is integrated out leaves no trace in the structure, not even its size
    sampled, gamma = (p, priors.gamma) if reading == GIVEN else (0, ())
    families = [_family(prior) for _, prior, _ in (*gamma, *priors.sd, *priors.corr, priors.sigma)]
    families += [_family(prior) for _, prior, _ in priors.joint]
    if priors.explains_gamma:
        at = _place_of_constant(design, priors)
        data |= gamma_evidence(design, cross, at)
        families.append(at)
    return GraphInputs(data, (reading.value, sampled, q, design.blocks, tuple(families)))


def build_graph(design: Design, inputs: GraphInputs, priors: PriorSet) -> pm.Model:
    """The marginal model as a PyMC model, with named dimensions.

    Free variables are ``signed_sd`` (or ``sd``), ``corr_chol``, ``sigma`` and, when γ
    is not collapsed, ``gamma``; ``sd``, ``corr``, ``G`` and ``root`` (a root of G) are
    deterministic.  A prior of G or of the intraclass correlation is a potential,
    ``prior_G`` or ``prior_icc``; one of R² makes sd and γ deterministic.
    Coordinates ``term``, ``effect`` and ``group`` carry the names.
    """
    reading = inputs.structure[0]
    coords = {
        "term": list(design.terms),
        "effect": list(design.effects),
        "effect_bis": list(design.effects),
        "group": [str(label) for label in design.groups],
    }
    with pm.Model(coords=coords, check_bounds=False) as model:
        data = {name: pm.Data(name, value) for name, value in inputs.data.items()}
        if priors.explains_gamma:
            sigma = _variable("sigma", priors.sigma[1], data, "sigma")
            signed = explained_scales(data, sigma, len(design.terms) - 1, len(design.effects))
        else:
            signed = _standard_deviations([prior for _, prior, _ in priors.sd], data)
        chol = _correlation_root(design.blocks, data)
        root = pm.Deterministic("root", signed[:, None] * chol, dims=("effect", "effect_bis"))
        G = pm.Deterministic("G", pt.dot(root, root.T), dims=("effect", "effect_bis"))
        sd = model["sd"]
        pm.Deterministic("corr", G / pt.outer(sd, sd), dims=("effect", "effect_bis"))
        if not priors.explains_gamma:
            sigma = _variable("sigma", priors.sigma[1], data, "sigma")
        gamma = data["gamma_mean"]  # of the right size; read only when γ is not integrated out
        if reading == GIVEN:
            gamma = _fixed_effects(design, priors, data)
        for block, prior, _ in priors.joint:
            if prior.has_density:
                given = {name: data[name] for name in data if name.startswith(f"{block}_")}
                prior_density = joint_log_density(prior, given, root, sd, sigma)
                pm.Potential(f"prior_{block}", prior_density)
        density = CollapsedLogDensity(Reading(reading))(
            root,
            sigma / data["scale"],
            gamma,
            *(data[name] for name in ("to_internal", "A", "B", "C", "n")),
            data["gamma_precision"],
            data["gamma_mean"],
        )[0]
        pm.Potential("log_likelihood", density + data["log_jacobian"])
    return model


def _standard_deviations(priors: list[Prior], data: dict[str, TensorVariable]) -> TensorVariable:
    """Signed standard deviations (q,); registers ``sd``.

    Without a prior of their own their density is in that of a joint prior.  As a rule
    that is 0 where an sd is: the smooth scale is then the logarithm, not the sign.
    """
    if not priors:
        return pm.HalfFlat("sd", dims="effect")
    if _are_one_family(priors):
        name = "signed_sd" if priors[0].signed else "sd"
        signed = _variable(name, priors[0], data, "sd", dims="effect", signed=True)
    else:
        parts = []
        for k, prior in enumerate(priors):
            name = f"signed_sd_{k}" if prior.signed else f"sd_{k}"
            parts.append(_variable(name, prior, data, "sd", at=k, signed=True))
        signed = pt.stack(parts)
        name = "signed_sd"
    if name != "sd":
        pm.Deterministic("sd", pt.abs(signed), dims="effect")
    return signed


def _correlation_root(blocks: tuple[int, ...], data: dict[str, TensorVariable]) -> TensorVariable:
    """Lower root (q, q) of the correlation matrix, block by block."""
    roots = []
    for i, size in enumerate(blocks):
        if size == 1:
            roots.append(pt.ones((1, 1)))
            continue
        at = sum(1 for earlier in blocks[:i] if earlier > 1)
        name = "corr_chol" if sum(b > 1 for b in blocks) == 1 else f"corr_chol_{at}"
        roots.append(
            pm.LKJCorr(
                name,
                n=size,
                eta=data["corr_eta"][at],
                transform=NormalisedRows(size),
                default_transform=None,
            )
        )
    return roots[0] if len(roots) == 1 else pt.linalg.block_diag(*roots)


def _fixed_effects(
    design: Design, priors: PriorSet, data: dict[str, TensorVariable]
) -> TensorVariable:
    """γ° (p,) for a γ that is sampled; registers ``gamma``."""
    families = [prior for _, prior, _ in priors.gamma]
    if priors.explains_gamma:
        at = _place_of_constant(design, priors)
        constant = _variable(f"gamma_{at}", families[0], data, "gamma")
        gamma = explained_gamma(data, constant, at, len(design.terms) - 1)
    elif _are_one_family(families):
        gamma = _variable("gamma", families[0], data, "gamma", dims="term")
    else:
        parts = [
            _variable(f"gamma_{k}", prior, data, "gamma", at=k) for k, prior in enumerate(families)
        ]
        gamma = pm.Deterministic("gamma", pt.stack(parts), dims="term")
    return pt.dot(data["gamma_to_internal"], gamma - data["gamma_center"])


def _variable(
    name: str,
    prior: Prior,
    data: dict[str, TensorVariable],
    block: str,
    *,
    dims: str | None = None,
    at: int = 0,
    signed: bool = False,
) -> TensorVariable:
    """A random variable with a prior, its parameters read from the data of the graph."""
    if isinstance(prior, ForeignPrior):
        refuse_shaped(prior, block)
        if block in ("sd", "sigma"):
            refuse_negative(prior, block)
        return pm.modelcontext(None).register_rv(prior.variable.copy(), name=name)
    use_sign = signed and prior.signed is not None
    distribution = prior.signed if use_sign else prior.distribution
    if block == "sigma" and distribution == "Flat":
        distribution = "HalfFlat"
    parameters = {key: data[f"{block}_{key}"] for key in prior.parameters}
    if dims is None:
        parameters = {key: value[at] for key, value in parameters.items()}
    if use_sign and distribution != "Flat":
        location = "alpha" if distribution == "Cauchy" else "mu"
        parameters[location] = pt.zeros(())
    return getattr(pm, str(distribution))(name, **parameters, dims=dims)


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


def _are_one_family(priors: list[Prior]) -> bool:
    """Whether one variable of the graph can hold the parameters of all of these priors."""
    first = priors[0]
    return not isinstance(first, ForeignPrior) and all(_family(p) == _family(first) for p in priors)


def _place_of_constant(design: Design, priors: PriorSet) -> int:
    """Where the constant column stands, the only one with a prior of γ beside one of R²."""
    return design.terms.index(priors.gamma[0][0])
