"""A tornado: how far each prior of a study moves each conclusion, the farthest on top."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from hierbayes.errors import StudyError
from hierbayes.plots.canvas import canvas, panel_grid
from hierbayes.plots.draw import LABEL_PER_INCH, heading, in_lines
from hierbayes.plots.look import BLACK, GREY, PALE
from hierbayes.plots.study_choice import chosen_quantities, refuse_other_than_study
from hierbayes.studies.sensitivity.study import SensitivityStudy
from hierbayes.studies.sensitivity.usual_grid import CAUTIONARY

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

PANELS = 4  # of quantities, where none are stated
_MOVEMENT = "movement of the mean, in posterior sds"
_HATCHES = {
    "gamma": "", "sd": "////", "corr": "....", "sigma": "\\\\\\\\", "icc": "xxxx", "G": "++++",
    "r2": "oooo", "several": "----", CAUTIONARY: "||",
}  # fmt: skip


def tornado_frame(
    study: SensitivityStudy, quantities: str | Sequence[str] | None = None, most: int = 10
) -> pd.DataFrame:
    """Movement of posterior means under each alternative, by size within each quantity.

    Parameters
    ----------
    study : SensitivityStudy
    quantities : str or sequence of str, optional
        Names of quantities of the study; by default the four that are moved most.
    most : int
        Alternatives of each quantity, those that move it most.

    Returns
    -------
    DataFrame
        Index (quantity, alternative): ``block``, ``movement`` in posterior sds of the baseline
        (of a probability in units of 0.2), ``mcse``, its Monte Carlo error, ``mean`` and the
        baseline's mean ``before``, ``flips``, whether its conclusion is another.  Alternatives
        that were not answered are left out.

    Raises
    ------
    StudyError
        When it is no study, it has no such quantity, or no alternative was answered.
    """
    refuse_other_than_study("plot_tornado", study)
    parts = []
    for name in chosen_quantities(study, quantities, PANELS):
        cells, before = study.cells.sel(quantity=name), study.before.sel(quantity=name)
        of = {key: cells[key].to_numpy() for key in ("block", "movement", "mcse", "mean")}
        table = pd.DataFrame(of, index=pd.Index(cells["alternative"].to_numpy()))
        table["before"] = float(before["mean"])
        decided = cells["decision"].to_numpy()
        table["flips"] = np.isfinite(decided) & (decided != float(before["decision"]))
        table = table.dropna(subset="movement")
        order = table["movement"].abs().sort_values(ascending=False, kind="stable").index
        table = table.loc[order[:most]]
        table.index = pd.MultiIndex.from_product([[name], table.index])
        parts.append(table)
    frame = pd.concat(parts).rename_axis(["quantity", "alternative"])
    if frame.empty:
        raise StudyError(
            "no alternative of this study was answered; its alternatives say why, and refit=True "
            "samples what re-weighting does not reach"
        )
    return frame


def plot_tornado(
    study: SensitivityStudy,
    quantities: str | Sequence[str] | None = None,
    most: int = 10,
    *,
    ax: Axes | Sequence[Axes] | None = None,
    figsize: tuple[float, float] | None = None,
) -> Figure:
    """Draw `tornado_frame`: a panel for each quantity, a bar for each prior, hatched by block.

    An asterisk marks the priors under which the conclusion is another.

    Parameters
    ----------
    study : SensitivityStudy
    quantities : str or sequence of str, optional
    most : int
    ax : Axes, or as many as there are quantities, optional
    figsize : (width, height), optional
        Of a new figure in inches.
    """
    frame = tornado_frame(study, quantities, most)
    names = list(frame.index.unique("quantity"))
    longest = max(len(frame.loc[name]) for name in names)
    shape = panel_grid(len(names), 2)
    panel_size = (4.6, 0.9 + 0.22 * longest)
    with canvas(
        ax,
        figsize,
        beware=study.baseline.objection,
        shape=shape,
        panel=panel_size,
        count=len(names),
    ) as drawn:
        reach = 1.12 * float((frame["movement"].abs() + frame["mcse"]).max()) or 1.0
        for panel, name in zip(drawn.panels, names, strict=True):
            _draw(panel, frame.loc[name], reach)
            panel.set_title(str(name))
        if drawn.is_new:
            drawn.figure.supxlabel(_MOVEMENT, fontsize=9)
        else:
            for panel in drawn.panels[-drawn.columns :]:
                panel.set_xlabel(in_lines(drawn, panel, _MOVEMENT, LABEL_PER_INCH))
        starred = " (*: to another conclusion)" if frame["flips"].any() else ""
        heading(drawn, f"How far each prior moves the posterior{starred}")
    return drawn.figure


def _draw(ax: Axes, table: pd.DataFrame, reach: float) -> None:
    at = np.arange(len(table))[::-1]
    for y, (_, row) in zip(at, table.iterrows(), strict=True):
        ax.barh(y, row["movement"], height=0.68, color=PALE, edgecolor="#333333", linewidth=0.7,
                hatch=_HATCHES.get(row["block"], _HATCHES["sigma"]))  # fmt: skip
    ax.errorbar(table["movement"], at, xerr=table["mcse"], fmt="none", color=BLACK, linewidth=1.0,
                capsize=1.8)  # fmt: skip
    ax.axvline(0.0, color=GREY, linewidth=0.8)
    flips = table["flips"].to_numpy()
    labels = [f"{name} *" if flip else str(name) for name, flip in zip(table.index, flips,
                                                                       strict=True)]  # fmt: skip
    ax.set_yticks(at, labels, fontsize=8.0)
    ax.tick_params(axis="y", length=0.0)
    ax.set_xlim(-reach, reach)
