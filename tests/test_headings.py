"""Headings, labels and names: whole in figures of any width, and beside each other."""

import numpy as np
import pandas as pd
import pytest
from matplotlib.text import Text

import hierbayes as hb
from hierbayes.plots.canvas import canvas
from hierbayes.plots.draw import heading
from tests.drawn import fits_in

LONG = "Shrinking from the BLUE to the BLUP: Intercept by school:classroom, posterior by NUTS"


@pytest.mark.parametrize("columns", [1, 2])
@pytest.mark.parametrize("beware", ["", "the chains have not mixed, and there are few of them"])
@pytest.mark.slow
def test_a_heading_is_broken_where_the_figure_is_narrow(columns: int, beware: str) -> None:
    heights = []
    for width in (2.6, 11.0):
        with canvas(None, (width, 3.0), shape=(1, columns), beware=beware) as drawn:
            heading(drawn, LONG)
        assert fits_in(drawn.figure)
        heights.append(drawn.ax.get_position().height)
        written = drawn.figure.get_suptitle() + drawn.ax.get_title(loc="left")
        assert LONG in written and beware in written
    assert heights[0] < heights[1]


@pytest.fixture(scope="module")
def fit() -> hb.Fit:
    """Of 70 groups with long names."""
    rng, sizes = np.random.default_rng(2), 2 + np.arange(70) % 3
    names = [f"{1000 + k}:{273_000_000 + k}" for k in range(70)]
    data = pd.DataFrame({"group_of_many": np.repeat(names, sizes)})
    data["y"] = rng.normal(size=len(data)) + np.repeat(rng.normal(size=70), sizes)
    return hb.Model("y ~ 1 + (1 | group_of_many)", data).reml()


@pytest.mark.parametrize("width", [2.4, 6.0])
def test_names_of_outermost_groups_have_room(fit: hb.Fit, width: float) -> None:
    figure = hb.plots.plot_caterpillar(fit, figsize=(width, 2.6))
    assert fits_in(figure)
    names = [text.get_text() for text in figure.axes[0].texts]
    u = fit.ranef()["Intercept"].sort_values()
    few = 1 if width < 3.0 else 2
    assert names == [", ".join(u.index[:few]), ", ".join(u.index[::-1][:few])]


def test_labels_of_panels_beside_each_other_do_not_meet(fit: hb.Fit) -> None:
    figure = hb.plots.plot_level1_residuals(fit, figsize=(6.5, 3.0))
    assert fits_in(figure)
    labels = [panel.xaxis.label for panel in figure.axes]
    titles = [
        text
        for panel in figure.axes
        for text in panel.findobj(Text)
        if isinstance(text, Text) and text.get_text() == panel.get_title(loc="left")
    ]
    assert len(titles) == 3
    for texts in (labels, titles):
        boxes = [text.get_window_extent() for text in texts]
        assert boxes[0].x1 < boxes[1].x0 and boxes[1].x1 < boxes[2].x0


def test_numbers_of_rows_are_whole(fit: hb.Fit) -> None:
    figure = hb.plots.plot_shrinkage(fit)
    ticks = figure.axes[0].get_xticks()
    assert (ticks == np.round(ticks)).all()
