"""What the intercept weighs: each group's weight in it, against the group's number of rows.

Equal weights lie on a level line at 1/J, shares of the rows on a line through the origin.  The
model's weights lie between them, nearer the first the larger g_00 is beside σ²/n_j.

Source: the lecture slides *Mixed Models with R*, "Estimating the one-way ANOVA model".
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from hierbayes.inference.context.intercept_weights import InterceptWeights
from hierbayes.plots.canvas import canvas
from hierbayes.plots.choice import refuse_other_than
from hierbayes.plots.draw import Entries, legend
from hierbayes.plots.look import GREY, PURPLE_INK, Look
from hierbayes.plots.three_means import LOOKS

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

EQUAL, SHARE, SIZES, MODEL = "equal", "sample_size", "size_share", "model"
_LABELS = {
    EQUAL: "equal: 1/J",
    SHARE: "share of rows: n_j/n",
    SIZES: "share of sizes",
    MODEL: "in the model's intercept",
}
_LOOKS = {
    EQUAL: LOOKS["mean of groups"],
    SHARE: LOOKS["mean of rows"],
    SIZES: Look(PURPLE_INK, "o", filled=False),
    MODEL: LOOKS["GLS"],
}


def intercept_weights_frame(weights: InterceptWeights) -> pd.DataFrame:
    """The weight of each group in the intercept under each scheme.

    Parameters
    ----------
    weights : InterceptWeights
        As `hierbayes.intercept_weights` makes them.

    Returns
    -------
    DataFrame
        A row per group and scheme: ``group``, ``n``, ``scheme`` (``"equal"``, ``"sample_size"``,
        ``"size_share"`` where there are sizes, ``"model"``) and ``weight``.

    Raises
    ------
    StudyError
        When they are none.
    """
    refuse_other_than("plot_intercept_weights", weights, InterceptWeights, "hb.intercept_weights()")
    return weights.frame


def plot_intercept_weights(
    weights: InterceptWeights,
    *,
    ax: Axes | None = None,
    figsize: tuple[float, float] | None = None,
) -> Figure:
    """Draw `intercept_weights_frame`: weights against numbers of rows.

    Parameters
    ----------
    weights : InterceptWeights
    ax : Axes, optional
    figsize : (width, height), optional
        Of a new figure in inches.

    Examples
    --------
    >>> import hierbayes as hb
    >>> fit = hb.Model("mathach ~ 1 + (1 | school)", data=hb.load_dataset("hs")).reml()
    >>> figure = hb.plots.plot_intercept_weights(hb.intercept_weights(fit))
    >>> figure.axes[0].get_ylabel()
    'weight in the intercept'
    """
    frame = intercept_weights_frame(weights)
    of = dict(iter(frame.groupby("scheme")))
    with canvas(ax, figsize, panel=(6.0, 4.2)) as drawn:
        panel = drawn.ax
        panel.axhline(of[EQUAL]["weight"].iloc[0], **_LOOKS[EQUAL].lines(1.6), zorder=1.5)
        first = of[SHARE].iloc[0]
        panel.axline((0.0, 0.0), (first["n"], first["weight"]), **_LOOKS[SHARE].lines(1.6),
                     zorder=1.5)  # fmt: skip
        for scheme in (SIZES, MODEL):
            if scheme in of:
                panel.plot(of[scheme]["n"], of[scheme]["weight"], **_LOOKS[scheme].points(4.5),
                           clip_on=False)  # fmt: skip
        _frame_panel(panel, frame)
        panel.set_xlabel("rows of the group, n_j")
        panel.set_ylabel("weight in the intercept")
        legend(drawn, _entries(set(of)), width=2.0)
    return drawn.figure


def _frame_panel(ax: Axes, frame: pd.DataFrame) -> None:
    """From the origin, where the line of shares begins; below it where a weight is negative."""
    low, high = min(0.0, frame["weight"].min()), frame["weight"].max()
    ax.set_xlim(0.0, 1.05 * frame["n"].max())
    ax.set_ylim(1.05 * low, 1.05 * high)
    if low < 0.0:
        ax.axhline(0.0, color=GREY, linewidth=0.6, zorder=0.5)


def _entries(schemes: set[str]) -> Entries:
    lines = {_LABELS[scheme]: _LOOKS[scheme].lines() for scheme in (EQUAL, SHARE)}
    points = {
        _LABELS[scheme]: _LOOKS[scheme].points(5.0) for scheme in (SIZES, MODEL)
        if scheme in schemes
    }  # fmt: skip
    return lines | points
