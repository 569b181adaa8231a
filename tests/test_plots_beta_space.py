"""A fit in beta space: every number against one computed by hand, artists against the frame."""

from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure
from numpy.testing import assert_allclose
from scipy import stats

import hierbayes as hb
from hierbayes.errors import StudyError
from hierbayes.plots.populations import ALL, populations
from tests.conftest import Cache
from tests.drawn import arrows_of, fits_in, legend_of, lines_of, shows

pytestmark = pytest.mark.slow

PLANE = ["x", "y"]


@pytest.fixture(scope="module")
def slopes(reml_fits: Cache[hb.Fit]) -> hb.Fit:
    return reml_fits["intercepts_slopes"]


def own_lines(data: pd.DataFrame, y: str, x: str, group: str) -> pd.DataFrame:
    """Intercept and slope of each group by least squares."""
    found = {}
    for label, rows in data.groupby(group, observed=True, sort=False):
        X = np.column_stack([np.ones(len(rows)), rows[x]])
        found[label] = np.linalg.lstsq(X, rows[y].to_numpy(), rcond=None)[0]
    return pd.DataFrame.from_dict(found, orient="index")


# ---------------------------------------------------------------- the frame


def test_points_of_groups(slopes: hb.Fit, hs: pd.DataFrame) -> None:
    groups = hb.plots.beta_space_frame(slopes).groups
    blue = own_lines(hs, "mathach", "ses", "school").loc[groups.index]
    assert_allclose(groups[["blue_x", "blue_y"]], blue, rtol=1e-8)
    sector = hs.groupby("school", observed=True)["Sector"].first().loc[groups.index].astype(str)
    assert groups["level"].tolist() == sector.tolist()
    public = (sector == "Public").to_numpy(float)
    g = slopes.fixef()
    middle = np.column_stack([
        g["Intercept"] + g["Sector[T.Public]"] * public,
        g["ses"] + g["ses:Sector[T.Public]"] * public,
    ])  # fmt: skip
    assert_allclose(groups[["population_x", "population_y"]], middle, rtol=1e-10)
    assert_allclose(groups[["blup_x", "blup_y"]], middle + slopes.ranef().to_numpy(), rtol=1e-10)
    assert groups["n"].tolist() == hs["school"].value_counts().loc[groups.index].tolist()


def test_ellipses_are_those_of_G_and_of_gamma(slopes: hb.Fit) -> None:
    frame = hb.plots.beta_space_frame(slopes, prob=0.9)
    g, V = slopes.fixef(), slopes.vcov()
    terms = list(g.index)
    unit = np.eye(4)[[terms.index(t) for t in ("Intercept", "ses")]]
    more = np.eye(4)[[terms.index(t) for t in ("Sector[T.Public]", "ses:Sector[T.Public]")]]
    for level, W in (("Catholic", unit), ("Public", unit + more)):
        centre = W @ g.to_numpy()
        assert_allclose(frame.populations.loc[level], centre, rtol=1e-10)
        for kind, M, square in (
            ("G", slopes.theta.G[0, 0], 1.0),
            ("confidence", W @ V.to_numpy() @ W.T, stats.chi2(2).ppf(0.9)),
        ):
            own = frame.ellipses[(frame.ellipses["kind"] == kind)]
            own = own[own["level"] == level]
            away = own[PLANE].to_numpy() - centre
            inside = np.einsum("ni,ij,nj->n", away, np.linalg.inv(M), away)
            assert_allclose(inside, square, rtol=1e-6)


def test_a_posterior_has_several_ellipses(small_posterior: hb.Fit) -> None:
    frame = hb.plots.beta_space_frame(small_posterior)
    beta = small_posterior.draws("beta").mean(("chain", "draw"))
    assert_allclose(frame.groups[["blup_x", "blup_y"]], beta, rtol=1e-10)
    assert frame.populations.index.tolist() == [ALL]
    G = small_posterior.theta.G.reshape(-1, 2, 2)
    for kind, draw, M in (("draw of G", 24, G[-1]), ("G", 0, G.mean(axis=0))):
        own = frame.ellipses[(frame.ellipses["kind"] == kind) & (frame.ellipses["draw"] == draw)]
        away = own[PLANE].to_numpy() - frame.populations.to_numpy()
        assert_allclose(np.einsum("ni,ij,nj->n", away, np.linalg.inv(M), away), 1.0, rtol=1e-6)
    assert frame.ellipses.query("kind == 'draw of G'")["draw"].nunique() == 25
    w = small_posterior.design.rows.X[:, 2]
    mean = np.bincount(small_posterior.design.rows.codes, w) / np.bincount(
        small_posterior.design.rows.codes
    )
    g = small_posterior.fixef()
    assert_allclose(frame.populations.loc[ALL], [g["Intercept"] + g["w"] * mean.mean(), g["x"]])


def test_which_groups_and_effects(slopes: hb.Fit, hs: pd.DataFrame) -> None:
    whole = hb.plots.beta_space_frame(slopes)
    turned = hb.plots.beta_space_frame(slopes, effects=("ses", "Intercept"))
    assert_allclose(turned.groups[["blup_y", "blup_x"]], whole.groups[["blup_x", "blup_y"]])
    names = [whole.groups.index[k] for k in (7, 2)]
    few = hb.plots.beta_space_frame(slopes, groups=names)
    assert few.groups.index.tolist() == names[::-1]
    some = hb.plots.beta_space_frame(slopes, max_groups=5).groups
    ordered = whole.groups["n"].sort_values(kind="stable")
    assert sorted(some["n"]) == ordered.iloc[[0, 10, 20, 29, 39]].tolist()
    assert len(hb.plots.beta_space_frame(slopes, max_groups=500).groups) == 40


def test_a_group_without_a_line_has_no_blue(hs: pd.DataFrame) -> None:
    one = hs["school"].iloc[0]
    rest = hs[(hs["school"] != one) | (np.arange(len(hs)) == 0)]
    fit = hb.Model("mathach ~ ses + (1 + ses | school)", data=rest).reml()
    row = hb.plots.beta_space_frame(fit).groups.loc[one]
    assert row[["blue_x", "blue_y"]].isna().all() and row[["blup_x", "blup_y"]].notna().all()
    figure = hb.plots.plot_beta_space(fit)
    assert len(arrows_of(figure.axes[0])) == 39


# ---------------------------------------------------------------- populations


def two_factors() -> pd.DataFrame:
    rng = np.random.default_rng(2)
    g = np.repeat(np.arange(12), 6)
    return pd.DataFrame({
        "g": g, "x": rng.normal(size=72), "y": rng.normal(size=72),
        "f": np.array(["lo", "mid", "hi"])[g % 3], "b": g % 2 == 0, "z": (g > 5) * 1.0,
        "w": rng.normal(size=12)[g],
    })  # fmt: skip


@pytest.mark.parametrize(
    ("fixed", "labels"),
    [
        ("x", [ALL]),
        ("x * f", ["hi", "lo", "mid"]),
        ("x + x:f", ["hi", "lo", "mid"]),
        ("x + z", ["z = 0", "z = 1"]),
        ("x * b", ["b[T.True] = 0", "b[T.True] = 1"]),
        ("x + w", [ALL]),
        ("x + f + z + b", [ALL]),
    ],
)
def test_populations(fixed: str, labels: list[str]) -> None:
    data = two_factors()
    fit = hb.Model(f"y ~ {fixed} + (1 + x | g)", data=data).reml()
    found = populations(fit)
    if fixed == "x * b":
        labels = [label.replace("b[T.True]", fit.design.terms[2]) for label in labels]
    assert sorted(found.labels) == sorted(labels)
    average = np.stack([fit.groups_of.W[found.of == k].mean(axis=0) for k in range(len(labels))])
    assert_allclose(found.W, average, atol=1e-12)
    if "f" in fixed and len(labels) == 3:
        by_group = data.groupby("g")["f"].first()
        assert [found.labels[k] for k in found.of] == by_group.tolist()


def test_data_ellipses_are_of_the_points(slopes: hb.Fit) -> None:
    frame = hb.plots.beta_space_frame(slopes, spread=True)
    for kind in ("blue", "blup"):
        for level, rows in frame.groups.groupby("level"):
            points = rows[[f"{kind}_x", f"{kind}_y"]].to_numpy()
            centre, cov = points.mean(axis=0), np.cov(points.T)
            here = frame.ellipses[frame.ellipses["level"] == level]
            found = here[here["kind"] == kind.upper() + "s"]
            away = found[PLANE].to_numpy() - centre
            square = np.einsum("ni,ij,nj->n", away, np.linalg.inv(cov), away)
            assert_allclose(square, 1.0, rtol=1e-8)
    figure = hb.plots.plot_beta_space(slopes, spread=True)
    assert legend_of(figure)[-2:] == ["BLUEs, one sd", "BLUPs, one sd"]
    assert fits_in(figure)
    assert not {"BLUEs", "BLUPs"} & set(hb.plots.beta_space_frame(slopes).ellipses["kind"])


# ---------------------------------------------------------------- the drawing


def test_what_is_drawn(slopes: hb.Fit) -> None:
    before = dict(mpl.rcParams)
    frame, figure = hb.plots.beta_space_frame(slopes), hb.plots.plot_beta_space(slopes)
    assert dict(mpl.rcParams) == before
    ax = figure.axes[0]
    groups = frame.groups
    for _, ellipse in frame.ellipses.groupby(["kind", "level", "draw"]):
        assert shows(ax, ellipse["x"], ellipse["y"])
    assert shows(ax, groups["blue_x"], groups["blue_y"])
    assert shows(ax, groups["blup_x"], groups["blup_y"])
    for _, point in frame.populations.iterrows():
        assert shows(ax, point["x"], point["y"])
    assert len(lines_of(ax)) == 4 + 2 + 2
    assert_allclose(arrows_of(ax), groups[["blue_x", "blue_y", "blup_x", "blup_y"]], rtol=1e-10)
    assert ax.get_xlabel() == "Intercept" and ax.get_ylabel() == "Coefficient of ses"
    assert ax.get_title(loc="left") == "Beta space, REML"
    assert legend_of(figure) == [
        "BLUE (own least squares)", "BLUP", "population: Catholic", "population: Public",
        "95% confidence of γ", "G (one sd)",
    ]  # fmt: skip
    assert fits_in(figure)


def test_on_given_axes(slopes: hb.Fit) -> None:
    given = Figure().subplots(1, 2)
    assert hb.plots.plot_beta_space(slopes, ax=given[1]) is given[1].figure
    assert not lines_of(given[0]) and len(lines_of(given[1])) == 8
    assert given[1].get_legend() is not None


def test_posteriors_maxima_and_160_groups(
    small_posterior: hb.Fit, small: hb.Model, hsfull: pd.DataFrame
) -> None:
    figure = hb.plots.plot_beta_space(small_posterior)
    assert figure.axes[0].get_title(loc="left") == "Beta space, posterior"
    assert legend_of(figure) == [
        "BLUE (own least squares)", "posterior mean", "population", "95% of γ",
        "mean G (one sd)", "draws of G",
    ]  # fmt: skip
    assert hb.plots.plot_beta_space(small.ml()).axes[0].get_title(loc="left") == "Beta space, ML"
    assert hb.plots.plot_beta_space(small.map()).axes[0].get_title(loc="left") == "Beta space, MAP"
    whole = hb.Model("mathach ~ ses + (1 + ses | school)", data=hsfull).reml()
    figure = hb.plots.plot_beta_space(whole)
    assert len(arrows_of(figure.axes[0])) == 160 and fits_in(figure)


# ---------------------------------------------------------------- refusals


def test_refusals(slopes: hb.Fit, reml_fits: Cache[hb.Fit]) -> None:
    draw = hb.plots.plot_beta_space
    for call, message in (
        (lambda: draw(None),  # type: ignore[arg-type]
         "plot_beta_space() takes what model.reml(), ml(), map() or sample() returns, not an "
         "object of type NoneType"),
        (lambda: draw(reml_fits["oneway"]),
         "the model has one random effect ('Intercept'), and beta space needs two; shrinkage of "
         "one effect is shown by plot_shrinkage()"),
        (lambda: draw(slopes, effects=("Intercept", "sex")),
         "'sex' is no random effect of this model; they are: 'Intercept', 'ses'"),
        (lambda: draw(slopes, effects=("ses", "ses")),
         "effects must name two random effects, not ('ses', 'ses')"),
        (lambda: draw(slopes, effects="ses"), "effects must name two random effects, not 'ses'"),
        (lambda: draw(slopes, groups=["nowhere"]),
         "there is no group 'nowhere' in 'school'; they are: 1317, 1906, 2208, 2458, 2626, ..."),
        (lambda: draw(slopes, groups="1317"), "groups must be a list of group labels, not '1317'"),
        (lambda: draw(slopes, groups=["1317"], max_groups=2),
         "groups= and max_groups= are both stated; keep one"),
        (lambda: draw(slopes, groups=[]), "groups must be a list of group labels, not []"),
    ):  # fmt: skip
        with pytest.raises(StudyError) as refused:
            call()
        assert str(refused.value) == message


def test_a_legend_with_long_names_fits(hs: pd.DataFrame) -> None:
    fit = hb.Model("mathach ~ ses * Sector * HIMINTY", "~ 1 + ses | school", data=hs).reml()
    figure = hb.plots.plot_beta_space(fit)
    assert "population: Catholic, HIMINTY = 1" in legend_of(figure)
    assert len(figure.legends) == 1
    figure.draw_without_rendering()
    assert figure.legends[0].get_window_extent().x1 <= figure.bbox.x1


@pytest.mark.parametrize("few", [0, 2.5, True, "a"])
def test_a_number_of_groups_is_whole(few: Any, slopes: hb.Fit) -> None:
    with pytest.raises(StudyError) as refused:
        hb.plots.plot_beta_space(slopes, max_groups=few)
    assert str(refused.value) == f"max_groups must be a whole number of at least 1, not {few!r}"


@pytest.mark.parametrize("size", [3, "ab", (3, 3, 3), (-1, 1), (0, 1), (np.inf, 3), (3, "a")])
def test_a_figsize_is_two_positive_numbers(size: Any, slopes: hb.Fit) -> None:
    with pytest.raises(StudyError) as refused:
        hb.plots.plot_beta_space(slopes, figsize=size)
    assert str(refused.value) == f"figsize must be two positive numbers of inches, not {size!r}"


def test_a_figsize_may_be_an_array(slopes: hb.Fit) -> None:
    figure = hb.plots.plot_beta_space(slopes, figsize=np.array([4.0, 3.0]))  # type: ignore[arg-type]
    assert figure.get_size_inches().tolist() == [4.0, 3.0]
