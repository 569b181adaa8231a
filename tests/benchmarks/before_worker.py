"""A process that repeats one task: ``python -m ... job.json result.json``."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any

from tests.benchmarks.growth import simulate
from tests.benchmarks.processes import serve
from tests.benchmarks.rivals import FIXED, RANDOM
from tests.benchmarks.timing import clock

TASKS = (
    "REML, hs",
    "REML, hsfull",
    "REML, 200,000 rows in 50,000 groups",
    "REML, 2,000,000 rows in 1,000 groups",
    "posterior, hs",
)


def measure(job: dict[str, Any]) -> dict[str, Any]:
    """Seconds of each repetition after a first call, and the answer.

    Parameters
    ----------
    job : dict
        ``task`` of `TASKS`, ``repetitions``.
    """
    hb = import_module("hierbayes")
    engine, _, data = job["task"].partition(", ")
    frame = _frame(hb, data)

    def fit() -> Any:
        model = hb.Model(FIXED, random=RANDOM, data=frame)
        if engine == "REML":
            return model.reml()
        return model.sample(draws=1000, chains=4, seed=1, progress=False)

    call: Callable[[], Any] = fit
    first = call()
    spent = [clock(call)[0] for _ in range(job["repetitions"])]
    answer = first.loglik if engine == "REML" else first.sigma
    return {"seconds": spent, "answer": float(answer)}


def _frame(hb: Any, data: str) -> Any:
    if "rows" not in data:
        return hb.load_dataset(data)
    rows, groups = (int(word.replace(",", "")) for word in data.split() if word[0].isdigit())
    return simulate(rows, seed=1, groups=groups)


if __name__ == "__main__":
    serve(measure)
