"""Expected responses of the population or given the group's random effects, and residuals."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd

from hierbayes.errors import DataError, in_quotes
from hierbayes.fit.fitted import Fitted
from hierbayes.fit.predictions.prediction_rows import PredictionRows
from hierbayes.fit.predictions.response_law import ResponseLaw
from hierbayes.frames.arrays import Floats

type ByPredictor = Any  # a Series, or of several linear predictors or categories a DataFrame
RESIDUALS = ("response", "pearson", "normalized")
_NODES = 41  # of a quadrature over the effects of a new group


def linear_predictor(fit: Fitted, rows: PredictionRows) -> ByPredictor:
    """X γ + Z u with offsets at the estimates: the linear predictor of each row, or its several.

    Effects of groups that the fit has not seen are 0.
    """
    return by_predictor(
        rows.linear(fit.gamma, fit.u_means), rows.index, fit.design.columns.predictors
    )


def point_prediction(fit: Fitted, rows: PredictionRows, law: ResponseLaw, kind: str) -> ByPredictor:
    """What is predicted of each row at the estimates.

    Parameters
    ----------
    fit : Fitted
    rows : PredictionRows
    law : ResponseLaw
        Of these rows.
    kind : str
        ``"linear"``, ``"mean"``, ``"probability"``, or ``"response"``: the mean of a new one.

    Raises
    ------
    DataError
        When there is no such prediction.
    """
    if kind == "linear":
        return linear_predictor(fit, rows)
    if kind == "response" and law.categories and law.predictors > 1:
        raise DataError(
            "nominal categories have no mean and no limits; predict_draws(kind='response') "
            "draws them, and scale='probability' has their probabilities"
        )
    eta, phi = rows.linear(fit.gamma, fit.u_means), fit.mean_phi
    spread = _unseen_spread(fit, rows)
    if spread.any() and not law.is_linear:
        values = law.averaged(kind, eta, spread, phi, _NODES)
    else:
        values = law.probabilities(eta, phi) if kind == "probability" else law.mean(eta, phi)
    if kind == "probability":
        names = pd.Index(law.categories, name="category")
        return pd.DataFrame(values, index=rows.index, columns=names)
    if kind == "response":
        values = values * law.sizes
    return pd.Series(values, index=rows.index, name="predicted")


def _unseen_spread(fit: Fitted, rows: PredictionRows) -> Floats:
    """Standard deviation (n P,) of the effects of groups that are drawn from G."""
    variance = np.zeros(len(rows.X))
    for k in rows.counted if rows.sampled else ():
        at, new = rows.spans[k], ~rows.is_seen(k, fit.design.factors[k].J)
        Z = rows.Z[new][:, at]
        variance[new] += np.einsum("nq,qr,nr->n", Z, fit.G[at, at], Z)
    return np.sqrt(variance)


def by_predictor(values: Floats, index: pd.Index, names: tuple[str, ...]) -> ByPredictor:
    """Values of rows (n,) as a series; those of P predictors (n P,) as a frame of P columns."""
    if not names:
        return pd.Series(values, index=index, name="predicted")
    columns = pd.Index(names, name="category")
    return pd.DataFrame(values.reshape(-1, len(names)), index=index, columns=columns)


def residuals(fit: Fitted, eta: pd.Series, kind: str) -> pd.Series:
    """y minus its prediction, of a Gaussian response; those of Pearson divided by their own σ.

    Normalized ones are those of Pearson, where errors are independent given the random effects.

    Raises
    ------
    DataError
        When there is no such kind.
    """
    if kind not in RESIDUALS:
        raise DataError(
            f"there are no residuals {kind!r} of a Gaussian response; kind is one of: "
            f"{in_quotes(RESIDUALS)}"
        )
    rest = fit.design.rows.observed - eta
    if kind != "response":
        rest = rest / (fit.sigma * fit.design.rows.row_sd * fit.problem.error_scale())
    return rest.rename("residual")


def refuse_foreign_words(words: Iterable[str], verb: str) -> None:
    """Refuse arguments that predictions do not take; nlme's ``level`` with what to write here.

    Raises
    ------
    DataError
    """
    for word in words:
        if word == "level":
            raise DataError(
                f"{verb}() takes no level: levels count rows as 1 and groups as 2 here; nlme's "
                "level=0 is effects='none', and its level=1 is effects='all'"
            )
        raise DataError(f"{verb}() takes no argument '{word}'")
