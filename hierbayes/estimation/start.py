"""Where chains and searches start: around the REML estimate."""

from __future__ import annotations

import numpy as np

from hierbayes.design.products import Products
from hierbayes.estimation.coordinates import Variable
from hierbayes.estimation.inputs import GraphInputs
from hierbayes.frames.arrays import Floats
from hierbayes.likelihood.of_products import likelihood_of


def start_point(
    variables: tuple[Variable, ...], cross: Products, inputs: GraphInputs
) -> tuple[Floats, Floats]:
    """Centre and half-width, on the unconstrained scale, of where chains start.

    The centre is the REML estimate, with an sd that REML puts at zero moved off it.
    """
    state = likelihood_of(cross).at(inputs.theta)
    se = np.sqrt(np.diagonal(state.gamma_cov))
    return start_at(variables, inputs, state.gamma, se)


def start_at(
    variables: tuple[Variable, ...], inputs: GraphInputs, gamma: Floats, se: Floats
) -> tuple[Floats, Floats]:
    """The same around an estimate of γ (p,) with its standard errors and that of θ."""
    sd, unit = inputs.data["sd_start"], inputs.data["sd_unit"]
    known = {
        "sd": (sd, 0.5 * sd),
        "signed_sd": (np.arcsinh(sd / unit), np.full(len(sd), 0.5)),
        "sigma": (inputs.theta.sigma.reshape(1), np.full(1, 0.5)),
        "gamma": (gamma, 2.0 * se),
    }
    if "dispersion_start" in inputs.data:
        more = inputs.data["dispersion_start"]
        known["dispersion"] = (more, np.full(len(more), 0.5))
    parts = [_start_of(variable, known) for variable in variables]
    return np.concatenate([c for c, _ in parts]), np.concatenate([w for _, w in parts])


def _start_of(variable: Variable, known: dict[str, tuple[Floats, Floats]]) -> tuple[Floats, Floats]:
    """Centre and half-width of one variable; 0 ± 1 where nothing is known of its scale."""
    called = variable.name.replace("centred_", "")
    block, _, number = called.rpartition("_")
    one_of_many = number.isdigit() and block in known
    name = block if one_of_many else called
    if name not in known or variable.transform not in (None, "log", "asinh"):
        return np.zeros(variable.size), np.ones(variable.size)
    centre, width = known[name]
    if one_of_many:
        centre, width = centre[[int(number)]], width[[int(number)]]
    if variable.transform == "log":
        return np.log(centre), np.full(len(centre), 0.5)
    return centre, width
