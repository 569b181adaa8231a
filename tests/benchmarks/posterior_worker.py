"""One process of the posterior benchmark.

It imports what it needs first, so that no import is timed with the sampling, and then samples
three times: the data, other data of the same structure, the data again under other priors.
"""

from __future__ import annotations

import logging
import os
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import numpy as np
import pandas as pd

from tests.benchmarks.processes import serve
from tests.benchmarks.rivals import FIXED, RANDOM
from tests.benchmarks.timing import clock

CALLS = ("first", "other data", "other priors")
HIERBAYES_PARAMETERS = ("gamma", "u", "sd", "corr", "sigma")


@dataclass(frozen=True)
class Sampler:
    """How a contestant samples.

    Parameters
    ----------
    modules : tuple of str
        Imported before anything is timed.
    build : callable
        Data frame, and whether with other priors, to a model.
    sample : callable
        Model, draws per chain and seed to a fit.
    posterior : callable
        Fit to a mapping from parameter to draws, (chain, draw, ...).
    """

    modules: tuple[str, ...]
    build: Callable[[pd.DataFrame, bool], Any]
    sample: Callable[[Any, int, int], Any]
    posterior: Callable[[Any], Any]


def hierbayes() -> Sampler:
    """Ours; the other priors are of the families of the defaults, with another scale for sd."""

    def build(frame: pd.DataFrame, other_priors: bool) -> Any:
        hb = import_module("hierbayes")
        priors = {"priors": {"sd": hb.HalfT(3, 0, 5)}} if other_priors else {}
        return hb.Model(FIXED, random=RANDOM, data=frame, **priors)

    def sample(model: Any, draws: int, seed: int) -> Any:
        return model.sample(draws=draws, chains=4, seed=seed, progress=False)

    def posterior(fit: Any) -> dict[str, Any]:
        tree = fit.to_datatree()
        return {name: tree["posterior"][name] for name in HIERBAYES_PARAMETERS}

    modules = ("hierbayes", "pymc", "pytensor", "nutpie", "arviz_stats")
    return Sampler(modules, build, sample, posterior)


def bambi(method: str) -> Sampler:
    """Bambi with the sampler `method`; it has no correlated group effects.

    All the processors are offered to it: PyMC's default would use half of them.
    """

    def build(frame: pd.DataFrame, other_priors: bool) -> Any:
        return bambi_model(frame, ("HalfNormal", {"sigma": 5.0}) if other_priors else None)

    def sample(model: Any, draws: int, seed: int) -> Any:
        return model.fit(
            draws=draws,
            chains=4,
            random_seed=seed,
            inference_method=method,
            cores=min(4, os.cpu_count() or 1),
            progressbar=False,
        )

    modules = ("bambi", "pymc", "nutpie", "arviz_stats")
    return Sampler(modules, build, sample, lambda fit: fit["posterior"].to_dataset())


def bambi_model(frame: pd.DataFrame, sd: tuple[str, dict[str, float]] | None) -> Any:
    """Bambi's model without correlations.

    Parameters
    ----------
    frame : DataFrame
        The data.
    sd : tuple of str and dict, or None
        Prior of both standard deviations, a distribution and its parameters; None for the
        defaults.

    Returns
    -------
    Model
        Bambi's.
    """
    bmb = import_module("bambi")
    priors = None
    if sd is not None:
        effect = bmb.Prior("Normal", mu=0, sigma=bmb.Prior(sd[0], **sd[1]))
        priors = {"1|school": effect, "ses|school": effect}
    formula = f"{FIXED} + (1 | school) + (0 + ses | school)"
    return bmb.Model(formula, frame.assign(school=frame["school"].astype(str)), priors=priors)


SAMPLERS: dict[str, Callable[[], Sampler]] = {
    "hierbayes": hierbayes,
    "bambi, nutpie": lambda: bambi("nutpie"),
    "bambi, default sampler": lambda: bambi("pymc"),
}


def free_parameters(posterior: Any) -> tuple[np.ndarray, list[str]]:
    """All scalar parameters side by side, the constant diagonal of `corr` left out.

    Parameters
    ----------
    posterior : mapping
        From name to draws, (chain, draw, ...).

    Returns
    -------
    ndarray and list of str
        Draws (chain, draw, parameter) and a label for each parameter.
    """
    blocks, labels = [], []
    for name in posterior:
        values = np.asarray(posterior[name], dtype=float)
        places = list(np.ndindex(values.shape[2:]))
        if name == "corr":
            places = [place for place in places if place[0] > place[1]]
        blocks += [values[(..., *place)] for place in places]
        labels += [name + (str(list(place)) if place else "") for place in places]
    return np.stack(blocks, axis=-1), labels


def quality(posterior: Any) -> dict[str, Any]:
    """Worst effective sample sizes and R-hat over every scalar parameter.

    Parameters
    ----------
    posterior : mapping
        From name to draws, (chain, draw, ...).

    Returns
    -------
    dict
        ``bulk``, ``bulk of`` (which parameter), ``tail``, ``tail of``, ``rhat``, ``parameters``.
    """
    arviz, xarray = import_module("arviz_stats"), import_module("xarray")
    draws, labels = free_parameters(posterior)
    data = xarray.Dataset({"all": (("chain", "draw", "parameter"), draws)})
    bulk, tail = (arviz.ess(data, method=method)["all"].values for method in ("bulk", "tail"))
    return {
        "bulk": float(np.min(bulk)),
        "bulk of": labels[int(np.argmin(bulk))],
        "tail": float(np.min(tail)),
        "tail of": labels[int(np.argmin(tail))],
        "rhat": float(np.max(arviz.rhat(data)["all"].values)),
        "parameters": len(labels),
    }


def measure(job: dict[str, Any]) -> dict[str, Any]:
    """Do one job.

    Parameters
    ----------
    job : dict
        ``sampler``, ``data``, ``other data`` (CSV files), ``draws``, ``seed``.

    Returns
    -------
    dict
        Seconds of the imports, and for each of `CALLS` those of ``build``, ``sample`` and
        ``collect`` (handing over the draws of every parameter), beside the `quality`.
    """
    sampler = SAMPLERS[job["sampler"]]()
    frames = {key: pd.read_csv(job[key]) for key in ("data", "other data")}
    result: dict[str, Any] = {"imports": clock(lambda: [*map(import_module, sampler.modules)])[0]}
    logging.getLogger("pymc").setLevel(logging.CRITICAL)
    for number, call in enumerate(CALLS):
        frame = frames["other data" if call == "other data" else "data"]
        build, model = clock(sampler.build, frame, call == "other priors")
        seed = job["seed"] + number
        sample, fit = clock(sampler.sample, model, job["draws"], seed)
        collect, posterior = clock(sampler.posterior, fit)
        seconds = {"build": build, "sample": sample, "collect": collect}
        result[call] = seconds | quality(posterior)
    return result


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    serve(measure)
