"""Things that several pictures draw: shadows, arrows, legends."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from textwrap import fill
from typing import TYPE_CHECKING, Any

import numpy as np

from hierbayes.frames.arrays import Floats
from hierbayes.plots.canvas import Canvas
from hierbayes.plots.look import GREY, Look

if TYPE_CHECKING:
    from matplotlib.axes import Axes

type Entries = dict[str, dict[str, Any]]
"""Labels of a legend, and how the line or mark of each looks, as Matplotlib has it."""

LABEL_PER_INCH, TITLE_PER_INCH = 14.0, 11.5  # letters of labels of axes, and of titles of panels
_SMALL_PER_INCH = 17.0  # of notes
_SAFE = 0.96  # of the width of a figure; letters are wider where there are fewer dots an inch


def draw_arrows(ax: Axes, tails: Floats, heads: Floats, look: Look, width: float = 0.9) -> None:
    """An arrow from each tail to its head, (m, 2) each, as one artist.

    Those without length or without a tail are left out; short ones have small heads.
    """
    way = heads - tails
    drawn = np.isfinite(way).all(axis=1) & (way != 0.0).any(axis=1)
    ax.quiver(
        *tails[drawn].T, *way[drawn].T, angles="xy", scale_units="xy", scale=1.0, units="inches",
        width=width / 72.0, headwidth=6.0, headlength=8.0, headaxislength=8.0, minlength=0.5,
        color=look.color, zorder=2.05,
    )  # fmt: skip


def draw_shadow(ax: Axes, bounds: Floats, look: Look) -> None:
    """Lines from the sides of a box (2, 2) to the axes: the shadows of an ellipse."""
    low_x, low_y = ax.get_xlim()[0], ax.get_ylim()[0]
    (x0, x1), (y0, y1) = bounds
    more: dict[str, Any] = {"color": look.color, "linestyle": ":", "linewidth": 0.9, "zorder": 0.5}
    for x in (x0, x1):
        ax.plot([x, x], [low_y, (y0 + y1) / 2.0], **more)
    for y in (y0, y1):
        ax.plot([low_x, (x0 + x1) / 2.0], [y, y], **more)
    ax.set_xlim(left=low_x)
    ax.set_ylim(bottom=low_y)


def heading(drawn: Canvas, text: str) -> None:
    """What a picture shows: the title of its one panel, or over the panels of a new figure.

    It is broken into lines where the figure is too narrow for it.
    """
    if len(drawn.panels) == 1 and not drawn.ax.get_title(loc="left"):
        drawn.ax.set_title(text, wrap=True)
    elif drawn.is_new:
        drawn.figure.suptitle(text, x=0.01, ha="left", wrap=True)


def in_lines(
    drawn: Canvas, panel: Axes, text: str, per_inch: float, *, upright: bool = False
) -> str:
    """A text broken where it is wider than a panel, or where it is upright and higher.

    Of its letters so many stand in an inch of the panel as it is before the layout, which makes
    it about a fifth wider.
    """
    room = panel.bbox.height if upright else panel.bbox.width
    letters = per_inch * room / drawn.figure.dpi
    return fill(text, max(1, int(letters)), break_long_words=False)


def legend(drawn: Canvas, entries: Entries, *, width: float = 2.2) -> None:
    """A legend with an entry for each label, from the arguments of ``ax.plot``.

    It stands below a new figure, in columns of about `width` inches, fewer where they are wider
    than the figure, and otherwise in the last of the axes that were given, where it hides least.
    """
    ax = drawn.panels[-1]
    handles = [ax.plot([], [], label=label, **how)[0] for label, how in entries.items()]
    if not drawn.is_new:
        ax.legend(handles=handles, frameon=True, framealpha=0.85, edgecolor="none")
        return
    room = _SAFE * drawn.figure.bbox.width
    for columns in range(int(drawn.figure.get_size_inches()[0] / width) + 1, 0, -1):
        made = drawn.figure.legend(handles=handles, loc="outside lower left", ncols=columns)
        if columns == 1 or made.get_window_extent().width <= room:
            return
        made.remove()


def zero_lines(ax: Axes) -> None:
    """Thin lines at zero, where zero is in sight."""
    for low_high, line in ((ax.get_ylim(), ax.axhline), (ax.get_xlim(), ax.axvline)):
        if low_high[0] < 0.0 < low_high[1]:
            line(0.0, color=GREY, linewidth=0.6, zorder=0.4)


def coefficient_label(effect: str) -> str:
    """What an axis of beta space shows."""
    return effect if effect == "Intercept" else f"Coefficient of {effect}"


def write_note(drawn: Canvas, *lines: str) -> None:
    """Lines in small print below the axes of a new figure, of several panels the lowest first.

    They are as wide as their panel, which they would otherwise make narrow.
    """
    ax = drawn.panels[(len(drawn.panels) - 1) // drawn.columns * drawn.columns]
    text = "\n".join(in_lines(drawn, ax, line, _SMALL_PER_INCH) for line in lines if line)
    if drawn.is_new and text:
        ax.annotate(
            text, (0.0, 0.0), xycoords=("axes fraction", ax.xaxis.label),
            xytext=(0.0, -7.0), textcoords="offset points", va="top", fontsize=8.0,
            color="#444444",
        )  # fmt: skip


def name_points(ax: Axes, points: Iterable[tuple[str, float, float]], most: int = 3) -> None:
    """Names beside points, the first ones first, and none that would hide another.

    Parameters
    ----------
    ax : Axes
        With its limits.
    points : iterable of (name, x, y)
    most : int
        How many names at most.
    """
    (low_x, high_x), (low_y, high_y) = ax.get_xlim(), ax.get_ylim()
    named: list[tuple[float, float]] = []
    for name, x, y in points:
        at = ((x - low_x) / (high_x - low_x), (y - low_y) / (high_y - low_y))
        left, below = at[0] > 0.5, at[1] > 0.93
        height = at[1] - (0.055 if below else 0.0)
        hides = any(abs(at[0] - u) < 0.2 and abs(height - v) < 0.055 for u, v in named)
        if hides or len(named) == most:
            continue
        ax.annotate(
            name, (x, y), xytext=(-5 if left else 5, -1 if below else 1),
            textcoords="offset points", ha="right" if left else "left",
            va="top" if below else "bottom", fontsize=7.5, zorder=4.0,
        )  # fmt: skip
        named.append((at[0], height))


def name_levels(ax: Axes, names: Sequence[object]) -> None:
    """Levels of a factor at 0, 1, 2, … of the horizontal axis, upright where there are many."""
    words = [str(name) for name in names]
    many = sum(map(len, words)) + len(words) > 60
    ax.set_xticks(range(len(words)), words, rotation=90 if many else 0,
                  fontsize=7.0 if many else 9.0)  # fmt: skip
    ax.set_xlim(-0.5, len(words) - 0.5)
