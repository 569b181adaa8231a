"""Headings: whole in figures of any width, and one text wherever they are broken."""

import pytest

from hierbayes.plots.canvas import canvas
from hierbayes.plots.draw import heading
from tests.drawn import fits_in

LONG = "Shrinking from the BLUE to the BLUP: Intercept by school:classroom, posterior by NUTS"


@pytest.mark.parametrize("columns", [1, 2])
@pytest.mark.parametrize("beware", ["", "the chains have not mixed, and there are few of them"])
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
