"""Chains by nutpie, of whatever it has compiled.

References
----------
Shahbaba, Lan, Johnson & Neal (2014), Split Hamiltonian Monte Carlo: steps that are exact of a
normal density, and of any other one in what it differs by.
"""

from __future__ import annotations

import os
import time
from typing import Any

import numpy as np
import pyarrow
import xarray as xr

from hierbayes.errors import EstimationError
from hierbayes.estimation.settings import SamplerSettings
from hierbayes.estimation.target import Target
from hierbayes.estimation.theta_draws import STATISTICS
from hierbayes.frames.arrays import Floats
from hierbayes.nutpie_import import CompiledPyMCModel, nutpie

type Batches = list[Any]  # a chain's rows each, as Arrow has them

# Of densities that are nearly normal: a step turns position and momentum by an angle, which is
# exact where the density, in the coordinates that tuning finds, is standard normal, and adds what
# its gradient is else.  Three steps are more than half a turn; of half a turn each they would be
# reflections, accepted and for nothing.
_TURNS = {"exact_normal_trajectory": True, "max_step_size": 1.2}


def sample_chains(
    model: Any, settings: SamplerSettings, *, is_nearly_normal: bool = False
) -> tuple[xr.Dataset, xr.Dataset, float]:
    """Draws, statistics of the sampler under PyMC's names, and seconds.

    Parameters
    ----------
    model : CompiledModel
        Of nutpie.
    settings : SamplerSettings
    is_nearly_normal : bool
        Whether the density is made to be so: steps are then turns, of which a draw takes fewer.
        The draws are of the same density, whatever it is.

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
            return_raw_trace=True,
            **(_TURNS if is_nearly_normal else {}),
        )
    except RuntimeError as error:
        raise EstimationError(
            f"the sampler could not start ({_first_line(error)}); look at model.priors: a prior "
            "may exclude what the data show"
        ) from error
    seconds = time.perf_counter() - before
    draws, stats = trace.get_arrow_trace()
    tuned = [int(one.column("tuning").to_numpy().sum()) for one in stats]
    kept = _dataset(stats, tuned, tuple(STATISTICS)).rename(STATISTICS)
    return _dataset(draws, tuned, tuple(draws[0].column_names)), kept, seconds


def _dataset(batches: Batches, tuned: list[int], names: tuple[str, ...]) -> xr.Dataset:
    """Columns by chain and draw, without the draws of tuning."""
    found = {}
    for name in names:
        values = np.stack([
            _values(one.slice(start, one.num_rows - start), name)
            for one, start in zip(batches, tuned, strict=True)
        ])  # fmt: skip
        further = (f"{name}_dim_{k}" for k in range(values.ndim - 2))
        found[name] = (("chain", "draw", *further), values)
    data = xr.Dataset(found)
    return data.assign_coords({dim: np.arange(data.sizes[dim]) for dim in ("chain", "draw")})


def _values(rows: Any, name: str) -> Floats:
    """A column (draws, ...) of a chain, its shape being in its field."""
    column = rows.column(name)
    said = column.field.metadata.get(b"shape", b"").decode()
    shape = [int(size) for size in said.split(",")] if said else []
    numbers = pyarrow.array(column)
    if shape:
        numbers = numbers.flatten()
    return np.asarray(numbers.to_numpy(zero_copy_only=False)).reshape(rows.num_rows, *shape)


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
