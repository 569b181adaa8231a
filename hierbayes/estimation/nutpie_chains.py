"""Chains by nutpie, of whatever it has compiled."""

from __future__ import annotations

import os
import time
from typing import Any

import numpy as np
import nutpie
from nutpie.compile_pymc import CompiledPyMCModel

from hierbayes.errors import EstimationError
from hierbayes.estimation.settings import SamplerSettings
from hierbayes.estimation.target import Target
from hierbayes.estimation.theta_draws import STATISTICS
from hierbayes.frames.arrays import Floats


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


def nutpie_model(target: Target, start: tuple[Floats, Floats]) -> CompiledPyMCModel:
    """The callbacks and their data as nutpie takes a compiled PyMC model."""
    centre, width = start

    def initial_point(seed: int) -> Floats:
        return centre + width * np.random.default_rng(seed).uniform(-1.0, 1.0, len(centre))

    return CompiledPyMCModel(
        compiled_logp_func=target.log_density,
        compiled_expand_func=target.expand,
        initial_point_func=initial_point,
        shared_data={},
        shared_var_keys={},
        user_data=target.data,
        n_expanded=target.n_out,
        shape_info=(["theta"], [slice(0, target.n_out)], [(target.n_out,)]),
        logp_func=None,
        expand_func=None,
        _n_dim=target.n_dim,
        _shapes={},
        _coords={},
        dims={},
        reparameterized_names=[],
    )
