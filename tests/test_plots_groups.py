"""Lines of a fit in each group, and caterpillars, against dense formulas."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose
from scipy import stats

import hierbayes as hb
from hierbayes.errors import IntervalError
from hierbayes.plots.look import BLUP
from tests.conftest import Cache
from tests.drawn import refused

pytestmark = pytest.mark.slow

plots = hb.plots


def line(frame: plots.Trellis, panel: object, name: str) -> pd.DataFrame:
    return frame.lines[(frame.lines["panel"] == panel) & (frame.lines["line"] == name)]


@pytest.fixture(scope="module", params=["REML", "ML", "MAP", "posterior"])
def small_fit(request: pytest.FixtureRequest, small: hb.Model) -> hb.Fit:
    if request.param == "posterior":
        posterior: hb.Fit = request.getfixturevalue("small_posterior")
        return posterior
    verbs = {"REML": small.reml, "ML": small.ml, "MAP": small.map}
    return verbs[request.param]()


# ---------------------------------------------------------------- lines of a fit


def test_three_lines_of_each_school(hs: pd.DataFrame, reml_fits: Cache[hb.Fit]) -> None:
    fit = reml_fits["intercepts_slopes"]  # mathach ~ ses * Sector
    frame = plots.trellis_frame(hs, "mathach ~ ses | school", fit=fit)
    gamma, u = fit.fixef(), fit.ranef()
    for school, rows in hs.groupby("school", observed=True):
        slope, intercept = np.polyfit(rows["ses"], rows["mathach"], 1)
        public = float(rows["Sector"].iloc[0] == "Public")
        middle = gamma["Intercept"] + public * gamma["Sector[T.Public]"]
        gain = gamma["ses"] + public * gamma["ses:Sector[T.Public]"]
        expected = {
            "BLUE": (intercept, slope),
            "BLUP": (middle + u.at[school, "Intercept"], gain + u.at[school, "ses"]),
            "population": (middle, gain),
        }
        for name, (height, rise) in expected.items():
            points = line(frame, school, name)
            assert_allclose(points["y"], height + rise * points["x"], rtol=1e-8)
            assert_allclose([points["x"].min(), points["x"].max()],
                            [rows["ses"].min(), rows["ses"].max()])  # fmt: skip


@pytest.mark.parametrize(
    ("name", "x", "formula"),
    [
        ("sleepstudy", "Days", "Reaction ~ Days + (1 + Days | Subject)"),
        ("orthodont", "age", "distance ~ age + (1 + age | Subject)"),
    ],
)
def test_lines_of_other_data(name: str, x: str, formula: str) -> None:
    data = hb.load_dataset(name)
    fit = hb.Model(formula, data=data).reml()
    frame = plots.trellis_frame(data, f"{formula.split()[0]} ~ {x} | Subject", fit=fit)
    coef = fit.coef()
    for subject, rows in data.groupby("Subject", observed=True):
        slope, intercept = np.polyfit(rows[x], rows[frame.y], 1)
        blue, blup = line(frame, subject, "BLUE"), line(frame, subject, "BLUP")
        assert_allclose(blue["y"], intercept + slope * blue["x"], rtol=1e-8)
        expected = coef.at[subject, "Intercept"] + coef.at[subject, x] * blup["x"]
        assert_allclose(blup["y"], expected, rtol=1e-10)


def test_other_variables_are_where_the_group_has_them(hs: pd.DataFrame) -> None:
    fit = hb.Model("mathach ~ ses + Sex + cvar(ses, school) + (1 | school)", data=hs).reml()
    frame = plots.trellis_frame(hs, "mathach ~ ses | school", fit=fit)
    gamma, u = fit.fixef(), fit.ranef()["Intercept"]
    for school, rows in hs.groupby("school", observed=True):
        shift = (
            gamma["Intercept"] + gamma["Sex[T.Male]"] * (rows["Sex"] == "Male").mean()
            + gamma["cvar(ses, school)"] * rows["ses"].mean()
        )  # fmt: skip
        points = line(frame, school, "population")
        assert_allclose(points["y"], shift + gamma["ses"] * points["x"], rtol=1e-10)
        points = line(frame, school, "BLUP")
        assert_allclose(points["y"], shift + u[school] + gamma["ses"] * points["x"], rtol=1e-10)
        # the mean of what γ leaves of the school's own rows
        rest = rows["mathach"].mean() - shift - gamma["ses"] * rows["ses"].mean()
        points = line(frame, school, "BLUE")
        assert_allclose(points["y"], shift + rest + gamma["ses"] * points["x"], rtol=1e-8)


def test_curves_are_curved() -> None:
    data = hb.load_dataset("sleepstudy")
    fit = hb.Model("Reaction ~ Days + I(Days**2) + (1 + Days | Subject)", data=data).reml()
    frame = plots.trellis_frame(data, "Reaction ~ Days | Subject", fit=fit, groups=["308"])
    gamma, points = fit.fixef(), line(frame, "308", "population")
    expected = (
        gamma["Intercept"] + gamma["Days"] * points["x"] + gamma["I(Days ** 2)"] * points["x"] ** 2
    )
    assert_allclose(points["y"], expected, rtol=1e-10)


def test_lines_by_every_engine(small_fit: hb.Fit, small_data: pd.DataFrame) -> None:
    frame = plots.trellis_frame(small_data, "y ~ x | g", fit=small_fit)
    gamma = small_fit.gamma_draws.mean(axis=(0, 1))
    u = small_fit.u_draws.mean(axis=(0, 1))
    for j, (group, rows) in enumerate(small_data.groupby("g")):
        points = line(frame, group, "BLUP")
        w = rows["w"].iloc[0]
        expected = gamma[0] + w * gamma[2] + u[j, 0] + (gamma[1] + u[j, 1]) * points["x"]
        assert_allclose(points["y"], expected, rtol=1e-9)
        slope, intercept = np.polyfit(rows["x"], rows["y"], 1)
        points = line(frame, group, "BLUE")
        assert_allclose(points["y"], intercept + slope * points["x"], rtol=1e-8)
    assert len(plots.plot_trellis(small_data, "y ~ x | g", fit=small_fit).axes) == 8


def test_rows_with_missing_values_are_those_of_the_fit(small_data: pd.DataFrame) -> None:
    data = small_data.copy()
    data.loc[3, "w"] = np.nan
    data.loc[9, "y"] = np.nan
    fit = hb.Model("y ~ x + w + (1 | g)", data=data).reml()
    frame = plots.trellis_frame(data, "y ~ x | g", fit=fit)
    complete = data.dropna()
    for group, rows in complete.groupby("g"):
        assert line(frame, group, "BLUP")["x"].max() == rows["x"].max()
    assert len(frame.points) == len(data) - 1  # a point needs x and y alone


def test_a_group_without_blue_has_no_blue_line(small_data: pd.DataFrame) -> None:
    data = small_data.drop(index=small_data.index[small_data["g"] == "a"][1:])
    fit = hb.Model("y ~ x + (1 + x | g)", data=data).reml()
    frame = plots.trellis_frame(data, "y ~ x | g", fit=fit)
    assert line(frame, "a", "BLUE").empty
    assert len(line(frame, "a", "BLUP")) == len(line(frame, "a", "population")) > 0


def test_drawn_lines_of_a_fit_are_the_frame(small_fit: hb.Fit, small_data: pd.DataFrame) -> None:
    frame = plots.trellis_frame(small_data, "y ~ x | g", fit=small_fit)
    figure = plots.plot_trellis(small_data, "y ~ x | g", fit=small_fit)
    for panel, group in zip(figure.axes, frame.panels.index, strict=True):
        drawn = [one for one in panel.lines if len(np.asarray(one.get_xdata())) == 13]
        assert len({str(one.get_color()) for one in drawn}) == 3
        for one, name in zip(drawn, ("BLUE", "BLUP", "population"), strict=True):
            assert_allclose(np.asarray(one.get_xydata()), line(frame, group, name)[["x", "y"]])


def test_a_fit_of_something_else(
    hs: pd.DataFrame, hsfull: pd.DataFrame, reml_fits: Cache[hb.Fit]
) -> None:
    fit = reml_fits["intercepts_slopes"]
    for data, formula, message in (
        (hs, "Size ~ ses | school",
         "the formula has the response 'Size' and the fit 'mathach'; lines of a fit need both "
         "alike"),
        (hs, "mathach ~ ses | Sector",
         "the formula has the group 'Sector' and the fit 'school'; lines of a fit need both alike"),
        (hs, "mathach ~ PRACAD | school",
         "'PRACAD' is no variable of the model; its variables are: 'ses', 'Sector'"),
        (hsfull, "mathach ~ ses | school",
         "these data have 7185 rows and those of the fit 1977; give the data of the fit"),
        (hs.assign(mathach=hs["mathach"] + 1.0), "mathach ~ ses | school",
         "'mathach' or 'school' differ from those of the fit; give the data of the fit"),
    ):  # fmt: skip
        refused(
            lambda data=data, formula=formula: plots.trellis_frame(data, formula, fit=fit),  # type: ignore[misc]
            hb.StudyError, message,
        )  # fmt: skip


# ---------------------------------------------------------------- caterpillar


def dense(fit: hb.Fit, given_gamma: bool) -> np.ndarray:
    """Cov(u | y) given θ̂ (Jq, Jq), from V, with γ given or estimated."""
    design = fit.design
    q, J, X = len(design.effects), design.J, design.rows.X
    Z = np.zeros((design.n, J * q))
    for i, j in enumerate(design.rows.codes):
        Z[i, j * q : (j + 1) * q] = design.rows.Z[i]
    G = np.kron(np.eye(J), fit.theta.G[0, 0])
    P = np.linalg.inv(Z @ G @ Z.T + fit.sigma**2 * np.eye(len(X)))
    if not given_gamma:
        P = P - P @ X @ np.linalg.inv(X.T @ P @ X) @ X.T @ P
    return G - G @ Z.T @ P @ Z @ G


@pytest.fixture(scope="module")
def small_reml(small: hb.Model) -> hb.Fit:
    return small.reml()


@pytest.mark.parametrize("given_gamma", [True, False])
def test_limits_are_dense(small_reml: hb.Fit, given_gamma: bool) -> None:
    found = plots.caterpillar_frame(small_reml, given_gamma=given_gamma, prob=0.9)
    sd = np.sqrt(np.diag(dense(small_reml, given_gamma))).reshape(-1, 2)
    half = stats.norm.ppf(0.95) * sd
    for k, effect in enumerate(small_reml.design.effects):
        rows = found.frame[found.frame["effect"] == effect].set_index("group")
        rows = rows.loc[small_reml.design.groups]
        u = small_reml.ranef()[effect]
        assert_allclose(rows["estimate"], u, rtol=1e-12)
        assert_allclose(rows["lower"], u - half[:, k], rtol=1e-7)
        assert_allclose(rows["upper"], u + half[:, k], rtol=1e-7)
    words = "θ̂ and γ̂" if given_gamma else "θ̂, γ estimated"
    assert found.interval == f"90%, ±1.64 sd given {words}"


def test_posterior_intervals_are_quantiles(small_posterior: hb.Fit) -> None:
    found = plots.caterpillar_frame(small_posterior, prob=0.8)
    draws = small_posterior.u_draws.reshape(-1, 8, 2)
    for k, effect in enumerate(small_posterior.design.effects):
        rows = found.frame[found.frame["effect"] == effect]
        places = small_posterior.design.groups.get_indexer(rows["group"])
        assert_allclose(rows["estimate"], draws[:, places, k].mean(axis=0), rtol=1e-10)
        limits = np.quantile(draws[:, places, k], [0.1, 0.9], axis=0)
        assert_allclose(rows[["lower", "upper"]], limits.T, rtol=1e-10)
    assert found.interval == "80% equal-tailed posterior intervals"


def test_order_and_choice(reml_fits: Cache[hb.Fit]) -> None:
    fit = reml_fits["intercepts_slopes"]
    u = fit.ranef()
    own = plots.caterpillar_frame(fit).frame
    for effect in ("Intercept", "ses"):
        rows = own[own["effect"] == effect]
        assert rows["group"].tolist() == u[effect].sort_values(kind="stable").index.tolist()
        assert rows["position"].tolist() == list(range(40))
    common = plots.caterpillar_frame(fit, order="Intercept").frame
    assert common.loc[common["effect"] == "ses", "group"].tolist() == (
        u["Intercept"].sort_values(kind="stable").index.tolist()
    )
    some = plots.caterpillar_frame(fit, effects=["ses"], groups=["7688", "1317"]).frame
    assert some["group"].tolist() == ["1317", "7688"]
    assert some["n"].tolist() == [48, 54]
    assert len(plots.caterpillar_frame(fit, max_groups=10).frame) == 20


def test_drawn_caterpillar_is_the_frame(small_fit: hb.Fit) -> None:
    frame = plots.caterpillar_frame(small_fit).frame
    figure = plots.plot_caterpillar(small_fit)
    for panel, effect in zip(figure.axes, small_fit.design.effects, strict=True):
        rows = frame[frame["effect"] == effect]
        (bars,) = panel.collections
        ends = np.array([segment[:, 0] for segment in bars.get_segments()])  # type: ignore[attr-defined]
        assert_allclose(ends, rows[["lower", "upper"]])
        away = (rows["lower"] > 0.0) | (rows["upper"] < 0.0)
        filled, hollow = panel.lines[:2]
        assert {filled.get_markeredgecolor(), hollow.get_markeredgecolor()} == {BLUP.color}
        assert_allclose(np.asarray(filled.get_xdata()), rows.loc[away, "estimate"])
        assert_allclose(np.asarray(hollow.get_xdata()), rows.loc[~away, "estimate"])
        assert [label.get_text() for label in panel.get_yticklabels()] == rows["group"].tolist()


def test_many_groups_are_named_at_the_ends(hsfull: pd.DataFrame) -> None:
    fit = hb.Model("mathach ~ ses + (1 | school)", data=hsfull).reml()
    u = fit.ranef()["Intercept"].sort_values()
    (panel,) = plots.plot_caterpillar(fit).axes
    assert [text.get_text() for text in panel.texts] == [
        ", ".join(u.index[:3]), ", ".join(u.index[:-4:-1])
    ]  # fmt: skip
    assert panel.get_ylabel() == "160 groups in order"
    assert len(panel.get_yticks()) == 0


def test_no_variance_is_said(hs: pd.DataFrame) -> None:
    rng = np.random.default_rng(1)
    data = pd.DataFrame({"g": np.repeat(np.arange(6), 10), "y": rng.normal(size=60)})
    data["y"] -= data.groupby("g")["y"].transform("mean")
    fit = hb.Model("y ~ 1 + (1 | g)", data=data).reml()
    assert fit.theta.G[0, 0, 0, 0] < 1e-12
    (panel,) = plots.plot_caterpillar(fit).axes
    assert [text.get_text() for text in panel.texts] == ["no variance: 0 in every group"]


def test_what_is_no_caterpillar(hs: pd.DataFrame, small_reml: hb.Fit) -> None:
    refused(
        lambda: plots.caterpillar_frame(hs),
        hb.StudyError,
        "plot_caterpillar() takes what model.reml(), ml(), map() or sample() returns, not an "
        "object of type DataFrame",
    )
    for more, message in (
        ({"effects": ["z"]}, "'z' is no random effect of this model; they are: 'Intercept', 'x'"),
        ({"effects": "x"}, "effects must be a list of random effects, not 'x'"),
        ({"order": "z"}, "'z' is no random effect of this model; they are: 'Intercept', 'x'"),
        ({"groups": ["z"]}, "there is no group 'z' in 'g'; they are: a, b, c, d, e, ..."),
        ({"max_groups": 0}, "max_groups must be a whole number of at least 1, not 0"),
    ):
        refused(
            lambda more=more: plots.caterpillar_frame(small_reml, **more),  # type: ignore[misc]
            hb.StudyError, message,
        )  # fmt: skip
    refused(
        lambda: plots.caterpillar_frame(small_reml, prob=95),
        IntervalError, "prob must lie between 0 and 1, not 95",
    )  # fmt: skip
