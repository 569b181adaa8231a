"""Ellipses against algebra, their radii against distributions, and the canvas they are drawn on."""

import subprocess
import sys

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.figure import Figure
from numpy.testing import assert_allclose
from scipy import stats

from hierbayes.errors import IntervalError, StudyError
from hierbayes.plots.canvas import canvas
from hierbayes.plots.ellipse import (
    Ellipse,
    confidence_radius,
    ellipse_frame,
    shadow_frame,
    shadow_radius,
)
from hierbayes.plots.look import METHODS, SERIES
from hierbayes.plots.picture import Picture

CENTRE = np.array([12.0, 2.0])
MATRICES = {
    "slides": np.array([[16.0, 8.0], [8.0, 25.0]]),
    "uneven": np.array([[1e-6, -9e-4], [-9e-4, 1.0]]),
    "diagonal": np.diag([4.0, 9.0]),
}


@pytest.mark.parametrize("name", MATRICES)
def test_points_lie_on_the_ellipse(name: str) -> None:
    M, r = MATRICES[name], 2.5
    away = Ellipse(CENTRE, M, r).points() - CENTRE
    assert_allclose(np.einsum("ni,ij,nj->n", away, np.linalg.inv(M), away), r**2, rtol=1e-8)
    assert_allclose(away[0], away[-1], atol=1e-12)
    angle = np.unwrap(np.arctan2(*np.linalg.solve(np.linalg.cholesky(M), away.T)[::-1]))
    assert_allclose(abs(angle[-1] - angle[0]), 2.0 * np.pi)  # once around


@pytest.mark.parametrize("name", MATRICES)
def test_shadows_are_standard_deviations_times_the_radius(name: str) -> None:
    M, r = MATRICES[name], 1.5
    one = Ellipse(CENTRE, M, r)
    half = r * np.sqrt(np.diag(M))
    assert_allclose(one.shadow(), np.column_stack([CENTRE - half, CENTRE + half]), rtol=1e-12)
    points = one.points()
    assert_allclose(points.max(axis=0), CENTRE + half, rtol=2e-3)
    assert (points <= CENTRE + half * (1.0 + 1e-9)).all()


def test_a_singular_matrix_makes_a_segment_and_zero_a_point() -> None:
    flat = np.array([[4.0, 2.0], [2.0, 1.0]])
    away = Ellipse(CENTRE, flat).points() - CENTRE
    assert_allclose(away[:, 1], away[:, 0] / 2.0, atol=1e-12)
    assert_allclose(away[:, 0].max(), 2.0, rtol=1e-12)
    slope_only = np.array([[0.0, 0.0], [0.0, 9.0]])
    assert_allclose(np.ptp(Ellipse(CENTRE, slope_only).points(), axis=0), [0.0, 6.0], rtol=1e-2)
    assert_allclose(Ellipse(CENTRE, np.zeros((2, 2))).points(), np.tile(CENTRE, (101, 1)))


@pytest.mark.parametrize("df", [3.0, 36.0, 1973.0, np.inf])
def test_radii(df: float) -> None:
    F = stats.f(2, df).ppf(0.9) if np.isfinite(df) else stats.chi2(2).ppf(0.9) / 2.0
    assert_allclose(confidence_radius(0.9, df), np.sqrt(2.0 * F), rtol=1e-10)
    t = stats.t(df).ppf(0.95) if np.isfinite(df) else stats.norm.ppf(0.95)
    assert_allclose(shadow_radius(0.9, df), t, rtol=1e-10)


def test_radii_need_a_probability() -> None:
    for radius in (confidence_radius, shadow_radius):
        with pytest.raises(IntervalError, match=r"^prob must lie between 0 and 1, not 95$"):
            radius(95)


def test_frames() -> None:
    named = {name: Ellipse(CENTRE, M, 2.0) for name, M in MATRICES.items()}
    frame = ellipse_frame(named)
    assert frame.columns.tolist() == ["ellipse", "x", "y"]
    assert frame["ellipse"].unique().tolist() == list(MATRICES)
    for name, one in named.items():
        assert_allclose(frame.loc[frame["ellipse"] == name, ["x", "y"]], one.points(), rtol=0)
    shadows = shadow_frame(named)
    assert_allclose(shadows.loc["slides"], [12.0, 4.0, 20.0, 2.0, -8.0, 12.0], rtol=1e-12)
    assert ellipse_frame({}).empty and shadow_frame({}).empty


# ---------------------------------------------------------------- the canvas


def test_settings_are_left_as_they_were() -> None:
    before = dict(mpl.rcParams)
    with canvas(None, None) as drawn:
        assert mpl.rcParams["axes.titlelocation"] == "left"
        assert not drawn.ax.spines["top"].get_visible()
    assert dict(mpl.rcParams) == before


def test_new_figures_and_given_axes() -> None:
    with canvas(None, (5.0, 3.0), shape=(1, 2)) as drawn:
        assert drawn.is_new and len(drawn.panels) == 2
        assert drawn.figure.get_size_inches().tolist() == [5.0, 3.0]
    given = Figure().subplots(1, 2)
    with canvas(given, None, shape=(1, 2)) as drawn:
        assert list(drawn.panels) == list(given)
        assert drawn.figure is given[0].figure and not drawn.is_new


def test_a_new_figure_is_shown_by_notebooks() -> None:
    with canvas(None, (1.0, 1.0)) as drawn:
        drawn.ax.plot([0, 1], [0, 1])
    assert isinstance(drawn.figure, Picture)
    assert drawn.figure._repr_png_()[:4] == b"\x89PNG"


def test_wrong_axes_are_refused() -> None:
    one = Figure().subplots()
    for ax, figsize, message in (
        (3, None, "ax must be Matplotlib's axes, not int"),
        ([one], None,
         "this picture has 2 panels, and ax has 1; give as many axes, or leave ax out"),
        ([one, one], (4, 3), "figsize is that of a new figure; with ax= leave it out"),
    ):  # fmt: skip
        with pytest.raises(StudyError) as refused, canvas(ax, figsize, shape=(1, 2)):  # type: ignore[arg-type]
            pass
        assert str(refused.value) == message


def test_looks_are_told_apart_without_colour() -> None:
    for looks in (list(METHODS.values()), list(SERIES)):
        assert len({one.marker for one in looks}) == len(looks)
    drawn = [look for key, look in METHODS.items() if key != "2b"]  # 2b has no intercept
    assert len({str(one.line) for one in drawn}) == len(drawn)


def test_importing_the_package_does_not_import_matplotlib() -> None:
    code = "import sys, hierbayes; sys.exit('matplotlib' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
