"""Power-scaling: which block of priors each conclusion answers to, at a glance.

Source: Kallioinen, Paananen, Bürkner & Vehtari (2024), doi:10.1007/s11222-023-10366-5.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from hierbayes.plots.canvas import canvas
from hierbayes.plots.draw import heading
from hierbayes.plots.study_choice import refuse_other_than_study
from hierbayes.studies.sensitivity.power_scaling import SENSITIVE
from hierbayes.studies.sensitivity.study import SensitivityStudy

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_DARKEST = 0.5  # a sensitivity that is drawn as dark as any larger one


def power_scaling_frame(study: SensitivityStudy) -> pd.DataFrame:
    """Power-scaling sensitivity of each quantity to each component, a row per pair.

    Parameters
    ----------
    study : SensitivityStudy

    Returns
    -------
    DataFrame
        ``quantity``, ``component``, ``sensitivity``, and ``sensitive``, whether it reaches 0.05.

    Raises
    ------
    StudyError
        When it is no study.
    """
    refuse_other_than_study("plot_power_scaling", study)
    table = study.power_scaling.drop(columns="diagnosis")
    long = table.rename_axis(index="quantity", columns="component").stack()
    frame = long.rename("sensitivity").reset_index()
    return frame.assign(sensitive=frame["sensitivity"] >= SENSITIVE)


def plot_power_scaling(
    study: SensitivityStudy,
    *,
    ax: Axes | None = None,
    figsize: tuple[float, float] | None = None,
) -> Figure:
    """Draw `power_scaling_frame`: a table of grey cells, what reaches 0.05 in bold.

    Parameters
    ----------
    study : SensitivityStudy
    ax : Axes, optional
    figsize : (width, height), optional
        Of a new figure in inches.
    """
    frame = power_scaling_frame(study)
    table = frame.pivot(index="quantity", columns="component", values="sensitivity").reindex(
        index=frame["quantity"].unique(), columns=frame["component"].unique()
    )
    rows, columns = table.shape
    panel_size = (2.4 + 0.72 * columns, 0.8 + 0.3 * rows)
    with canvas(ax, figsize, beware=study.baseline.objection, panel=panel_size) as drawn:
        panel = drawn.ax
        panel.pcolormesh(np.arange(columns + 1), np.arange(rows + 1), table.to_numpy(),
                         cmap="Greys", vmin=0.0, vmax=_DARKEST, edgecolors="white",
                         linewidth=1.5)  # fmt: skip
        for (r, c), value in np.ndenumerate(table.to_numpy()):
            panel.text(c + 0.5, r + 0.5, f"{value:.2f}", ha="center", va="center", fontsize=8.5,
                       color="white" if value > 0.55 * _DARKEST else "black",
                       fontweight="bold" if value >= SENSITIVE else "normal")  # fmt: skip
        panel.set_yticks(np.arange(rows) + 0.5, list(table.index))
        panel.set_xticks(np.arange(columns) + 0.5, list(table.columns))
        panel.tick_params(length=0.0)
        panel.invert_yaxis()
        panel.xaxis.tick_top()
        for side in panel.spines.values():
            side.set_visible(False)
        panel.set_xlabel(f"bold: {SENSITIVE:g} or more")
        heading(drawn, "Power-scaling sensitivity")
    return drawn.figure
