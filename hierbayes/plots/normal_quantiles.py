"""Normal quantile plots: a sample against its normal scores, with the band of a normal sample.

The i-th smallest of m independent uniform values has the distribution Beta(i, m + 1 − i); Φ⁻¹ of
its quantiles is where the i-th smallest of m standard normal values lies with some probability,
each by itself.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from scipy.special import betaincinv, ndtri

from hierbayes.display.interval import Interval
from hierbayes.frames.arrays import Floats
from hierbayes.plots.draw import name_points
from hierbayes.plots.look import BLACK, BLUE_INK, PALE

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def normal_band(scores: Floats, interval: Interval) -> tuple[Floats, Floats]:
    """Limits (m,) of a standard normal sample at each normal score (m,); missing with the score.

    Equal scores have equal limits, those at their mean rank.

    Examples
    --------
    >>> low, high = normal_band(np.array([0.0]), Interval(0.95))
    >>> float(low[0]), float(high[0])
    (-1.9600, 1.9600)
    """
    ranks = pd.Series(scores).rank().to_numpy(dtype=np.float64)
    m = int(np.isfinite(scores).sum())
    low, high = (ndtri(betaincinv(ranks, m + 1.0 - ranks, tail)) for tail in interval.tails)
    return np.asarray(low), np.asarray(high)


def draw_normal_quantiles(
    ax: Axes,
    rows: pd.DataFrame,
    value: str,
    *,
    labels: Any = None,
    size: float = 4.0,
    color: str = BLUE_INK,
) -> None:
    """Points of ``normal_score`` and `value`, the band and the line of a normal sample.

    Parameters
    ----------
    ax : Axes
    rows : DataFrame
        With ``normal_score``, ``lower`` and ``upper``.
    value : str
        Column on the vertical axis.
    labels : (m,) str, optional
        The smallest and the largest are named, where they lie outside the band.
    size : float
        Of marks.
    color : str
        Of marks.
    """
    known = rows[["normal_score", value]].notna().all(axis=1).to_numpy()
    order = np.argsort(rows["normal_score"].to_numpy()[known], kind="stable")
    seen = rows[known].iloc[order]
    score = seen["normal_score"]
    ax.fill_between(score, seen["lower"], seen["upper"], color=PALE, linewidth=0.0, zorder=0.5)
    ax.plot(
        score.iloc[[0, -1]],
        score.iloc[[0, -1]],
        color=BLACK,
        linewidth=0.9,
        linestyle="--",
        zorder=0.8,
    )
    ax.plot(score, seen[value], linestyle="none", marker="o", markersize=size, color=color,
            markerfacecolor="white", markeredgewidth=0.8, zorder=2.0)  # fmt: skip
    if labels is not None:
        outside = ((seen[value] > seen["upper"]) | (seen[value] < seen["lower"])).to_numpy()
        names = np.asarray(labels)[known][order]
        ends = [k for k in (0, len(seen) - 1) if outside[k]]
        points = [(str(names[k]), float(score.iloc[k]), float(seen[value].iloc[k])) for k in ends]
        name_points(ax, points)
    ax.set_xlabel("normal score")
