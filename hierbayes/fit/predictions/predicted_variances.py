"""Variances that follow the fitted mean, of rows that are predicted."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from hierbayes.fit.fitted import Fitted
from hierbayes.fit.predictions.limits import Limits
from hierbayes.fit.predictions.prediction_rows import PredictionRows
from hierbayes.residuals.covariates import FITTED

APPROXIMATE = (
    "variances of new responses are those at their predicted means, whose own uncertainty does not "
    "move them (approximate)"
)


def with_predicted_means(fit: Fitted, rows: PredictionRows) -> PredictionRows:
    """New rows with the means that variances of their errors follow, where they do.

    These are the predicted ones, with the random effects that are counted, as fitted values are.
    """
    if rows.data is None or not _follow_fitted(fit):
        return rows
    means = np.asarray(rows.linear(fit.gamma, fit.u_means))
    return replace(rows, data=rows.data.assign(**{FITTED: means}))


def said_of_variances(fit: Fitted, rows: PredictionRows, kind: str, limits: Limits) -> Limits:
    """Limits whose method says that variances follow the predicted means, where they do."""
    if kind != "response" or rows.data is None or not _follow_fitted(fit):
        return limits
    return replace(limits, method=f"{limits.method}; {APPROXIMATE}")


def _follow_fitted(fit: Fitted) -> bool:
    moments = fit.problem.moments
    return moments is not None and moments.rows.structure.follows_fitted
