"""Where chains and searches start: around the REML estimate."""

from __future__ import annotations

import numpy as np

from hierbayes.design.crossproducts import CrossProducts
from hierbayes.design.design import Design
from hierbayes.estimation.coordinates import Variable
from hierbayes.estimation.reml import maximise
from hierbayes.frames.arrays import Floats
from hierbayes.likelihood.gaussian import Likelihood

_SMALLEST_START = 0.05  # of the scale of an effect: where a chain starts when REML says 0


def start_point(
    variables: tuple[Variable, ...], design: Design, cross: CrossProducts
) -> tuple[Floats, Floats]:
    """Centre and half-width, on the unconstrained scale, of where chains start.

    The centre is the REML estimate, with an sd that REML puts at zero moved off it.
    """
    basis = cross.basis
    theta = maximise(cross, design.blocks).theta
    moments = Likelihood(cross).at(theta).moments
    smallest = _SMALLEST_START * basis.scale / basis.z.spread
    sd = np.maximum(np.sqrt((theta.root**2).sum(axis=1)), smallest)
    se = np.sqrt(np.diagonal(basis.gamma_covariance(moments.gamma_cov)))
    known = {
        "signed_sd": (sd, 0.5 * sd),
        "sd": (sd, 0.5 * sd),
        "sigma": (theta.sigma.reshape(1), np.array([0.0])),
        "gamma": (basis.gamma(moments.gamma), 2.0 * se),
    }
    parts = [_start_of(variable, known) for variable in variables]
    return np.concatenate([c for c, _ in parts]), np.concatenate([w for _, w in parts])


def _start_of(variable: Variable, known: dict[str, tuple[Floats, Floats]]) -> tuple[Floats, Floats]:
    """Centre and half-width of one variable; 0 ± 1 where nothing is known of its scale."""
    block, _, number = variable.name.rpartition("_")
    one_of_many = number.isdigit() and block in known
    name = block if one_of_many else variable.name
    if name not in known or variable.transform not in (None, "log"):
        return np.zeros(variable.size), np.ones(variable.size)
    centre, width = known[name]
    if one_of_many:
        centre, width = centre[[int(number)]], width[[int(number)]]
    if variable.transform == "log":
        return np.log(centre), np.full(len(centre), 0.5)
    return centre, width
