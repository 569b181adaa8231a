"""One package on a million rows, as `rivals_large` asks for it: a way, a folder and a limit."""

from __future__ import annotations

import json
import sys
import time
import warnings
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import pandas as pd

from tests.benchmarks.posterior_worker import bambi_model
from tests.benchmarks.rivals import FIXED, RANDOM, Contestant, glmm, hierbayes, mixedlm, statsmodels

CONTESTANTS: dict[str, Callable[[], Contestant]] = {
    "hierbayes": hierbayes, "glmm": glmm, "mixedlm": mixedlm, "statsmodels": statsmodels,
}  # fmt: skip
_DRAWS = {"draws": 1000, "tune": 500, "chains": 4, "seed": 1}


def main() -> None:
    """Read, fit a few rows, fit all, and say what that took."""
    way, folder, limit = sys.argv[1], Path(sys.argv[2]), float(sys.argv[3])
    warnings.simplefilter("ignore")
    few = pd.read_parquet(folder / "few.parquet")
    rows = folder / "rows.parquet"
    if way == "bambi with nutpie, posterior":
        import_module("bambi")
        found = _timed(lambda frame: _bambi(frame, limit), rows)
    elif way.startswith("hierbayes, "):
        fit = _streamed if "streamed" in way else _posterior
        fit(folder / "few.parquet" if "streamed" in way else few)
        found = _timed(fit, rows, read="streamed" not in way)
    else:
        one = CONTESTANTS[way]()
        one.whole(few)
        found = _timed(lambda frame: _said(one, frame), rows)
    sys.stdout.write("\n" + json.dumps(found) + "\n")


def _said(one: Contestant, frame: pd.DataFrame) -> dict[str, Any]:
    fit = one.whole(frame)
    return {"loglik": one.loglik(fit), "remark": one.remark(fit) or None}


def _streamed(path: Path) -> dict[str, Any]:
    hb = import_module("hierbayes")
    return {"loglik": float(hb.Model(FIXED, random=RANDOM, data=path).reml().loglik)}


def _posterior(frame: pd.DataFrame) -> dict[str, Any]:
    hb = import_module("hierbayes")
    fit = hb.Model(FIXED, random=RANDOM, data=frame).sample(**_DRAWS, progress=False)
    return {"remark": f"by {fit.evidence.sampler}"}


def _bambi(frame: pd.DataFrame, limit: float) -> dict[str, Any]:
    """Bambi's model, sampled by nutpie until the limit, and how far that came."""
    began = time.monotonic()
    nutpie = import_module("nutpie")
    model = bambi_model(frame, None)
    model.build()
    compiled = nutpie.compile_pymc_model(model.backend.model)
    sampler = nutpie.sample(compiled, **_DRAWS, progress_bar=False, blocking=False)
    left = limit - (time.monotonic() - began)
    try:
        sampler.wait(timeout=max(left, 1.0))
    except TimeoutError:
        trace = sampler.abort()
    else:
        return {"remark": None}
    kept = int(trace["posterior"].sizes.get("draw", 0))
    tuned = int(trace["warmup_posterior"].sizes.get("draw", 0))
    return {
        "remark": f"stopped after {limit:.0f} s, at {tuned} of 500 steps of tuning and {kept} of "
        "1000 draws of the fastest chain"
    }


def _timed(
    fit: Callable[[Any], dict[str, Any]], path: Path, *, read: bool = True
) -> dict[str, Any]:
    began = time.perf_counter()
    given: Any = pd.read_parquet(path) if read else path
    reading = time.perf_counter() - began
    before = _memory_now()
    wall, cpu = time.perf_counter(), time.process_time()
    said = fit(given)
    return {
        "read": reading if read else None,
        "clock": time.perf_counter() - wall,
        "processor": time.process_time() - cpu,
        "before": before,
        **said,
    }


def _memory_now() -> float:
    """Memory of this process, in MB."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("VmRSS")).split()[1]) / 1024


if __name__ == "__main__":
    main()
