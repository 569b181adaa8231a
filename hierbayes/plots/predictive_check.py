"""Replications of statistics of a response, with what was observed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from hierbayes.errors import StudyError, in_quotes
from hierbayes.inference.checks.predictive_check import PredictiveCheck, p_text
from hierbayes.plots.canvas import canvas
from hierbayes.plots.choice import refuse_other_than
from hierbayes.plots.draw import heading, in_lines, legend
from hierbayes.plots.look import BLACK, PALE

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_BINS = 30
_PER_ROW = 4
_PER_INCH = 13.0  # letters of titles of panels


@dataclass(frozen=True, slots=True, eq=False)
class CheckPicture:
    """What is drawn of a predictive check.

    Parameters
    ----------
    bars : DataFrame
        ``level``, ``statistic``, ``left``, ``right``, ``density``: a histogram of the replications
        of each statistic.
    observed : DataFrame
        Index (level, statistic): ``observed`` and ``p``.
    """

    bars: pd.DataFrame
    observed: pd.DataFrame


def predictive_check_frame(
    check: PredictiveCheck, statistics: Sequence[str] | None = None
) -> CheckPicture:
    """Histograms of the replications of statistics.

    Parameters
    ----------
    check : PredictiveCheck
        As `hierbayes.predictive_check` makes it.
    statistics : sequence of str, optional
        Names of those to draw; all by default.

    Raises
    ------
    StudyError
        When it is no such check, or has no such statistic.
    """
    refuse_other_than("plot_predictive_check", check, PredictiveCheck, "hb.predictive_check()")
    frame = check.frame
    names = frame.index.get_level_values("statistic")
    if statistics is not None:
        asked = [statistics] if isinstance(statistics, str) else list(statistics)
        unknown = [name for name in asked if name not in names]
        if unknown or not asked:
            raise StudyError(
                f"the check has no statistic {(unknown or [''])[0]!r}; they are: "
                + in_quotes(dict.fromkeys(names))
            )
        frame = frame[names.isin(asked)]
    parts = []
    for level, name in frame.index:
        draws = check.draws[level, name].dropna().to_numpy()
        if not len(draws):
            continue
        density, edges = np.histogram(draws, bins=_bins(draws), density=True)
        parts.append(pd.DataFrame({"level": level, "statistic": name, "left": edges[:-1],
                                   "right": edges[1:], "density": density}))  # fmt: skip
    return CheckPicture(pd.concat(parts, ignore_index=True), frame[["observed", "p"]])


def plot_predictive_check(
    check: PredictiveCheck,
    statistics: Sequence[str] | None = None,
    *,
    ax: Axes | Sequence[Axes] | None = None,
    figsize: tuple[float, float] | None = None,
) -> Figure:
    """Draw `predictive_check_frame`: a panel for each statistic, its observed value a line.

    Other parameters are those of `predictive_check_frame`.

    Parameters
    ----------
    ax : Axes, or as many as there are statistics, optional
    figsize : (width, height), optional
        Of a new figure in inches.

    Examples
    --------
    >>> import hierbayes as hb
    >>> hs = hb.load_dataset("hs")
    >>> fit = hb.Model("mathach ~ ses + (1 | school)", data=hs).reml()
    >>> check = hb.predictive_check(fit, n=50, seed=1, progress=False)
    >>> figure = hb.plots.plot_predictive_check(check, ["smallest", "sd of means"])
    >>> [panel.get_title("left") for panel in figure.axes]
    ['rows: smallest', 'school: sd of means']
    """
    frame = predictive_check_frame(check, statistics)
    count = len(frame.observed)
    columns = min(count, _PER_ROW)
    shape = (-(-count // columns), columns)
    with canvas(ax, figsize, shape=shape, panel=(2.5, 2.0), count=count) as drawn:
        for panel, ((level, name), row) in zip(
            drawn.panels, frame.observed.iterrows(), strict=False
        ):
            mine = (frame.bars["level"] == level) & (frame.bars["statistic"] == name)
            bars = frame.bars[mine]
            edges = np.append(bars["left"], bars["right"].iloc[-1:])
            panel.stairs(bars["density"], edges, fill=True, color=PALE)
            panel.stairs(bars["density"], edges, color="#666666", linewidth=0.6)
            panel.axvline(row["observed"], color=BLACK, linewidth=1.4)
            title = in_lines(drawn, panel, f"{level}: {name}", _PER_INCH)
            panel.set_title(title, fontsize=8.5)
            panel.set_xlabel(f"above: {p_text(row['p'], len(check.draws))}", fontsize=8.0)
            panel.set_yticks([])
            panel.tick_params(labelsize=7.5)
        heading(drawn, check.title)
        legend(drawn, {
            "replications": {"color": PALE, "linewidth": 7.0},
            "observed": {"color": BLACK, "linewidth": 1.4},
        })  # fmt: skip
    return drawn.figure


def _bins(draws: np.ndarray) -> int | np.ndarray:
    """Edges of bars: of few different values, told apart beyond rounding, one for each."""
    values = np.unique(draws)
    values = values[np.diff(values, prepend=-np.inf) > 1e-9 * np.abs(values).max()]
    if len(values) > _BINS:
        return _BINS
    gap = np.diff(values).min() if len(values) > 1 else max(abs(float(values[0])), 1.0) * 0.1
    return np.append(values - gap / 2.0, values[-1] + gap / 2.0)
