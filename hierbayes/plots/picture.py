"""The one module that imports Matplotlib: figures, where they are shown, and settings in force."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from importlib import import_module
from io import BytesIO
from typing import Any

from matplotlib import get_backend, rc_context
from matplotlib.artist import Artist
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.backends.registry import BackendFilter, backend_registry
from matplotlib.figure import Figure
from matplotlib.text import Text

from hierbayes.display.steps import in_notebook

_MATH = r"\mathdefault"  # what Matplotlib's own labels of logarithmic scales are set in


class Picture(Figure):
    """A figure that a notebook shows by itself, ``plt.show()`` in a window, and `show` in either.

    Where there are windows, it is pyplot's current figure.  Where there are none (notebooks, and
    scripts that only save), pyplot does not know it: nothing is shown twice or kept open.
    """

    def _repr_png_(self) -> bytes:
        buffer = BytesIO()
        self.savefig(buffer, format="png", bbox_inches="tight")
        return buffer.getvalue()

    def show(self, warn: bool = True) -> None:
        """Show the figure: in a window, or below the cell of a notebook.

        Parameters
        ----------
        warn : bool
            Whether to say so where there is neither.
        """
        if self.canvas.manager is not None:
            super().show(warn)
        elif in_notebook():
            import_module("IPython.display").display(self)
        elif warn:
            warnings.warn(
                "there is no window to show this figure in; save it, as in "
                "figure.savefig('picture.png'), or import matplotlib.pyplot before it is drawn",
                UserWarning,
                stacklevel=2,
            )


def new_picture(figsize: tuple[float, float]) -> Figure:
    """An empty figure, in inches."""
    if _has_windows():
        pyplot = sys.modules["matplotlib.pyplot"]
        figure: Figure = pyplot.figure(FigureClass=Picture, figsize=figsize)
        return figure
    figure = Picture(figsize=figsize)
    FigureCanvasAgg(figure)
    return figure


def settings(values: Mapping[Any, Any]) -> AbstractContextManager[None]:
    """Matplotlib's settings with these values, until the end of the block."""
    return rc_context(dict(values))


def written(artists: Iterable[Artist]) -> dict[Text, str]:
    """What the texts in these artists say."""
    return {text: text.get_text() for one in artists for text in one.findobj(Text)}


def as_written(artists: Sequence[Artist], before: Mapping[Text, str]) -> None:
    """Draw texts as they are, dollars and backslashes too: no name is a formula.

    Parameters
    ----------
    artists : sequence of Artist
        Figures or axes.
    before : mapping
        Texts that were there and are left alone, see `written`.
    """
    for text, says in written(artists).items():
        if "$" in says and before.get(text) != says and _MATH not in says:
            text.set_parse_math(False)


def _has_windows() -> bool:
    """Whether pyplot is in use and draws in windows, not into files or cells."""
    if "matplotlib.pyplot" not in sys.modules:
        return False
    backend = get_backend().lower()
    without = [*backend_registry.list_builtin(BackendFilter.NON_INTERACTIVE), "inline", "nbagg"]
    return not backend.endswith(tuple(name.lower() for name in without))
