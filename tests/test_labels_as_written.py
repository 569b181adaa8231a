"""Names and labels with signs that a renderer could take for markup come out as they are."""

from __future__ import annotations

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from matplotlib import cbook
from matplotlib.figure import Figure
from matplotlib.text import Text

import hierbayes as hb
from hierbayes.plots.canvas import canvas

LABELS = {
    "ranges": [f"${j}{k}${j + 1}" for j in range(4) for k in ("-", "k_")],
    "signs": ["$a_b$", "<b>x</b>", "x^2", "\\alpha", "50%", "{q}", "a|b*c*&#~`z`", "\\$5"],
}


@pytest.fixture(params=list(LABELS))
def labels(request: pytest.FixtureRequest) -> list[str]:
    return LABELS[request.param]


@pytest.fixture
def data(labels: list[str]) -> pd.DataFrame:
    r = np.random.default_rng(0)
    x = r.normal(size=40)
    y = np.repeat(r.normal(size=8), 5) + x + r.normal(size=40)
    return pd.DataFrame({"y": y, "x": x, "$c_$d": x, "g": np.repeat(labels, 5)})


@pytest.fixture
def fit(data: pd.DataFrame) -> hb.PointFit:
    return hb.Model("y ~ x + (1 + x | g)", data).reml()


def assert_as_written(figure: Figure, signs: str = "$") -> None:
    """No text with a dollar is set as a formula, and the picture can be drawn."""
    figure.draw_without_rendering()  # texts are read and laid out
    for text in figure.findobj(Text):
        if signs in text.get_text() and "mathdefault" not in text.get_text():
            assert not (text.get_parse_math() and cbook.is_math_text(text.get_text()))


@pytest.mark.slow
def test_pictures(fit: hb.PointFit, data: pd.DataFrame, labels: list[str]) -> None:
    shown = hb.plots.plot_caterpillar(fit)
    assert_as_written(shown)
    written = {text.get_text() for text in shown.findobj(Text)}
    assert set(labels) <= written
    for figure in (
        hb.plots.plot_trellis(data, "y ~ x | g", fit=fit),
        hb.plots.plot_shrinkage(fit),
        hb.plots.plot_beta_space(fit, groups=labels[:3]),
        hb.plots.plot_influence(fit),
        hb.plots.plot_level2_residuals(fit),
        hb.plots.plot_uniform_quantiles(data),
        hb.plots.plot_comparison(hb.compare(fit, hb.Model("y ~ `$c_$d` + (1 | g)", data).reml())),
    ):
        assert_as_written(figure)


def test_axes_of_the_caller(fit: hb.PointFit, labels: list[str]) -> None:
    figure = Figure()
    ax, other = figure.subplots(1, 2)
    other.set_title(r"$\sigma$")
    ax.set_title(r"$\gamma$")
    hb.plots.plot_caterpillar(fit, effects=["x"], ax=ax)
    assert_as_written(figure, "k_")
    assert other.title.get_parse_math()


def test_settings_of_tex_are_not_used(fit: hb.PointFit) -> None:
    with mpl.rc_context({"text.usetex": True}):
        figure = hb.plots.plot_caterpillar(fit)
    assert not any(text.get_usetex() for text in figure.findobj(Text) if text.get_text())


def test_logarithmic_scales_keep_their_powers() -> None:
    with canvas(None, None) as drawn:
        drawn.ax.set_xscale("log")
        drawn.ax.set_xlim(1.0, 1e6)
    drawn.figure.draw_without_rendering()
    powers = [text for text in drawn.ax.get_xticklabels() if "10" in text.get_text()]
    assert powers
    assert all(text.get_parse_math() for text in powers)


def test_pages(fit: hb.PointFit, labels: list[str]) -> None:
    page = hb.influence(fit, refit=0)
    escaped = {"$": r"\$", "_": r"\_", "%": r"\%", "{": r"\{"}
    latex, markdown, html = page.to_latex(), page.to_markdown(), page._repr_html_()
    shown = [label for label in labels if label in str(page)]
    assert shown
    for label in shown:
        if set(label) <= {"$", "_", "-", "k", *"0123456789"}:
            assert "".join(escaped.get(sign, sign) for sign in label) in latex
            assert label.replace("$", r"\$").replace("_", r"\_") in markdown
    assert "<b>" not in html
    assert "<b>" not in markdown


@pytest.mark.slow
def test_ticks_of_influence_are_cases(fit: hb.PointFit, labels: list[str]) -> None:
    for figure in (
        hb.plots.plot_influence(fit),
        hb.plots.plot_influence(hb.influence(fit, refit=0), measure="dfbetas"),
    ):
        assert [text.get_text() for text in figure.axes[0].get_xticklabels()] == list(
            fit.design.groups
        )
    rows = hb.influence(fit, level=1, refit=0)
    ax = hb.plots.plot_influence(rows).axes[0]
    shown = [text.get_text() for text in ax.get_xticklabels()]
    assert shown == [str(rows.frame.index[int(place)]) for place in ax.get_xticks()]
    assert (shown[0], shown[-1], len(shown)) == ("0", "39", 12)
