"""New responses of new groups, of which each draw of θ and γ implies a distribution.

    y* ~ N(x'γ + o, z'Gz + σ²s²) at a row (x, z) of the design

with its offset o, and s what its weight or a residual structure make of σ.

They are not simulated.  At each draw the mixture of these normals over rows drawn at random
is known, and so are its quantiles and its mass outside a range; what is left to chance is the
draw and its rows.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.special import ndtr, ndtri

from hierbayes.design.design import Design
from hierbayes.display.interval import Interval
from hierbayes.frames.arrays import Floats
from hierbayes.studies.prior_predictive.row_errors import RowErrors

if TYPE_CHECKING:
    from hierbayes.priors.draws import PriorDraws

RESPONSE = Interval(0.95)  # of a new response, at one draw
FAR = 10.0  # observed sds from the observed mean
_ROWS = 200  # drawn for the responses of one draw
_DRAWS_AT_A_TIME = 1000
_HALVINGS = 20  # of the bracket of a quantile


def new_responses(
    draws: PriorDraws, design: Design, errors: RowErrors, seed: int
) -> dict[str, tuple[Any, Floats]]:
    """``response``, ``outside`` and ``far``, some draws at a time: each has its own rows."""
    theta, y = draws.theta, design.rows.observed
    offset = np.broadcast_to(design.rows.offset, len(y))
    range_ = float(y.min()), float(y.max())
    near = y.mean() - FAR * y.std(), y.mean() + FAR * y.std()
    generator = np.random.default_rng([seed, 1])
    parts: list[tuple[Floats, Floats, Floats]] = []
    for start in range(0, len(theta.sigma), _DRAWS_AT_A_TIME):
        cut = slice(start, start + _DRAWS_AT_A_TIME)
        root, sigma, gamma = theta.root[cut], theta.sigma[cut], draws.gamma[cut]
        rows = generator.integers(len(y), size=(len(sigma), _ROWS))
        mean = (design.rows.X[rows] @ gamma[:, :, None])[..., 0] + offset[rows]
        within = sigma[:, None] * errors.at(cut, rows)
        sd = np.sqrt(((design.rows.Z[rows] @ root) ** 2).sum(axis=-1) + within**2)
        ends = np.stack([mixture_quantile(mean, sd, tail) for tail in RESPONSE.tails], axis=-1)
        parts.append((ends, _mass_outside(mean, sd, range_), _mass_outside(mean, sd, near)))
    ends, outside, far = (np.concatenate(part) for part in zip(*parts, strict=True))
    return {
        "response": (("draw", "end"), ends),
        "outside": (("draw",), outside),
        "far": (("draw",), far),
    }


def _mass_outside(mean: Floats, sd: Floats, limits: tuple[float, float]) -> Floats:
    """Probability (draws,) outside two limits, of mixtures of normals (draws, rows)."""
    mass: Floats = ndtr((limits[0] - mean) / sd) + ndtr((mean - limits[1]) / sd)
    return mass.mean(axis=1)


def mixture_quantile(mean: Floats, sd: Floats, prob: float) -> Floats:
    """Quantile (draws,) of mixtures of normals with equal weights (draws, rows).

    It lies between the smallest and the largest quantile of the components; that
    bracket is halved until a millionth of it is left.
    """
    normal = ndtri(prob)
    component = mean + normal * sd
    low, high = component.min(axis=1), component.max(axis=1)
    for _ in range(_HALVINGS):
        middle = (low + high) / 2.0
        below = ndtr((middle[:, None] - mean) / sd).mean(axis=1) < prob
        low, high = np.where(below, middle, low), np.where(below, high, middle)
    return (low + high) / 2.0
