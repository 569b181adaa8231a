"""G of three random effects as an ellipsoid: a pancake where it is flat in one direction.

Effects are counted in the response per spread of their random column, where the principal axes
of the ellipsoid are at right angles and have comparable lengths.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from hierbayes.errors import StudyError
from hierbayes.fit.fitted import Fitted
from hierbayes.frames.arrays import Floats
from hierbayes.inference.reduction.pancake import axes_of
from hierbayes.likelihood.covariance import cholesky_psd
from hierbayes.plots.canvas import canvas
from hierbayes.plots.choice import ENGINES, one_effect, owner_of_effects, refuse_other_than
from hierbayes.plots.draw import heading, legend
from hierbayes.plots.look import BLUE_INK, BLUP, SERIES
from hierbayes.plots.response_scale import link_label

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_MERIDIANS, _PARALLELS = 33, 17


@dataclass(frozen=True, slots=True, eq=False)
class Pancake:
    """What is drawn of G.

    Parameters
    ----------
    effects : (str, str, str)
    surface : DataFrame
        ``x``, ``y``, ``z`` of the ellipsoid {b : b'G⁻¹b = 1}, scaled, on 33 meridians of 17
        points each; flat where G is singular.
    axes : DataFrame
        Index axis, the longest first: ``variance``, ``share``, and the end of the semi-axis
        ``x``, ``y``, ``z``.
    groups : DataFrame
        Index group: u of each group, scaled, ``x``, ``y``, ``z``.
    spread : (3,) float
        What effects are multiplied with.
    """

    effects: tuple[str, ...]
    surface: pd.DataFrame
    axes: pd.DataFrame
    groups: pd.DataFrame
    spread: Floats


def pancake_frame(
    fit: Fitted, *, effects: Sequence[str] | None = None, factor: str | None = None
) -> Pancake:
    """The ellipsoid of G of three random effects, its principal axes, and the groups.

    Parameters
    ----------
    fit : Fit
        By any engine; of a posterior G and u are posterior means.
    effects : three names, optional
        Random effects; by default the first three.
    factor : str, optional
        The grouping factor whose effects these are, where there are several.

    Raises
    ------
    StudyError
        When it is no fit, the factor has fewer than three random effects, or a name is none of
        them.
    DataError
        When there is no such factor, or several and none is named.
    """
    refuse_other_than("plot_pancake", fit, Fitted, ENGINES)
    fit.design.specification.refuse_no_random_part("plot_pancake()")
    at = fit.design.place_of_factor(factor)
    span = fit.design.spans[at]
    places = _three_effects(fit.design.effects[span], effects, owner_of_effects(fit.design, at))
    names = tuple(fit.design.effects[span][k] for k in places)
    spread = np.asarray(fit.problem.working.basis.z.spread)[span][places]
    G = fit.G[span, span][np.ix_(places, places)]
    axes = axes_of(G, spread, names)
    ends = axes[[f"weight[{name}]" for name in names]].mul(np.sqrt(axes["variance"]), axis=0)
    around = np.linspace(0.0, 2.0 * np.pi, _MERIDIANS)
    up = np.linspace(0.0, np.pi, _PARALLELS)
    ball = np.stack([
        np.outer(np.cos(around), np.sin(up)), np.outer(np.sin(around), np.sin(up)),
        np.outer(np.ones(_MERIDIANS), np.cos(up)),
    ]).reshape(3, -1)  # fmt: skip
    surface = (cholesky_psd(G * np.outer(spread, spread)) @ ball).T
    u = fit.us[at].mean(axis=(0, 1))[:, places] * spread
    return Pancake(
        names,
        pd.DataFrame(surface, columns=["x", "y", "z"]),
        axes[["variance", "share"]].join(ends.set_axis(["x", "y", "z"], axis="columns")),
        pd.DataFrame(
            u, index=pd.Index(fit.design.factors[at].labels, name="group"), columns=["x", "y", "z"]
        ),
        spread,
    )


def plot_pancake(
    fit: Fitted,
    *,
    effects: Sequence[str] | None = None,
    factor: str | None = None,
    ax: Axes | None = None,
    figsize: tuple[float, float] | None = None,
) -> Figure:
    """Draw `pancake_frame`: the ellipsoid of one standard deviation, its axes and the groups.

    Other parameters are those of `pancake_frame`.

    Parameters
    ----------
    ax : Axes, optional
        Made with ``projection="3d"``.
    figsize : (width, height), optional
        Of a new figure, in inches.

    Examples
    --------
    >>> import hierbayes as hb
    >>> hs = hb.load_dataset("hs")
    >>> fit = hb.Model("mathach ~ ses + Sex + (1 + ses + Sex | school)", data=hs).reml()
    >>> hb.plots.plot_pancake(fit).axes[0].get_xlabel()
    'u[Intercept]'
    """
    found = pancake_frame(fit, effects=effects, factor=factor)
    with canvas(ax, figsize, beware=fit.objection, panel=(6.6, 5.8), projection="3d") as drawn:
        space: Any = drawn.ax
        shape = (_MERIDIANS, _PARALLELS)
        grid = [found.surface[name].to_numpy().reshape(shape) for name in ("x", "y", "z")]
        space.plot_surface(*grid, color=BLUE_INK, alpha=0.18, linewidth=0.0)
        space.plot_wireframe(*grid, color=BLUE_INK, linewidth=0.35, rstride=4, cstride=2)
        space.plot(*found.groups.to_numpy().T, **BLUP.points(2.6))
        entries = {"u of the groups": BLUP.points(4.0)}
        for (name, row), look in zip(
            found.axes.iterrows(), (SERIES[5], SERIES[1], SERIES[2]), strict=True
        ):
            end = row[["x", "y", "z"]].to_numpy(dtype=np.float64)
            space.plot(*np.column_stack([-end, end]), **look.lines(2.2))
            entries[f"{name}: {100 * row['share']:.1f}% of the variance"] = look.lines(2.0)
        for setter, name, times in zip(
            (space.set_xlabel, space.set_ylabel, space.set_zlabel), found.effects, found.spread,
            strict=True,
        ):  # fmt: skip
            setter(f"u[{name}]" if np.isclose(times, 1.0) else f"u[{name}] × {times:.3g}")
        _equal_scales(space, found)
        of = "" if factor is None else f" of {factor}"
        heading(drawn, f"G{of}{link_label(fit)}, one standard deviation, {fit.engine}")
        legend(drawn, entries)
    return drawn.figure


def _three_effects(names: Sequence[str], stated: Sequence[str] | None, owner: str) -> list[int]:
    if len(names) == 2:
        raise StudyError(
            f"{owner} has two random effects, whose G is an ellipse and no ellipsoid; "
            "plot_beta_space() shows it"
        )
    if len(names) < 3:
        raise StudyError(
            f"{owner} has one random effect ('{names[0]}'), whose G is one variance; "
            "plot_caterpillar() shows the effects"
        )
    if stated is None:
        return [0, 1, 2]
    if isinstance(stated, str) or len(stated) != 3 or len(set(stated)) != 3:
        raise StudyError(f"effects must name three random effects, not {stated!r}")
    return [one_effect(names, name) for name in stated]


def _equal_scales(space: Any, found: Pancake) -> None:
    """One unit as long along each axis, so that right angles are seen as such."""
    values = pd.concat([found.surface, found.groups])
    low, high = values.min().to_numpy(), values.max().to_numpy()
    room = np.maximum(high - low, 0.4 * (high - low).max()) * 1.04
    middle = (low + high) / 2.0
    limits = np.column_stack([middle - room / 2.0, middle + room / 2.0])
    for setter, ends in zip((space.set_xlim, space.set_ylim, space.set_zlim), limits, strict=True):
        setter(*ends)
    space.locator_params(nbins=4)
    space.tick_params(labelsize=8.0, pad=1.0)
    space.set_box_aspect(room, zoom=0.88)
