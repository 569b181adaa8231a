r"""Limits of expected responses that stay where a response can be.

Of a row that is no average they are those of its linear predictor through the link,
μ(η̂ ± z se(η̂)), as `Fit.predict` has them, but where the mean depends on the dispersion; of that,
and of an average ē of responses between a and b they are
normal on the scale of g(ē) = log((ē − a)/(b − ē)), or log(ē − a) without an upper end, with
se(g) = g′(ē) se(ē).
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from hierbayes.fit.point import PointFit
from hierbayes.fit.predictions.limits_between import limits_between
from hierbayes.frames.arrays import Floats
from hierbayes.inference.margins.combination import ITSELF
from hierbayes.inference.margins.delta_method import delta_method
from hierbayes.inference.margins.quantity import Quantity


def range_of(quantity: Quantity) -> tuple[float, float]:
    """Between which numbers a prediction lies."""
    side = quantity.sides[0]
    return (0.0, 1.0) if side.kind == "probability" else side.law.range


def scale_of_limits(quantity: Quantity) -> str:
    """On which scale limits are symmetric: ``"link"``, ``"logit"``, ``"log"``, or empty."""
    side, averages = quantity.sides[0], quantity.averages
    if quantity.combination is not ITSELF or side.is_linear:
        return ""
    low, high = range_of(quantity)
    single = side.new is None and len(averages.codes) == averages.K
    if side.kind == "mean" and single and not side.law.dispersion_moves_mean:
        return "link" if np.isfinite(low) else ""
    if not np.isfinite(low):
        return ""
    return "logit" if np.isfinite(high) else "log"


def limits_in_range(
    fit: PointFit, quantity: Quantity, estimate: Floats, se: Floats, z: float
) -> tuple[Floats, Floats]:
    """Lower and upper limits (K, C) of a maximum, z standard errors away on their scale."""
    scale = scale_of_limits(quantity)
    if not scale:
        return estimate - z * se, estimate + z * se
    if scale == "link":
        return _through_the_link(fit, quantity, z)
    return limits_between(range_of(quantity), estimate, se, z)


def _through_the_link(fit: PointFit, quantity: Quantity, z: float) -> tuple[Floats, Floats]:
    side = quantity.sides[0]
    linear = replace(quantity, sides=(replace(side, kind="linear"),))
    eta, se, _ = delta_method(fit, linear)
    row = np.empty(len(quantity.averages.codes), dtype=np.intp)
    row[quantity.averages.codes] = np.arange(len(row))  # averages may stand in another order
    ends = np.stack([eta[:, 0] - z * se[:, 0], eta[:, 0] + z * se[:, 0]])
    codes, phi = quantity.averages.codes, fit.mean_phi
    means = np.stack([side.law.mean(end[codes], phi)[row] for end in ends])
    return means.min(axis=0)[:, None], means.max(axis=0)[:, None]
