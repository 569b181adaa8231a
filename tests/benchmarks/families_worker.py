"""One process of the benchmark of families: models sampled by one package."""

from __future__ import annotations

import logging
import os
import warnings
from importlib import import_module
from typing import Any

import numpy as np

from tests.benchmarks.factor_data import POSTERIORS
from tests.benchmarks.family_data import SETS, FamilyData
from tests.benchmarks.posterior_worker import free_parameters
from tests.benchmarks.processes import serve
from tests.benchmarks.timing import clock

MODULES = ("hierbayes", "bambi", "pymc", "pytensor", "nutpie", "arviz_stats")
KNOWN = SETS | POSTERIORS
OURS = ("gamma", "sd", "corr", "sigma", "u")


def measure(job: dict[str, Any]) -> dict[str, Any]:
    """Do one job.

    Parameters
    ----------
    job : dict
        ``package``, ``data`` (names of `KNOWN`), ``draws``, ``seed``.

    Returns
    -------
    dict
        For each data set ``again`` and, for the first of them, ``first``: the ``seconds`` of a
        call, model and draws of every effect included, and the worst ``bulk``, ``tail`` and
        ``squares`` ESS, ``rhat`` and ``divergences``; or ``failed``, what the package said.
    """
    for name in MODULES:
        import_module(name)
    logging.getLogger("pymc").setLevel(logging.CRITICAL)
    found: dict[str, Any] = {}
    for place, name in enumerate(job["data"]):
        try:
            found[name] = _calls(KNOWN[name], job, ("again",) if place else ("first", "again"))
        except Exception as error:
            if len(job["data"]) == 1:
                raise
            found[name] = {"failed": f"failed: {error}"[:200]}
    return found


def _calls(data: FamilyData, job: dict[str, Any], calls: tuple[str, ...]) -> dict[str, Any]:
    """What each call of a package takes and gives."""
    frame = data.make()
    sample = {"hierbayes": _hierbayes, "bambi": _bambi}[job["package"]]
    result: dict[str, Any] = {}
    for number, call in enumerate(calls):
        seconds, (posterior, diverging) = clock(
            sample, data, frame, job["draws"], job["seed"] + number
        )
        result[call] = {"seconds": seconds, "divergences": diverging} | worst(posterior)
    return result


def worst(posterior: Any) -> dict[str, float]:
    """Worst effective sample sizes and R-hat over coefficients, sds and every group's effects."""
    arviz, xarray = import_module("arviz_stats"), import_module("xarray")
    draws, _ = free_parameters(posterior)
    squares = (draws - draws.mean(axis=(0, 1))) ** 2
    dims = ("chain", "draw", "parameter")
    data = xarray.Dataset({"all": (dims, draws), "squares": (dims, squares)})
    of = {method: arviz.ess(data, method=method) for method in ("bulk", "tail", "mean")}
    return {
        "bulk": float(of["bulk"]["all"].min()),
        "tail": float(of["tail"]["all"].min()),
        "squares": float(of["mean"]["squares"].min()),
        "rhat": float(arviz.rhat(data)["all"].max()),
    }


def _hierbayes(data: FamilyData, frame: Any, draws: int, seed: int) -> tuple[Any, int]:
    model = import_module("hierbayes").Model(data.formula, frame, family=data.family)
    fit = model.sample(draws=draws, chains=4, seed=seed, progress=False)
    tree = fit.to_datatree()
    names = [name for name in tree["posterior"] if name.partition("_")[0] in OURS]
    posterior = {str(name): tree["posterior"][name] for name in names}
    return _varying(posterior), int(np.asarray(tree["sample_stats"]["diverging"]).sum())


def _bambi(data: FamilyData, frame: Any, draws: int, seed: int) -> tuple[Any, int]:
    groups = [part.strip(" )") for part in data.formula.split("|")[1:]]
    groups = [one.split(")")[0].strip() for one in groups]
    frame = frame.assign(**{name: frame[name].astype(str) for name in groups})
    model = import_module("bambi").Model(data.bambi or data.formula, frame, family=data.family)
    fit = model.fit(
        draws=draws, chains=4, random_seed=seed, inference_method="nutpie",
        cores=min(4, os.cpu_count() or 1), progressbar=False,
    )  # fmt: skip
    posterior = fit["posterior"].to_dataset()
    kept = {name: posterior[name] for name in posterior if "_offset" not in str(name)}
    return _varying(kept), int(np.asarray(fit["sample_stats"]["diverging"]).sum())


def _varying(posterior: dict[str, Any]) -> dict[str, Any]:
    """Without what has no spread, as a threshold that is fixed at 0."""
    return {name: one for name, one in posterior.items() if float(np.ptp(np.asarray(one))) > 0.0}


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    serve(measure)
