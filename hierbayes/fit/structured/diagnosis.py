"""Whether a maximum over the parameters of a residual structure is one."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pandas as pd

from hierbayes.design.residual_blocks import own_precision
from hierbayes.design.residual_moments import LOST
from hierbayes.design.residual_rows import ResidualRows
from hierbayes.errors import HypothesisError
from hierbayes.estimation.residual_optimum import ResidualMaximum
from hierbayes.fit.degrees_of_freedom.structured_kenward_roger import (
    APART,
    smallest_scaled,
    variance_information,
)
from hierbayes.fit.diagnosis import GRADIENT_LIMIT, Diagnosis
from hierbayes.fit.evidence import Maximum
from hierbayes.fit.fitted import Fitted
from hierbayes.frames.arrays import Floats

_SMALL = math.sqrt(LOST)  # share of the response, below which sums of products lose errors' digits


def diagnosis_of_errors(
    of_effects: Diagnosis,
    errors: ResidualMaximum,
    rows: ResidualRows,
    *,
    told: bool,
    share: float = 1.0,
    elsewhere: ResidualMaximum | None = None,
) -> Diagnosis:
    """A diagnosis of G and σ, and beside it that of the parameters of the errors.

    ``told``: whether V itself moves in another way with each of the variance parameters.
    ``share``: of errors in what the response has beside the fixed part, see `share_of_errors`.
    ``elsewhere``: the highest maximum that was found when it was looked for.
    """
    bad, findings = _findings(errors, rows, told=told)
    highest = errors if elsewhere is None else elsewhere
    bad += _of_elsewhere(errors, highest, rows, inside=not bad)
    if share < _SMALL:
        bad.append(
            f"what is new in an error is {share:.0e} of the spread of the response, for which sums "
            "of products weighted by R⁻¹ have not the digits: take what is known out of the "
            "response, or leave the structure out"
        )
    verdict = of_effects.verdict
    at_limit = _at_limits(errors, rows)
    if at_limit:
        inside, boundary = "is inside the parameter space.", "lies on the boundary:"
        verdict = verdict.replace(inside, f"{boundary} {_zero(at_limit)}.")
        verdict = verdict.replace("G is singular.", f"G is singular, and {_zero(at_limit)}.")
    if bad and of_effects.ok:
        verdict = "The maximum is not certain in the parameters of the errors:"
    table = pd.concat([of_effects.table, _table(errors, rows)])
    return replace(
        of_effects,
        ok=of_effects.ok and not bad,
        verdict=verdict,
        findings=(*bad, *of_effects.findings, *findings),
        table=table,
    )


def diagnosis_without_effects(evidence: Maximum) -> Diagnosis:
    """Of a model whose errors alone have a covariance: γ and σ are in closed form."""
    table = pd.DataFrame(
        {"value": [evidence.value, float(evidence.evaluations)]},
        index=["log-likelihood", "evaluations"],
    )
    verdict = f"The {evidence.name} maximum is inside the parameter space."
    closed = (
        "γ is in closed form given σ and"
        if evidence.name == "MAP"
        else "γ and σ are in closed form given"
    )
    return Diagnosis(True, verdict, (f"{closed} the errors",), table)


def share_of_errors(fit: Fitted) -> float:
    """Median sd of an error given the others of its group, in the unit of the internal response."""
    problem = fit.problem
    if fit.design.rows.streams or problem.moments is None or problem.z is None:
        return 1.0
    own = np.median(own_precision(problem.moments.rows, problem.z))
    return float(fit.any_state.internal_sigma / np.sqrt(own))


def are_told_apart(fit: Fitted) -> bool:
    """Whether V moves in another way with each variance parameter.

    Yes where it is too large, or the rows stream, of which it is made; no where it is singular.
    """
    if fit.design.rows.streams:
        return True
    try:
        return smallest_scaled(variance_information(fit)) > APART
    except HypothesisError:
        return True
    except np.linalg.LinAlgError:  # V is singular in all digits
        return False


def _findings(
    errors: ResidualMaximum, rows: ResidualRows, *, told: bool
) -> tuple[list[str], list[str]]:
    bad: list[str] = []
    good: list[str] = []
    names = [parameter.name for parameter in rows.parameters]
    if not told or not errors.is_told:
        bad.append(
            "the likelihood is not curved downwards in the parameters of the errors "
            f"({', '.join(names)}): the data do not tell them from each other or from the random "
            "effects; use a structure with fewer, or leave the random intercept out"
        )
    steep = float(_standardised_slope(errors).max(initial=0.0))
    (bad if steep > GRADIENT_LIMIT else good).append(
        f"largest gradient over the parameters of the errors: {steep:.1e}"
    )
    at_limit = _at_limits(errors, rows)
    good += [
        f"{name} is estimated as zero, where errors at different times are independent: without "
        "the correlation the likelihood is the same, and it falls from there; limits and degrees "
        "of freedom take it for known"
        for name in at_limit
    ]
    outside = rows.beyond(errors.best.z, errors.curvature)
    far = [name for name, out in zip(names, outside, strict=True) if out]
    if far:
        bad.append(
            f"{', '.join(far)} went to a limit, beyond which there is no covariance matrix: a "
            "structure without it gives the same maximum"
        )
    return bad, good


def _of_elsewhere(
    errors: ResidualMaximum, elsewhere: ResidualMaximum, rows: ResidualRows, *, inside: bool
) -> list[str]:
    """That ℓ is higher at another maximum, or where it has none inside, as this one may be."""
    gain = elsewhere.best.value - errors.best.value
    if gain > 0.0:
        values = zip(rows.parameters, rows.natural(elsewhere.best.z), strict=True)
        there = ", ".join(f"{parameter.name} = {value:.4g}" for parameter, value in values)
        return [
            f"another maximum of the likelihood is higher by {gain:.2g}, where {there}: the search "
            "ended at this one; model.sample() shows what each is worth"
        ]
    if not elsewhere.higher:
        return []
    where = "this maximum" if inside else "where the search ended"
    found = "this is the highest maximum that was" if inside else "no maximum was"
    return [
        f"far from {where} the likelihood is higher by {elsewhere.higher:.2g} or more, where "
        "it rises to a limit of a parameter, as where the variance of rows that can be reproduced "
        f"goes to zero, or does not tell all parameters: {found} found "
        "inside; use a structure with fewer parameters, or model.sample()"
    ]


def _at_limits(errors: ResidualMaximum, rows: ResidualRows) -> list[str]:
    """Names of parameters at a limit that is a covariance itself."""
    moving = rows.moving(errors.best.z)
    return [one.name for one, inside in zip(rows.parameters, moving, strict=True) if not inside]


def _zero(names: list[str]) -> str:
    return f"{', '.join(names)} is zero"


def _standardised_slope(errors: ResidualMaximum) -> Floats:
    """|∂ℓ/∂z| in the unit that the curvature gives, where it gives one."""
    curvature = errors.curvature
    size = np.sqrt(np.where(curvature > 1e-6, curvature, 1.0))
    return np.asarray(np.abs(errors.slope) / size)


def _table(errors: ResidualMaximum, rows: ResidualRows) -> pd.DataFrame:
    names = [f"gradient({parameter.name})" for parameter in rows.parameters]
    values = [*_standardised_slope(errors), float(errors.evaluations)]
    return pd.DataFrame({"value": values}, index=[*names, "evaluations(errors)"])
