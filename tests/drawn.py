"""What a figure shows, for tests of pictures: its lines, its arrows, its legend; and refusals."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.quiver import Quiver

import hierbayes as hb


def lines_of(ax: Axes) -> list[np.ndarray[Any, Any]]:
    """Points (m, 2) of each line with points in it."""
    points = [np.asarray(line.get_xydata(), dtype=float) for line in ax.get_lines()]
    return [one for one in points if len(one)]


def shows(ax: Axes, x: Any, y: Any) -> bool:
    """Whether one line has just these points."""
    wanted = np.column_stack([np.ravel(x), np.ravel(y)]).astype(float)
    found = [one for one in lines_of(ax) if one.shape == wanted.shape]
    return any(np.allclose(one, wanted, rtol=1e-10, equal_nan=True) for one in found)


def arrows_of(ax: Axes) -> np.ndarray[Any, Any]:
    """Tails and heads (m, 4) of the arrows."""
    (quiver,) = [one for one in ax.collections if isinstance(one, Quiver)]
    tails = np.asarray(quiver.get_offsets())
    way = np.column_stack([np.asarray(quiver.U), np.asarray(quiver.V)])
    return np.hstack([tails, tails + way])


def legend_of(figure: Figure) -> list[str]:
    """Labels of the legend below a figure, or in its axes."""
    legends = [*figure.legends, *(ax.get_legend() for ax in figure.axes)]
    return [text.get_text() for one in legends if one is not None for text in one.get_texts()]


def artists(figure: Figure) -> int:
    """How many artists a figure has, ticks and texts included: what drawing it takes."""
    return len(figure.findobj())


def fits_in(figure: Figure) -> bool:
    """Whether no text or legend is cut off by the edge of the figure."""
    figure.draw_without_rendering()
    width, height = figure.get_size_inches() * figure.dpi
    box = figure.get_tightbbox()
    edges = np.array([box.x0, box.y0, width / figure.dpi - box.x1, height / figure.dpi - box.y1])
    return bool((edges > -0.05).all())  # inches


def refused(call: Callable[[], Any], kind: type[hb.HierbayesError], message: str) -> None:
    """Expect an error of this kind with just this message."""
    with pytest.raises(kind) as error:
        call()
    assert str(error.value) == message
