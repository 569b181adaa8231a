"""Estimators in beta space: ellipses against covariances by hand, shadows against t intervals."""

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
from hierbayes.frames.arrays import Floats
from hierbayes.studies.estimators.method import Method
from tests.drawn import fits_in, legend_of, lines_of, shows

pytestmark = pytest.mark.slow

LEVELS = ["Catholic", "Public", "Public − Catholic"]
DIFFERENCE = LEVELS[2]


@pytest.fixture(scope="module")
def six(hs: pd.DataFrame) -> hb.Estimators:
    return hb.estimators("mathach ~ ses * Sector", group="school", data=hs)


@pytest.fixture(scope="module")
def plain(hsfull: pd.DataFrame) -> hb.Estimators:
    return hb.estimators("mathach ~ ses", group="school", data=hsfull)


def own_lines(data: pd.DataFrame) -> pd.DataFrame:
    """Intercept, slope, level and (X'X)⁻¹ of each school."""
    rows = []
    for label, own in data.groupby("school", observed=True):
        X = np.column_stack([np.ones(len(own)), own["ses"]])
        beta = np.linalg.lstsq(X, own["mathach"].to_numpy(), rcond=None)[0]
        rest = own["mathach"].to_numpy() - X @ beta
        rows.append((label, own["Sector"].iloc[0], *beta, np.linalg.inv(X.T @ X), rest @ rest))
    names = ["group", "level", "intercept", "slope", "inverse", "square"]
    return pd.DataFrame(rows, columns=names).set_index("group")


def by_hand(data: pd.DataFrame) -> dict[str, dict[str, tuple[Floats, Floats, float]]]:
    """Line, covariance and df of methods 1, 2a and 3 in both sectors and of their difference."""
    n, lines = len(data), own_lines(data)
    J = len(lines)
    X = np.column_stack([np.ones(n), data["ses"]])
    y, public = data["mathach"].to_numpy(), (data["Sector"] == "Public").to_numpy()
    fits = {lev: np.linalg.lstsq(X[s], y[s], rcond=None)[0]
            for lev, s in (("Catholic", ~public), ("Public", public))}  # fmt: skip
    rest = sum(((y[s] - X[s] @ fits[lev]) ** 2).sum()
               for lev, s in (("Catholic", ~public), ("Public", public)))  # fmt: skip
    s2 = rest / (n - 4)
    within = lines["square"].sum() / (n - 2 * J)
    by_level = lines.groupby("level", observed=True)[["intercept", "slope"]]
    E = sum((part.cov().to_numpy() * (len(part) - 1) for _, part in by_level)) / (J - 2)
    made: dict[str, dict[str, tuple[Floats, Floats, float]]] = {"1": {}, "2a": {}, "3": {}}
    for level, s in (("Catholic", ~public), ("Public", public)):
        own = lines[lines["level"] == level]
        mean, count = own[["intercept", "slope"]].to_numpy().mean(axis=0), len(own)
        made["1"][level] = fits[level], s2 * np.linalg.inv(X[s].T @ X[s]), n - 4.0
        average = within * np.stack(list(own["inverse"])).sum(axis=0) / count**2
        made["2a"][level] = mean, average, n - 2.0 * J
        made["3"][level] = mean, E / count, J - 2.0
    for levels in made.values():
        (a, A, df), (b, B, _) = levels["Catholic"], levels["Public"]
        levels[DIFFERENCE] = b - a, A + B, df
    return made


# ---------------------------------------------------------------- the frame


def test_ellipses_by_hand(six: hb.Estimators, hs: pd.DataFrame) -> None:
    frame = hb.plots.estimators_frame(six)
    for key, levels in by_hand(hs).items():
        for level, (value, cov, df) in levels.items():
            row = frame.centres.loc[(level, key)]
            assert_allclose(row[["intercept", "slope", "df"]], [*value, df], rtol=1e-8)
            own = frame.ellipses.query("level == @level and method == @key")
            away = own[["x", "y"]].to_numpy(dtype=float) - value
            square = np.einsum("ni,ij,nj->n", away, np.linalg.inv(cov), away)
            assert_allclose(square, 2.0 * stats.f(2, df).ppf(0.95), rtol=1e-7)


def test_the_hierarchical_ellipse_is_that_of_its_fit(six: hb.Estimators) -> None:
    frame = hb.plots.estimators_frame(six, methods=("5",))
    fit = six.fits["5"]
    terms = list(fit.fixef().index)
    weights = np.zeros((2, len(terms)))
    weights[0, terms.index("Sector[T.Public]")] = 1.0
    weights[1, terms.index("ses:Sector[T.Public]")] = 1.0
    value, cov = weights @ fit.fixef().to_numpy(), weights @ fit.vcov().to_numpy() @ weights.T
    own = frame.ellipses.query("level == @DIFFERENCE")[["x", "y"]].to_numpy(dtype=float)
    df = float(frame.centres.loc[(DIFFERENCE, "5"), "df"])
    square = np.einsum("ni,ij,nj->n", own - value, np.linalg.inv(cov), own - value)
    assert_allclose(square, 2.0 * stats.f(2, df).ppf(0.95), rtol=1e-6)


def test_shadows_are_the_t_intervals_of_the_table(six: hb.Estimators) -> None:
    frame = hb.plots.estimators_frame(six, kind="shadow", prob=0.9)
    quantities = dict(zip(LEVELS, six.methods["1"].quantities.index, strict=True))
    for level, quantity in quantities.items():
        for key, method in six.methods.items():
            stated = method.quantities.loc[quantity]
            half = stats.t(stated["df"]).ppf(0.95) * stated["se"]
            row = frame.centres.loc[(level, key)]
            limits = [stated["estimate"] - half, stated["estimate"] + half]
            assert_allclose(row[["slope_lower", "slope_upper"]], limits, rtol=1e-7)
            own = frame.ellipses.query("level == @level and method == @key")["y"]
            if len(own):
                assert_allclose([own.min(), own.max()], limits, rtol=2e-3)
    assert set(frame.ellipses["method"]) == {"1", "2a", "3", "4", "5"}


def test_both_kinds_of_ellipses_about_the_same_centres(six: hb.Estimators) -> None:
    both = hb.plots.estimators_frame(six, kind="both", methods=("1", "3"))
    for kind in ("confidence", "shadow"):
        alone = hb.plots.estimators_frame(six, kind=kind, methods=("1", "3"))
        pd.testing.assert_frame_equal(
            both.ellipses.query("kind == @kind").reset_index(drop=True), alone.ellipses
        )
    pd.testing.assert_frame_equal(both.centres, alone.centres)
    figure = hb.plots.plot_estimators(six, kind="both", methods=("1", "3"))
    widths = {
        line.get_linewidth() for line in figure.axes[0].lines if np.size(line.get_xdata()) > 50
    }
    assert widths == {0.8, 1.6}


def test_methods_with_slopes_only(six: hb.Estimators) -> None:
    centres = hb.plots.estimators_frame(six).centres
    intercepts = centres["intercept"].isna().groupby("method").all()
    assert intercepts[intercepts].index.tolist() == ["2b", "6"]
    stated = six.methods["6"].quantities.iloc[2]
    half = stats.t(stated["df"]).ppf(0.975) * stated["se"]
    row = centres.loc[(DIFFERENCE, "6")]
    expected = [stated["estimate"], stated["estimate"] - half, stated["estimate"] + half]
    assert_allclose(row[["slope", "slope_lower", "slope_upper"]], expected, rtol=1e-10)


def test_groups_are_least_squares_lines(six: hb.Estimators, hs: pd.DataFrame) -> None:
    ours, theirs = hb.plots.estimators_frame(six).groups, own_lines(hs)
    theirs = theirs.loc[ours.index]
    columns = ["intercept", "slope"]
    assert_allclose(ours[columns], theirs[columns].astype(float), rtol=1e-8)
    assert ours["level"].tolist() == theirs["level"].tolist()


@pytest.mark.parametrize("key", ["1", "2a", "2b", "3", "4", "5", "6"])
def test_covariances_agree_with_standard_errors(six: hb.Estimators, key: str) -> None:
    method: Method = six.methods[key]
    assert method.lines_cov.index.equals(method.lines.index)
    assert_allclose(np.sqrt(np.diag(method.lines_cov)), method.lines["se"], rtol=1e-10)


def test_three_levels_are_in_their_order() -> None:
    rng = np.random.default_rng(8)
    g = np.repeat(np.arange(18), 8)
    level = np.array(["c", "a", "b"])[g % 3]
    x = rng.normal(size=144) + rng.normal(size=18)[g]
    y = x * (1.0 + (level == "b")) + rng.normal(size=18)[g] + rng.normal(size=144)
    data = pd.DataFrame({"y": y, "x": x, "f": level, "g": g})
    six = hb.estimators("y ~ x * f", group="g", data=data)
    frame, figure = hb.plots.estimators_frame(six), hb.plots.plot_estimators(six)
    assert frame.groups["level"].tolist() == data.groupby("g")["f"].first().tolist()
    levels = list(dict.fromkeys(frame.centres.index.get_level_values("level")))
    assert levels == ["a", "b", "c", "b − a", "c − a"]
    assert [ax.get_title(loc="left") for ax in figure.axes] == levels  # in two rows
    assert [bool(ax.get_ylabel()) for ax in figure.axes] == [True, False, False, True, False]
    assert fits_in(figure)
    for key in ("1", "3", "5"):
        one = frame.centres.xs(key, level="method")["slope"]
        assert_allclose(one["c − a"], one["c"] - one["a"], rtol=1e-10)


# ---------------------------------------------------------------- the drawing


def test_what_is_drawn(six: hb.Estimators) -> None:
    before = dict(mpl.rcParams)
    frame, figure = hb.plots.estimators_frame(six), hb.plots.plot_estimators(six)
    assert dict(mpl.rcParams) == before
    assert [ax.get_title(loc="left") for ax in figure.axes] == LEVELS
    for ax, level in zip(figure.axes, LEVELS, strict=True):
        for _, own in frame.ellipses.query("level == @level").groupby("method"):
            assert shows(ax, own["x"], own["y"])
        for _, row in frame.centres.loc[level].dropna().iterrows():
            assert shows(ax, row["intercept"], row["slope"])
        groups = frame.groups[frame.groups["level"] == level]
        if len(groups):
            assert shows(ax, groups["intercept"], groups["slope"])
        low, high = np.transpose([ax.get_xlim(), ax.get_ylim()])
        seen = frame.ellipses.query("level == @level")[["x", "y"]].to_numpy(dtype=float)
        assert ((seen > low) & (seen < high)).all()
    assert figure.axes[0].get_xlim() == figure.axes[1].get_xlim()
    assert figure.axes[0].get_ylim() == figure.axes[1].get_ylim()
    labels = [method.label for method in six.methods.values()]
    assert legend_of(figure) == [*labels, "each group's own line"]
    assert figure.get_suptitle() == "95% confidence ellipses"
    assert fits_in(figure)


def test_chosen_methods_as_in_figures_4_to_7(six: hb.Estimators) -> None:
    figure = hb.plots.plot_estimators(six, methods=("1", "3"), kind="shadow", prob=0.9)
    # groups, two ellipses, two centres; differences have two lines at zero and no groups
    assert [len(lines_of(ax)) for ax in figure.axes] == [5, 5, 6]
    (left, right), (low, high) = figure.axes[2].get_xlim(), figure.axes[2].get_ylim()
    assert left < 0.0 < right and low < 0.0 < high
    assert legend_of(figure) == ["1 pooled OLS", "3 two-stage", "each group's own line"]
    assert figure.get_suptitle() == "90% intervals as shadows of ellipses"


def test_one_level_and_given_axes(plain: hb.Estimators) -> None:
    figure = hb.plots.plot_estimators(plain)
    assert [ax.get_title(loc="left") for ax in figure.axes] == ["All groups"]
    assert fits_in(figure)
    given = Figure().subplots()
    assert hb.plots.plot_estimators(plain, ax=given) is given.figure
    assert lines_of(given)[0].shape == (160, 2)


def test_groups_far_off_are_counted(hs: pd.DataFrame) -> None:
    far = hs[["mathach", "ses", "school"]].copy()
    first = far["school"] == far["school"].iloc[0]
    rows = far.index[first][:2]
    far = far[~first | far.index.isin(rows)]
    far.loc[rows, "ses"] = [0.0, 1e-3]
    far.loc[rows, "mathach"] = [5.0, 20.0]
    figure = hb.plots.plot_estimators(hb.estimators("mathach ~ ses", group="school", data=far))
    assert legend_of(figure)[-1] == "each group's own line (1 out of sight)"


def test_refusals(six: hb.Estimators) -> None:
    wrong: Any = six.fits["5"]
    with pytest.raises(StudyError) as other:
        hb.plots.plot_estimators(wrong)
    assert str(other.value) == (
        "plot_estimators() takes what hb.estimators() returns, not an object of type PointFit"
    )
    for changed, message in (
        ({"kind": "ellipse"}, "kind must be 'confidence', 'shadow' or 'both', not 'ellipse'"),
        ({"methods": ("1", "7")},
         "there is no method '7'; they are: '1', '2a', '2b', '3', '4', '5', '6'"),
        ({"methods": "2a"}, "methods must be a list of keys, not '2a'"),
        ({"methods": ()}, "methods names none; leave it out for all of them"),
        ({"ax": Figure().subplots()},
         "this picture has 3 panels, and ax has 1; give as many axes, or leave ax out"),
    ):  # fmt: skip
        with pytest.raises(StudyError) as refused:
            hb.plots.plot_estimators(six, **changed)
        assert str(refused.value) == message
