"""Where a picture is drawn: the axes that were given, or those of a new figure.

Drawing modules import this one and use nothing but methods of the axes, so that only
`picture`, imported when something is drawn, imports Matplotlib.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from hierbayes.errors import StudyError
from hierbayes.plots.look import SETTINGS

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_WIDTH: ContextVar[float | None] = ContextVar("width of new figures", default=None)
_NARROWEST = 0.6  # of the width of a panel, before it moves to the next row
_LOWEST = 0.85  # of its height


@dataclass(frozen=True, slots=True, eq=False)
class Canvas:
    """A figure and the axes of a picture.

    Parameters
    ----------
    figure : Figure
    panels : tuple of Axes
        Row by row.
    is_new : bool
        Whether the figure was made for this picture.
    columns : int
        Of panels, where it was.
    """

    figure: Figure
    panels: tuple[Axes, ...]
    is_new: bool
    columns: int = 1

    @property
    def ax(self) -> Axes:
        """The axes of a picture of one panel."""
        return self.panels[0]


@contextmanager
def canvas(
    ax: Axes | Sequence[Axes] | None,
    figsize: tuple[float, float] | None,
    *,
    shape: tuple[int, int] = (1, 1),
    panel: tuple[float, float] = (6.4, 4.8),
    share: bool = False,
    projection: str | None = None,
    count: int | None = None,
    beware: str = "",
) -> Iterator[Canvas]:
    """Axes to draw on, with the settings of these pictures in force inside the block.

    Parameters
    ----------
    ax : Axes, or as many as there are panels
        By default those of a new figure.
    figsize : (width, height)
        Of a new figure in inches; by default `panel` for each panel.
    shape : (rows, columns)
        Of panels.
    panel : (width, height)
        Of one panel in inches.
    share : bool
        Whether new panels have the same scales.
    projection : str, optional
        Of the axes: ``"3d"``, or by default a plane.
    count : int, optional
        Of panels in use, where they do not fill the shape; the last ones of a new figure are
        taken away.
    beware : str
        Why the draws that are shown cannot be used, where they cannot: said above the picture.

    Raises
    ------
    StudyError
        When the axes given are not as many as there are panels, or stand beside a figsize, or the
        figsize is none.
    """
    from hierbayes.plots.picture import as_written, new_picture, settings, written

    with settings(SETTINGS):
        if ax is None:
            _refuse_bad_figsize(figsize)
            count = count or shape[0] * shape[1]
            (rows, columns), whole = _layout(shape, count, panel)
            if figsize is not None:
                (rows, columns), whole = shape, figsize
            figure = new_picture(whole)
            made = figure.subplots(
                rows, columns, sharex=share, sharey=share, squeeze=False,
                subplot_kw={"projection": projection},
            )  # fmt: skip
            panels = tuple(made.ravel())
            for spare in panels[count:]:
                spare.remove()
            drawn = Canvas(figure, panels[:count], True, columns)
            yield drawn
            _warn(drawn, beware)
            as_written([figure], {})
            return
        panels = tuple(np.ravel(np.asarray(ax, dtype=object)))
        _refuse_bad_axes(panels, count or shape[0] * shape[1], figsize)
        if projection == "3d" and not all(hasattr(one, "plot_surface") for one in panels):
            raise StudyError("this picture needs axes made with projection='3d'")
        before = written(panels)
        drawn = Canvas(panels[0].get_figure(root=True), panels, False, shape[1])
        yield drawn
        _warn(drawn, beware)
        as_written(panels, before)


@contextmanager
def no_wider_than(width: float) -> Iterator[None]:
    """New figures in this block are as wide as this many inches, or less.

    Panels that have no room beside each other stand in more rows.  A stated figsize is kept.
    """
    token = _WIDTH.set(width)
    try:
        yield
    finally:
        _WIDTH.reset(token)


def _layout(
    shape: tuple[int, int], count: int, panel: tuple[float, float]
) -> tuple[tuple[int, int], tuple[float, float]]:
    """Rows and columns of panels, and the width and height of their figure."""
    rows, columns = shape
    width, most = panel[0] * columns, _WIDTH.get()
    if most is None or width <= most:
        return shape, (width, panel[1] * rows)
    columns = max(1, min(columns, int(most / (_NARROWEST * panel[0]))))
    rows = -(-count // columns)
    width = min(most, panel[0] * columns)
    height = panel[1] * (max(width / panel[0], _LOWEST) if columns == 1 else 1.0)
    return (rows, columns), (width, height * rows)


def panel_grid(count: int, widest: int = 3) -> tuple[int, int]:
    """Rows and columns for so many panels.

    Examples
    --------
    >>> panel_grid(2), panel_grid(4), panel_grid(8)
    ((1, 2), (2, 2), (3, 3))
    """
    columns = 2 if count == 4 else min(count, widest)
    return -(-count // columns), columns


def _warn(drawn: Canvas, beware: str) -> None:
    """A line above the picture: over a new figure, or over the first of the axes given."""
    if not beware:
        return
    text = f"Do not use these draws: {beware}"
    if drawn.is_new:
        title = drawn.figure.get_suptitle()
        drawn.figure.suptitle("\n".join(filter(None, (title, text))), x=0.01, ha="left", wrap=True)
        return
    title = drawn.ax.get_title(loc="left")
    drawn.ax.set_title("\n".join(filter(None, (title, text))), loc="left", wrap=True)


def _refuse_bad_figsize(figsize: object) -> None:
    if figsize is None:
        return
    sizes = list(figsize) if isinstance(figsize, Sequence | np.ndarray) else []
    numbers = [
        one for one in sizes if isinstance(one, int | float | np.number) and 0.0 < one < np.inf
    ]
    if len(sizes) != 2 or len(numbers) != 2:
        raise StudyError(f"figsize must be two positive numbers of inches, not {figsize!r}")


def _refuse_bad_axes(panels: tuple[Any, ...], needed: int, figsize: object) -> None:
    if not all(hasattr(one, "plot") and hasattr(one, "get_figure") for one in panels):
        raise StudyError(
            f"ax must be Matplotlib's axes, not {type(panels[0]).__name__ if panels else 'empty'}"
        )
    if len(panels) != needed:
        raise StudyError(
            f"this picture has {needed} {'panel' if needed == 1 else 'panels'}, and ax has "
            f"{len(panels)}; give as many axes, or leave ax out"
        )
    if figsize is not None:
        raise StudyError("figsize is that of a new figure; with ax= leave it out")
