"""A ridge of posteriors: one quantity under every prior of a study."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from hierbayes.plots.canvas import canvas
from hierbayes.plots.density import Sample, common_grid
from hierbayes.plots.draw import Entries, heading, legend
from hierbayes.plots.look import BLACK, GREY, LIKELIHOOD, PALE, POSTERIOR, PRIOR
from hierbayes.plots.study_choice import (
    chosen_alternatives,
    position_in,
    range_of,
    refuse_other_than_study,
)
from hierbayes.studies.sensitivity.answers import REFITTED
from hierbayes.studies.sensitivity.study import SensitivityStudy
from hierbayes.studies.sensitivity.weights import even

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

BASELINE = "baseline"
_HEIGHT = 1.4  # of the tallest ridge, in rows
_SPIKE = 1.4  # times the baseline's height: what is taller is cut off


@dataclass(frozen=True, slots=True, eq=False)
class Ridge:
    """What is drawn of one quantity under every prior.

    Parameters
    ----------
    quantity : str
    curves : DataFrame
        ``prior`` (the baseline first), ``x``, ``density``.
    summary : DataFrame
        Index prior: ``block``, ``how`` it was answered, ``mean``, ``lower``, ``upper``.
    maximum : float
        The estimate without priors.
    engine : str
        ``"REML"``, or ``"ML"`` of a family that is not Gaussian.
    """

    quantity: str
    curves: pd.DataFrame
    summary: pd.DataFrame
    maximum: float
    engine: str


def ridge_frame(
    study: SensitivityStudy, quantity: str, alternatives: str | Sequence[str] | None = None
) -> Ridge:
    """Densities of one quantity under the baseline and under alternatives.

    Draws have the weights by which the study answered; those of another family are the refit's.

    Parameters
    ----------
    study : SensitivityStudy
    quantity : str
        Name of one quantity of the study.
    alternatives : str or sequence of str, optional
        Names; by default all.

    Raises
    ------
    StudyError
        When it is no study, it has no such quantity or alternative, or the draws of the quantity
        have no density.
    """
    refuse_other_than_study("plot_ridge", study)
    at = position_in(quantity, study.estimands.names, "quantity")
    asked, fit = study.estimands.quantities[at], study.baseline.fit
    bounds = range_of(asked, study.baseline.densities.positive)
    even_ones = even(fit.theta.sigma.size).values
    samples = {BASELINE: Sample(quantity, asked.draws(fit).ravel(), even_ones, bounds)}
    shown = chosen_alternatives(study, alternatives)
    for k in shown:
        answer = study.answers[k]
        if answer.fit is not None:
            draws = asked.draws(answer.fit).ravel()
            own = answer.weights.values
            samples[answer.alternative.name] = Sample(quantity, draws, own, bounds)
    x = common_grid(list(samples.values()))
    curves = [
        pd.DataFrame({"prior": name, "x": x, "density": one.density(x)})
        for name, one in samples.items()
    ]
    cells = study.cells.isel(quantity=at, alternative=shown)
    columns = ["block", "how", "mean", "lower", "upper"]
    of = pd.DataFrame({name: cells[name].to_numpy() for name in columns},
                      index=pd.Index(cells["alternative"].to_numpy(), name="prior"))  # fmt: skip
    before = study.before.isel(quantity=at)
    limits = {name: float(before[name]) for name in ("mean", "lower", "upper")}
    first = pd.DataFrame({"block": "", "how": BASELINE, **limits},
                         index=pd.Index([BASELINE], name="prior"))  # fmt: skip
    maximum, engine = float(study.maximum.loc[quantity].iloc[0]), str(study.maximum.columns[0])
    summary = pd.concat([first, of])
    return Ridge(quantity, pd.concat(curves, ignore_index=True), summary, maximum, engine)


def plot_ridge(
    study: SensitivityStudy,
    quantity: str,
    alternatives: str | Sequence[str] | None = None,
    *,
    ax: Axes | None = None,
    figsize: tuple[float, float] | None = None,
) -> Figure:
    """Draw `ridge_frame`: a row for each prior, the baseline's outline behind each.

    Parameters
    ----------
    study : SensitivityStudy
    quantity : str
    alternatives : str or sequence of str, optional
    ax : Axes, optional
    figsize : (width, height), optional
        Of a new figure in inches.
    """
    frame = ridge_frame(study, quantity, alternatives)
    rows = len(frame.summary)
    of = dict(iter(frame.curves.groupby("prior")))
    # A spike would press all others flat; it is cut off, its outline open.
    tallest = frame.curves.groupby("prior")["density"].max()
    unit = _HEIGHT / min(tallest.max(), _SPIKE * tallest[BASELINE])
    with canvas(
        ax, figsize, beware=study.baseline.objection, panel=(6.4, 1.4 + 0.36 * rows)
    ) as drawn:
        panel = drawn.ax
        for row, name in enumerate(frame.summary.index):
            _draw_row(panel, frame.summary.loc[name], (of.get(name), of[BASELINE]), rows - 1 - row,
                      unit)  # fmt: skip
        if np.isfinite(frame.maximum):
            panel.axvline(frame.maximum, zorder=0.5, **LIKELIHOOD.lines(1.0))
        panel.set_yticks(np.arange(rows), [str(name) for name in frame.summary.index][::-1])
        panel.tick_params(axis="y", length=0.0)
        panel.spines["left"].set_visible(False)
        panel.set_ylim(-0.35, rows - 1 + _HEIGHT + 0.1)
        panel.set_xlabel(quantity)
        heading(drawn, "Posterior under each prior")
        legend(drawn, _entries(frame), width=1.5)
    return drawn.figure


def _draw_row(
    ax: Axes,
    row: pd.Series,
    curves: tuple[pd.DataFrame | None, pd.DataFrame],
    base: int,
    unit: float,
) -> None:
    """One prior: its density over its row, its mean and limits on the line below."""
    own, before = curves
    look = POSTERIOR if row["how"] == BASELINE else PRIOR
    order = 2.0 - 0.01 * base
    if own is None:
        ax.text(before["x"].mean(), base + 0.1, "not answered", color=GREY, fontsize=8.0)
        return
    height = unit * own["density"]
    height = height.where(height <= 1.01 * _HEIGHT)
    top = base + height.fillna(_HEIGHT)
    ax.fill_between(own["x"], base, top, color=PALE, alpha=0.75, linewidth=0.0, zorder=order)
    if row["how"] != BASELINE:
        ax.plot(before["x"], base + unit * before["density"], color=GREY, linewidth=0.7,
                zorder=order + 0.002)  # fmt: skip
    style = "-" if row["how"] != REFITTED else "--"
    ax.plot(own["x"], base + height, color=look.color, linewidth=1.3, linestyle=style,
            zorder=order + 0.003)  # fmt: skip
    ax.plot([row["lower"], row["upper"]], [base, base], color=BLACK, linewidth=1.5, zorder=3.0)
    ax.plot(row["mean"], base, marker="o", markersize=3.8, color=BLACK, zorder=3.1)


def _entries(frame: Ridge) -> Entries:
    how = set(frame.summary["how"])
    entries: Entries = {"baseline": POSTERIOR.lines(1.3)}
    entries["re-weighted"] = {"color": PRIOR.color, "linewidth": 1.3}
    if REFITTED in how:
        entries["refitted"] = {"color": PRIOR.color, "linewidth": 1.3, "linestyle": "--"}
    if np.isfinite(frame.maximum):
        entries[frame.engine] = LIKELIHOOD.lines(1.0)
    return entries
