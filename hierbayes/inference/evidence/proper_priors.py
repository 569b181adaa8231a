"""Priors that have an integral, which a marginal likelihood asks of all of them."""

from __future__ import annotations

from hierbayes.errors import PriorError, in_quotes
from hierbayes.priors.foreign_prior import is_flat
from hierbayes.priors.prior_set import PriorSet


def refuse_improper_priors(priors: PriorSet) -> None:
    """Refuse flat priors: they have no integral, and the marginal likelihood any value.

    Raises
    ------
    PriorError
        Naming the parameters.
    """
    flat = improper(priors)
    if flat:
        raise PriorError(
            f"the prior of {in_quotes(flat)} is improper (flat): it is a density but for a "
            "constant that could be anything, and so the marginal likelihood could be anything; "
            "state a proper prior, such as Normal for gamma and HalfNormal or HalfT for sd and "
            "sigma"
        )


def improper(priors: PriorSet) -> tuple[str, ...]:
    """The parameters with a flat prior, by block and name."""
    return tuple(
        str(name) if block == name else f"{block}: {name}"
        for (block, name), prior in priors.families.items()
        if is_flat(prior)
    )
