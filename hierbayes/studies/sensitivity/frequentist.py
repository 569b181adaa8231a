"""The REML estimate of the quantities of a study, with the limits that REML has for them."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy.special import stdtrit

from hierbayes.fit.fit import Fit
from hierbayes.fit.intervals import denominator_df
from hierbayes.frames.arrays import Floats
from hierbayes.studies.sensitivity.cells import Questions
from hierbayes.studies.sensitivity.quantities import SD, Contextual, Contrast, Corr, Quantity, Sigma


def reml_column(reml: Fit, questions: Questions) -> pd.DataFrame:
    """Estimate and limits of each quantity, by quantity: ``REML``, ``REML lower``, ``REML upper``.

    Linear combinations of γ have t limits given θ̂, with the smallest of the inner–outer
    degrees of freedom of the terms they combine; sd, corr and σ have those of
    `Fit.intervals`.  Elsewhere, and where Ĝ is singular, limits are missing.
    """
    known = reml.intervals(questions.interval.prob)
    rows = [_row(reml, quantity, known, questions) for quantity in questions.quantities]
    index = pd.Index(questions.names, name="quantity")
    return pd.DataFrame(rows, columns=["REML", "REML lower", "REML upper"], index=index)


def _row(
    reml: Fit, quantity: Quantity, known: pd.DataFrame, questions: Questions
) -> tuple[float, float, float]:
    if not quantity.estimable():
        return np.nan, np.nan, np.nan
    estimate = float(quantity.draws(reml).mean())
    if isinstance(quantity, Contrast | Contextual):
        half = _half_width(reml, quantity.coefficients(reml), questions)
        return estimate, estimate - half, estimate + half
    match quantity:
        case SD(effect):
            key = ("sd", effect)
        case Corr(effect, other):
            key = ("corr", f"{effect}, {other}")
            key = key if key in known.index else ("corr", f"{other}, {effect}")
        case Sigma():
            key = ("sigma", "sigma")
        case _:
            return estimate, np.nan, np.nan
    return estimate, float(known.loc[key, "lower"]), float(known.loc[key, "upper"])


def _half_width(reml: Fit, c: Floats, questions: Questions) -> float:
    variance = float(c @ reml.vcov().to_numpy() @ c)
    df = denominator_df(reml)[c != 0.0]
    if not df.size:
        return 0.0
    return float(stdtrit(df.min(), questions.interval.tails[1]) * np.sqrt(variance))
