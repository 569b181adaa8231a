"""Priors of the parameters of a residual structure: usual ones, and which may stand where."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from hierbayes.design.residual_rows import ResidualRows
from hierbayes.errors import PriorError
from hierbayes.priors.blocks import as_prior
from hierbayes.priors.correlation_families import (
    LKJ,
    UniformCorrelation,
    UniformPartials,
    UniformPositiveCorrelation,
)
from hierbayes.priors.families import Flat, LogNormal, Normal, Prior, StudentT, Uniform
from hierbayes.priors.joint_families import Beta
from hierbayes.priors.prior_set import Entry
from hierbayes.residuals.bound_values import Parameter

_USUAL: dict[str, type[Prior]] = {
    family.__name__: family
    for family in (LKJ, LogNormal, Normal, Uniform, UniformCorrelation, UniformPartials)
}
_CUT = (Normal, StudentT)  # with the density that they have within the limits of a parameter


def usual_error_priors(rows: ResidualRows | None) -> dict[str, Prior]:
    """The usual prior of each; none without a structure."""
    if rows is None:
        return {}
    return {
        _entry_name(one): _USUAL[one.usual[0]](*map(float, one.usual[1])) for one in rows.parameters
    }


def of_sign(rows: ResidualRows | None, entries: tuple[Entry, ...]) -> tuple[Entry, ...]:
    """Priors of correlations over gaps as those of a φ with a sign, or without one."""
    if rows is None:
        return entries
    lows = {_entry_name(one): one.support[0] for one in rows.parameters}
    kinds = {0.0: UniformPositiveCorrelation, -1.0: UniformCorrelation}
    return tuple(
        (name, kinds[lows[name]](prior.gap), source)
        if isinstance(prior, UniformCorrelation)
        else (name, prior, source)
        for name, prior, source in entries
    )


def refuse_misfits(rows: ResidualRows | None, stated: Any) -> None:
    """Refuse stated priors that do not live where their parameters do.

    Parameters
    ----------
    rows : ResidualRows or None
        None where errors have no structure.
    stated : object
        A prior for every parameter, or a mapping from names to priors.

    Raises
    ------
    PriorError
        Naming the parameter, its limits, and what would suit it.
    """
    if rows is None or stated is None:
        return
    by_name = {_entry_name(one): one for one in rows.parameters}
    for name, parameter in by_name.items():
        value = stated.get(name) if isinstance(stated, Mapping) else stated
        if value is not None:
            _refuse_misfit(name, parameter, as_prior(value, "residual"))


def _entry_name(parameter: Parameter) -> str:
    return parameter.together or parameter.name


def _refuse_misfit(name: str, parameter: Parameter, prior: Prior) -> None:
    if parameter.together:
        usual = _USUAL[parameter.usual[0]]
        if not isinstance(prior, usual):
            example = "LKJ(2)" if usual is LKJ else "the usual one, which cannot be changed"
            raise PriorError(
                f"the parameters {name} of the errors have one prior together, {example}, and "
                f"{prior} is not of that kind"
            )
        return
    if isinstance(prior, UniformCorrelation) and parameter.decay is None:
        raise PriorError(
            f"the prior {prior} of 'residual' for '{name}' does not fit: it is of phi of AR1 and "
            "CAR1, whose powers are the correlations over gaps in time"
        )
    if isinstance(prior, (*_CUT, Flat, UniformCorrelation)) or _fits(prior, *parameter.support):
        return
    low, high = parameter.support
    where = "any number" if low == -np.inf else f"between {low:.4g} and {high:.4g}"
    if high == np.inf and low == 0.0:
        where = "positive"
    raise PriorError(
        f"the prior {prior} of 'residual' for '{name}' does not fit: {name} is {where}; use "
        "Normal or StudentT, which are cut at its limits, or Uniform within them"
    )


def _fits(prior: Prior, low: float, high: float) -> bool:
    """Whether a prior has limits that suit those of a parameter."""
    match prior:
        case Uniform(lower, upper):
            return low <= lower and upper <= high
        case Beta():
            return low <= 0.0 and high >= 1.0
        case LKJ() | UniformPartials():
            return False  # of several at once
    return low == 0.0 and high == np.inf  # the rest is of positive numbers
