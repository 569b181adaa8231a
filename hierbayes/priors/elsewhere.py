"""What stands in place of priors of sd and corr where a block of G has one prior of both."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from hierbayes.priors.correlation_families import LKJ
from hierbayes.priors.families import Prior


@dataclass(frozen=True, slots=True)
class SdOfMatrix(Prior):
    """In place of the prior of an sd: density 1."""

    distribution: ClassVar[str] = "HalfFlat"
    is_elsewhere: ClassVar[bool] = True


@dataclass(frozen=True, slots=True)
class CorrOfMatrix(LKJ):
    """In place of the prior of correlations: uniform ones, whose constant the prior of G has."""

    is_elsewhere: ClassVar[bool] = True
    eta: float = 1.0
