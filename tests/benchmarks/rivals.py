"""The contestants that fit by REML: how each goes from a data frame to a fit, in two stages.

Rivals are optional, so each is imported when it is asked for, by `import_module`.
"""

from __future__ import annotations

import csv
import shutil
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.benchmarks.processes import FailedProcessError, run
from tests.benchmarks.timing import clock

if TYPE_CHECKING:
    import pandas as pd

FIXED = "mathach ~ ses * Sector"
RANDOM = "~ 1 + ses | school"
ONE_FORMULA = "mathach ~ ses * Sector + (1 + ses | school)"
PATSY_TERMS = ("Intercept", "ses", "Sector[T.Public]", "ses:Sector[T.Public]")  # in our order
R_SCRIPT = Path(__file__).with_name("rivals.R")


@dataclass(frozen=True)
class Contestant:
    """A Python package that fits the model by REML.

    Parameters
    ----------
    name : str
        As printed, and the importable module.
    prepare : callable
        Data frame to whatever holds the model frame and matrices before fitting.
    fit : callable or None
        What `prepare` returned to a fit; None where the package has no such step.
    whole : callable
        Data frame to fit, the way a user writes it.
    loglik : callable
        Fit to REML log-likelihood.
    gamma : callable
        Fit to the fixed effects γ̂ (p,), in the order of the formula.
    remark : callable
        Fit to a word on its state, empty when there is nothing to say.
    """

    name: str
    prepare: Callable[[pd.DataFrame], Any]
    fit: Callable[[Any], Any] | None
    whole: Callable[[pd.DataFrame], Any]
    loglik: Callable[[Any], float]
    gamma: Callable[[Any], Any]
    remark: Callable[[Any], str] = field(default=lambda _: "")

    def installed(self) -> bool:
        """Whether the module can be found."""
        return find_spec(self.name) is not None

    def time_whole(self, frame: pd.DataFrame) -> float:
        """Seconds from data frame to fit."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return clock(self.whole, frame)[0]

    def time_fit(self, frame: pd.DataFrame) -> float:
        """Seconds of the fit alone, on a freshly prepared model so that no fit is remembered."""
        assert self.fit is not None
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            prepared = self.prepare(frame)
            return clock(self.fit, prepared)[0]


def hierbayes() -> Contestant:
    """Ours: `Model` holds the design, `reml` fits it."""

    def prepare(frame: pd.DataFrame) -> Any:
        return import_module("hierbayes").Model(FIXED, random=RANDOM, data=frame)

    return Contestant(
        "hierbayes",
        prepare,
        lambda model: model.reml(),
        lambda frame: prepare(frame).reml(),
        lambda fit: float(fit.loglik),
        lambda fit: fit.gamma,
    )


def glmm() -> Contestant:
    """The Rust-backed ``glmm``, at its defaults; it has one call, so nothing is fitted alone."""

    def whole(frame: pd.DataFrame) -> Any:
        return import_module("glmm").fit(frame, ONE_FORMULA)

    return Contestant(
        "glmm",
        lambda frame: frame,
        None,
        whole,
        lambda result: float(result.loglik),
        lambda result: result.beta,
        lambda result: "" if result.converged else "says it did not converge",
    )


def mixedlm() -> Contestant:
    """The Rust-backed ``mixedlm``: `lmer`, or its modular steps with `lmer`'s own optimiser."""

    def fit(parsed: Any) -> Any:
        package = import_module("mixedlm")
        deviance = package.mkLmerDevfun(parsed)
        return package.mkLmerMod(deviance, package.optimizeLmer(deviance, method="auto"))

    return Contestant(
        "mixedlm",
        lambda frame: import_module("mixedlm").lFormula(ONE_FORMULA, frame),
        fit,
        lambda frame: import_module("mixedlm").lmer(ONE_FORMULA, frame),
        lambda result: float(result.logLik()),
        lambda result: [result.fixef()[name] for name in result.fixef()],
        lambda result: "singular" if result.isSingular() else "",
    )


def statsmodels() -> Contestant:
    """``MixedLM`` of statsmodels by its formula interface, at its defaults."""

    def prepare(frame: pd.DataFrame) -> Any:
        api = import_module("statsmodels.formula.api")
        return api.mixedlm(FIXED, frame, groups=frame["school"], re_formula="~ ses")

    return Contestant(
        "statsmodels",
        prepare,
        lambda model: model.fit(reml=True),
        lambda frame: prepare(frame).fit(reml=True),
        lambda result: float(result.llf),
        lambda result: result.fe_params[list(PATSY_TERMS)].to_numpy(),
        lambda result: "" if result.converged else "says it did not converge",
    )


@dataclass(frozen=True)
class RResult:
    """What `rivals.R` reports of one R package on one data set."""

    name: str
    loglik: float | None
    remark: str
    whole: list[float]
    alone: list[float]


def in_r(path: Path, batches: int, batch: int) -> list[RResult]:
    """Time lme4 and nlme inside one R process.

    Parameters
    ----------
    path : Path
        CSV file of the data.
    batches, batch : int
        Number of measurements, and of fits in each (`system.time` resolves no less than 1 ms).

    Returns
    -------
    list of RResult
        One per package; its remark is "not installed" where R or the package is missing.
    """
    rscript = shutil.which("Rscript")
    if rscript is None:
        return [RResult(name, None, "not installed", [], []) for name in ("lme4", "nlme")]
    try:
        output = run([rscript, str(R_SCRIPT), str(path), str(batches), str(batch)])
    except FailedProcessError as failure:
        return [RResult(name, None, f"failed: {failure}", [], []) for name in ("lme4", "nlme")]
    return [
        RResult(
            line["name"],
            float(line["loglik"]) if line["loglik"] != "NA" else None,
            line["remark"],
            [float(value) for value in line["whole"].split()],
            [float(value) for value in line["alone"].split()],
        )
        for line in csv.DictReader(output.splitlines())
    ]
