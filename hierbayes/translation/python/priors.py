"""Priors as calls of PyMC's distributions, which bambi names alike."""

from __future__ import annotations

from collections.abc import Sequence

from hierbayes.errors import FormulaError
from hierbayes.priors.families import Prior
from hierbayes.priors.foreign_prior import ForeignPrior
from hierbayes.translation.r.stan_priors import number


def distribution_of(prior: Prior, block: str, system: str) -> str:
    """Name of PyMC's distribution of a prior in a block.

    Raises
    ------
    FormulaError
        For a PyMC object, whose code is not known.
    """
    if isinstance(prior, ForeignPrior):
        raise FormulaError(
            f"{system} cannot say the prior {prior} of '{block}': it is a PyMC object whose code "
            "is not known here; state a family of this package"
        )
    positive = block in ("sd", "sigma") and prior.distribution == "Flat"
    return "HalfFlat" if positive else prior.distribution


def parameters_of(priors: Sequence[Prior]) -> dict[str, str]:
    """Parameters of priors of one family as Python code: numbers, or lists where they differ."""
    found = {}
    for name in priors[0].parameters:
        values = [number(prior.parameters[name]) for prior in priors]
        found[name] = values[0] if len(set(values)) == 1 else f"[{', '.join(values)}]"
    return found
