"""One simulated school told in ten steps, first in data space, then in beta space.

1. the population's line γ;  2. the school's own line β_j = γ + u_j;  3. its data;  4. its least
squares line β̂_j;  5. the population as a point;  6. the dispersion ellipse of G about it, whose
shadows are one standard deviation;  7. the point β_j;  8. the ellipse of σ²(X_j'X_j)⁻¹ about β_j;
9. the point β̂_j;  10. the ellipse of V_j = G + σ²(X_j'X_j)⁻¹ about γ: how β̂_j varies as an
estimate of γ.

Source: the lecture slides *Mixed Models with R*, "A simulated example", Figures 8 to 17.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from numbers import Integral
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from hierbayes.design.design import Design
from hierbayes.errors import StudyError
from hierbayes.frames.arrays import Booleans, Floats
from hierbayes.plots.canvas import canvas, panel_grid
from hierbayes.plots.choice import refuse_other_than, two_effects
from hierbayes.plots.draw import Entries, coefficient_label, draw_shadow, heading, legend
from hierbayes.plots.ellipse import Ellipse, ellipse_frame, shadow_frame
from hierbayes.plots.look import BLUE, BLUE_INK, DASH_DOT, DATA, DISPERSION, POPULATION, TRUTH, Look
from hierbayes.studies.simulation.simulated import Simulated

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

STEPS = 10
IN_DATA_SPACE = 4  # steps
TITLES = (
    "population line", "the group's true line", "data", "least squares line", "the population",
    "dispersion G of true lines", "the true line", "dispersion of β̂ about β",
    "least squares β̂", "V: dispersion of β̂ about γ",
)  # fmt: skip
_SAMPLING = Look(BLUE_INK, "none", DASH_DOT)  # of the BLUE about the true line
LOOKS: dict[str, Look] = {"γ": POPULATION, "β": TRUTH, "β̂": BLUE}
ELLIPSES: dict[str, Look] = {"G": DISPERSION, "σ²(X'X)⁻¹": _SAMPLING, "V": BLUE}
_SEEN_IN_STEP = {"γ": (1, 5), "β": (2, 7), "data": (3, 0), "β̂": (4, 9)}
_ELLIPSE_IN_STEP = {"G": 6, "σ²(X'X)⁻¹": 8, "V": 10}


@dataclass(frozen=True, slots=True, eq=False)
class SimulatedSchool:
    """What is drawn of one simulated group.

    Parameters
    ----------
    group : object
        Its label.
    names : (str, str)
        Of the response and of the second random effect.
    rows : DataFrame
        ``x`` and ``y``, a row per observation.
    points : DataFrame
        Index ``γ``, ``β``, ``β̂``: ``intercept`` and ``slope`` of the population, of the group's
        true line and of its least squares line.
    ellipses : DataFrame
        ``ellipse`` (``G``, ``σ²(X'X)⁻¹``, ``V``), ``x``, ``y``: dispersion ellipses of radius 1.
    shadows : DataFrame
        Index ellipse: their projections.
    """

    group: object
    names: tuple[str, str]
    rows: pd.DataFrame
    points: pd.DataFrame
    ellipses: pd.DataFrame
    shadows: pd.DataFrame


def simulated_school_frame(simulated: Simulated, group: object = None) -> SimulatedSchool:
    """The lines, data and ellipses of one group of simulated data.

    Parameters
    ----------
    simulated : Simulated
        From `simulate`, with a random intercept and slope.
    group : label, optional
        By default the first.

    Raises
    ------
    StudyError
        When the group does not exist or has no line of its own, or the model has more than a line
        in each group.
    """
    refuse_other_than("plot_simulated_school", simulated, Simulated, "hb.simulate()")
    design, truth = simulated.design, simulated.truth
    pair = _intercept_and_slope(design)
    label = design.groups[0] if group is None else group
    place = int(design.factor.find([label])[0])
    if place < 0:
        raise StudyError(design.factor.no_group(label))
    own = design.rows.codes == place
    Z, y = design.rows.Z[own], design.rows.plain_response("plot_simulated_school()")[own]
    _refuse_more_than_lines(simulated, own)
    XtX = Z.T @ Z
    if np.linalg.matrix_rank(Z) < len(pair):
        raise StudyError(
            f"group {label} has no least squares line of its own: it needs two rows with different "
            f"'{design.effects[pair[1]]}'; choose another group"
        )
    beta = truth.beta.loc[label].to_numpy()
    gamma = beta - truth.u.loc[label].to_numpy()
    sampling = truth.sigma**2 * np.linalg.inv(XtX)
    G = truth.G.to_numpy()
    points = np.vstack([gamma, beta, np.linalg.solve(XtX, Z.T @ y)])[:, pair]
    matrices = {"G": (0, G), "σ²(X'X)⁻¹": (1, sampling), "V": (0, G + sampling)}
    ellipses = {
        name: Ellipse(points[at], M[np.ix_(pair, pair)]) for name, (at, M) in matrices.items()
    }
    return SimulatedSchool(
        group=label,
        names=(design.specification.response.strip("`"), design.effects[pair[1]]),
        rows=pd.DataFrame({"x": Z[:, pair[1]], "y": y}, index=design.rows.index[own]),
        points=pd.DataFrame(points, index=list(LOOKS), columns=["intercept", "slope"]),
        ellipses=ellipse_frame(ellipses),
        shadows=shadow_frame(ellipses),
    )


def plot_simulated_school(
    simulated: Simulated,
    group: object = None,
    *,
    step: int | Sequence[int] | None = None,
    ax: Axes | Sequence[Axes] | None = None,
    figsize: tuple[float, float] | None = None,
) -> Figure:
    """Draw `simulated_school_frame` up to a step, or several steps beside each other.

    Other parameters are those of `simulated_school_frame`.

    Parameters
    ----------
    step : int or sequence of int, optional
        1 to 10; by default all, in two rows. The first four are in data space.
    ax : Axes or sequence of Axes, optional
        One for each step.
    figsize : (width, height), optional
        Of a new figure, in inches.

    Raises
    ------
    StudyError
        When a step does not exist, or as `simulated_school_frame` does.

    Examples
    --------
    >>> import hierbayes as hb
    >>> simulated = hb.simulate(
    ...     "mathach ~ ses + (1 + ses | school)",
    ...     gamma=(12, 2), G=[[16, 8], [8, 25]], sigma=20**0.5,
    ...     groups=40, sizes=("poisson", 30), variables={"ses": ("normal", 0, 1)}, seed=1,
    ... )
    >>> figure = hb.plots.plot_simulated_school(simulated, 1, step=6)
    >>> figure.axes[0].get_title(loc="left")
    '6 dispersion G of true lines'
    """
    steps = _steps(step)
    shape = (2, 5) if step is None else panel_grid(len(steps))
    size = (6.4, 4.8) if len(steps) == 1 else (3.4, 3.3)
    frame = simulated_school_frame(simulated, group)
    with canvas(ax, figsize, shape=shape, panel=size, count=len(steps)) as drawn:
        for panel, number in zip(drawn.panels, steps, strict=True):
            in_data_space = number <= IN_DATA_SPACE
            (_draw_data_space if in_data_space else _draw_beta_space)(panel, frame, number)
            panel.set_title(f"{number} {TITLES[number - 1]}")
        heading(drawn, f"Simulated group {frame.group}")
        legend(drawn, _entries(steps), width=1.6)
    return drawn.figure


def _steps(step: int | Sequence[int] | None) -> list[int]:
    """The steps to draw, all by default."""
    if step is None:
        return list(range(1, STEPS + 1))
    steps = list(step) if isinstance(step, Sequence) else [step]
    if not steps:
        raise StudyError("step names none; leave it out for all ten")
    for one in steps:
        if not (isinstance(one, Integral) and 1 <= one <= STEPS):
            raise StudyError(f"step must be a whole number from 1 to {STEPS}, not {one!r}")
    return steps


def _intercept_and_slope(design: Design) -> list[int]:
    """Positions of the random intercept and of the other random effect.

    Raises
    ------
    StudyError
        When these are not the random effects of the model.
    """
    two_effects(design.effects, None)
    if len(design.effects) > 2:
        raise StudyError(
            f"the model has {len(design.effects)} random effects; the ten steps show a model with "
            "an intercept and a slope"
        )
    constant = (design.rows.Z == 1.0).all(axis=0)
    if not constant.any():
        raise StudyError(
            "the model has no random intercept; the ten steps show a model with an intercept and "
            "a slope"
        )
    return [0, 1] if constant[0] else [1, 0]


def _refuse_more_than_lines(simulated: Simulated, own: Booleans) -> None:
    """Refuse a group whose expected response is not a line in its random effects."""
    design = simulated.design
    y = design.rows.plain_response("plot_simulated_school()")
    rest = y[own] - simulated.truth.residuals.to_numpy()[own]
    line = design.rows.Z[own] @ simulated.truth.beta.to_numpy()[design.rows.codes[own][0]]
    if not np.allclose(rest, line, rtol=1e-8, atol=1e-8 * np.abs(rest).max()):
        raise StudyError(
            "the fixed part has more than the groups' lines (a covariate without random effect); "
            "the ten steps show models whose fixed part is a line in each group"
        )


def _draw_data_space(ax: Axes, frame: SimulatedSchool, step: int) -> None:
    rows = frame.rows
    ends = np.array([rows["x"].min(), rows["x"].max()])
    ends = ends + np.array([-0.08, 0.08]) * np.ptp(ends)
    lines = {n: p["intercept"] + p["slope"] * ends for n, p in frame.points.iterrows()}
    if step >= _SEEN_IN_STEP["data"][0]:
        ax.plot(rows["x"], rows["y"], **DATA.points(7.0))
    for name, line in lines.items():
        if step >= _SEEN_IN_STEP[str(name)][0]:
            ax.plot(ends, line, **LOOKS[str(name)].lines(1.8))
    everything = np.concatenate([rows["y"], *lines.values()])
    _limits(ax, ends, everything)
    ax.set_xlabel(frame.names[1])
    ax.set_ylabel(frame.names[0])


def _draw_beta_space(ax: Axes, frame: SimulatedSchool, step: int) -> None:
    boundaries, points = frame.ellipses, frame.points
    x = np.concatenate([boundaries["x"], points["intercept"]])
    y = np.concatenate([boundaries["y"], points["slope"]])
    _limits(ax, x, y)
    for name, look in ELLIPSES.items():
        if step >= _ELLIPSE_IN_STEP[name]:
            own = boundaries[boundaries["ellipse"] == name]
            ax.plot(own["x"], own["y"], **look.lines(1.6))
        if step == _ELLIPSE_IN_STEP[name]:
            bounds = frame.shadows.loc[name, ["x_lower", "x_upper", "y_lower", "y_upper"]]
            draw_shadow(ax, bounds.to_numpy(dtype=float).reshape(2, 2), look)
    for name, point in points.iterrows():
        if step >= _SEEN_IN_STEP[str(name)][1]:
            size = 11.0 if LOOKS[str(name)] is TRUTH else 7.0
            ax.plot(*point, **LOOKS[str(name)].points(size), zorder=3.0)
    ax.set_xlabel("Intercept")
    ax.set_ylabel(coefficient_label(frame.names[1]))


def _limits(ax: Axes, x: Floats, y: Floats) -> None:
    """The same limits at every step: everything that is still to come has its place."""
    for values, put in ((x, ax.set_xlim), (y, ax.set_ylim)):
        margin = 0.07 * np.ptp(values)
        put(values.min() - margin, values.max() + margin)


def _entries(steps: list[int]) -> Entries:
    """What the panels show: lines in data space, points in beta space, and ellipses."""
    entries: Entries = {}
    for name, look in LOOKS.items():
        first, again = _SEEN_IN_STEP[name]
        line = any(first <= step <= IN_DATA_SPACE for step in steps)
        point = any(step >= again for step in steps)
        if line or point:
            entries[name] = (
                look.both() if line and point else look.lines() if line else look.points(7.0)
            )
    if any(_SEEN_IN_STEP["data"][0] <= step <= IN_DATA_SPACE for step in steps):
        entries["data"] = DATA.points(7.0)
    for name, look in ELLIPSES.items():
        if max(steps) >= _ELLIPSE_IN_STEP[name]:
            entries[f"{name} (one sd)"] = look.lines()
    return entries
