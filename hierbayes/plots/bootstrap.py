"""A bootstrap distribution, and the intervals that read it or do without it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from hierbayes.display.interval import DEFAULT_PROB
from hierbayes.errors import StudyError, in_quotes
from hierbayes.fit.point import PointFit
from hierbayes.inference.accepted_fits import refuse_other_than_maxima
from hierbayes.inference.bootstraps.bootstrap import Bootstrap
from hierbayes.inference.profiles.profile import profile
from hierbayes.plots.canvas import canvas
from hierbayes.plots.choice import refuse_other_than
from hierbayes.plots.draw import heading, legend
from hierbayes.plots.interval_line import draw_interval, span_without_outliers
from hierbayes.plots.look import BLACK, DASHED, PALE, SERIES
from hierbayes.plots.profile_zeta import label

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_BINS = 40
_REACH = 0.5  # of the range of the refits, shown beyond it where an interval needs it


@dataclass(frozen=True, slots=True, eq=False)
class BootstrapPicture:
    """What is drawn of the bootstrap of one parameter.

    Parameters
    ----------
    label : str
    bars : DataFrame
        ``left``, ``right``, ``density``: a histogram of the refits in which the parameter exists.
    intervals : DataFrame
        Index method (``"percentile"``, ``"basic"``, and with a fit ``"Wald"`` and ``"profile"``):
        ``lower``, ``upper``; missing where a method has none.
    estimate : float
    """

    label: str
    bars: pd.DataFrame
    intervals: pd.DataFrame
    estimate: float


def bootstrap_frame(
    bootstrap: Bootstrap, parameter: str, *, fit: PointFit | None = None, prob: float = DEFAULT_PROB
) -> BootstrapPicture:
    """Histogram of the refits and intervals of one parameter.

    Parameters
    ----------
    bootstrap : Bootstrap
        As `hierbayes.bootstrap` makes it.
    parameter : str
        A label such as ``"ses"``, ``"sd(ses)"``, ``"sigma"``, or the name of a statistic.
    fit : PointFit, optional
        The fit that was bootstrapped, for its Wald and profile intervals.
    prob : float
        Of the intervals.

    Raises
    ------
    StudyError
        When it is no bootstrap, or has no such parameter.
    InferenceError
        When the fit maximises no likelihood.
    """
    refuse_other_than("plot_bootstrap", bootstrap, Bootstrap, "hb.bootstrap()")
    key = _key(bootstrap, parameter)
    draws = bootstrap.draws[key].dropna().to_numpy()
    density, edges = np.histogram(draws, bins=_BINS, density=True)
    bars = pd.DataFrame({"left": edges[:-1], "right": edges[1:], "density": density})
    rows = {
        kind: bootstrap.intervals(prob, kind).loc[key, ["lower", "upper"]]
        for kind in ("percentile", "basic")
    }
    if fit is not None:
        refuse_other_than_maxima("plot_bootstrap", fit)
        if key[0] != "statistic":
            rows["Wald"] = fit.intervals(prob).loc[key, ["lower", "upper"]]
            rows["profile"] = profile(fit, parameter, prob=prob).limits.loc[key, ["lower", "upper"]]
    intervals = pd.DataFrame(rows).T.astype(np.float64).rename_axis("method")
    return BootstrapPicture(parameter, bars, intervals, float(bootstrap.estimate[key]))


def plot_bootstrap(
    bootstrap: Bootstrap,
    parameter: str,
    *,
    fit: PointFit | None = None,
    prob: float = DEFAULT_PROB,
    ax: Axes | None = None,
    figsize: tuple[float, float] | None = None,
) -> Figure:
    """Draw `bootstrap_frame`: the histogram, with the intervals below it.

    Other parameters are those of `bootstrap_frame`.

    Parameters
    ----------
    ax : Axes, optional
    figsize : (width, height), optional
        Of a new figure in inches.

    Examples
    --------
    >>> import hierbayes as hb
    >>> hs = hb.load_dataset("hs")
    >>> fit = hb.Model("mathach ~ ses + (1 | school)", data=hs).reml()
    >>> drawn = hb.bootstrap(fit, n=50, seed=1, progress=False)
    >>> figure = hb.plots.plot_bootstrap(drawn, "sd(Intercept)", fit=fit)
    >>> figure.axes[0].get_xlabel()
    'sd(Intercept)'
    """
    frame = bootstrap_frame(bootstrap, parameter, fit=fit, prob=prob)
    bars, top = frame.bars, float(frame.bars["density"].max())
    step = 0.09 * top
    with canvas(ax, figsize, panel=(5.4, 3.8)) as drawn:
        panel = drawn.ax
        panel.bar(bars["left"], bars["density"], bars["right"] - bars["left"], align="edge",
                  color=PALE, edgecolor="#666666", linewidth=0.5)  # fmt: skip
        panel.axvline(frame.estimate, color=BLACK, linestyle=DASHED, linewidth=1.0)
        places = -step * (1.0 + np.arange(len(frame.intervals)))
        edges = np.array([bars["left"].min(), bars["right"].max()])
        reach = _REACH * float(np.ptp(edges))
        panel.set_xlim(*span_without_outliers(edges, frame.intervals.to_numpy().ravel(), reach))
        for look, y, ends in zip(SERIES, places, frame.intervals.to_numpy(), strict=False):
            if np.isfinite(ends).all():
                draw_interval(panel, ends, float(y), look.color)
            else:
                panel.text(frame.estimate, y, " none", va="center", fontsize=8.0)
        ticks = [tick for tick in panel.get_yticks() if 0.0 <= tick <= 1.05 * top]
        panel.set_yticks([*places, *ticks], [*frame.intervals.index, *(f"{t:g}" for t in ticks)])
        panel.set_ylim(places[-1] - step, 1.06 * top)
        panel.axhline(0.0, color=BLACK, linewidth=0.8)
        panel.set_xlabel(frame.label)
        panel.set_ylabel("density")
        heading(drawn, f"Bootstrap, {100 * prob:g}% intervals")
        legend(drawn, {
            "refits": {"color": PALE, "linewidth": 7.0},
            "estimate": {"color": BLACK, "linestyle": DASHED, "linewidth": 1.0},
        })  # fmt: skip
    return drawn.figure


def _key(bootstrap: Bootstrap, parameter: str) -> tuple[str, str]:
    labels = {
        one[1] if one[0] == "statistic" else label(*one): one for one in bootstrap.draws.columns
    }
    if parameter not in labels:
        listed = in_quotes(labels)
        raise StudyError(f"the bootstrap has no parameter {parameter!r}; they are: {listed}")
    found: tuple[str, str] = labels[parameter]
    return found
