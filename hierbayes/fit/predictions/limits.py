"""Standard errors and limits of predictions, as columns beside them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.special import ndtri

from hierbayes.display.interval import Interval
from hierbayes.fit.predictions.parameter_draws import ParameterDraws
from hierbayes.fit.predictions.prediction_rows import PredictionRows
from hierbayes.fit.predictions.response_law import GaussianLaw, ResponseLaw
from hierbayes.frames.arrays import Floats

OF_KIND = {
    "mean": "the mean of the response",
    "linear": "the linear predictor",
    "probability": "the probability of each category",
    "response": "a new response",
}
_STEP = 1e-4  # of a linear predictor's standard error, for a derivative of the mean
_NORMALS = 4000  # values of a normal linear predictor
_NUMBERS_AT_ONCE = 1_000_000
_NORMAL_STREAM = 13


@dataclass(frozen=True, slots=True, eq=False)
class Limits:
    """Standard errors and limits of predictions of rows, (n,) or (n, K) each.

    Parameters
    ----------
    se, lower, upper : float
    method : str
        What they are, in words.
    """

    se: Floats
    lower: Floats
    upper: Floats
    method: str

    def beside(self, point: pd.Series | pd.DataFrame) -> pd.DataFrame:
        """A table with a column each; of K numbers a row, a row for each of them."""
        if isinstance(point, pd.DataFrame):
            labels = pd.MultiIndex.from_tuples(
                [(row, name) for row in point.index for name in point.columns],
                names=[point.index.name or "row", point.columns.name],
            )
            point = pd.Series(point.to_numpy().ravel(), index=labels, name="predicted")
        table = point.rename("predicted").to_frame()
        table["se"], table["lower"], table["upper"] = (
            np.asarray(one).ravel() for one in (self.se, self.lower, self.upper)
        )
        table.attrs["method"] = self.method
        return table


@dataclass(frozen=True, slots=True)
class LimitsRequest:
    """What limits are wanted, and from where.

    Parameters
    ----------
    interval : Interval
    uncertainty : str or None
        Of a maximum: ``"plug-in"`` or ``"theta"``.
    seed : int
        Of what has to be drawn.
    """

    interval: Interval
    uncertainty: str | None
    seed: int


@dataclass(frozen=True, slots=True, eq=False)
class NormalPredictors:
    """Linear predictors of rows that are normal given the estimates.

    Parameters
    ----------
    mean, sd : (n,) float
    phi : (d,) float
        Dispersion, as η is computed.
    source : str
        What is held and what is not, in words.
    """

    mean: Floats
    sd: Floats
    phi: Floats
    source: str


def limits_of_draws(
    draws: ParameterDraws, rows: PredictionRows, law: ResponseLaw, kind: str, interval: Interval
) -> Limits:
    """From joint draws: their standard deviation, and quantiles.

    Parameters
    ----------
    draws : ParameterDraws
    rows : PredictionRows
    law : ResponseLaw
        Of these rows.
    kind : str
        As in `ParameterDraws.of_rows`.
    interval : Interval
    """
    pieces = (values for _, values in draws.of_rows(rows, law, kind))
    method = f"{interval} limits of {OF_KIND[kind]}, {draws.source}: quantiles of draws"
    return summarised(pieces, interval, method)


def limits_of_normal(
    predictors: NormalPredictors, law: ResponseLaw, kind: str, request: LimitsRequest
) -> Limits:
    """From normal linear predictors, of a maximum: exact where they can be.

    Parameters
    ----------
    predictors : NormalPredictors
    law : ResponseLaw
    kind : str
    request : LimitsRequest
    """
    interval, mean, sd, phi = request.interval, predictors.mean, predictors.sd, predictors.phi
    words = f"{interval} limits of {OF_KIND[kind]}, {predictors.source}"
    if isinstance(law, GaussianLaw):
        sd = np.hypot(sd, law.sd(phi)) if kind == "response" else sd
        return _of_moments(mean, sd, interval, f"{words}: normal")
    if kind == "linear":
        return _of_moments(mean, sd, interval, f"{words}: normal")
    if kind == "mean":
        inner = _of_moments(mean, sd, interval, "")
        step = _STEP * np.maximum(sd, _STEP)
        slope = (law.mean(mean + step, phi) - law.mean(mean - step, phi)) / (2.0 * step)
        return Limits(
            np.abs(slope) * sd, law.mean(inner.lower, phi), law.mean(inner.upper, phi),
            f"{words}: those of a normal linear predictor through the link, standard errors by "
            "the delta method",
        )  # fmt: skip
    pieces = _normal_pieces(predictors, law, kind, request.seed)
    return summarised(
        pieces, interval, f"{words}: quantiles at {_NORMALS} normal linear predictors"
    )


def _of_moments(mean: Floats, sd: Floats, interval: Interval, method: str) -> Limits:
    half = ndtri(interval.tails[1]) * sd
    return Limits(sd, mean - half, mean + half, method)


def _normal_pieces(
    predictors: NormalPredictors, law: ResponseLaw, kind: str, seed: int
) -> Iterator[Floats]:
    """Draws (S, m) of normal η and of what follows, piece by piece."""
    rng, width = np.random.default_rng([seed, _NORMAL_STREAM]), max(len(law.categories), 1)
    mean, sd, phi = predictors.mean, predictors.sd, predictors.phi
    normals = ndtri((np.arange(_NORMALS) + 0.5) / _NORMALS)  # evenly, the same for every row
    size = max(_NUMBERS_AT_ONCE // (_NORMALS * width), 1)
    for start in range(0, len(mean), size):
        at = slice(start, min(start + size, len(mean)))
        eta, own = mean[at] + sd[at] * normals[:, None], law.part(at)
        yield np.stack([own.of_kind(kind, one, phi, rng) for one in eta])


def summarised(pieces: Iterable[Floats], interval: Interval, method: str) -> Limits:
    """Standard deviations and quantiles of draws (M, m) of pieces of the rows."""
    se, lower, upper = [], [], []
    for values in pieces:
        se.append(values.std(axis=0, ddof=1))
        low, high = np.quantile(values, interval.tails, axis=0)
        lower.append(low)
        upper.append(high)
    return Limits(np.concatenate(se), np.concatenate(lower), np.concatenate(upper), method)
