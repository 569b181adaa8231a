"""Responses that are not Gaussian: maximum likelihood and posterior beside other packages."""

from __future__ import annotations

import csv
import shutil
import tempfile
import warnings
from collections.abc import Callable
from functools import partial
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pandas as pd

from tests.benchmarks import families_worker
from tests.benchmarks.family_data import SETS, FamilyData
from tests.benchmarks.processes import FailedProcessError, caches_in, work
from tests.benchmarks.processes import run as run_process
from tests.benchmarks.report import Column, Table, decimals, number, seconds, times
from tests.benchmarks.timing import processor_seconds, race, ratio

ML_COLUMNS = (
    Column("contestant", "contestant"),
    Column("whole", "data frame → fit", seconds),
    Column("ratio", "× hierbayes", times),
    Column("loglik", "log-likelihood", decimals(5)),
    Column("repetitions", "repetitions"),
    Column("remark", "remark"),
)
LIMIT = 600.0  # seconds of wall clock for a call of another program
ML_NOTES = (
    "CPU seconds after a warm-up call, fastest of all, standard errors included, the packages of "
    "Python in turns and those of R after them; Laplace's approximation.",
    "With 15 nodes it is adaptive quadrature, of which lme4's log-likelihoods have another "
    "constant.",
    f"A call of R has {LIMIT:.0f} s of wall clock; one that takes more than half a minute is made "
    "once.",
)
R_SCRIPT = Path(__file__).with_name("families.R")
NODES = 15
BY_NODES = ("herds", "districts", "answers")  # of one factor with one effect
type Rivals = dict[tuple[str, str], dict[str, str]]  # lines of R by package and model
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
    "Each data set has processes of its own; bambi, which compiles its model in each call, samples "
    "the first of them before every other, so that nothing is imported or started any more.",
    f"bambi has {LIMIT:.0f} s of wall clock for a data set.",
    "Worst over coefficients, standard deviations, correlations and every group's effects; "
    "ratios are of ESS a second of the second call in a process (`again`).",
    "Both with their own default priors and settings.",
)
WORTHS = ("bulk", "tail", "squares")
LAPLACE: dict[str, Callable[[FamilyData, pd.DataFrame], Any]] = {
    "hierbayes": lambda data, frame: _hierbayes(data, frame, 1),
    "glmm": lambda data, frame: import_module("glmm").fit(frame, data.formula, _r(data.family)),
    "hierbayes, nodes": lambda data, frame: _hierbayes(data, frame, NODES),
    "mixedlm": lambda data, frame: import_module("mixedlm").glmer(
        data.mixedlm or data.formula,
        frame,
        family=_mixedlm_family(data.family),
        weights="size" if data.mixedlm else None,
    ),
}
LOGLIK: dict[str, Callable[[Any], float]] = {
    "hierbayes": lambda fit: float(fit.loglik),
    "hierbayes, nodes": lambda fit: float(fit.loglik),
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
    counted = {name: data for name, data in chosen.items() if data.family != "cumulative"}
    ours = {name: _measured(name, data, quick) for name, data in counted.items()}
    theirs = _of_r(counted, 2 if quick else 5)
    tables = [_likelihood(name, data, ours[name], theirs) for name, data in counted.items()]
    return [*tables, _posteriors(chosen, quick)]


def _hierbayes(data: FamilyData, frame: pd.DataFrame, nodes: int) -> Any:
    fit = import_module("hierbayes").Model(data.formula, frame, family=data.family).ml(nodes=nodes)
    fit.vcov()  # the others have standard errors with the fit
    return fit


def _measured(name: str, data: FamilyData, quick: bool) -> dict[str, dict[str, Any]]:
    """By package of Python its log-likelihood, or what it says instead, and seconds of calls."""
    frame = data.make()
    names = [one for one in LAPLACE if not one.endswith("nodes") or name in BY_NODES]
    found: dict[str, dict[str, Any]] = {}
    for one in names:
        known = find_spec(one.partition(",")[0]) is not None
        answer = _answer(one, data, frame) if known else "not installed"
        found[one] = {"answer": answer, "all": []}
    entries = {
        one: partial(_time, one, data, frame)
        for one, its in found.items()
        if isinstance(its["answer"], float)
    }
    effort = (1, 2, 2.0) if quick else (5, 10, 10.0)
    for one, taken in race(
        entries, rounds=effort[0], per_round=effort[1], budget=effort[2]
    ).items():
        found[one]["all"] = taken
    return found


def _of_r(chosen: dict[str, FamilyData], repetitions: int) -> Rivals:
    """What lme4 and glmmTMB take; nothing without R."""
    program = shutil.which("Rscript")
    if program is None:
        return {}
    with tempfile.TemporaryDirectory() as folder:
        for name, data in chosen.items():
            if "," not in name:
                data.make().to_csv(Path(folder) / f"{name}.csv", index=False)
        text = run_process(
            [program, str(R_SCRIPT), folder, str(repetitions), f"{LIMIT:.0f}"],
            OPENBLAS_NUM_THREADS="1", OMP_NUM_THREADS="1",
        )  # fmt: skip
    return {(line["package"], line["model"]): line for line in csv.DictReader(text.splitlines())}


def _likelihood(
    name: str, data: FamilyData, ours: dict[str, dict[str, Any]], theirs: Rivals
) -> Table:
    """Ours and theirs, each beside ours by the same approximation."""
    rows = [
        {
            "contestant": one,
            "whole": min(its["all"], default=None),
            "loglik": its["answer"] if isinstance(its["answer"], float) else None,
            "repetitions": len(its["all"]) or None,
            "remark": None if isinstance(its["answer"], float) else its["answer"],
            "all": its["all"],
        }
        for one, its in ours.items()
    ]
    for package in ("lme4", "glmmTMB"):
        for nodes in ("", ", nodes"):
            line = theirs.get((package, name + nodes))
            if line is None:
                continue
            fits = line["seconds"] != "NA"
            rows.append({
                "contestant": package + nodes,
                "whole": float(line["seconds"]) if fits else None,
                "loglik": float(line["loglik"]) if fits and not nodes else None,
                "remark": line["remark"] or None,
            })  # fmt: skip
    own = {row["contestant"]: row["whole"] for row in rows}
    for row in rows:
        same = "hierbayes, nodes" if row["contestant"].endswith("nodes") else "hierbayes"
        row["ratio"] = ratio(row["whole"], own.get(same))
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
        return processor_seconds(LAPLACE[name], data, frame)[0]


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
    rows, others = [], _beside("bambi", list(chosen), draws)
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


def _beside(package: str, names: list[str], draws: int) -> dict[str, dict[str, Any]]:
    """Every data set in a process of its own, behind two calls for the first of them."""
    rows: dict[str, dict[str, Any]] = {
        name: {"data": name, "contestant": package} for name in names
    }
    if find_spec(package) is None:
        return {name: row | {"remark": "not installed"} for name, row in rows.items()}
    with tempfile.TemporaryDirectory() as kept:
        for name, row in rows.items():
            try:
                one = _worked(package, list(dict.fromkeys([names[0], name])), draws, 1, kept)[name]
            except FailedProcessError as failure:
                one = {"failed": f"failed: {failure}"}
            if "failed" in one:
                row["remark"] = one["failed"]
                continue
            cold = {"cold": one["first"]["seconds"]} if "first" in one else {}
            row.update(cold | _again(one) | {"all": [one]})
    return rows


def _worked(package: str, names: list[str], draws: int, seed: int, folder: str) -> dict[str, Any]:
    """What a process says of data sets, its caches being in a folder."""
    job = {"package": package, "data": names, "draws": draws, "seed": seed}
    limit = None if package == "hierbayes" else LIMIT
    found: dict[str, Any] = work(families_worker.__name__, job, None, limit, **caches_in(folder))
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
