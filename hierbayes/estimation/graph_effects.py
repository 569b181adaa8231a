"""Random effects as variables of a PyMC graph."""

from __future__ import annotations

from collections.abc import Iterator

import pytensor.tensor as pt
from pytensor.tensor.variable import TensorVariable

from hierbayes.design.design import Design
from hierbayes.pymc_import import pm


def effect_coords(design: Design) -> dict[str, list[str]]:
    """Names of the effects of each factor by dimension."""
    several = len(design.factors) > 1
    return {
        "effect_of" + (f"_{factor.name}" if several else ""): list(design.effects[span])
        for factor, span in zip(design.factors, design.spans, strict=True)
    }


def random_effects(
    design: Design, root: TensorVariable, *, centered: bool
) -> Iterator[tuple[slice, TensorVariable]]:
    """The places of each factor's effects and u (J, q), registered in the model that is open.

    None of a model without random effects.

    Non-centred ``b`` ~ N(0, I) and ``u`` = b L', or centred ``u`` ~ N(0, LL'); of several factors
    ``b_`` and ``u_`` with the name of each.

    Parameters
    ----------
    design : Design
    root : (q, q) variable
        A root L of G.
    centered : bool
    """
    several = len(design.factors) > 1
    if not design.effects:
        return
    for factor, span in zip(design.factors, design.spans, strict=True):
        suffix = f"_{factor.name}" if several else ""
        dims, own = (f"group{suffix}", f"effect_of{suffix}"), root[span, span]
        if centered:
            yield span, pm.MvNormal(f"u{suffix}", mu=0.0, cov=pt.dot(own, own.T), dims=dims)
        else:
            b = pm.Normal(f"b{suffix}", dims=dims)
            yield span, pm.Deterministic(f"u{suffix}", pt.dot(b, own.T), dims=dims)
