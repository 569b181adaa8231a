"""Residual structures, weights and known standard deviations as brms writes them.

Correlations are terms of the formula of the mean; what standard deviations depend on is a formula
of ``sigma``, whose link is the logarithm, so that σ/√w is an offset.

References
----------
Bürkner (2017), *brms: An R Package for Bayesian Multilevel Models Using Stan*,
doi:10.18637/jss.v080.i01; ``help("autocor-terms", "brms")``.
"""

from __future__ import annotations

from hierbayes.design.error_columns import ErrorTimes
from hierbayes.errors import FormulaError
from hierbayes.residuals.autoregression import AR1
from hierbayes.residuals.exchangeable import CompoundSymmetry
from hierbayes.residuals.stationary import ARMA
from hierbayes.residuals.unstructured import Unstructured
from hierbayes.translation.dialect import ModelToWrite
from hierbayes.translation.r.variance_terms import log_sd_terms
from hierbayes.translation.r.words import r_name

STRUCTURES = frozenset({
    "AR1", "ARMA", "CompoundSymmetry", "Unstructured", "Strata", "Power", "Exponential",
})  # fmt: skip


def known_errors(model: ModelToWrite) -> str:
    """What stands after the response; empty where no standard deviations are known."""
    known = model.specification.known_sd
    return f"se({r_name(known)})" if known else ""


def correlation_terms(model: ModelToWrite) -> list[str]:
    """The term of the correlation in the formula of the mean.

    Raises
    ------
    FormulaError
        For groups of several columns, and for times that are not one apart.
    """
    structure = model.specification.residual
    part = None if structure is None else structure.correlation
    times = model.variables.times
    if part is None or times is None:
        return []
    if len(times.columns) > 1:
        raise FormulaError(
            f"brm takes one column for the groups of correlated errors, and those of {part!r} are "
            f"{times.group}; make one column of them"
        )
    time = getattr(part, "time", None)
    given = ([] if time is None else [f"time = {r_name(time)}"]) + [
        f"gr = {r_name(times.columns[0])}"
    ]
    if isinstance(part, AR1 | ARMA):
        _refuse_skipped(part, times)
        given += ["p = 1", *(["q = 1"] if isinstance(part, ARMA) else []), "cov = TRUE"]
    words = {AR1: "ar", ARMA: "arma", CompoundSymmetry: "cosy", Unstructured: "unstr"}
    return [f"{words[type(part)]}({', '.join(given)})"]


def _refuse_skipped(part: AR1 | ARMA, times: ErrorTimes) -> None:
    if part.time is not None and not times.consecutive:
        raise FormulaError(
            f"brm counts the rows of a group in the order of '{part.time}', whatever lies between "
            f"them, and in some groups its values are not one apart, so that {part!r} is another "
            "model; nlme's corAR1 has it"
        )


def sigma_formula(model: ModelToWrite) -> str:
    """The formula of log σ; empty where the errors have one variance."""
    spec = model.specification
    terms = log_sd_terms(spec.residual)
    if spec.weights:
        terms = [*(terms or ["1"]), f"offset(-log({r_name(spec.weights)}) / 2)"]
    return f"sigma ~ {' + '.join(terms)}" if terms else ""


def has_own_sigma(model: ModelToWrite) -> bool:
    """Whether brms has a parameter that is σ here, so that its prior goes with the code.

    Its σ of an autoregression is that of the innovations; under a formula of ``sigma`` there is
    none, and where standard deviations are known neither.
    """
    spec = model.specification
    moving = spec.residual is not None and isinstance(spec.residual.correlation, AR1 | ARMA)
    return not (moving or spec.known_sd or sigma_formula(model))


def notes_on_errors(model: ModelToWrite) -> list[str]:
    """What of the errors is not carried over."""
    spec = model.specification
    notes: list[str] = []
    if spec.known_sd:
        return notes
    if not has_own_sigma(model):
        name, prior, _ = model.priors.sigma
        notes.append(f"{name} ~ {prior}, which is no parameter of this model in brms")
    if spec.residual is not None:
        notes.append(f"the parameters of {spec.residual.text}")
        if isinstance(spec.residual.correlation, CompoundSymmetry):
            notes.append("the correlation of cosy() between 0 and 1; below 0 brms has none")
    return notes
