"""Power or precision against the number of groups."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pandas as pd

from hierbayes.errors import StudyError
from hierbayes.plots.canvas import canvas
from hierbayes.plots.choice import refuse_other_than
from hierbayes.plots.draw import heading, legend
from hierbayes.plots.look import DASHED, GREY, SERIES
from hierbayes.studies.calibration.power_study import USUAL_POWER, PowerStudy

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


@dataclass(frozen=True, slots=True, eq=False)
class PowerCurve:
    """What is drawn of a study of power.

    Parameters
    ----------
    curve : DataFrame
        ``groups``, ``rows``, ``simulated``, ``low``, ``high`` (95%, Monte Carlo), ``curve``.
    what : str
        ``"power"`` or ``"half width"``.
    wanted : float or None
        A line across.
    word : str
        What power is called: assurance where truths vary.
    """

    curve: pd.DataFrame
    what: str
    wanted: float | None
    word: str


def power_curve_frame(
    study: PowerStudy, what: str = "power", *, wanted: float | None = None
) -> PowerCurve:
    """The monotone curves of a study, and what was simulated.

    Parameters
    ----------
    study : PowerStudy
        As `hierbayes.power` makes it.
    what : {"power", "half width"}
    wanted : float, optional
        What is to be reached; of power 0.8 by default.

    Raises
    ------
    StudyError
        When it is no such study, or there is one design alone.
    """
    refuse_other_than("plot_power_curve", study, PowerStudy, "hb.power()")
    found = study.curve(what)
    if found.index.get_level_values("groups").nunique() < 2:
        raise StudyError("a curve needs several numbers of groups, hb.power(..., groups=[20, 40])")
    columns = ["groups", "rows", "simulated", "low", "high", "curve"]
    if wanted is None and what == "power":
        wanted = USUAL_POWER
    word = "assurance" if study.assurance else "power"
    return PowerCurve(found.reset_index()[columns], what, wanted, word)


def plot_power_curve(
    study: PowerStudy,
    what: str = "power",
    *,
    wanted: float | None = None,
    ax: Axes | None = None,
    figsize: tuple[float, float] | None = None,
) -> Figure:
    """Draw `power_curve_frame`: a line for each number of rows.

    Other parameters are those of `power_curve_frame`.

    Parameters
    ----------
    ax : Axes, optional
    figsize : (width, height), optional
        Of a new figure in inches.

    Examples
    --------
    >>> import hierbayes as hb
    >>> hs = hb.load_dataset("hs")
    >>> model = hb.Model("mathach ~ ses + Sector + (1 | school)", data=hs)
    >>> truth = dict(gamma=[12, 2.2, -2], G=4, sigma=6)
    >>> found = hb.power(model, ["Sector[T.Public]"], truth, groups=[20, 60], rows=20,
    ...                  replications=20, seed=1, progress=False)
    >>> hb.plots.plot_power_curve(found).axes[0].get_xlabel()
    'groups'
    """
    frame = power_curve_frame(study, what, wanted=wanted)
    sizes = list(dict.fromkeys(frame.curve["rows"]))
    entries = {}
    with canvas(ax, figsize, panel=(5.4, 3.8)) as drawn:
        panel = drawn.ax
        if frame.wanted is not None:
            panel.axhline(frame.wanted, color=GREY, linestyle=DASHED, linewidth=1.0)
        for look, size in zip(SERIES, sizes, strict=False):
            rows = frame.curve[frame.curve["rows"] == size]
            panel.vlines(rows["groups"], rows["low"], rows["high"], color=look.color,
                         linewidth=1.0)  # fmt: skip
            panel.plot(rows["groups"], rows["simulated"], **look.points(5.0))
            panel.plot(rows["groups"], rows["curve"], **look.lines(1.4))
            label = "as in the data" if size == "all" else f"{size} rows in each"
            entries[label] = look.both(5.0, 1.4)
        if frame.what == "power":
            panel.set_ylim(0.0, 1.02)
        else:
            panel.set_ylim(bottom=0.0)
        panel.set_xlabel(f"groups ({study.factor})" if study.factor else "groups")
        panel.set_ylabel(frame.word if frame.what == "power" else "half width of the interval")
        what = frame.word if frame.what == "power" else frame.what
        heading(drawn, f"{what.capitalize()} by design")
        legend(drawn, entries)
    return drawn.figure
