"""NUTS by PyMC's own sampler."""

from __future__ import annotations

import os
import time

import pytensor

from hierbayes.estimation.settings import SamplerSettings
from hierbayes.estimation.theta_draws import STATISTICS, ThetaDraws
from hierbayes.likelihood.theta import Theta
from hierbayes.pymc_import import pm


def sample_pymc(model: pm.Model, settings: SamplerSettings) -> ThetaDraws:
    """The same graph by PyMC's own NUTS."""
    before = time.perf_counter()
    # the whole graph by numba, as for nutpie: PyTensor's C backend may lack a BLAS
    with model, pytensor.config.change_flags(mode="NUMBA"):
        trace = pm.sample(
            draws=settings.draws,
            tune=settings.tune,
            chains=settings.chains,
            cores=settings.cores or min(settings.chains, os.cpu_count() or 1),
            random_seed=settings.seed,
            target_accept=settings.target_accept,
            progressbar=settings.progress,
            nuts_sampler="pymc",
            compute_convergence_checks=False,
        )
    seconds = time.perf_counter() - before
    posterior = trace["posterior"]
    stats = trace["sample_stats"].to_dataset()
    kept = stats[[name for name in STATISTICS.values() if name in stats]]
    gamma = posterior["gamma"].to_numpy() if "gamma" in posterior else None
    theta = Theta.of(posterior["root"].to_numpy(), posterior["sigma"].to_numpy())
    return ThetaDraws(theta, gamma, kept, seconds, 0.0)
