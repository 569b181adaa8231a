"""The picture of predictions, comparisons and slopes."""

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

import hierbayes as hb
from hierbayes.plots import margins_frame, plot_margins
from tests import family_fits

mpl.use("Agg")
DATA = family_fits.DATA.assign(half=np.where(family_fits.DATA["x"] > 0.0, "up", "down"))


def _on_a_grid() -> hb.Margins:
    fit = family_fits.bernoulli()
    grid = hb.datagrid(fit, DATA, x=[1.0, -1.0, 0.0]).assign(half="up")
    both = pd.concat([grid, grid.assign(half="down")], ignore_index=True)
    return hb.predictions(fit, both, by=["x", "half"], effects="none")


def test_numbers_are_lines_in_order_with_their_limits() -> None:
    found = _on_a_grid()
    frame = margins_frame(found)
    assert frame.attrs == {"x": "x", "by": "half"}
    assert_allclose(frame[["estimate", "lower"]], found.table[["estimate", "lower"]])
    panel = plot_margins(found).axes[0]
    first = panel.lines[0]
    assert np.asarray(first.get_xdata()).tolist() == [-1.0, 0.0, 1.0]
    own = found.table[found.table["half"] == "down"].sort_values("x")
    assert_allclose(np.asarray(first.get_ydata()), own["estimate"])
    bands = [np.asarray(one.get_paths()[0].vertices) for one in panel.collections]
    assert_allclose(bands[0][:, 1].max(), own["upper"].max())
    assert panel.get_title("left") == "Predictions: the expected y"


def test_comparisons_stand_beside_their_null() -> None:
    found = hb.comparisons(family_fits.bernoulli(), DATA, "x", comparison="ratio", by="half")
    panel = plot_margins(found).axes[0]
    assert panel.lines[0].get_ydata() == [1.0, 1.0]
    assert [text.get_text() for text in panel.get_xticklabels()] == ["down", "up"]
    assert panel.get_ylabel() == "x: x+0.5 / x-0.5"
    plain = hb.comparisons(family_fits.bernoulli(), DATA, "x")
    assert margins_frame(plain)["x"].tolist() == ["x: +1"]


def test_what_cannot_stand_beside_each_other_is_refused() -> None:
    fit = family_fits.bernoulli()
    with pytest.raises(hb.StudyError, match=r"^plot_margins\(\) takes what hb.predictions"):
        margins_frame(fit)  # type: ignore[arg-type]
    with pytest.raises(hb.StudyError, match=r"^x='z' is no column that says.*: 'x', 'half'$"):
        margins_frame(_on_a_grid(), x="z")
    twice = hb.predictions(fit, pd.concat([DATA.head(2)] * 2), effects="none")
    with pytest.raises(hb.StudyError, match="several estimates have one value of"):
        margins_frame(twice)
    many = hb.predictions(fit, DATA, by=["half", "g"])
    with pytest.raises(hb.StudyError, match="12 lines cannot be told apart, at most 6"):
        margins_frame(many, x="half", by="g")
