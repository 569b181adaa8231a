"""Chains by nutpie, of whatever it has compiled."""

from __future__ import annotations

import os
import time
from typing import Any

import nutpie

from hierbayes.errors import EstimationError
from hierbayes.estimation.settings import SamplerSettings
from hierbayes.estimation.theta_draws import STATISTICS


def sample_chains(model: Any, settings: SamplerSettings) -> tuple[Any, Any, float]:
    """Draws, statistics of the sampler under PyMC's names, and seconds.

    Parameters
    ----------
    model : CompiledModel
        Of nutpie.
    settings : SamplerSettings

    Raises
    ------
    EstimationError
        When no start with a finite density is found.
    """
    before = time.perf_counter()
    try:
        trace = nutpie.sample(
            model,
            draws=settings.draws,
            tune=settings.tune,
            chains=settings.chains,
            cores=settings.cores or min(settings.chains, os.cpu_count() or 1),
            seed=settings.seed,
            target_accept=settings.target_accept,
            progress_bar=settings.progress,
            save_warmup=False,
        )
    except RuntimeError as error:
        raise EstimationError(
            f"the sampler could not start ({_first_line(error)}); look at model.priors: a prior "
            "may exclude what the data show"
        ) from error
    seconds = time.perf_counter() - before
    stats = trace.sample_stats.to_dataset()[list(STATISTICS)].rename(STATISTICS)
    return trace.posterior, stats, seconds


def _first_line(error: Exception) -> str:
    """What an error says, without the trace that may follow."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
