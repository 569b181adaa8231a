"""Three means of one response: of rows, of groups, and the hierarchical model's.

The mean of all rows weighs groups by their rows, the mean of group means weighs them alike, and
the generalised least squares estimate of a model with random intercepts weighs each by
1/(g + σ²/n_j).  Here they are shown among the data, and close up.

Source: the lecture slides *Mixed Models with R*, "One-way random effects": the overall mean, the
mean of means and the mixed model's GLS.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from hierbayes.errors import StudyError
from hierbayes.fit.effects import fixef
from hierbayes.fit.fitted import Fitted
from hierbayes.plots.canvas import canvas
from hierbayes.plots.choice import ENGINES, refuse_other_than
from hierbayes.plots.draw import legend
from hierbayes.plots.look import BLACK, DASHED, DOTTED, GREEN_INK, OWN, RED_INK, SOLID, Look
from hierbayes.specification.formula import one_factor_instead

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

LOOKS = {
    "GLS": Look(GREEN_INK, "D", SOLID),
    "mean of rows": Look(BLACK, "s", DASHED),
    "mean of groups": Look(RED_INK, "^", DOTTED),
}
_MEAN = Look(BLACK, "o", filled=False)
_MANY = 4000  # rows, from which on dots are small


@dataclass(frozen=True, slots=True, eq=False)
class ThreeMeans:
    """What is drawn of three means.

    Parameters
    ----------
    response : str
    means : Series
        ``GLS``, ``mean of rows``, ``mean of groups``; for a posterior the first is its mean.
    groups : DataFrame
        Index group: ``n``, ``mean``, and ``weight``, the group's share in GLS at the estimates
        (for a posterior, the mean share).
    rows : DataFrame
        ``position`` of the group and ``y``, a row per observation.
    """

    response: str
    means: pd.Series
    groups: pd.DataFrame
    rows: pd.DataFrame


def three_means_frame(fit: Fitted) -> ThreeMeans:
    """The three means of a model with an intercept and random intercepts only.

    Raises
    ------
    StudyError
        When the model has more terms, or several grouping factors.
    """
    refuse_other_than("plot_three_means", fit, Fitted, ENGINES)
    design = fit.design
    if len(design.factors) > 1:
        raise StudyError(one_factor_instead("three means of a response", design.specification))
    if design.terms != ("Intercept",) or design.effects != ("Intercept",):
        raise StudyError(
            "the three means are those of a model with nothing but an intercept, such as "
            f"'y ~ 1 + (1 | {design.specification.group})'; this one is '{design.specification}'"
        )
    y = design.rows.plain_response("plot_three_means()")
    n = np.bincount(design.rows.codes, minlength=design.J)
    mean = np.bincount(design.rows.codes, weights=y, minlength=design.J) / n
    information = 1.0 / (fit.theta.G[..., 0] + (fit.theta.sigma**2)[..., None] / n)
    weight = (information / information.sum(axis=-1, keepdims=True)).mean(axis=(0, 1))
    return ThreeMeans(
        response=design.specification.response.strip("`"),
        means=pd.Series(
            [fixef(fit).iloc[0], y.mean(), mean.mean()], index=list(LOOKS), name="mean"
        ),
        groups=pd.DataFrame(
            {"n": n, "mean": mean, "weight": weight}, index=pd.Index(design.groups, name="group")
        ),
        rows=pd.DataFrame({"position": design.rows.codes, "y": y}, index=design.rows.index),
    )


def plot_three_means(
    fit: Fitted,
    *,
    ax: Sequence[Axes] | None = None,
    figsize: tuple[float, float] | None = None,
) -> Figure:
    """Draw `three_means_frame`: the means among the data, and close up among the groups' means.

    Parameters
    ----------
    fit : Fit
        With an intercept and random intercepts only, by any engine.
    ax : two Axes, optional
        To draw on.
    figsize : (width, height), optional
        Of a new figure, in inches.

    Examples
    --------
    >>> import hierbayes as hb
    >>> fit = hb.Model("mathach ~ 1 + (1 | school)", data=hb.load_dataset("hs")).reml()
    >>> hb.plots.three_means_frame(fit).means.round(3).to_dict()
    {'GLS': 12.605, 'mean of rows': 12.783, 'mean of groups': 12.583}
    >>> figure = hb.plots.plot_three_means(fit)
    """
    frame = three_means_frame(fit)
    group = fit.design.specification.group
    with canvas(ax, figsize, shape=(1, 2), panel=(4.8, 4.4)) as drawn:
        whole, close = drawn.panels
        dots = OWN.points(3.0 if len(frame.rows) < _MANY else 1.6, rasterized=True)
        whole.plot(frame.rows["position"], frame.rows["y"], **dots)
        position = np.arange(len(frame.groups))
        for panel in drawn.panels:
            panel.plot(position, frame.groups["mean"], **_MEAN.points(4.0), zorder=2.0)
            for name, look in LOOKS.items():
                panel.axhline(float(frame.means[name]), **look.lines(1.8), zorder=3.0)
            panel.set_xlabel(f"{len(frame.groups)} groups of {group}")
            panel.set_xticks([])
        whole.set_ylabel(frame.response)
        whole.set_title("Three means")
        close.set_title("Close up")
        middle = float(frame.means.mean())
        reach = 2.0 * max(float(np.ptp(frame.means)), 1e-3 * float(frame.rows["y"].std()))
        close.set_ylim(middle - reach, middle + reach)
        values = {f"{name}: {frame.means[name]:#.5g}": LOOKS[name].lines() for name in LOOKS}
        legend(
            drawn,
            values | {"group means": _MEAN.points(4.0), "rows": OWN.points(4.0)},
            width=1.9,
        )
    return drawn.figure
