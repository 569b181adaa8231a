r"""The lines that the priors imply for groups, before any data.

Each line is that of a new group with the columns of a group of the data, under one draw from the
priors: x'γ + z'u, u ~ N(0, G).  Along the axis go the columns that are straight lines in it within
the group (an interaction with a group's property is one); all others stay at the group's mean.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from hierbayes.design.design import Design
from hierbayes.errors import StudyError, in_quotes
from hierbayes.frames.arrays import Floats, Integers
from hierbayes.likelihood.covariance import cholesky_psd
from hierbayes.plots.canvas import canvas
from hierbayes.plots.choice import refuse_other_than
from hierbayes.plots.draw import heading, legend
from hierbayes.plots.look import GREY, PALE, PRIOR
from hierbayes.specification.counts import refuse_bad_count
from hierbayes.studies.prior_predictive.implications import response_name
from hierbayes.studies.prior_predictive.prior_predictive import PriorPredictive

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

LINES = 60
_STREAM = 3  # of the seed of the draws: the effects of the groups
_STRAIGHT = 1e-8


@dataclass(frozen=True, slots=True, eq=False)
class ImpliedLines:
    """What is drawn of the lines that priors imply.

    Parameters
    ----------
    column, response : str
        On the two axes.
    lines : DataFrame
        Index line: ``draw``, ``group`` whose columns it has, ``intercept`` and ``slope``.
    span : (lower, upper)
        Of the column in the data.
    observed : (lower, upper)
        Smallest and largest response of the data.
    """

    column: str
    response: str
    lines: pd.DataFrame
    span: tuple[float, float]
    observed: tuple[float, float]


def implied_lines_frame(
    prior: PriorPredictive,
    column: str | None = None,
    *,
    lines: int = LINES,
    factor: str | None = None,
) -> ImpliedLines:
    """Lines of new groups under draws from the priors.

    Parameters
    ----------
    prior : PriorPredictive
        As ``model.prior_predictive()`` makes it.
    column : str, optional
        A fixed term or random effect that varies within groups; by default the first random
        effect that does, or else the first fixed term.
    lines : int
        How many; each is under a draw of its own, and they are spread over the groups.
    factor : str, optional
        The grouping factor whose groups these are, where there are several; the effects of the
        others are 0.

    Raises
    ------
    StudyError
        When it is no prior predictive, or no column varies within groups or has that name.
    DataError
        When there is no such factor, or several and none is named.
    EstimationError
        When lines is no whole number of at least 1.
    """
    refuse_other_than("plot_implied_lines", prior, PriorPredictive, "model.prior_predictive()")
    refuse_bad_count("lines", lines)
    place = prior.design.place_of_factor(factor)
    design, span = prior.design.of_factor(place), prior.design.spans[place]
    name, x = _column(design, column)
    draws = np.arange(min(lines, prior.draws.sizes["draw"]))
    varying = _groups_with(design, x)
    groups = varying[np.arange(len(draws)) * len(varying) // len(draws)]
    gamma, G = prior.draws["gamma"].to_numpy(), prior.draws["G"].to_numpy()[:, span, span]
    normals = np.random.default_rng([prior.seed, _STREAM]).standard_normal(
        (prior.draws.sizes["draw"], len(prior.design.effects))
    )[:, span]
    rows = []
    for m, j in zip(draws, groups, strict=True):
        own = design.rows.codes == j
        columns = np.column_stack([design.rows.X[own], design.rows.Z[own]])
        u = cholesky_psd(G[m]) @ normals[m]
        at_zero, per_unit = _straight(columns, x[own])
        both = np.concatenate([gamma[m], u])
        rows.append([m, design.groups[j], at_zero @ both, per_unit @ both])
    table = pd.DataFrame(rows, columns=["draw", "group", "intercept", "slope"])
    y = design.rows.observed
    return ImpliedLines(
        name, response_name(design), table.rename_axis("line"),
        (float(x.min()), float(x.max())), (float(y.min()), float(y.max())),
    )  # fmt: skip


def plot_implied_lines(
    prior: PriorPredictive,
    column: str | None = None,
    *,
    lines: int = LINES,
    factor: str | None = None,
    ax: Axes | None = None,
    figsize: tuple[float, float] | None = None,
) -> Figure:
    """Draw `implied_lines_frame`, with the range of the observed responses behind.

    Parameters
    ----------
    prior : PriorPredictive
    column : str, optional
    lines : int
    factor : str, optional
    ax : Axes, optional
    figsize : (width, height), optional
        Of a new figure in inches.

    Examples
    --------
    >>> import hierbayes as hb
    >>> hs = hb.load_dataset("hs")
    >>> model = hb.Model("mathach ~ ses", random="~ 1 + ses | school", data=hs)
    >>> figure = hb.plots.plot_implied_lines(model.prior_predictive(draws=100, seed=1))
    >>> figure.axes[0].get_xlabel(), figure.axes[0].get_ylabel()
    ('ses', 'mathach')
    """
    frame = implied_lines_frame(prior, column, lines=lines, factor=factor)
    ends = np.array(frame.span)
    table = frame.lines
    with canvas(ax, figsize, panel=(5.8, 4.2)) as drawn:
        drawn.ax.axhspan(*frame.observed, color=PALE, alpha=0.8, linewidth=0.0, zorder=0.3)
        for intercept, slope in table[["intercept", "slope"]].to_numpy():
            drawn.ax.plot(ends, intercept + slope * ends, color=PRIOR.color, linewidth=0.8,
                          alpha=0.8)  # fmt: skip
        for bound in frame.observed:
            drawn.ax.axhline(bound, color=GREY, linewidth=0.8, zorder=0.4)
        drawn.ax.set_xlim(*ends)
        drawn.ax.set_xlabel(frame.column)
        drawn.ax.set_ylabel(frame.response)
        whose = "groups" if factor is None else factor
        heading(drawn, f"Lines of {whose} under the priors")
        legend(drawn, {
            f"{len(table)} lines": {"color": PRIOR.color, "linewidth": 0.9},
            "range of the observed responses": {"color": PALE, "linewidth": 7.0},
        })  # fmt: skip
    return drawn.figure


def _column(design: Design, stated: str | None) -> tuple[str, Floats]:
    """Name and values (n,) of the column along the axis."""
    columns = dict(zip(design.effects, design.rows.Z.T, strict=True))
    columns |= {
        name: x
        for name, x in zip(design.terms, design.rows.X.T, strict=True)
        if name not in columns
    }
    varying = {name: x for name, x in columns.items() if len(_groups_with(design, x))}
    if not varying:
        raise StudyError(
            "no column of the model varies within groups, and groups have no lines; "
            "plot_implied_icc() shows what the priors say of their spread"
        )
    name = next(iter(varying)) if stated is None else stated
    if name not in varying:
        listed = in_quotes(varying)
        raise StudyError(f"{name!r} is no column that varies within groups; they are: {listed}")
    return str(name), varying[name]


def _groups_with(design: Design, x: Floats) -> Integers:
    """Groups (m,) within which a column varies."""
    low, high = np.full(design.J, np.inf), np.full(design.J, -np.inf)
    np.minimum.at(low, design.rows.codes, x)
    np.maximum.at(high, design.rows.codes, x)
    return np.flatnonzero(high - low > _STRAIGHT * max(np.abs(x).max(), 1e-300))


def _straight(columns: Floats, x: Floats) -> tuple[Floats, Floats]:
    """Columns (n, k) as straight lines in x: their values at 0 and slopes (k,) each.

    Those that are not straight stay at their means.
    """
    basis = np.column_stack([np.ones_like(x), x])
    fitted = np.linalg.lstsq(basis, columns, rcond=None)[0]
    off = np.abs(columns - basis @ fitted).max(axis=0)
    straight = off <= _STRAIGHT * np.maximum(np.abs(columns).max(axis=0), 1e-300)
    return np.where(straight, fitted[0], columns.mean(axis=0)), np.where(straight, fitted[1], 0.0)
