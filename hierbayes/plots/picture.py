"""The one module that imports Matplotlib: figures that need no pyplot, and settings in force."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from io import BytesIO
from typing import Any

from matplotlib import rc_context
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure


class Picture(Figure):
    """A figure that notebooks show by itself: it is not registered with pyplot."""

    def _repr_png_(self) -> bytes:
        buffer = BytesIO()
        self.savefig(buffer, format="png", bbox_inches="tight")
        return buffer.getvalue()


def new_picture(figsize: tuple[float, float]) -> Figure:
    """An empty figure, in inches."""
    figure = Picture(figsize=figsize)
    FigureCanvasAgg(figure)
    return figure


def settings(values: Mapping[Any, Any]) -> AbstractContextManager[None]:
    """Matplotlib's settings with these values, until the end of the block."""
    return rc_context(dict(values))
