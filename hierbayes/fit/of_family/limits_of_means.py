"""Limits of means and probabilities that depend on the dispersion: thresholds, zeros.

Standard errors are by the delta method, from the covariance of everything that is estimated but the
variances; limits are normal on the scale of the range that a mean has, as those of `predictions`.
"""

from __future__ import annotations

import numpy as np
from scipy.special import ndtri

from hierbayes.fit.of_family.dispersion_variance import LatentFit, dispersion_variance
from hierbayes.fit.predictions.limits import OF_KIND, Limits, LimitsRequest, NormalPredictors
from hierbayes.fit.predictions.limits_between import limits_between
from hierbayes.fit.predictions.prediction_rows import PredictionRows
from hierbayes.fit.predictions.predictor_moments import moved_columns
from hierbayes.fit.predictions.response_law import ResponseLaw
from hierbayes.frames.arrays import Floats

_STEP = 1e-4  # of a linear predictor, for a derivative


def has_such_limits(
    rows: PredictionRows, law: ResponseLaw, kind: str, sizes: tuple[int, ...]
) -> bool:
    """Whether what is predicted depends on the dispersion, of groups that are not drawn anew.

    Parameters
    ----------
    rows : PredictionRows
    law : ResponseLaw
    kind : str
    sizes : tuple of int
        Groups of each factor that the fit has seen.
    """
    drawn = rows.sampled and not all(rows.is_seen(k, sizes[k]).all() for k in rows.counted)
    return law.dispersion_moves_mean and kind in ("mean", "probability") and not drawn


def limits_of_means(
    fit: LatentFit,
    rows: PredictionRows,
    predictors: NormalPredictors,
    law: ResponseLaw,
    request: LimitsRequest,
    *,
    kind: str,
) -> Limits:
    """Limits (n,) of means, or (n, K) of probabilities, of rows with one linear predictor.

    Parameters
    ----------
    fit : LatentFit
    rows : PredictionRows
    predictors : NormalPredictors
        Of these rows, given the dispersion.
    law : ResponseLaw
    request : LimitsRequest
    kind : str
        ``"mean"`` or ``"probability"``.
    """

    def value(phi: Floats, us: tuple[Floats, ...], move: float = 0.0) -> Floats:
        eta = rows.linear(fit.gamma, us) + move
        found = law.probabilities(eta, phi) if kind == "probability" else law.mean(eta, phi)
        return found.reshape(len(eta), -1)

    at = fit.phi, fit.u_means
    mean = value(*at)
    slope = (value(*at, _STEP) - value(*at, -_STEP)) / (2.0 * _STEP)
    gradient = slope[..., None] * moved_columns(fit.effect_errors, rows)[:, None, :]
    variance = slope**2 * predictors.sd[:, None] ** 2
    variance += dispersion_variance(fit, value, gradient, counted=bool(rows.counted))
    se, z = np.sqrt(np.maximum(variance, 0.0)), float(ndtri(request.interval.tails[1]))
    ends = (0.0, 1.0) if kind == "probability" else law.range
    if np.isfinite(ends[0]):
        lower, upper = limits_between(ends, mean, se, z)
        scale = "logit" if np.isfinite(ends[1]) else "log"
    else:
        lower, upper, scale = mean - z * se, mean + z * se, ""
    on = f" on the {scale} scale" * bool(scale)
    method = (
        f"{request.interval} limits of {OF_KIND[kind]}, plug-in: given the {fit.what} of "
        f"variances: normal{on}, standard errors by the delta method, those of the "
        "dispersion included"
    )
    if kind == "probability":
        return Limits(se, lower, upper, method)
    return Limits(se[:, 0], lower[:, 0], upper[:, 0], method)
