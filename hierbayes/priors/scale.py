"""Priors of a parameter in another unit."""

from __future__ import annotations

from dataclasses import replace

from hierbayes.errors import PriorError
from hierbayes.priors.families import (
    PC,
    Exponential,
    Gamma,
    HalfCauchy,
    HalfNormal,
    HalfT,
    InverseGamma,
    Prior,
    Uniform,
)

_SCALES: dict[type[Prior], tuple[tuple[str, int], ...]] = {
    HalfNormal: (("sigma", 1),),
    HalfT: (("sigma", 1),),
    HalfCauchy: (("beta", 1),),
    Exponential: (("lam", -1),),
    Uniform: (("lower", 1), ("upper", 1)),
    Gamma: (("beta", -1),),
    PC: (("upper", 1),),
    InverseGamma: (("beta", 1),),
}


def rescaled(prior: Prior, factor: float) -> Prior:
    """The prior of ``factor`` times a parameter that has a given prior.

    Raises
    ------
    PriorError
        When the family has no scale that could be changed.
    """
    if factor == 1.0:
        return prior
    if type(prior) not in _SCALES:
        raise PriorError(f"the prior {prior} has no scale that could be changed")
    changed = {name: getattr(prior, name) * factor**power for name, power in _SCALES[type(prior)]}
    return replace(prior, **changed)
