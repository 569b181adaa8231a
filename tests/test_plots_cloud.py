"""Rows in space before any model."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

import hierbayes as hb
from tests.drawn import legend_of

pytestmark = pytest.mark.slow


def test_points_are_the_complete_rows(hs: pd.DataFrame) -> None:
    data = hs.assign(mean=hb.cvar(hs["ses"], hs["school"]), ses=hs["ses"].mask(hs.index < 2))
    frame = hb.plots.cloud_frame(data, "mathach ~ ses + mean", by="Sector")
    assert (frame.y, frame.x, frame.w, frame.by) == ("mathach", "ses", "mean", "Sector")
    rows = data.iloc[2:]
    assert frame.points.index.equals(rows.index)
    assert list(frame.points) == ["by", "x", "w", "y"]
    assert_allclose(frame.points[["x", "w", "y"]], rows[["ses", "mean", "mathach"]], rtol=0)
    assert frame.points["by"].tolist() == rows["Sector"].tolist()


def test_points_are_drawn_by_level(hs: pd.DataFrame) -> None:
    figure = hb.plots.plot_cloud(hs, "mathach ~ ses + PRACAD", by="Sector")
    space: Any = figure.axes[0]
    lines = [np.array(line.get_data_3d()) for line in space.lines if len(line.get_data_3d()[0])]
    public = (hs["Sector"] == "Public").to_numpy()
    for drawn, rows in zip(lines, (hs[~public], hs[public]), strict=True):
        assert_allclose(drawn.T, rows[["ses", "PRACAD", "mathach"]], rtol=0)
    assert [space.get_xlabel(), space.get_ylabel(), space.get_zlabel()] == [
        "ses", "PRACAD", "mathach"]  # fmt: skip
    assert legend_of(figure) == ["Catholic", "Public"]
    alone = hb.plots.plot_cloud(hs, "mathach ~ ses + PRACAD")
    assert not alone.legends


@pytest.mark.parametrize(
    ("formula", "kind", "message"),
    [
        ("mathach ~ ses", hb.StudyError, "cannot read 'mathach ~ ses': write columns as in "
         "'y ~ x + w'"),
        ("mathach ~ ses + PRACAD + Size", hb.StudyError,
         "cannot read 'mathach ~ ses + PRACAD + Size': write columns as in 'y ~ x + w'"),
        ("mathach ~ ses + Sector", hb.DataError,
         "'Sector' holds no numbers, and an axis of this picture needs some"),
    ],
)  # fmt: skip
def test_refusals(
    formula: str, kind: type[hb.HierbayesError], message: str, hs: pd.DataFrame
) -> None:
    with pytest.raises(kind) as caught:
        hb.plots.cloud_frame(hs, formula)
    assert str(caught.value) == message
