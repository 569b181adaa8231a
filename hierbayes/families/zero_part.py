"""What zero inflation and hurdles have in common: a family inside, and a probability of zeros."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np

from hierbayes.compilation import inner
from hierbayes.errors import FamilyError
from hierbayes.families.family import ResponseFamily
from hierbayes.frames.arrays import Floats

CONSTANT = "~ 1"


@inner
def log_shares(z):
    """Log π and log(1 − π), π = 1/(1 + e^−z)."""
    log = math.log1p(math.exp(-abs(z)))
    return min(z, 0.0) - log, -max(z, 0.0) - log


@dataclass(frozen=True, slots=True)
class ZeroPart(ResponseFamily):
    """A family with a probability π of zeros.

    φ are those of the family inside, and the logit of π.

    Attributes
    ----------
    inside : ResponseFamily
        What a response is that is not such a zero.
    zeros : str
        What logit π depends on: "~ 1", one π for all rows.
    """

    what: ClassVar[str]
    holds: ClassVar[tuple[Callable[[], ResponseFamily], ...]]
    inside: ResponseFamily
    zeros: str
    link: str = field(init=False, repr=False)

    def __init__(self, inside: ResponseFamily | None = None, zeros: str = CONSTANT) -> None:
        inside = self.holds[0]() if inside is None else inside
        if type(inside) not in self.holds:  # a subclass is another family
            known = ", ".join(one.__name__ for one in self.holds)
            raise FamilyError(f"{self.what} ({known}), not in {inside!r}")
        if "".join(str(zeros).split()) != "~1":
            raise FamilyError(
                f"the probability of zeros is one for all rows, '~ 1', and cannot depend on "
                f"columns yet: {zeros!r}"
            )
        object.__setattr__(self, "inside", inside)
        object.__setattr__(self, "zeros", CONSTANT)
        object.__setattr__(self, "link", inside.link)

    @property
    def title(self) -> str:
        """With the family inside."""
        return f"{self.name} {self.inside.title}"

    @property
    def dispersion(self) -> tuple[str, ...]:
        """Those of the family inside, and "logit zero"."""
        return (*self.inside.dispersion, "logit zero")

    @property
    def dispersion_kinds(self) -> tuple[str, ...]:
        """The last is 'real'."""
        return (*self.inside.dispersion_kinds, "real")

    def with_share(self, phi: Floats, share: float) -> Floats:
        """φ from those inside, and a share of zeros."""
        return np.append(phi, math.log(share / (1.0 - share)))
