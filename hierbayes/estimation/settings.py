"""How a sampler is to be run."""

from __future__ import annotations

from dataclasses import dataclass
from numbers import Real

import numpy as np

from hierbayes.errors import EstimationError


@dataclass(frozen=True, slots=True)
class SamplerSettings:
    """How to run NUTS.

    Parameters
    ----------
    draws, tune, chains : int
        Draws kept and draws of adaptation per chain, and chains.
    seed : int
        Equal seeds give equal draws.
    target_accept : float
        Wanted acceptance rate; nearer 1 takes smaller steps.
    sampler : str
        ``"nutpie"`` or ``"pymc"``.
    cores : int or None
        Chains at a time.
    progress : bool
    """

    draws: int
    tune: int
    chains: int
    seed: int
    target_accept: float
    sampler: str
    cores: int | None
    progress: bool

    def __post_init__(self) -> None:
        for name in ("draws", "tune", "chains"):
            value = getattr(self, name)
            if not _whole(value) or value < 1:
                raise EstimationError(f"{name} must be a whole number of at least 1, not {value!r}")
        if not isinstance(self.seed, int | np.integer) or not 0 <= self.seed < 2**32:
            raise EstimationError(
                f"seed must be a whole number from 0 to 2³² − 1, not {self.seed!r}"
            )
        if self.cores is not None and not (_whole(self.cores) and self.cores >= 1):
            raise EstimationError(f"cores must be a whole number of at least 1, not {self.cores!r}")
        if not isinstance(self.target_accept, Real) or not 0 < self.target_accept < 1:
            raise EstimationError(
                f"target_accept must lie between 0 and 1, not {self.target_accept}"
            )
        if self.sampler not in ("nutpie", "pymc"):
            raise EstimationError(f"sampler must be 'nutpie' or 'pymc', not {self.sampler!r}")


def _whole(value: object) -> bool:
    return isinstance(value, int | np.integer) and not isinstance(value, bool)
