"""A process that takes every step for the first time: ``python -m ... job.json result.json``."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any

from tests.benchmarks.processes import serve
from tests.benchmarks.timing import clock

STEPS = (
    "from hierbayes import Model",
    "first REML",
    "REML, other structure",
    "REML, the same again",
    "first posterior",
    "posterior, other structure",
    "posterior, other priors",
    "posterior, the first again",
)


def measure(_: dict[str, Any]) -> dict[str, float]:
    """Seconds of each step, in order."""
    pandas = import_module("pandas")
    pandas.DataFrame({"x": [1.0]}).groupby("x").size()
    done = {STEPS[0]: clock(lambda: import_module("hierbayes").Model)[0]}
    hb = import_module("hierbayes")
    data = hb.load_dataset("hs")

    def model(random: str, **priors: Any) -> Any:
        return hb.Model("mathach ~ ses * Sector", random, data=data, priors=priors or None)

    def reml(random: str) -> Callable[[], Any]:
        return lambda: model(random).reml()

    def posterior(random: str, **priors: Any) -> Callable[[], Any]:
        return lambda: model(random, **priors).sample(
            draws=200, tune=200, chains=2, seed=1, progress=False
        )

    two, one = "~ 1 + ses | school", "~ 1 | school"
    other = {"sd": hb.Exponential(3.0), "sigma": hb.HalfCauchy(5.0)}
    for step, call in zip(STEPS[1:4], (reml(two), reml(one), reml(two)), strict=True):
        done[step] = clock(call)[0]
    import_module("pymc")
    calls = (posterior(two), posterior(one), posterior(two, **other), posterior(two))
    for step, call in zip(STEPS[4:], calls, strict=True):
        done[step] = clock(call)[0]
    return done


if __name__ == "__main__":
    serve(measure)
