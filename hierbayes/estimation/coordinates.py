"""The unconstrained coordinates of a model: which variables, in what order, by which transform.

Those of the graph.  Standard deviations with a symmetric sibling (half-normal, half-t,
half-Cauchy, flat) carry a sign (`signed_scale`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hierbayes.design.design import Design
from hierbayes.estimation.inputs import are_one_family, place_of_constant
from hierbayes.priors.families import Flat, Normal, Prior, StudentT, Uniform
from hierbayes.priors.prior_set import PriorSet


@dataclass(frozen=True, slots=True, eq=False)
class Variable:
    """One free variable of a model: its place among the unconstrained coordinates."""

    name: str
    shape: tuple[int, ...]
    transform: str | None

    @property
    def size(self) -> int:
        """Number of unconstrained coordinates."""
        return int(np.prod(self.shape))


def transform_of(prior: Prior, block: str) -> str | None:
    """The transform of a number with a built-in prior of its own."""
    if isinstance(prior, Uniform):
        return "interval"
    free = (Normal, StudentT, Flat) if block == "gamma" else ()
    signed = block == "sd" and prior.signed is not None
    if signed:
        return "asinh"
    return None if isinstance(prior, free) else "log"


def dispersion_transform(prior: Prior) -> str | None:
    """The transform of σ, or of a dispersion parameter: numbers of any sign have a normal prior."""
    return transform_of(prior, "gamma" if isinstance(prior, Normal | StudentT) else "sigma")


def variables_of(
    design: Design, priors: PriorSet, *, gamma: bool | None = None
) -> tuple[Variable, ...]:
    """The free variables under built-in priors, in the order of the coordinates.

    Parameters
    ----------
    design : Design
    priors : PriorSet
    gamma : bool, optional
        Whether γ has coordinates; if not stated, where it is not integrated out.
    """
    p, q = len(design.terms), len(design.effects)
    sigma = Variable("sigma", (), dispersion_transform(priors.sigma[1]))
    own = [sigma] * priors.has_dispersion
    corr = _corr(design.blocks)
    if priors.explains_gamma:
        shares = p - 1 + q
        at, constant = place_of_constant(design, priors), priors.gamma[0][1]
        found = [*own, Variable("r2", (), "logodds")]
        found += [Variable("r2_share", (shares - 1,), "simplex")] if shares > 1 else []
        found += [*corr, Variable(f"gamma_{at}", (), transform_of(constant, "gamma"))]
        return (*found, *([Variable("gamma_z", (p - 1,), None)] if p > 1 else []))
    sds = [prior for _, prior, _ in priors.sd]
    sampled = not priors.collapses_gamma if gamma is None else gamma
    gammas = [prior for _, prior, _ in priors.gamma] if sampled else []
    name = "centred_sd" if priors.centring else "sd"
    sd = _numbers(name, sds) if sds else [Variable("sd", (q,), "log")]
    more = [
        Variable(f"dispersion_{k}", (), dispersion_transform(prior))
        for k, (_, prior, _) in enumerate(priors.extra)
    ]
    return (*sd, *corr, *own, *_numbers("gamma", gammas), *more)


def _numbers(block: str, priors: list[Prior]) -> list[Variable]:
    """One variable for priors of one family, one for each otherwise."""
    kind = block.removeprefix("centred_")
    transforms = [transform_of(prior, kind) for prior in priors]
    signs = ["signed_" if kind == "sd" and prior.signed else "" for prior in priors]
    if priors and are_one_family(priors):
        return [Variable(f"{signs[0]}{block}", (len(priors),), transforms[0])]
    return [
        Variable(f"{sign}{block}_{k}", (), transform)
        for k, (sign, transform) in enumerate(zip(signs, transforms, strict=True))
    ]


def _corr(blocks: tuple[int, ...]) -> list[Variable]:
    sizes = [size * (size - 1) // 2 for size in blocks if size > 1]
    names = ["corr_chol"] if len(sizes) == 1 else [f"corr_chol_{k}" for k in range(len(sizes))]
    return [
        Variable(name, (size,), "normalisedrows") for name, size in zip(names, sizes, strict=True)
    ]
