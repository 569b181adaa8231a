"""One legend for all panels of a picture."""

from __future__ import annotations

from typing import Any

from hierbayes.plots.canvas import Canvas
from hierbayes.plots.draw import legend


def shared_legend(drawn: Canvas, entries: dict[str, dict[str, Any]], most: int = 5) -> None:
    """A legend below the panels of a new figure, or inside the first of the axes given.

    Parameters
    ----------
    drawn : Canvas
    entries : dict
        From labels to arguments of ``ax.plot``.
    most : int
        Entries side by side.
    """
    if not drawn.is_new:
        legend(drawn.ax, entries)
        return
    handles = [drawn.ax.plot([], [], label=text, **how)[0] for text, how in entries.items()]
    drawn.figure.legend(handles=handles, loc="outside lower center", ncols=min(len(handles), most))
