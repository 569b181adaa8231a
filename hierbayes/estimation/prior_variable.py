"""A parameter with its prior as a variable of a PyMC graph, an sd with a sign where it may be.

The parameters of the prior are read from the data of the graph.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytensor
import pytensor.tensor as pt
from pytensor.graph.replace import clone_replace
from pytensor.graph.traversal import graph_inputs as inputs_of
from pytensor.tensor.random.type import RandomType
from pytensor.tensor.variable import TensorVariable

from hierbayes.estimation.signed_scale import SignedScale
from hierbayes.priors.density import refuse_negative
from hierbayes.priors.families import DesignNormal, Prior
from hierbayes.priors.foreign_prior import ForeignPrior, refuse_shaped
from hierbayes.pymc_import import pm


def prior_variable(
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
        return pm.modelcontext(None).register_rv(_one_more(prior.variable), name=name)
    if isinstance(prior, DesignNormal):
        return pm.Flat(name, dims=dims)
    use_sign = signed and prior.signed is not None
    distribution = prior.signed if use_sign else prior.distribution
    if block in ("sigma", "dispersion") and distribution == "Flat":
        distribution = "HalfFlat"
    parameters = {key: data[f"{block}_{key}"] for key in prior.parameters}
    if dims is None:
        parameters = {key: value[at] for key, value in parameters.items()}
    if use_sign:
        return _signed(name, str(distribution), parameters, data, None if dims else at)
    return getattr(pm, str(distribution))(name, **parameters, dims=dims)


def _one_more(variable: TensorVariable) -> TensorVariable:
    """A random variable of the same distribution, with a generator of its own.

    One is needed for each parameter that the distribution is stated of; PyMC finds its density
    and its transform by its operation, which a copy of its value has not.
    """
    generators = [v for v in inputs_of([variable]) if isinstance(v.type, RandomType)]
    fresh = {generator: pytensor.shared(np.random.default_rng()) for generator in generators}
    (found,) = clone_replace([variable], fresh)
    return found


def _signed(
    name: str,
    distribution: str,
    parameters: dict[str, TensorVariable],
    data: dict[str, TensorVariable],
    at: int | None,
) -> TensorVariable:
    """A standard deviation with a sign, or all of them; the variable is it in units of c.

    Chains and searches of PyMC would start at 0, where the gradient of a symmetric density is 0.
    The start is a part of the distribution, because PyMC copies no graph with initial values, and
    so is the unit, because the density is that of the sd.
    """
    unit, start = data["sd_unit"], data["sd_start"] / data["sd_unit"]
    if at is not None:
        unit, start = unit[at], start[at]
    stated = {}
    if distribution != "Flat":
        scale = "beta" if distribution == "Cauchy" else "sigma"
        location = "alpha" if distribution == "Cauchy" else "mu"
        stated = {**parameters, scale: parameters[scale] / unit, location: pt.zeros(())}
    names = tuple(stated)

    def ratio_of(_start: Any, _unit: Any, *values_and_size: Any) -> TensorVariable:
        *values, size = values_and_size
        return getattr(pm, distribution).dist(**dict(zip(names, values, strict=True)), size=size)

    def log_density_of_sd(ratio: Any, start: Any, unit: Any, *values: Any) -> TensorVariable:
        in_units = pm.logp(ratio_of(start, unit, *values, None), ratio)
        return in_units if distribution == "Flat" else in_units - pt.log(unit)

    ratio = pm.CustomDist(
        name,
        start,
        unit,
        *stated.values(),
        dist=ratio_of,
        logp=log_density_of_sd,
        support_point=lambda rv, size, start, *_: start,
        class_name=f"Signed{distribution}",
        dims="effect" if at is None else None,
        transform=SignedScale(),
    )
    return ratio * unit
