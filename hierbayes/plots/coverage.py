"""Coverage of intervals beside the nominal one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from hierbayes.errors import StudyError
from hierbayes.plots.canvas import canvas
from hierbayes.plots.choice import refuse_other_than
from hierbayes.plots.draw import heading, legend
from hierbayes.plots.look import BLACK, GREY, SERIES
from hierbayes.studies.calibration.calibration import Calibration

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_APART = 0.7  # of a row, shared by the methods


@dataclass(frozen=True, slots=True, eq=False)
class Coverage:
    """What is drawn of coverage.

    Parameters
    ----------
    table : DataFrame
        ``groups``, ``method``, ``parameter``, ``coverage``, ``low``, ``high`` (95%, Monte Carlo).
    prob : float
        Nominal.
    """

    table: pd.DataFrame
    prob: float


def coverage_frame(calibration: Calibration) -> Coverage:
    """Coverage of every parameter by method and design.

    Parameters
    ----------
    calibration : Calibration
        As `hierbayes.calibrate` makes it.

    Raises
    ------
    StudyError
        When it is no calibration, or has no interval.
    """
    refuse_other_than("plot_coverage", calibration, Calibration, "hb.calibrate()")
    found = calibration.coverage
    found = found[found["sets"] > 0].reset_index()
    if found.empty:
        raise StudyError("no data set of this calibration has limits, see its findings")
    labels = [
        f"{block}({name})" if block in ("sd", "corr") else str(name)
        for block, name in zip(found["block"], found["parameter"], strict=True)
    ]
    table = found.assign(parameter=labels)
    return Coverage(
        table[["groups", "method", "parameter", "coverage", "low", "high"]], calibration.prob
    )


def plot_coverage(
    calibration: Calibration,
    *,
    ax: Axes | Sequence[Axes] | None = None,
    figsize: tuple[float, float] | None = None,
) -> Figure:
    """Draw `coverage_frame`: a panel for each design, a row for each parameter.

    Other parameters are those of `coverage_frame`.

    Parameters
    ----------
    ax : Axes, or as many as there are designs, optional
    figsize : (width, height), optional
        Of a new figure in inches.

    Examples
    --------
    >>> import hierbayes as hb
    >>> hs = hb.load_dataset("hs")
    >>> model = hb.Model("mathach ~ ses + (1 | school)", data=hs)
    >>> found = hb.calibrate(model, model.reml(), replications=10, seed=1, progress=False)
    >>> figure = hb.plots.plot_coverage(found)
    >>> [tick.get_text() for tick in figure.axes[0].get_yticklabels()]
    ['Intercept', 'ses', 'sd(Intercept)', 'sigma']
    """
    frame = coverage_frame(calibration)
    names = list(dict.fromkeys(frame.table["parameter"]))
    designs = list(dict.fromkeys(frame.table["groups"]))
    methods = list(dict.fromkeys(frame.table["method"]))
    height = 1.3 + (0.14 + 0.14 * len(methods)) * len(names)
    offsets = (np.arange(len(methods)) - (len(methods) - 1) / 2.0) * _APART / len(methods)
    low = min(float(frame.table["low"].min()), frame.prob)
    with canvas(ax, figsize, shape=(1, len(designs)), panel=(4.0, height)) as drawn:
        for panel, groups in zip(drawn.panels, designs, strict=True):
            panel.axvline(frame.prob, color=GREY, linewidth=1.0)
            for look, method, offset in zip(SERIES, methods, offsets, strict=False):
                mine = (frame.table["groups"] == groups) & (frame.table["method"] == method)
                rows = frame.table[mine]
                y = np.array([names.index(name) for name in rows["parameter"]]) + offset
                panel.hlines(y, rows["low"], rows["high"], color=look.color, linewidth=1.2)
                panel.plot(rows["coverage"], y, **look.points(4.5))
            panel.set_yticks(range(len(names)), names, fontsize=8.5)
            panel.set_ylim(len(names) - 0.5, -0.5)
            panel.set_xlim(low - 0.02, 1.005)
            panel.set_xlabel("coverage")
            if len(designs) > 1:
                panel.set_title(str(groups))
        heading(drawn, f"Coverage of {100 * frame.prob:g}% intervals")
        entries = {
            method: look.points(4.5) | {"color": look.color}
            for look, method in zip(SERIES, methods, strict=False)
        }
        entries["95% Monte Carlo limits"] = {"color": BLACK, "linewidth": 1.2}
        legend(drawn, entries)
    return drawn.figure
