"""Distributions made by PyMC as priors."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from hierbayes.errors import PriorError
from hierbayes.priors.families import Flat, Prior

_FLAT = ("Flat", "HalfFlat")


@dataclass(frozen=True, slots=True, eq=False)
class ForeignPrior(Prior):
    """A distribution made by PyMC (``pm.X.dist(...)``), used as it is."""

    distribution: ClassVar[str] = "PyMC"
    variable: Any

    def __post_init__(self) -> None:
        """Nothing to check: PyMC has."""

    @property
    def parameters(self) -> dict[str, float]:
        """None that could be exchanged after the graph is built."""
        return {}

    def __eq__(self, other: object) -> bool:
        """One distribution is itself alone: what PyMC made twice may differ in any number."""
        return isinstance(other, ForeignPrior) and self.variable is other.variable

    def __hash__(self) -> int:
        return id(self.variable)

    def __str__(self) -> str:
        owner = getattr(self.variable, "owner", None)
        operation = getattr(owner, "op", None)
        name = getattr(operation, "_print_name", None) or (type(operation).__name__,)
        scalars = [given for given in getattr(owner, "inputs", ()) if _is_scalar(given)]
        data = [getattr(given, "data", None) for given in scalars]
        shown = ["…" if number is None else f"{float(number):z.4g}" for number in data]
        return f"PyMC {name[0]}({', '.join(shown)})"


def is_flat(prior: Prior) -> bool:
    """Whether a prior has density 1, made here or by PyMC."""
    if isinstance(prior, ForeignPrior):
        return type(prior.variable.owner.op).__name__.removesuffix("RV") in _FLAT
    return isinstance(prior, Flat)


def refuse_shaped(prior: ForeignPrior, block: str) -> None:
    """Refuse a PyMC distribution that is not of one number.

    Raises
    ------
    PriorError
        Naming the block and the shape.
    """
    if prior.variable.ndim:
        raise PriorError(
            f"the PyMC prior of '{block}' has shape {tuple(prior.variable.type.shape)}; state "
            "one scalar distribution, or one per name"
        )


def _is_scalar(variable: Any) -> bool:
    """Whether a variable of PyTensor is a number (and no random generator)."""
    return bool(getattr(variable.type, "ndim", None) == 0)
