"""How a sampler is to be run."""

from __future__ import annotations

from dataclasses import dataclass
from numbers import Real

from hierbayes.errors import EstimationError, in_quotes
from hierbayes.specification.counts import refuse_bad_count, refuse_bad_seed

FAMILY_ACCEPT = 0.88  # wanted of families, whose steps are turns: see `nutpie_chains`
SAMPLERS = ("auto", "nutpie", "pymc", "importance")


@dataclass(frozen=True, slots=True)
class SamplerSettings:
    """How to run NUTS.

    Parameters
    ----------
    draws, tune, chains : int
        Draws kept and draws of adaptation per chain, and chains.
    seed : int
        Equal seeds give equal draws on one machine; other processors round otherwise, and the
        draws part.
    target_accept : float
        Wanted acceptance rate; nearer 1 takes smaller steps.
    sampler : str
        ``"nutpie"`` or ``"pymc"``, NUTS by either; ``"importance"``; ``"auto"``, NUTS by nutpie
        unless it would take long and importance sampling can stand in for it.
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
            refuse_bad_count(name, getattr(self, name))
        refuse_bad_seed(self.seed)
        if self.cores is not None:
            refuse_bad_count("cores", self.cores)
        if not isinstance(self.target_accept, Real) or not 0 < self.target_accept < 1:
            raise EstimationError(
                f"target_accept must lie between 0 and 1, not {self.target_accept}"
            )
        if self.sampler not in SAMPLERS:
            raise EstimationError(
                f"sampler must be one of {in_quotes(SAMPLERS)}, not {self.sampler!r}"
            )
