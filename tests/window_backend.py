"""A backend of Matplotlib whose windows are only counted."""

from typing import ClassVar

from matplotlib.backend_bases import FigureManagerBase
from matplotlib.backends.backend_agg import FigureCanvasAgg


class FigureManager(FigureManagerBase):
    shown: ClassVar[list[int]] = []

    def show(self) -> None:
        FigureManager.shown.append(int(self.num))


class FigureCanvas(FigureCanvasAgg):
    manager_class = FigureManager
