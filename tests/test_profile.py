"""Profile likelihood against lme4, and against dense matrices and a general optimiser."""

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.optimize import minimize

import hierbayes as hb
from hierbayes.errors import IntervalError
from hierbayes.estimation.newton import Minimum, Objective
from hierbayes.estimation.newton import minimise as minimise_held
from hierbayes.inference.profiles.held import Held
from hierbayes.inference.profiles.parameter import estimates_of, parameters_of
from hierbayes.likelihood.reading import ML, REML, Reading
from tests import dense
from tests.conftest import MODELS, REFERENCE, Cache, spelled

pytestmark = pytest.mark.slow

CRITICAL = 3.841458820694124
PROFILES = json.loads((REFERENCE / "profiles.json").read_text(encoding="utf-8"))["profile95_ML"]


@pytest.mark.parametrize("name", MODELS)
def test_bounds_of_lme4(name: str, ml_fits: Cache[hb.PointFit]) -> None:
    """To 0.2 % of the half-width, as far as lme4's splines are good."""
    limits = hb.profile(ml_fits[name]).intervals()
    assert len(limits) == len(PROFILES[name])
    for row in PROFILES[name]:
        ours = limits.loc[(row["block"], spelled(row["parameter"]))]
        half = (row["upper"] - row["lower"]) / 2.0
        assert ours["lower"] == pytest.approx(row["lower"], abs=2e-3 * half)
        assert ours["upper"] == pytest.approx(row["upper"], abs=2e-3 * half)
        ends = {(False, False): "", (True, False): "lower", (True, True): "both"}
        if row["block"] == "sd":
            assert ours["boundary"] == ends[row["lower"] == 0.0, False]
        else:
            assert ours["boundary"] == ("both" if row["block"] == "corr" else "")


def test_a_reml_fit_profiled_on_the_ml_deviance(
    reml_fits: Cache[hb.PointFit], ml_fits: Cache[hb.PointFit]
) -> None:
    name = "random_coefficients"
    ours = hb.profile(reml_fits[name], deviance="ml").intervals()
    theirs = hb.profile(ml_fits[name]).intervals()
    columns = ["lower", "estimate", "upper"]
    np.testing.assert_allclose(ours[columns], theirs[columns], rtol=1e-9)
    assert set(ours["criterion"]) == {"ML deviance"}


def test_criteria_of_a_reml_fit_are_named(reml_fits: Cache[hb.PointFit]) -> None:
    profile = hb.profile(reml_fits["oneway"])
    criteria = profile.intervals()["criterion"]
    assert criteria.loc["gamma"].tolist() == ["ML deviance"]
    assert set(criteria.drop(index="gamma", level="block")) == {"REML criterion"}
    assert criteria.tolist() == profile.table["criterion"].groupby(
        level=["block", "parameter"], sort=False
    ).first().tolist()  # fmt: skip


# ---------------------------------------------------------------- dense, on small data


@pytest.fixture(scope="module")
def small() -> pd.DataFrame:
    generator = np.random.default_rng(5)
    g = np.repeat(np.arange(9), [3, 4, 5, 6, 3, 4, 5, 6, 4])
    x = generator.normal(size=len(g)) + 1.0
    u = generator.normal(size=(9, 2)) * [1.2, 0.9]
    y = 1.0 + 0.5 * x + u[g, 0] + u[g, 1] * x + 0.7 * generator.normal(size=len(g))
    return pd.DataFrame({"y": y, "x": x, "g": g.astype(str)})


@pytest.fixture(scope="module")
def small_model(small: pd.DataFrame) -> hb.Model:
    return hb.Model("y ~ x + (1 + x | g)", data=small)


def best_held(model: hb.Model, block: str, at: int, value: float, reading: Reading) -> float:
    """−2ℓ at its best over all but one parameter, by dense matrices and Nelder–Mead."""
    design = model.problem.design
    rows = dense.Rows(design.rows.y, design.rows.X, design.rows.Z, design.rows.codes)
    if block == "gamma":
        rest = np.delete(design.rows.X, at, axis=1)
        rows = dense.Rows(
            design.rows.y - design.rows.X[:, at] * value, rest, design.rows.Z, design.rows.codes
        )

    def deviance(free: np.ndarray) -> float:
        log_sd, z, log_sigma = free[:2].copy(), free[2], free[3]
        sd, rho, sigma = np.exp(log_sd), np.tanh(z), np.exp(log_sigma)
        if block == "sd":
            sd[at] = value
        rho = value if block == "corr" else rho
        sigma = value if block == "sigma" else sigma
        G = np.array([[sd[0] ** 2, rho * sd[0] * sd[1]], [rho * sd[0] * sd[1], sd[1] ** 2]])
        return -2.0 * dense.log_density(rows, G, float(sigma), reading)

    start = np.array([0.0, 0.0, 0.1, -0.3])
    for _ in range(3):
        options = {"xatol": 1e-8, "fatol": 1e-10, "maxiter": 4000, "maxfev": 4000}
        found = minimize(deviance, start, method="Nelder-Mead", options=options)
        start = found.x
    return float(found.fun)


@pytest.mark.parametrize(("block", "at", "reading"), [
    ("gamma", 1, ML), ("sd", 0, REML), ("sd", 1, ML), ("corr", 0, REML), ("sigma", 0, REML),
])  # fmt: skip
def test_bounds_solve_the_dense_criterion(
    block: str, at: int, reading: Reading, small_model: hb.Model
) -> None:
    fit = small_model.reml() if reading == REML else small_model.ml()
    limits = hb.profile(fit, block).intervals().iloc[at if block in ("gamma", "sd") else 0]
    for side in ("lower", "upper"):
        if limits["boundary"] in (side, "both"):
            continue
        value = float(limits[side])
        risen = best_held(small_model, block, at, value, reading) + 2.0 * fit.loglik
        assert risen == pytest.approx(CRITICAL, abs=2e-6)


@pytest.mark.parametrize("reading", [ML, REML])
def test_gradients_are_those_of_differences(reading: Reading, small_model: hb.Model) -> None:
    fit = small_model.reml()
    best = estimates_of(fit)
    for one in parameters_of(small_model.problem):
        if one.block == "gamma" and reading == REML:
            continue
        held = Held(small_model.problem, one, reading)
        value = {"gamma": 0.4, "sd": 0.8, "corr": 0.3, "sigma": 0.75}[one.block]
        x = held.variables(best) + 0.05
        gradient = held.objective(value)(x)[1]
        numeric = _differences(held, value, x)
        np.testing.assert_allclose(gradient, numeric, rtol=1e-6, atol=1e-6)


def _differences(held: Held, value: float, x: np.ndarray) -> np.ndarray:
    objective = held.objective(value)

    def first(at: np.ndarray) -> float:
        return objective(at)[0]

    return dense.gradient(first, x)


def test_slopes_are_those_of_differences(small_model: hb.Model) -> None:
    """Of the profiled deviance itself, whose other parameters move along."""
    fit = small_model.ml()
    table = hb.profile(fit).table
    best = estimates_of(fit)
    for one in parameters_of(fit.problem):
        held = Held(small_model.problem, one, ML)
        value = float(table.loc[(one.block, one.name), "value"].iloc[2])
        at, others = [], held.variables(best)
        for step in (-1e-4, 0.0, 1e-4):
            deviance, others, converged, _ = minimise_held(
                held.objective(value + step), others, held.bounded
            )
            assert converged
            at.append((deviance, others))
        numeric = (at[2][0] - at[0][0]) / 2e-4
        assert held.slope(value, at[1][1]) == pytest.approx(numeric, rel=1e-4, abs=1e-5)


def test_points_are_in_order(small_model: hb.Model) -> None:
    table = hb.profile(small_model.ml()).table
    for (_, name), rows in table.groupby(level=["block", "parameter"]):
        zeta, value = rows["zeta"].to_numpy(), rows["value"].to_numpy()
        assert (np.diff(value) > 0.0).all(), name
        assert (np.diff(zeta) > -1e-9).all(), name


def test_the_table_holds_every_parameter_at_its_best(small_model: hb.Model) -> None:
    fit = small_model.ml()
    table = hb.profile(fit).table
    for one in parameters_of(fit.problem):
        rows = table.loc[(one.block, one.name)]
        np.testing.assert_allclose(rows[one.label], rows["value"], rtol=1e-9, atol=1e-12)
        centre = rows[rows["zeta"] == 0.0].iloc[0]
        assert centre["sigma"] == pytest.approx(fit.sigma)
    at = table.loc[("gamma", "x")].iloc[-1]
    held = best_held(small_model, "gamma", 1, float(at["value"]), ML) + 2.0 * fit.loglik
    assert at["zeta"] ** 2 == pytest.approx(held, abs=1e-6)


def test_a_coefficient_called_as_a_column_of_the_table(small: pd.DataFrame) -> None:
    data = small.rename(columns={"x": "value"})
    named = hb.Model("y ~ value + (1 | g)", data).reml()
    plain = hb.Model("y ~ x + (1 | g)", small).reml()
    found, wanted = (hb.profile(fit, name) for fit, name in ((named, "value"), (plain, "x")))
    np.testing.assert_allclose(found.table["value"], wanted.table["value"])
    np.testing.assert_allclose(found.table["gamma(value)"], wanted.table["x"])
    assert " ".join(str(found).replace("value", "x").split()) == " ".join(str(wanted).split())


def test_a_minimum_at_the_end_of_the_range_does_not_hide_the_way_there() -> None:
    """At ρ = −1 the best is sd(Intercept) = 0, with ζ = −4.79; nearer by it is not the best."""
    model = hb.Model("Reaction ~ Days + (1 + Days | Subject)", data=hb.load_dataset("sleepstudy"))
    fit = model.reml()
    found = hb.profile(fit, "corr", prob=0.99)
    assert found.missing == ()
    lowest = found.table.iloc[0]
    sd = lowest[["sd(Intercept)", "sd(Days)"]].to_numpy(dtype=float)
    rho = float(lowest["value"])
    assert rho == pytest.approx(-0.627025, abs=1e-6)
    G = np.outer(sd, sd) * np.array([[1.0, rho], [rho, 1.0]])
    design = model.problem.design
    rows = dense.Rows(design.rows.y, design.rows.X, design.rows.Z, design.rows.codes)
    risen = -2.0 * dense.log_density(rows, G, float(lowest["sigma"]), REML) + 2.0 * fit.loglik
    assert risen == pytest.approx(6.634896601021213, abs=1e-6)  # the 99% quantile of χ²(1)


# ---------------------------------------------------------------- the boundary


def test_hsfull_has_a_correlation_of_one(
    hsfull: pd.DataFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    fit = hb.Model("mathach ~ ses * Sector", random="~ 1 + ses | school", data=hsfull).reml()
    evaluations: list[int] = []
    objective = Held.objective

    def counted(held: Held, value: float) -> Any:
        at_value = objective(held, value)

        def evaluate(x: dense.Array) -> Any:
            evaluations[-1] += 1
            return at_value(x)

        evaluations.append(0)
        return evaluate

    monkeypatch.setattr(Held, "objective", counted)
    limits = hb.profile(fit).intervals()
    assert len(evaluations) < 2 * 8 * 12  # points, of eight parameters on both sides
    assert np.mean(evaluations) < 40  # differences for the Hessians included
    corr = limits.loc[("corr", "Intercept, ses")]
    assert corr["upper"] == 1.0 and corr["boundary"] == "upper"
    assert 0.1 < corr["lower"] < 0.2
    assert limits.loc[("sd", "ses"), "lower"] > 0.0


def test_an_effect_without_variance(small: pd.DataFrame) -> None:
    generator = np.random.default_rng(3)
    flat = small.assign(y=generator.normal(size=len(small)))
    model = hb.Model("y ~ 1 + (1 | g)", data=flat)
    fits = [model.ml(), model.reml()]
    for fit in fits:
        row = hb.profile(fit, "sd(Intercept)").intervals().iloc[0]
        assert row["lower"] == 0.0 and row["boundary"] == "lower"
        assert row["upper"] > row["estimate"]


def test_a_correlation_with_no_variance_is_anything(small: pd.DataFrame) -> None:
    generator = np.random.default_rng(11)
    y = generator.normal(size=9)[small["g"].astype(int)] + generator.normal(size=len(small))
    fit = hb.Model("y ~ x + (1 + x | g)", data=small.assign(y=y)).ml()
    limits = hb.profile(fit).intervals()
    row = limits.loc[("corr", "Intercept, x")]
    assert (row["lower"], row["upper"], row["boundary"]) == (-1.0, 1.0, "both")
    assert np.isfinite(limits["upper"]).all()


def test_three_effects_and_independent_blocks(hs: pd.DataFrame) -> None:
    three = hb.Model("mathach ~ ses * Sector + (1 + ses + Minority | school)", data=hs).reml()
    limits = hb.profile(three, ["sd", "corr"]).intervals()
    known = limits["estimate"].notna()
    assert (limits["lower"] <= limits["estimate"])[known].all()
    assert (limits["estimate"] <= limits["upper"])[known].all()
    apart = hb.Model("mathach ~ ses + (1 | school) + (0 + ses | school)", data=hs).ml()
    assert hb.profile(apart).intervals().loc["sd", "lower"].tolist()[1] == 0.0


def test_units_do_not_matter(small: pd.DataFrame) -> None:
    columns = ["lower", "estimate", "upper"]
    base = hb.profile(hb.Model("y ~ x + (1 + x | g)", data=small).reml()).intervals()[columns]
    other = small.assign(y=1e6 * small["y"], x=1e-3 * small["x"])
    moved = hb.profile(hb.Model("y ~ x + (1 + x | g)", data=other).reml()).intervals()[columns]
    np.testing.assert_allclose(moved.loc["corr"], base.loc["corr"], rtol=1e-6)
    np.testing.assert_allclose(moved.loc["sigma"], 1e6 * base.loc["sigma"], rtol=1e-7)
    np.testing.assert_allclose(moved.loc[("sd", "x")], 1e9 * base.loc[("sd", "x")], rtol=1e-6)
    np.testing.assert_allclose(moved.loc[("gamma", "x")], 1e9 * base.loc[("gamma", "x")], rtol=1e-6)


def test_a_column_far_from_its_zero(hs: pd.DataFrame) -> None:
    """The same data, ses shifted a million spreads away: the bounds of the slope stay."""
    far = hs.assign(ses=hs["ses"] * 1e-3 + 1e6, mathach=hs["mathach"] * 1e-8)
    wanted = ["gamma", "sd", "sigma"]
    model = "mathach ~ ses + (1 + ses | school)"
    columns = ["lower", "upper"]
    base = hb.profile(hb.Model(model, data=hs).reml(), wanted).intervals()[columns]
    moved = hb.profile(hb.Model(model, data=far).reml(), wanted).intervals()[columns]
    for key, unit in ((("gamma", "ses"), 1e-5), (("sd", "ses"), 1e-5), (("sigma", "sigma"), 1e-8)):
        np.testing.assert_allclose(moved.loc[key], unit * base.loc[key], rtol=1e-5, atol=1e-14)


@pytest.mark.parametrize("shift", [1e3, 1e4, 1e6])
def test_the_origin_of_a_column_does_not_matter(shift: float, small: pd.DataFrame) -> None:
    columns = ["lower", "estimate", "upper"]
    wanted = ["sd(x)", "sigma", "x"]
    base = hb.profile(hb.Model("y ~ x + (1 + x | g)", data=small).reml(), wanted)
    far = small.assign(x=small["x"] + shift)
    moved = hb.profile(hb.Model("y ~ x + (1 + x | g)", data=far).reml(), wanted)
    assert moved.missing == ()
    np.testing.assert_allclose(
        moved.intervals()[columns], base.intervals()[columns], rtol=1e-6, atol=1e-9
    )


def test_years_count_from_anywhere() -> None:
    generator = np.random.default_rng(8)
    year, g = np.tile(np.arange(5.0), 30), np.repeat(np.arange(30), 5)
    u = generator.normal(size=(30, 2)) * [1.0, 0.5]
    y = u[g, 0] + (0.3 + u[g, 1]) * (year - 2.0) + generator.normal(size=len(g))
    limits = []
    for first in (-2.0, 2018.0):
        panel = pd.DataFrame({"y": y, "yr": year + first, "g": g.astype(str)})
        found = hb.profile(hb.Model("y ~ yr + (1 + yr | g)", data=panel).reml())
        assert found.missing == ()
        limits.append(found.intervals()[["lower", "estimate", "upper"]])
    for key in (("gamma", "yr"), ("sd", "yr"), ("sigma", "sigma")):
        np.testing.assert_allclose(limits[1].loc[key], limits[0].loc[key], rtol=1e-6)


def test_what_does_not_converge_is_missing(
    small: pd.DataFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    fit = hb.Model("y ~ x + (1 + x | g)", data=small).reml()

    def hasty(
        objective: Objective, start: np.ndarray, bounded: np.ndarray, hessian: object
    ) -> Minimum:
        return minimise_held(objective, start, bounded, steps=1)

    monkeypatch.setattr("hierbayes.inference.profiles.profile_path.minimise", hasty)
    found = hb.profile(fit, ["sigma", "sd(x)"])
    assert found.intervals()[["lower", "upper"]].isna().to_numpy().all()
    assert found.intervals()["estimate"].notna().all()
    assert found.missing[0] == (
        "the lower bound of 'sigma' was not found: the likelihood with the parameter held there "
        "has no maximum that the digits of the numbers tell apart"
    )
    assert "Missing: the lower bound of 'sigma' was not found" in str(found)


# ---------------------------------------------------------------- words


def test_parameters_are_chosen_by_label_or_block(ml_fits: Cache[hb.PointFit]) -> None:
    fit = ml_fits["random_coefficients"]
    found = hb.profile(fit, ["ses", "corr", "sd(ses)"]).intervals()
    assert found.index.tolist() == [("gamma", "ses"), ("corr", "Intercept, ses"), ("sd", "ses")]
    narrow = hb.profile(fit, "ses", prob=0.5).intervals()
    assert narrow["upper"].iloc[0] < found["upper"].iloc[0]


REFUSALS: list[tuple[str, Callable[[hb.PointFit], object], type[Exception]]] = [
    (
        "this fit has no parameter 'sd(x)'; they are: 'Intercept', 'sd(Intercept)', 'sigma'",
        lambda fit: hb.profile(fit, "sd(x)"),
        hb.InferenceError,
    ),
    (
        "parameters must be names of parameters or of blocks, not 3",
        lambda fit: hb.profile(fit, 3),
        hb.InferenceError,
    ),
    (
        "deviance must be 'ml' or 'reml', not 'MAP'",
        lambda fit: hb.profile(fit, deviance="MAP"),
        hb.InferenceError,
    ),
    (
        "profile() takes fits, and its argument is of type str; use what model.reml() or "
        "model.ml() returns",
        lambda _: hb.profile("fit"),  # type: ignore[arg-type]
        hb.InferenceError,
    ),
    (
        "prob must lie between 0 and 1, not 95",
        lambda fit: hb.profile(fit, prob=95),
        IntervalError,
    ),
]


@pytest.mark.parametrize(("text", "ask", "error"), REFUSALS)
def test_refusals(
    text: str,
    ask: Callable[[hb.PointFit], object],
    error: type[Exception],
    reml_fits: Cache[hb.PointFit],
) -> None:
    with pytest.raises(error) as caught:
        ask(reml_fits["oneway"])
    assert str(caught.value) == text


def test_a_posterior_is_refused(posterior_hs: Any) -> None:
    with pytest.raises(hb.InferenceError) as caught:
        hb.profile(posterior_hs)
    assert str(caught.value) == (
        "profile() reads a maximised likelihood, and its argument is a posterior fit; use "
        "model.reml() or model.ml()"
    )


def test_it_prints(reml_fits: Cache[hb.PointFit]) -> None:
    profile = hb.profile(reml_fits["random_coefficients"])
    assert str(profile) == repr(profile) == PRINTED
    assert profile._repr_html_().count("<table") == 1


PRINTED = """\
Profile likelihood of the REML fit of mathach ~ 1 + ses + (1 + ses | school)

                        lower estimate    upper boundary       criterion
gamma Intercept       11.9962  12.7137  13.4042              ML deviance
      ses              1.9688   2.4499   2.9293              ML deviance
sd    Intercept        1.5005   2.0123   2.7210           REML criterion
      ses              0.0000   0.6878   1.3414    lower  REML criterion
corr  Intercept, ses  -1.0000  -0.2099   1.0000     both  REML criterion
sigma sigma            5.9306   6.1208   6.3213           REML criterion

Bounds: where twice the log-likelihood lies 3.8415 below its maximum (95%), all other parameters at
their best.
Boundary: the likelihood never falls that far on this side; the bound is the end of the range.
Estimates of fixed effects are those of ML, whose deviance they profile."""


@pytest.mark.parametrize(
    "asked", [["sigma", "ses", "sd(Intercept)", "Intercept"], ["sd(ses)", "ses", "sd(Intercept)"]]
)
def test_rows_are_found_in_any_order_of_asking(asked: list[str], hs: pd.DataFrame) -> None:
    fit = hb.Model("mathach ~ ses + (ses || school)", data=hs).ml()
    profiled = hb.profile(fit, asked)
    for block, name in profiled.limits.index:
        points = profiled.table.loc[(block, name)]
        assert points.index.is_monotonic_increasing
        assert points["value"].is_monotonic_increasing
        alone = hb.profile(fit, name if block in ("gamma", "sigma") else f"{block}({name})")
        np.testing.assert_array_equal(points["value"], alone.table["value"])
