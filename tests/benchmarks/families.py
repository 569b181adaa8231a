"""Responses that are not Gaussian: maximum likelihood and posterior beside other packages."""

from __future__ import annotations

import tempfile
import warnings
from collections.abc import Callable
from functools import partial
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import pandas as pd

from tests.benchmarks import families_worker
from tests.benchmarks.family_data import SETS, FamilyData
from tests.benchmarks.processes import FailedProcessError, caches_in, work
from tests.benchmarks.report import Column, Table, decimals, number, seconds, times
from tests.benchmarks.timing import clock, median, race, ratio

ML_COLUMNS = (
    Column("contestant", "contestant"),
    Column("whole", "data frame → fit", seconds),
    Column("ratio", "× hierbayes", times),
    Column("loglik", "log-likelihood", decimals(5)),
    Column("repetitions", "repetitions"),
    Column("remark", "remark"),
)
ML_NOTES = ("Medians after a warm-up call, the packages in turns; Laplace's approximation.",)
POSTERIOR_COLUMNS = (
    Column("data", "data"),
    Column("contestant", "contestant"),
    Column("cold", "first, nothing cached", seconds),
    Column("first", "first in a process", seconds),
    Column("again", "again", seconds),
    Column("bulk", "worst bulk ESS", number),
    Column("bulk rate", "a second", number),
    Column("bulk ratio", "hierbayes is", times),
    Column("tail ratio", "tail", times),
    Column("squares ratio", "squares", times),
    Column("rhat", "worst R-hat", decimals(3)),
    Column("divergences", "divergences"),
    Column("remark", "remark"),
)
POSTERIOR_NOTES = (
    "Seconds from data frame to the draws of every effect, warm-up draws and compiling included.",
    "Nothing cached: compiled code is looked for in a new, empty folder; the other process finds "
    "what that one left there.",
    "hierbayes has processes of its own for each data set; bambi, which compiles its model in each "
    "call, samples them all in one, after a first call for the first of them.",
    "Worst over coefficients, standard deviations, correlations and every group's effects; "
    "ratios are of ESS a second of the second call in a process (`again`).",
    "Both with their own default priors and settings.",
)
WORTHS = ("bulk", "tail", "squares")
LAPLACE: dict[str, Callable[[FamilyData, pd.DataFrame], Any]] = {
    "hierbayes": lambda data, frame: (
        import_module("hierbayes").Model(data.formula, frame, family=data.family).ml()
    ),
    "glmm": lambda data, frame: import_module("glmm").fit(frame, data.formula, _r(data.family)),
    "mixedlm": lambda data, frame: import_module("mixedlm").glmer(
        data.mixedlm or data.formula,
        frame,
        family=_mixedlm_family(data.family),
        weights="size" if data.mixedlm else None,
    ),
}
LOGLIK: dict[str, Callable[[Any], float]] = {
    "hierbayes": lambda fit: float(fit.loglik),
    "glmm": lambda fit: float(fit.loglik),
    "mixedlm": lambda fit: float(fit.logLik()),
}


def run(quick: bool) -> list[Table]:
    """A table of maximum likelihood for each data set, and one of posteriors.

    Parameters
    ----------
    quick : bool
        The two smallest data sets, few repetitions and draws.
    """
    chosen = {name: SETS[name] for name in (("herds", "ticks") if quick else SETS)}
    tables = [_likelihood(data, quick) for data in chosen.values() if data.family != "cumulative"]
    return [*tables, _posteriors(chosen, quick)]


def _likelihood(data: FamilyData, quick: bool) -> Table:
    frame = data.make()
    answers = {name: _answer(name, data, frame) for name in LAPLACE if find_spec(name) is not None}
    entries = {
        name: partial(_time, name, data, frame)
        for name, answer in answers.items()
        if isinstance(answer, float)
    }
    effort = (1, 2, 2.0) if quick else (5, 10, 10.0)
    measured = race(entries, rounds=effort[0], per_round=effort[1], budget=effort[2])
    ours = median(measured["hierbayes"])
    rows = []
    for name in LAPLACE:
        whole, answer = median(measured.get(name, [])), answers.get(name, "not installed")
        known = isinstance(answer, float)
        rows.append(
            {
                "contestant": name,
                "whole": whole,
                "ratio": ratio(whole, ours),
                "loglik": answer if known else None,
                "repetitions": len(measured.get(name, [])) or None,
                "remark": None if known else answer,
                "all": measured.get(name, []),
            }
        )
    return Table(f"ML of `{data.formula}`, {data.title}", ML_COLUMNS, rows, ML_NOTES)


def _answer(name: str, data: FamilyData, frame: pd.DataFrame) -> float | str:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return LOGLIK[name](LAPLACE[name](data, frame))
        except Exception as error:
            return f"error: {error}"


def _time(name: str, data: FamilyData, frame: pd.DataFrame) -> float:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return clock(LAPLACE[name], data, frame)[0]


def _posteriors(chosen: dict[str, FamilyData], quick: bool) -> Table:
    draws = 200 if quick else 1000
    title = f"Posterior, 4 × {draws} draws, beside bambi with nutpie"
    return Table(title, POSTERIOR_COLUMNS, compared(chosen, draws), POSTERIOR_NOTES)


def compared(chosen: dict[str, FamilyData], draws: int) -> list[dict[str, Any]]:
    """A row of hierbayes and one of bambi for each data set.

    Parameters
    ----------
    chosen : dict of str to FamilyData
        By the name that the worker knows them by.
    draws : int
        Of each of four chains.
    """
    rows, others = [], _together("bambi", list(chosen), draws)
    for name, data in chosen.items():
        ours = _alone("hierbayes", name, draws)
        theirs = others[name] | {"remark": others[name].get("remark") or data.remark}
        for worth in WORTHS:
            theirs[f"{worth} ratio"] = ratio(ours.get(f"{worth} rate"), theirs.get(f"{worth} rate"))
        rows += [ours, theirs]
    return rows


def _alone(package: str, name: str, draws: int) -> dict[str, Any]:
    """A data set in two processes of its own, of which the first finds nothing compiled."""
    row: dict[str, Any] = {"data": name, "contestant": package}
    with tempfile.TemporaryDirectory() as empty:
        try:
            cold, warm = (_worked(package, [name], draws, seed, empty)[name] for seed in (1, 3))
        except FailedProcessError as failure:
            return row | {"remark": f"failed: {failure}"}
    if "failed" in cold or "failed" in warm:
        return row | {"remark": cold.get("failed") or warm["failed"]}
    first = {"cold": cold["first"]["seconds"], "first": warm["first"]["seconds"]}
    return row | first | _again(warm) | {"all": [cold, warm]}


def _together(package: str, names: list[str], draws: int) -> dict[str, dict[str, Any]]:
    """Every data set in one process, the first of them twice: each call compiles its model."""
    rows: dict[str, dict[str, Any]] = {
        name: {"data": name, "contestant": package} for name in names
    }
    if find_spec(package) is None:
        return {name: row | {"remark": "not installed"} for name, row in rows.items()}
    with tempfile.TemporaryDirectory() as empty:
        try:
            found = _worked(package, names, draws, 1, empty)
        except FailedProcessError as failure:
            return {name: row | {"remark": f"failed: {failure}"} for name, row in rows.items()}
    for name, one in found.items():
        if "failed" in one:
            rows[name] |= {"remark": one["failed"]}
            continue
        cold = {"cold": one["first"]["seconds"]} if "first" in one else {}
        rows[name] |= cold | _again(one) | {"all": [one]}
    return rows


def _worked(package: str, names: list[str], draws: int, seed: int, folder: str) -> dict[str, Any]:
    """What a process says of data sets, its caches being in a folder."""
    job = {"package": package, "data": names, "draws": draws, "seed": seed}
    found: dict[str, Any] = work(families_worker.__name__, job, **caches_in(folder))
    return found


def _again(found: dict[str, Any]) -> dict[str, Any]:
    """The columns of a call in a process that has sampled before."""
    later = found["again"]
    rates = {f"{worth} rate": later[worth] / later["seconds"] for worth in WORTHS}
    kept = {key: later[key] for key in ("bulk", "rhat", "divergences")}
    return {"again": later["seconds"]} | kept | rates


def _r(family: str) -> str:
    """Binary and binomial responses are one family in R's words."""
    return {"bernoulli": "binomial"}.get(family, family)


def _mixedlm_family(family: str) -> Any:
    families = import_module("mixedlm").families
    return {"poisson": families.Poisson, "binomial": families.Binomial}[_r(family)]()
