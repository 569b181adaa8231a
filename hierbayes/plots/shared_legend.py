"""One legend for all panels of a picture."""

from __future__ import annotations

from typing import Any

from hierbayes.plots.canvas import Canvas
from hierbayes.plots.draw import legend

_ENTRY = 1.7  # inches


def shared_legend(drawn: Canvas, entries: dict[str, dict[str, Any]]) -> None:
    """A legend below the panels of a new figure, or inside the first of the axes given.

    Parameters
    ----------
    drawn : Canvas
    entries : dict
        From labels to arguments of ``ax.plot``; as many stand side by side as there is room for.
    """
    if not drawn.is_new:
        legend(drawn.ax, entries)
        return
    handles = [drawn.ax.plot([], [], label=text, **how)[0] for text, how in entries.items()]
    room = max(1, int(drawn.figure.get_figwidth() / _ENTRY))
    drawn.figure.legend(handles=handles, loc="outside lower center", ncols=min(len(handles), room))
