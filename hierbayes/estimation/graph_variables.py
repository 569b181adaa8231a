r"""The free variables of the graph of a model at draws of θ.

Signs of a root of G are no part of θ: s and L are given as sd ≥ 0 and the lower root of the
correlations with a positive diagonal, which have the same G and the same prior density.
"""

from __future__ import annotations

import numpy as np

from hierbayes.design.blocks import block_slices
from hierbayes.design.design import Design
from hierbayes.design.products import Products
from hierbayes.errors import EstimationError
from hierbayes.estimation.coordinates import variables_of
from hierbayes.estimation.inputs import graph_inputs
from hierbayes.frames.arrays import Floats
from hierbayes.likelihood.theta import Theta
from hierbayes.priors.prior_set import PriorSet

type Labelled = tuple[tuple[str, ...], Floats]


def graph_variables(
    design: Design, cross: Products, priors: PriorSet, theta: Theta, gamma: Floats
) -> dict[str, Labelled]:
    """The dimensions behind the leading axes, and values (..., *shape), by name in the graph.

    Parameters
    ----------
    theta : Theta
        With leading axes (...), as ``gamma`` (..., p) has.

    Raises
    ------
    EstimationError
        When the prior is one of R², whose shares draws of θ and γ do not determine.
    """
    if priors.explains_gamma:
        raise EstimationError(
            "under a prior of R² the draws do not hold the graph's shares of the variance; "
            "draw from the graph itself: with model.graph(): pm.sample()"
        )
    data = graph_inputs(design, cross, priors).data
    rows = np.linalg.solve(data["columns"], theta.root)  # of the root of centred columns
    sd = np.linalg.norm(rows, axis=-1)
    lower = [
        _lower(rows[..., at, :] / sd[..., at, None])
        for at in block_slices(design.blocks)
        if at.stop - at.start > 1
    ]
    known: dict[str, Labelled] = {
        "sd": (("effect",), sd),
        "signed_sd": (("effect",), sd / data["sd_unit"]),
        "sigma": ((), theta.sigma),
        "gamma": (("term",), gamma),
    }
    for k, block in enumerate(lower):
        name = "corr_chol" if len(lower) == 1 else f"corr_chol_{k}"
        known[name] = (f"{name}_row", f"{name}_column"), block
    return {
        variable.name: _of(variable.name.replace("centred_", ""), known)
        for variable in variables_of(design, priors)
    }


def _of(name: str, known: dict[str, Labelled]) -> Labelled:
    """A variable that is known, or the one parameter of a block that its name ends in."""
    if name in known:
        return known[name]
    block, _, number = name.rpartition("_")
    return (), known[block][1][..., int(number)]


def _lower(root: Floats) -> Floats:
    """The lower root (..., k, k) of R R' with a positive diagonal, for R (..., k, q)."""
    upper = np.linalg.qr(np.swapaxes(root, -1, -2), mode="r")
    signs = np.sign(np.diagonal(upper, axis1=-2, axis2=-1))
    return np.asarray(np.swapaxes(upper, -1, -2) * signs[..., None, :])
