"""Pictures of responses that one curve does not tell: nominal categories, zeros of columns."""

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from scipy.special import expit, logit

import hierbayes as hb
from hierbayes import plots
from hierbayes.plots.effects import effects_frame
from hierbayes.plots.plane import plane_frame

mpl.use("Agg")


def _data() -> pd.DataFrame:
    rng = np.random.default_rng(3)
    g, x, w = np.repeat(np.arange(20), 9), rng.normal(size=180), rng.normal(size=180)
    eta = 0.5 + 0.5 * x + 0.5 * rng.normal(size=20)[g]
    zero = rng.random(180) < expit(-1.0 + x)
    count = np.where(zero, 0, 1 + rng.poisson(np.exp(eta)))
    arm = np.where(rng.random(180) < 0.5, "a", "b")
    return pd.DataFrame(
        {"g": g, "x": x, "w": w, "arm": arm, "c": count, "z": (count == 0) * 1,
         "way": rng.choice(["bus", "car", "walk"], 180)}
    )  # fmt: skip


DATA = _data()


@pytest.fixture(scope="module")
def nominal() -> hb.PointFit:
    return hb.Model("way ~ x + arm + (1 | g)", DATA, family="categorical").ml()


@pytest.fixture(scope="module")
def hurdle() -> hb.PointFit:
    family = hb.families.Hurdle(hb.families.Poisson(), "~ x + arm")
    return hb.Model("c ~ x + w + (1 | g)", DATA, family=family).ml()


def test_nominal_categories_have_a_curve_each(nominal: hb.PointFit) -> None:
    found = effects_frame(nominal, DATA, "x", by="arm").frame
    names = [f"probability of way = {one}" for one in ("bus", "car", "walk")]
    assert found["of"].unique().tolist() == names
    grid = hb.datagrid(nominal, DATA, x=found["x"].iloc[[0, 30]].tolist(), arm=["a", "b"])
    table = hb.predictions(nominal, grid, effects="none").table
    for _, row in table.iterrows():
        name = f"probability of way = {row['category']}"
        own = found[(found["of"] == name) & (found["by"] == row["arm"]) & (found["x"] == row["x"])]
        for column in ("estimate", "se", "lower", "upper"):
            assert own[column].item() == pytest.approx(row[column], rel=1e-6)
    figure = plots.plot_effects(nominal, None, "x", by="arm")
    assert [one.get_ylabel() for one in figure.axes] == names
    notes = [one.get_text() for axes in figure.axes for one in axes.texts]
    assert len(notes) == 1 and notes[0].endswith("where u = 0")


def test_averages_over_a_factor_are_of_each_linear_predictor(nominal: hb.PointFit) -> None:
    found = effects_frame(nominal, DATA, "x").frame
    at = found["x"].iloc[0]
    eta = [nominal.predict(DATA.assign(x=at), effects="none", scale="linear").mean().to_numpy()]
    whole = np.append(0.0, eta)
    wanted = np.exp(whole) / np.exp(whole).sum()
    np.testing.assert_allclose(found[found["x"] == at]["estimate"], wanted)


def test_zeros_of_columns_have_a_curve_beside_the_response(hurdle: hb.PointFit) -> None:
    found = effects_frame(hurdle, DATA, "x", by="arm").frame
    rows = pd.DataFrame({"x": found["x"], "arm": found["by"], "w": DATA["w"].mean()})
    count, zero = (found[found["of"] == one] for one in found["of"].unique())
    assert zero["of"].iloc[0] == "probability of c = 0"
    wanted = hurdle.predict(rows.iloc[: len(count)], effects="none")
    np.testing.assert_allclose(count["estimate"], wanted)
    alone = hb.Model("z ~ x + arm", DATA, family="bernoulli").ml()  # the likelihood falls apart
    X = np.column_stack([np.ones(len(zero)), zero["by"] == "b", zero["x"]])
    gamma, V = (one.loc[["Intercept", "arm[T.b]", "x"]] for one in (alone.fixef(), alone.vcov()))
    V = V[gamma.index].to_numpy()
    eta, se = X @ gamma.to_numpy(), np.sqrt(np.einsum("ip,pr,ir->i", X, V, X))
    np.testing.assert_allclose(zero["estimate"], expit(eta), rtol=1e-5)
    np.testing.assert_allclose(zero["upper"], expit(eta + 1.959963984540054 * se), rtol=1e-4)
    figure = plots.plot_effects(hurdle, DATA, "x")
    assert [axes.get_ylabel() for axes in figure.axes] == [
        "expected count of c", "probability of c = 0",
    ]  # fmt: skip


def test_limits_of_a_response_with_zeros_count_both_parts(hurdle: hb.PointFit) -> None:
    found = effects_frame(hurdle, DATA, "x").frame.iloc[[10]]
    z = 1.959963984540054
    se_log = found["se"].item() / found["estimate"].item()
    assert np.log(found["upper"] / found["estimate"]).item() == pytest.approx(z * se_log)
    positive = hb.Model(
        "c ~ x + w + (1 | g)", DATA, family=hb.families.Hurdle(hb.families.Poisson())
    ).ml()  # the part above 0 alone
    above = effects_frame(positive, DATA, "x").frame.iloc[[10]]
    alone = (np.log(above["upper"]) - np.log(above["lower"])).item() / (2.0 * z)
    assert se_log > alone > 0.0


def test_a_variable_of_the_zeros_alone_is_shown(hurdle: hb.PointFit) -> None:
    found = effects_frame(hurdle, DATA, "arm")
    count, zero = (found.frame[found.frame["of"] == one] for one in found.frame["of"].unique())
    keep = 1.0 - zero["estimate"].to_numpy()
    ratio = count["estimate"].to_numpy() / keep
    assert ratio[0] == pytest.approx(ratio[1])  # what is above 0 does not depend on the arm
    assert logit(zero["estimate"]).diff().iloc[1] == pytest.approx(
        hurdle.phi_draws[0, 0, -1], abs=1e-8
    )
    with pytest.raises(hb.StudyError) as refused:
        effects_frame(hurdle, DATA, "g")
    assert str(refused.value) == (
        "'g' is no variable of the fixed part, nor of the zeros; its variables are: 'x', 'w', 'arm'"
    )


def test_surfaces_have_the_zeros_of_averaged_rows(hurdle: hb.PointFit) -> None:
    point = plane_frame(hurdle, DATA, "x", "w", at={"arm": "a"}).surface.iloc[5]
    row = pd.DataFrame({"x": [point["x"]], "w": [point["w"]], "arm": ["a"]})
    assert point["y"] == pytest.approx(hurdle.predict(row, effects="none").item())


@pytest.mark.slow
def test_draws_have_curves_of_their_own() -> None:
    fit = hb.Model("way ~ x + (1 | g)", DATA, family="categorical").sample(
        draws=50, tune=100, chains=2, seed=1, progress=False
    )
    found = effects_frame(fit, None, "x").frame
    at = found["x"].iloc[7]
    gamma = fit.draws("gamma").to_numpy().reshape(100, 4)
    whole = np.column_stack([np.zeros(100), gamma[:, ::2] + gamma[:, 1::2] * at])
    p = np.exp(whole) / np.exp(whole).sum(axis=1, keepdims=True)
    own = found[found["x"] == at]
    np.testing.assert_allclose(own["estimate"], p.mean(axis=0))
    np.testing.assert_allclose(own["lower"], np.quantile(p, 0.025, axis=0))


def test_gaps_of_nominal_categories_are_of_one_of_them(nominal: hb.PointFit) -> None:
    with pytest.raises(hb.StudyError, match=r"name one in category=.* 'bus' .* 'car', 'walk'; hb"):
        plots.plot_gap(nominal, DATA, "x", "arm")
    (axes,) = plots.plot_gap(nominal, DATA, "x", "arm", category="walk").axes
    assert axes.get_ylabel() == "difference in log odds of way = walk against bus"
    found = plots.gap_frame(nominal, DATA, "x", "arm", category="walk").frame
    np.testing.assert_allclose(found["estimate"], nominal.fixef()["walk: arm[T.b]"])
    se = nominal.vcov().loc["walk: arm[T.b]", "walk: arm[T.b]"] ** 0.5
    np.testing.assert_allclose(found["se"], se)


def test_a_response_of_one_predictor_has_no_category(hurdle: hb.PointFit) -> None:
    with pytest.raises(hb.StudyError, match="category= is of nominal responses"):
        plots.plot_gap(hurdle, DATA, "x", "w", levels=(0.0, 1.0), category="walk")


def test_a_curve_without_random_effects_is_of_no_u() -> None:
    fit = hb.Model("z ~ x", DATA, family="bernoulli").ml()
    assert plots.plot_effects(fit, None, "x").axes[0].get_ylabel() == "probability of z"
