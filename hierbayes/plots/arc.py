r"""The arc of slopes from within groups through pooled to between groups.

With P the projection on group means, the sums of squares and products of the fixed columns are
those within groups, W = X'(I − P)X, and between them, B = X'PX.  Whatever weight κ the rows of a
group together get beside their deviations,

    γ(κ) = (W + κB)⁻¹ (X'(I − P)y + κ X'Py),

which is the estimate within groups at κ = 0 (of a model with an intercept for each group), that of
least squares on all rows at κ = 1, and that of the means, weighted by their rows, as κ → ∞.  Of
groups of one size n the estimate with random intercepts lies on the arc, at
κ = σ²/(σ² + nτ²); of other sizes near it.  In the plane of two slopes the arc is where ellipses
about its two ends touch each other: they are the curves of equal residual sum of squares within
and between groups.  Of rows with weights w all this is of √w times each row, P projecting on
weighted means; of a residual structure of R^(−½) times the rows, P projecting on that of 1; an
offset is subtracted from y first.

Source: the lecture slides *Mixed Models with R*, Figures 4 to 7 and Lab 1, "Between and within
cluster effects".
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from hierbayes.design.alike_rows import parts_of_groups
from hierbayes.design.design import Design
from hierbayes.design.levels import is_outer
from hierbayes.design.problem import Problem
from hierbayes.display.interval import DEFAULT_PROB
from hierbayes.errors import StudyError, in_quotes
from hierbayes.fit.point import PointFit
from hierbayes.frames.arrays import Floats
from hierbayes.plots.canvas import canvas
from hierbayes.plots.choice import refuse_other_than
from hierbayes.plots.draw import coefficient_label, heading, legend, zero_lines
from hierbayes.plots.ellipse import Ellipse, confidence_radius
from hierbayes.plots.look import BLACK, BLUE_INK, GREEN_INK, GREY, ORANGE_INK, RED_INK, SOLID, Look

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

WITHIN, POOLED, BETWEEN, MODEL = "within", "pooled", "between", "model"
LOOKS = {
    WITHIN: Look(GREEN_INK, "D"),
    POOLED: Look(BLACK, "s"),
    BETWEEN: Look(ORANGE_INK, "v"),
    MODEL: Look(RED_INK, "X"),
}
_ARC = Look(BLUE_INK, "none", SOLID)
_POINTS = 121
_DEPENDENT = 1e-10  # least eigenvalue of columns of unit size


@dataclass(frozen=True, slots=True, eq=False)
class Arc:
    """What is drawn of the arc.

    Parameters
    ----------
    effects : (str, str)
        The slopes on the axes.
    path : DataFrame
        ``kappa`` from 0 to infinity, and γ(κ): ``x``, ``y``.
    points : DataFrame
        Index estimator, ``within``, ``pooled``, ``between`` and ``model`` (the fit itself): ``x``,
        ``y``.
    ellipses : DataFrame
        Confidence ellipses of the first and the third, each with its own residual variance, and of
        the fit: ``estimator``, ``x``, ``y``, a row per point.
    """

    effects: tuple[str, str]
    path: pd.DataFrame
    points: pd.DataFrame
    ellipses: pd.DataFrame


def arc_frame(
    fit: PointFit, *, effects: Sequence[str] | None = None, prob: float = DEFAULT_PROB
) -> Arc:
    """Estimates of two slopes at every weight of groups beside rows.

    Parameters
    ----------
    fit : PointFit
        Of one grouping factor; its fixed columns are those of all estimates.
    effects : two names, optional
        Fixed terms that vary within groups; by default the first two.
    prob : float
        Of the ellipses, which have two degrees of freedom.

    Raises
    ------
    StudyError
        When it is no such fit, there are no two such terms, or the groups are too few for the
        terms.
    """
    refuse_other_than("plot_arc", fit, PointFit, "model.reml() or model.ml()")
    fit.problem.refuse_other_families("plot_arc()")
    fit.problem.refuse_fitted_variances("plot_arc()")
    design = fit.design
    design.specification.refuse_no_random_part("plot_arc()")
    design.specification.refuse_several_factors("plot_arc() is")
    inner = ~is_outer(design.rows.X, design.rows.codes, design.J)
    pair = _pair(design, inner, effects)
    within, between = _sums(fit.problem)
    ends = {WITHIN: _within(within, inner), BETWEEN: _between(between, within, design)}
    angles = np.linspace(0.0, np.pi / 2.0, _POINTS)
    kappa = np.append(np.tan(angles[:-1]), np.inf)
    middle = [np.linalg.solve(within[0] + k * between[0], within[1] + k * between[1])
              for k in kappa[1:-1]]  # fmt: skip
    path = np.vstack([ends[WITHIN], middle, ends[BETWEEN]])[:, pair]
    pooled = np.linalg.solve(within[0] + between[0], within[1] + between[1])
    points = {WITHIN: ends[WITHIN], POOLED: pooled, BETWEEN: ends[BETWEEN], MODEL: fit.gamma}
    known = bool(design.specification.known_sd)
    covariances = {
        WITHIN: _covariance(
            within, ends[WITHIN], inner, design.n - design.J - int(inner.sum()), known=known
        ),
        BETWEEN: _covariance(
            between, ends[BETWEEN], np.ones_like(inner), design.J - len(inner), known=known
        ),
        MODEL: fit.vcov().to_numpy(),
    }
    first, second = (design.terms[k] for k in pair)
    return Arc(
        (first, second),
        pd.DataFrame(path, columns=["x", "y"]).assign(kappa=kappa)[["kappa", "x", "y"]],
        pd.DataFrame.from_dict(
            {name: value[pair] for name, value in points.items()}, orient="index",
            columns=["x", "y"],
        ).rename_axis("estimator"),
        pd.concat(
            [_boundary(name, points[name][pair], cov[np.ix_(pair, pair)], prob)
             for name, cov in covariances.items()],
            ignore_index=True,
        ),
    )  # fmt: skip


def plot_arc(
    fit: PointFit,
    *,
    effects: Sequence[str] | None = None,
    prob: float = DEFAULT_PROB,
    ax: Axes | None = None,
    figsize: tuple[float, float] | None = None,
) -> Figure:
    """Draw `arc_frame`.

    Other parameters are those of `arc_frame`.

    Parameters
    ----------
    ax : Axes, optional
        To draw on.
    figsize : (width, height), optional
        Of a new figure, in inches.

    Examples
    --------
    >>> import hierbayes as hb
    >>> hs = hb.load_dataset("hs")
    >>> fit = hb.Model("mathach ~ ses + Minority + (1 | school)", data=hs).reml()
    >>> hb.plots.plot_arc(fit).axes[0].get_ylabel()
    'Coefficient of Minority[T.Yes]'
    """
    frame = arc_frame(fit, effects=effects, prob=prob)
    with canvas(ax, figsize, panel=(6.8, 5.2)) as drawn:
        for name, points in frame.ellipses.groupby("estimator", sort=False):
            drawn.ax.plot(points["x"], points["y"], **LOOKS[str(name)].lines(1.3), zorder=1.5)
        drawn.ax.plot(frame.path["x"], frame.path["y"], **_ARC.lines(2.2), zorder=2.0)
        for name, (x, y) in frame.points.iterrows():
            how = LOOKS[str(name)].points(9.0, markeredgecolor="white", markeredgewidth=0.8)
            drawn.ax.plot(x, y, **how, zorder=3.0)
        drawn.ax.set_xlabel(coefficient_label(frame.effects[0]))
        drawn.ax.set_ylabel(coefficient_label(frame.effects[1]))
        zero_lines(drawn.ax)
        heading(drawn, "From within through pooled to between")
        legend(drawn, {
            "within groups": LOOKS[WITHIN].both(7.0),
            "pooled least squares": LOOKS[POOLED].points(7.0),
            "between groups": LOOKS[BETWEEN].both(7.0),
            f"the model, {fit.engine}": LOOKS[MODEL].both(7.0),
            "every weight of the groups": _ARC.lines(2.2),
            f"ellipses: {100 * prob:g}% confidence": Look(GREY, "none").lines(1.3),
        }, width=2.4)  # fmt: skip
    return drawn.figure


def _pair(design: Design, inner: np.ndarray, effects: Sequence[str] | None) -> list[int]:
    """Places of the two slopes."""
    able = [term for term, varies in zip(design.terms, inner, strict=True) if varies]
    chosen = able[:2] if effects is None else list(effects)
    if isinstance(effects, str) or len(set(chosen)) != 2 or not set(chosen) <= set(able):
        raise StudyError(
            f"the arc is drawn of two terms that vary within groups, and these do: "
            f"{in_quotes(able) if able else 'none'}; asked for: {in_quotes(chosen)}"
        )
    return [design.terms.index(term) for term in chosen]


type Sums = tuple[Floats, Floats, float]
"""X'X, X'y and y'y of deviations from group means, or of group means over the rows."""


def _sums(problem: Problem) -> tuple[Sums, Sums]:
    """Within and between groups, errors having been made alike."""
    rows = problem.design.rows
    parts = parts_of_groups(problem, np.column_stack([rows.X, rows.response]))
    within, between = (_parts(part.T @ part) for part in parts)
    return within, between


def _parts(square: Floats) -> Sums:
    return square[:-1, :-1], square[:-1, -1], float(square[-1, -1])


def _within(sums: Sums, inner: np.ndarray) -> Floats:
    """The estimate with an intercept for each group; nan for columns that it has not."""
    found, A = np.full(len(inner), np.nan), sums[0][np.ix_(inner, inner)]
    _refuse_dependent(A, np.diag(A), "deviations from the means of groups")
    found[inner] = np.linalg.solve(A, sums[1][inner])
    return found


def _between(sums: Sums, rest: Sums, design: Design) -> Floats:
    size = np.diag(sums[0] + rest[0])
    _refuse_dependent(sums[0], size, f"means of {design.J} groups", of=design.J)
    found: Floats = np.linalg.solve(*sums[:2])
    return found


def _refuse_dependent(A: Floats, size: Floats, what: str, of: float = np.inf) -> None:
    """Refuse columns with products A that depend on each other, or are as many as groups."""
    scaled = A / np.sqrt(np.outer(size, size))
    if of <= len(A) or np.linalg.eigvalsh(scaled)[0] < _DEPENDENT:
        raise StudyError(f"the {what} do not tell {len(A)} fixed columns apart; use fewer terms")


def _covariance(sums: Sums, gamma: Floats, used: np.ndarray, df: int, *, known: bool) -> Floats:
    """Of an estimate by its own residual variance, or by known ones; nan for other columns."""
    A, b = sums[0][np.ix_(used, used)], sums[1][used]
    variance = 1.0 if known else (sums[2] - b @ gamma[used]) / df
    found = np.full(sums[0].shape, np.nan)
    found[np.ix_(used, used)] = variance * np.linalg.inv(A)
    return found


def _boundary(name: str, centre: Floats, cov: Floats, prob: float) -> pd.DataFrame:
    points = Ellipse(centre, cov, confidence_radius(prob)).points()
    return pd.DataFrame(points, columns=["x", "y"]).assign(estimator=name)[["estimator", "x", "y"]]
