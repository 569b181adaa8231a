"""One process that samples a large Gaussian model twice: ``python -m ... job.json result.json``."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import numpy as np

from tests.benchmarks.factor_data import LARGE_POSTERIORS
from tests.benchmarks.families_worker import worst
from tests.benchmarks.processes import serve
from tests.benchmarks.timing import clock

PARAMETERS = ("gamma", "sd", "corr", "sigma")


def measure(job: dict[str, Any]) -> dict[str, Any]:
    """Seconds of both calls, and what the draws of the second are worth.

    Parameters
    ----------
    job : dict
        ``data`` (a name of `LARGE_POSTERIORS`) and ``draws``.
    """
    hb = import_module("hierbayes")
    for name in ("pymc", "nutpie", "arviz_stats"):
        import_module(name)
    data = LARGE_POSTERIORS[job["data"]]
    frame = data.make()

    def sample(seed: int) -> Any:
        model = hb.Model(data.formula, frame)
        return model.sample(draws=job["draws"], chains=4, seed=seed, progress=False)

    first, _ = clock(sample, 1)
    again, fit = clock(sample, 2)
    found = {"first": first, "again": again, "remark": fit.draws_text}
    return found | worst(_varying(fit))


def _varying(fit: Any) -> dict[str, Any]:
    """Draws (chain, draw, ...) of coefficients and variance parameters."""
    draws = {name: fit.draws(name) for name in PARAMETERS}
    return {name: one for name, one in draws.items() if one.size and not _is_constant(one)}


def _is_constant(draws: Any) -> bool:
    """Whether nothing varies, as the correlations of one effect do not."""
    return float(np.ptp(np.asarray(draws), axis=(0, 1)).max()) == 0.0


if __name__ == "__main__":
    serve(measure)
