"""One process of the study benchmark.

It imports what it needs first, and then does everything twice: with the data, and with other
data of the same structure.  Each time the baseline is sampled before the clock of the study
starts.
"""

from __future__ import annotations

import logging
import warnings
from collections.abc import Callable
from functools import partial
from importlib import import_module
from typing import Any

import numpy as np
import pandas as pd

from tests.benchmarks.posterior_worker import SAMPLERS, bambi_model
from tests.benchmarks.processes import serve
from tests.benchmarks.rivals import FIXED, RANDOM
from tests.benchmarks.study_grid import grid, half
from tests.benchmarks.timing import clock

ROUNDS = ("first", "other data")
CHECKED_BLOCKS = ("sd", "corr", "several")
MORE_DRAWS = 4  # of a fresh posterior that answers are checked against, times those of the study
# Alternatives of the grid that are sampled one by one, with their names in PyMC.
REFITS: dict[tuple[str, float], tuple[str, dict[str, float]]] = {
    ("half-normal", 1.0): ("HalfNormal", {"sigma": 1.0}),
    ("half-Cauchy", 5.0): ("HalfCauchy", {"beta": 5.0}),
    ("exponential", 2.0): ("Exponential", {"lam": 0.5}),
}


def study(frame: pd.DataFrame, job: dict[str, Any], seed: int) -> dict[str, Any]:
    """One study by hierbayes, its table included.

    Parameters
    ----------
    frame : DataFrame
        The data.
    job : dict
        See `measure`.
    seed : int
        Of the baseline.

    Returns
    -------
    dict
        Seconds of the ``baseline``, the ``study``, its ``table``, and the last two together
        (``all``); how many alternatives were ``direct`` (re-weighted from the baseline),
        ``indirect`` (re-weighted from the draws under another), ``refitted``, ``unanswered``; the
        ``worst`` k-hat of those re-weighted, and the ``least`` that the draws of one are worth;
        and, where the job asks for it, ``checks`` of those worth least in `CHECKED_BLOCKS` and of
        the one with the worst k-hat.
    """
    hb = import_module("hierbayes")
    model = hb.Model(FIXED, random=RANDOM, data=frame)
    baseline, post = clock(_sample, model, job["draws"], seed)
    chosen = grid(job["quick"])
    spent, done = clock(lambda: hb.SensitivityStudy(post, chosen, progress=False))
    table, _ = clock(lambda: done.table)
    answers = done.alternatives
    weighted = answers[answers["how"] == "re-weighted"]
    direct = int((weighted["reason"] == "").sum())
    result = {
        "baseline": baseline,
        "study": spent,
        "table": table,
        "all": spent + table,
        "direct": direct,
        "indirect": len(weighted) - direct,
        "refitted": int((answers["how"] == "refitted").sum()),
        "unanswered": int((answers["how"] == "not answered").sum()),
        "worst": float(weighted["k_hat"].max()) if len(weighted) else None,
        "least": float(weighted["ess"].min()) if len(weighted) else None,
    }
    if not job["check"] or weighted.empty:
        return result
    hardest = [
        str(weighted.loc[weighted["block"] == block, "ess"].idxmin())
        for block in CHECKED_BLOCKS
        if (weighted["block"] == block).any()
    ]
    hardest.append(str(weighted["k_hat"].idxmax()))
    names = dict.fromkeys(hardest)
    return result | {"checks": [check(done, name, frame, job, seed) for name in names]}


def check(
    done: Any, name: str, frame: pd.DataFrame, job: dict[str, Any], seed: int
) -> dict[str, Any]:
    """A re-weighted answer beside a fresh posterior under the same priors.

    Parameters
    ----------
    done : SensitivityStudy
        The study.
    name : str
        Of one of its alternatives that were re-weighted.
    frame : DataFrame
        The data.
    job : dict
        See `measure`.
    seed : int
        Of the baseline.

    Returns
    -------
    dict
        ``alternative``, ``source`` of its draws, ``k_hat``, ``ess``; the largest ``movement`` of a
        mean from the baseline; the largest difference from the fresh mean, ``off``, both in
        posterior sds of the baseline; the largest ``z`` of such a difference, ``of`` which
        quantity, out of how many ``quantities``.
    """
    hb = import_module("hierbayes")
    moments = import_module("hierbayes.studies.sensitivity.moments")
    weights = import_module("hierbayes.studies.sensitivity.weights")
    (answer,) = (one for one in done.answers if one.alternative.name == name)
    block = answer.alternative.block
    stated = grid(job["quick"])[block][name]
    priors = stated if block == "several" else {block: stated}
    model = hb.Model(FIXED, random=RANDOM, data=frame, priors=priors)
    fresh = done.estimands.values(_sample(model, MORE_DRAWS * job["draws"], seed + 1_000_000))
    equal = weights.even(fresh.flat.shape[1])
    cells = done.cells.sel(alternative=name)
    difference = cells["mean"].to_numpy() - fresh.flat.mean(axis=1)
    errors = np.hypot(
        moments.error_of_mean(done.estimands.values(answer.fit), answer.weights),
        moments.error_of_mean(fresh, equal),
    )
    z = np.abs(difference / errors)
    return {
        "alternative": name,
        "source": "the baseline" if answer.same_theta else "another refit",
        "k_hat": answer.weights.k_hat,
        "ess": answer.weights.ess,
        "movement": float(np.max(np.abs(cells["movement"]))),
        "off": float(np.max(np.abs(difference / done.before["sd"].to_numpy()))),
        "z": float(np.max(z)),
        "of": done.estimands.names[int(np.argmax(z))],
        "quantities": len(z),
    }


def refitted(quick: bool) -> list[tuple[str, float]]:
    """Prior and scale of the priors of sd that are sampled one by one.

    Parameters
    ----------
    quick : bool
        One only.

    Returns
    -------
    list of tuple
        Keys of `REFITS`.
    """
    return [*REFITS][: 1 if quick else None]


def refits(
    frame: pd.DataFrame,
    job: dict[str, Any],
    seed: int,
    fit: Callable[[pd.DataFrame, tuple[str, float] | None, int, int], Any],
) -> dict[str, Any]:
    """The baseline, and some alternatives each as a new model.

    Parameters
    ----------
    frame : DataFrame
        The data.
    job : dict
        See `measure`.
    seed : int
        Of the baseline.
    fit : callable
        Data, prior of sd (None for the default), draws per chain and seed to a posterior.

    Returns
    -------
    dict
        Seconds of the ``baseline``, of each alternative (``refit: <name>``), and of all of
        these together (``refits``).
    """
    draws = job["draws"]
    spent = {"baseline": clock(fit, frame, None, draws, seed)[0]}
    total = 0.0
    for number, (family, scale) in enumerate(refitted(job["quick"]), start=1):
        one = clock(fit, frame, (family, scale), draws, seed + number)[0]
        spent[f"refit: {family} {scale:g}"] = one
        total += one
    return spent | {"refits": total}


def fit_by_hierbayes(
    frame: pd.DataFrame, sd: tuple[str, float] | None, draws: int, seed: int
) -> Any:
    """A posterior by hierbayes, from the data frame on."""
    hb = import_module("hierbayes")
    priors = {} if sd is None else {"priors": {"sd": half(*sd)}}
    return _sample(hb.Model(FIXED, random=RANDOM, data=frame, **priors), draws, seed)


def fit_by_bambi(frame: pd.DataFrame, sd: tuple[str, float] | None, draws: int, seed: int) -> Any:
    """A posterior by bambi and nutpie, without correlations, from the data frame on."""
    model = bambi_model(frame, None if sd is None else REFITS[sd])
    return SAMPLERS["bambi, nutpie"]().sample(model, draws, seed)


CONTESTANTS: dict[str, Callable[[pd.DataFrame, dict[str, Any], int], dict[str, Any]]] = {
    "hierbayes": study,
    "hierbayes, all sampled": partial(refits, fit=fit_by_hierbayes),
    "bambi, nutpie": partial(refits, fit=fit_by_bambi),
}
MODULES = {
    "hierbayes": (
        *("hierbayes", "pymc", "pytensor", "nutpie", "arviz_stats", "scipy.stats"),
        *("hierbayes.estimation.posterior", "hierbayes.priors.density"),
    ),
    "bambi": ("bambi", "pymc", "nutpie", "arviz_stats"),
}


def measure(job: dict[str, Any]) -> dict[str, Any]:
    """Do one job.

    Parameters
    ----------
    job : dict
        ``contestant``, ``data``, ``other data`` (CSV files), ``draws``, ``seed``, ``quick`` (the
        small grid), ``check`` (whether answers are checked against fresh posteriors).

    Returns
    -------
    dict
        For each of `ROUNDS` what the contestant returns.
    """
    contestant = job["contestant"]
    frames = {key: pd.read_csv(job[key]) for key in ("data", "other data")}
    for module in MODULES[contestant.partition(",")[0]]:
        import_module(module)
    logging.getLogger("pymc").setLevel(logging.CRITICAL)
    result = {}
    for number, name in enumerate(ROUNDS):
        frame = frames["data" if name == "first" else name]
        result[name] = CONTESTANTS[contestant](frame, job, 2 * job["seed"] + number)
    return result


def _sample(model: Any, draws: int, seed: int) -> Any:
    return model.sample(draws=draws, chains=4, seed=seed, progress=False)


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    serve(measure)
