"""Where figures are shown: in windows by pyplot, in notebooks by themselves, nowhere else."""

import sys
from collections.abc import Iterator
from types import SimpleNamespace

import matplotlib
import matplotlib.pyplot as plt
import pytest

import hierbayes as hb
from hierbayes.plots.canvas import no_wider_than
from hierbayes.plots.picture import Picture
from tests.conftest import Cache
from tests.window_backend import FigureManager


@pytest.fixture
def windows(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int]]:
    """Pyplot with a backend that has windows; the numbers of those shown."""
    before = matplotlib.get_backend()
    plt.switch_backend("module://tests.window_backend")
    monkeypatch.setattr(FigureManager, "shown", [])
    yield FigureManager.shown
    plt.close("all")
    plt.switch_backend(before)


def test_pyplot_shows_a_figure_where_it_has_windows(
    windows: list[int], reml_fits: Cache[hb.Fit]
) -> None:
    figure = hb.plots.plot_shrinkage(reml_fits["oneway"])
    assert isinstance(figure, Picture) and plt.gcf() is figure
    figure.show()
    assert windows == [figure.number]
    plt.close(figure)
    assert figure.number not in plt.get_fignums()


def test_without_windows_pyplot_keeps_no_figure(reml_fits: Cache[hb.Fit]) -> None:
    plt.switch_backend("agg")
    figure = hb.plots.plot_shrinkage(reml_fits["oneway"])
    assert plt.get_fignums() == []
    with pytest.warns(UserWarning, match=r"^there is no window to show this figure in; save it"):
        figure.show()
    figure.show(warn=False)


def test_a_notebook_shows_a_figure_on_demand(
    monkeypatch: pytest.MonkeyPatch, reml_fits: Cache[hb.Fit]
) -> None:
    displayed: list[object] = []
    figure = hb.plots.plot_shrinkage(reml_fits["oneway"])
    shell = SimpleNamespace(kernel=object())
    monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace(get_ipython=lambda: shell))
    monkeypatch.setitem(sys.modules, "IPython.display", SimpleNamespace(display=displayed.append))
    figure.show()
    assert displayed == [figure]


def test_a_narrow_figure_has_its_panels_in_more_rows() -> None:
    fit = hb.Model("mathach ~ ses", hb.load_dataset("hs").head(200)).reml()
    wide = hb.plots.plot_level1_residuals(fit)
    with no_wider_than(5.6):
        narrow = hb.plots.plot_level1_residuals(fit)
        stated = hb.plots.plot_level1_residuals(fit, figsize=(9.0, 3.0))
    assert tuple(narrow.get_size_inches()) == (5.6, 2 * wide.get_size_inches()[1])
    first, second, third = (panel.get_position().y0 for panel in narrow.axes)
    assert first == second > third
    assert tuple(stated.get_size_inches()) == (9.0, 3.0)
    assert len({panel.get_position().y0 for panel in stated.axes}) == 1
