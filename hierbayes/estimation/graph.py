"""The PyMC graph of the marginal model: priors of θ, and the collapsed likelihood.

    sd, corr, σ ~ priors;  root = sd · chol(corr), G = root root'
    y ~ p(y | G, σ) with every u, and γ where its prior is normal, integrated out

Standard deviations with a symmetric sibling (half-normal, half-t, half-Cauchy) are
sampled with a sign: s is normal, t or Cauchy and sd = |s|, on the scale of
`signed_scale`.  root = s · chol is then
smooth where an sd is zero, which is where hierarchical posteriors like to be; the
sign moves into the correlations, whose LKJ prior does not change under it.

Where priors of sd and corr are of centred columns Z M (`centred_effects`), so are s and chol,
and root = M s chol.

Cross-products and prior parameters are data of the graph, so a compiled graph
serves every data set and every prior of the same structure.
"""

from __future__ import annotations

import pytensor
import pytensor.tensor as pt
from pytensor.tensor.variable import TensorVariable

from hierbayes.design.design import Design
from hierbayes.design.products import Products
from hierbayes.estimation.correlation import NormalisedRows
from hierbayes.estimation.inputs import GraphInputs, are_one_family, graph_inputs, place_of_constant
from hierbayes.estimation.prior_variable import prior_variable
from hierbayes.estimation.variance_shares import explained_gamma, explained_scales
from hierbayes.frames.arrays import Floats
from hierbayes.likelihood.op import CollapsedLogDensity
from hierbayes.likelihood.reading import GIVEN, Reading
from hierbayes.priors.families import DesignNormal, Prior
from hierbayes.priors.joint_density import joint_log_density
from hierbayes.priors.prior_set import PriorSet
from hierbayes.pymc_import import pm


def graph_of(design: Design, cross: Products, priors: PriorSet) -> pm.Model:
    """The marginal model as a PyMC model."""
    return build_graph(design, graph_inputs(design, cross, priors), priors)


def build_graph(design: Design, inputs: GraphInputs, priors: PriorSet) -> pm.Model:
    """The marginal model as a PyMC model, with named dimensions.

    Free variables are ``signed_sd`` (in units of the data ``sd_unit``; or ``sd``; of centred
    columns ``signed_centred_sd`` or ``centred_sd``), ``corr_chol``, ``sigma`` and, when γ is not
    collapsed, ``gamma``, flat for terms whose prior is the potential ``prior_gamma``;
    ``sd``, ``corr``, ``G`` and ``root`` (a root of G) are
    deterministic.  A prior of G or of the intraclass correlation is a potential,
    ``prior_G`` or ``prior_icc``; one of R² makes sd and γ deterministic.
    Coordinates ``term``, ``effect`` and ``group`` (of several factors ``group_`` and the name of
    each) carry the names.
    """
    reading = inputs.structure[0]
    with pm.Model(coords=coords_of(design), check_bounds=False) as model:
        data = {name: _data(name, value) for name, value in inputs.data.items()}
        root, sigma, gamma = parameters(design, inputs, priors, data)
        density = CollapsedLogDensity(Reading(reading), inputs.several)(
            root,
            sigma / data["scale"],
            gamma,
            *(data[name] for name in ("to_internal", *inputs.of_rows, "n")),
            data["gamma_precision"],
            data["gamma_mean"],
        )[0]
        pm.Potential("log_likelihood", density + data["log_jacobian"])
    return model


def coords_of(design: Design) -> dict[str, list[str]]:
    """Names of terms, effects and groups by dimension."""
    return {
        "term": list(design.terms),
        "effect": list(design.effect_labels),
        "effect_bis": list(design.effect_labels),
    } | {
        "group" if len(design.factors) == 1 else f"group_{factor.name}": list(
            map(str, factor.labels)
        )
        for factor in design.factors
    }


def parameters(
    design: Design, inputs: GraphInputs, priors: PriorSet, data: dict[str, TensorVariable]
) -> tuple[TensorVariable, TensorVariable, TensorVariable]:
    """The root of G, σ and γ° with their priors, registered in the model that is open.

    γ° is read only where γ is not integrated out.  Without random effects the root has no entry.
    """
    sigma = None if priors.has_dispersion else pt.ones(())
    root, sd = pt.zeros((0, 0)), pt.zeros(0)
    if design.effects:
        root, sd, sigma = _of_effects(design, priors, data, sigma)
    elif priors.explains_gamma:
        sigma = prior_variable("sigma", priors.sigma[1], data, "sigma")
        explained_scales(data, sigma, len(design.terms) - 1, 0)
    if sigma is None:
        sigma = prior_variable("sigma", priors.sigma[1], data, "sigma")
    gamma = data["gamma_mean"]  # of the right size
    if inputs.structure[0] == GIVEN:
        gamma = _fixed_effects(design, priors, data)
        if any(isinstance(prior, DesignNormal) for _, prior, _ in priors.gamma):
            away = gamma - data["gamma_mean"]
            form = pt.dot(away, pt.dot(data["gamma_precision"], away))
            pm.Potential("prior_gamma", data["gamma_log_constant"] - 0.5 * form)
    for block, prior, _ in priors.joint:
        if prior.has_density:
            given = {name: data[name] for name in data if name.startswith(f"{block}_")}
            prior_density = joint_log_density(prior, given, root, sd, sigma)
            pm.Potential(f"prior_{block}", prior_density)
    return root, sigma, gamma


def _of_effects(
    design: Design,
    priors: PriorSet,
    data: dict[str, TensorVariable],
    sigma: TensorVariable | None,
) -> tuple[TensorVariable, TensorVariable, TensorVariable | None]:
    """The root of G and sd; and σ, where it is known already or a prior of R² needs it."""
    model = pm.modelcontext(None)
    if priors.explains_gamma:
        sigma = prior_variable("sigma", priors.sigma[1], data, "sigma")
        signed = explained_scales(data, sigma, len(design.terms) - 1, len(design.effects))
    else:
        own = "centred_sd" if priors.centring else "sd"
        signed = _standard_deviations(own, [prior for _, prior, _ in priors.sd], data)
    chol = _correlation_root(design.blocks, data)
    root = signed[:, None] * chol
    if priors.centring:
        root = pt.dot(data["columns"], root)
    root = pm.Deterministic("root", root, dims=("effect", "effect_bis"))
    G = pm.Deterministic("G", pt.dot(root, root.T), dims=("effect", "effect_bis"))
    if priors.centring:
        pm.Deterministic("sd", pt.sqrt(pt.diagonal(G)), dims="effect")
    sd = model["sd"]
    pm.Deterministic("corr", G / pt.outer(sd, sd), dims=("effect", "effect_bis"))
    return root, sd, sigma


def _data(name: str, value: Floats) -> TensorVariable:
    """Data of the graph; `pm.Data` refuses whole numbers whose bits are those of nan."""
    if name != "index":
        return pm.Data(name, value)
    variable = pytensor.shared(value, name)
    pm.modelcontext(None).register_data_var(variable)
    return variable


def _standard_deviations(
    own: str, priors: list[Prior], data: dict[str, TensorVariable]
) -> TensorVariable:
    """Signed standard deviations (q,); registers their sizes by their own name.

    Without a prior of their own their density is in that of a joint prior.  As a rule
    that is 0 where an sd is: the smooth scale is then the logarithm, not the sign.
    """
    if not priors:
        return pm.HalfFlat("sd", dims="effect")
    if are_one_family(priors):
        name = f"signed_{own}" if priors[0].signed else own
        signed = prior_variable(name, priors[0], data, "sd", dims="effect", signed=True)
    else:
        parts = []
        for k, prior in enumerate(priors):
            name = f"signed_{own}_{k}" if prior.signed else f"{own}_{k}"
            parts.append(prior_variable(name, prior, data, "sd", at=k, signed=True))
        signed = pt.stack(parts)
        name = f"signed_{own}"
    if name != own:
        pm.Deterministic(own, pt.abs(signed), dims="effect")
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
    if not families:
        return data["gamma_mean"]  # none
    if priors.explains_gamma:
        at = place_of_constant(design, priors)
        constant = prior_variable(f"gamma_{at}", families[0], data, "gamma")
        gamma = explained_gamma(data, constant, at, len(design.terms) - 1)
    elif are_one_family(families):
        gamma = prior_variable("gamma", families[0], data, "gamma", dims="term")
    else:
        parts = [
            prior_variable(f"gamma_{k}", prior, data, "gamma", at=k)
            for k, prior in enumerate(families)
        ]
        gamma = pm.Deterministic("gamma", pt.stack(parts), dims="term")
    return pt.dot(data["gamma_to_internal"], gamma - data["gamma_center"])
