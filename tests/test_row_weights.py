"""Weights of rows, counts and offsets against R, equal rows and dense matrices; what is refused."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

import hierbayes as hb
from hierbayes.translation.registry import read
from tests.dense_factors import FactorRows

FOLDER = Path(__file__).parent / "reference" / "weights"
R: dict[str, dict[str, Any]] = json.loads((FOLDER / "r.json").read_text())
OF_LME4 = [name for name, case in R.items() if case["kind"] == "weights"]


@pytest.fixture(scope="module")
def rows() -> pd.DataFrame:
    return pd.read_csv(FOLDER / "sim_weights.csv")


@pytest.fixture(scope="module")
def weighted(rows: pd.DataFrame) -> hb.PointFit:
    return hb.Model("y ~ x + (1 + x || a)", rows, weights="w").reml()


# ---------------------------------------------------------------- lme4


@pytest.mark.parametrize("engine", ["REML", "ML"])
@pytest.mark.parametrize("name", OF_LME4)
def test_lme4(name: str, engine: str, rows: pd.DataFrame) -> None:
    """lmer with weights= and offset(), polished to a gradient of 1e-5."""
    case = R[name]
    theirs = case[engine]
    model = hb.Model(case["formula"], rows, weights=case.get("weights"))
    fit = model.reml() if engine == "REML" else model.ml()
    assert fit.loglik == pytest.approx(theirs["logLik"], abs=1e-6)
    assert fit.loglik >= theirs["logLik"] - 1e-7
    assert_allclose(fit.fixef(), list(theirs["fixef"].values()), rtol=1e-4)
    assert_allclose(np.sqrt(np.diag(fit.vcov())), list(theirs["se"].values()), rtol=1e-4)
    assert fit.sigma == pytest.approx(theirs["sigma"], rel=1e-4)
    sd = [one for factor in theirs["sd"].values() for one in factor.values()]
    assert_allclose(np.sqrt(np.diag(fit.G)), sd, rtol=2e-4)
    assert fit.maximum.n_parameters == theirs["npar"]


# ---------------------------------------------------------------- the same model otherwise


def test_offset_is_the_response_less_it(rows: pd.DataFrame) -> None:
    """Likelihood and γ̂ of y − o; predictions, draws and residuals of y."""
    stated = hb.Model("y ~ x + offset(o) + (1 | a)", rows).reml()
    less = hb.Model("I(y - o) ~ x + (1 | a)", rows).reml()
    assert stated.loglik == pytest.approx(less.loglik, abs=1e-10)
    assert_allclose(stated.predict(), less.predict() + rows["o"])
    assert_allclose(stated.residuals(), less.residuals(), atol=1e-12)
    assert_allclose(stated.residuals(kind="quantile"), less.residuals(kind="quantile"), atol=1e-9)
    new = rows.head(3).assign(o=100.0)
    assert_allclose(stated.predict(new), less.predict(new) + 100.0)
    drawn = stated.predict_draws(kind="response", draws=20, seed=1)
    assert_allclose(drawn, less.predict_draws(kind="response", draws=20, seed=1) + rows["o"].values)
    assert_allclose(stated.simulate(1, seed=2)[0], less.simulate(1, seed=2)[0] + rows["o"])
    given = stated.given(rows.head(4).assign(a=99))
    assert_allclose(given.ranef().loc[99], less.given(rows.head(4).assign(a=99)).ranef().loc[99])
    frame = hb.level1_residuals(stated).frame
    assert_allclose(frame, hb.level1_residuals(less).frame, atol=1e-9)


@pytest.mark.parametrize("offset", ["o", "1 * o", "array"])
def test_offset_argument(offset: str, rows: pd.DataFrame) -> None:
    stated = rows["o"].to_numpy() if offset == "array" else offset
    fit = hb.Model("y ~ x + (1 | a)", rows, offset=stated).reml()
    assert fit.loglik == hb.Model("y ~ x + offset(o) + (1 | a)", rows).reml().loglik


def test_counts_are_equal_rows(rows: pd.DataFrame) -> None:
    counts = np.arange(len(rows)) % 3
    ours = hb.Model("y ~ x + (1 | a) + (1 | b)", rows, counts=counts).reml()
    repeated = rows.loc[rows.index.repeat(counts)]
    theirs = hb.Model("y ~ x + (1 | a) + (1 | b)", repeated).reml()
    assert ours.loglik == theirs.loglik and ours.design.n == counts.sum()
    assert_allclose(ours.gamma, theirs.gamma, rtol=0, atol=0)


def test_equal_weights_change_sigma_alone(rows: pd.DataFrame) -> None:
    """Weights of 4 in every row: the same likelihood, σ twice as large."""
    plain = hb.Model("y ~ x + (1 | a)", rows).reml()
    four = hb.Model("y ~ x + (1 | a)", rows, weights=np.full(len(rows), 4.0)).reml()
    assert four.loglik == pytest.approx(plain.loglik, abs=1e-9)
    assert four.sigma == pytest.approx(2.0 * plain.sigma, rel=1e-6)
    assert_allclose(four.residuals(kind="pearson"), plain.residuals(kind="pearson"), atol=1e-6)


# ---------------------------------------------------------------- dense


def test_dense(rows: pd.DataFrame, weighted: hb.PointFit) -> None:
    """u, its covariance, residuals of rows and leverages from V with σ²/w on its diagonal."""
    design, w = weighted.design, rows["w"].to_numpy()
    dense = FactorRows(design.rows.observed, design.X, ((design.rows.codes, design.Z),))
    V = dense.V([weighted.theta.root[0, 0]], 0.0) + np.diag(weighted.sigma**2 / w)
    inverse = np.linalg.inv(V)
    M = np.linalg.inv(design.X.T @ inverse @ design.X)
    P = inverse - inverse @ design.X @ M @ design.X.T @ inverse
    R_errors = np.diag(weighted.sigma**2 / w)
    conditional = R_errors @ P @ rows["y"]
    frame = hb.level1_residuals(weighted).frame
    assert_allclose(frame["conditional"], conditional, rtol=1e-7, atol=1e-9)
    assert_allclose(frame["leverage"], 1.0 - np.diag(R_errors @ P), rtol=1e-6)
    sd = np.sqrt(np.diag(R_errors @ P @ R_errors))
    assert_allclose(frame["studentized"], conditional / sd, rtol=1e-7)
    marginal = V - design.X @ M @ design.X.T
    assert_allclose(frame["marginal_studentized"], frame["marginal"] / np.sqrt(np.diag(marginal)),
                    rtol=1e-7)  # fmt: skip
    GZ = dense.G(0, weighted.theta.root[0, 0]) @ dense.Z(0).T
    assert_allclose(weighted.ranef().to_numpy().ravel(), GZ @ P @ rows["y"], rtol=1e-6, atol=1e-9)
    table = hb.influence(weighted, level=1, progress=False).frame
    assert_allclose(table["studentized"], frame["studentized"].loc[table.index], rtol=1e-7)


def test_limits_of_responses(rows: pd.DataFrame, weighted: hb.PointFit) -> None:
    """A new response has the variance σ²/w of its row; without w it has none."""
    table = weighted.predict(prob=0.9, kind="response")
    mean = weighted.predict(prob=0.9, kind="mean")
    expected = mean["se"] ** 2 + weighted.sigma**2 / rows["w"]
    assert_allclose(table["se"] ** 2, expected, rtol=1e-9)
    again = weighted.predict(rows.head(5), prob=0.9, kind="response")
    assert_allclose(again, table.head(5), rtol=1e-9)
    bare = rows.head(5).drop(columns="w")
    assert_allclose(weighted.predict(bare), mean["predicted"].head(5))
    with pytest.raises(hb.DataError, match=r"new rows do not say what theirs are: give them the"):
        weighted.predict(bare, prob=0.9, kind="response")


@pytest.mark.parametrize(
    ("argument", "wanted"),
    [("weights", "the column of the weights, '(weights)'"),
     ("known_sd", "the column of known standard deviations, '(known_sd)'")],
)  # fmt: skip
@pytest.mark.parametrize("residual", [None, hb.residuals.Strata("s")])
def test_new_rows_are_told_the_column_of_numbers_that_have_no_name(
    argument: str, wanted: str, residual: Any, rows: pd.DataFrame
) -> None:
    if residual is not None and argument == "known_sd":
        return  # both state the variances
    rows = rows.assign(s=np.where(np.arange(len(rows)) % 2, "odd", "even"))
    words: dict[str, Any] = {argument: rows["w"].to_numpy(), "residual": residual}
    fit = hb.Model("y ~ x + (1 | a)", rows, **words).reml()
    message = (
        "errors have standard deviations by row, and the new rows do not say what theirs are: give "
        f"them {wanted}"
    )
    new = rows.head(5)
    asked = (
        lambda: fit.predict(new, prob=0.9, kind="response"),
        lambda: fit.predict_draws(new, kind="response", draws=2, seed=1),
    )
    for ask in asked:
        with pytest.raises(hb.DataError) as refused:
            ask()
        assert str(refused.value) == message
    named = new.assign(**{f"({argument})": new["w"]})
    assert len(fit.predict(named, prob=0.9, kind="response")) == 5


def test_draws_of_responses(weighted: hb.PointFit, rows: pd.DataFrame) -> None:
    """Simulated responses vary about their predictors as σ²/w."""
    drawn = weighted.simulate(400, groups="kept", seed=1).sub(weighted.predict(), axis=0)
    assert_allclose(drawn.std(axis=1) * np.sqrt(rows["w"]), weighted.sigma, rtol=0.25)


def test_saved(weighted: hb.PointFit, tmp_path: Path) -> None:
    weighted.save(tmp_path / "fit.hb")
    again = hb.load_fit(tmp_path / "fit.hb")
    assert_allclose(again.residuals(kind="pearson"), weighted.residuals(kind="pearson"))
    assert "weights = w" in str(again.summary())


# ---------------------------------------------------------------- in words


def test_equations(rows: pd.DataFrame, weighted: hb.PointFit) -> None:
    assert "N(0, σ²/w_ij)" in hb.Model("y ~ x + (1 | a)", rows, weights="w").equations().within.text
    offset = hb.Model("y ~ x + offset(o) + (1 | a)", rows)
    assert "+ β_1j x_ij + o_ij + r_ij" in str(offset.equations().within)
    several = hb.Model("y ~ x + offset(o) + (1 | a) + (1 | b)", rows, weights="w").equations()
    assert "σ² W⁻¹" in str(several.matrix) and "+ o +" in str(several.matrix)


def test_code(rows: pd.DataFrame) -> None:
    model = hb.Model("y ~ x + (1 | a)", rows, weights="w")
    assert "weights = w," in model.emit("lme4")
    again = hb.read_code("lme4", model.emit("lme4"), data=rows)
    assert again.specification == model.specification
    assert "weights = varFixed(~ I(1/w))," in model.emit("nlme")
    assert "sigma ~ 1 + offset(-log(w) / 2))," in model.emit("brms")
    again = hb.read_code("brms", model.emit("brms"), data=rows)
    assert again.specification == model.specification
    offset = hb.Model("y ~ x + offset(o) + (1 | a)", rows)
    assert read("lme4", offset.emit("lme4"), list(rows)).specification.offsets == ("o",)
    assert "offset(o)" in offset.emit("lme4") and "offset(o)" in offset.emit("brms")


# ---------------------------------------------------------------- refused


def bad(rows: pd.DataFrame, value: float) -> pd.DataFrame:
    return rows.assign(w=rows["w"].where(rows.index != 7, value))


@pytest.mark.parametrize(("value", "said"), [(0.0, "0"), (-1.0, "-1"), (np.nan, "missing")])
def test_bad_weights(value: float, said: str, rows: pd.DataFrame) -> None:
    with pytest.raises(hb.DataError, match=f"'w' is {said} at row label 7; every row needs"):
        hb.Model("y ~ x + (1 | a)", bad(rows, value), weights="w")


@pytest.mark.parametrize(
    ("words", "error", "message"),
    [
        ({"weights": "ww"}, hb.DataError, r"no column 'ww' in the data; did you mean 'w'"),
        ({"weights": [1.0, 2.0]}, hb.DataError, r"weights: 2 values for 220 rows"),
        ({"weights": 3.0}, hb.DataError, r"weights: one value for 220 rows"),
        ({"weights": ["a"] * 220}, hb.DataError, r"weights must be numbers"),
        ({"counts": "x"}, hb.DataError, r"counts: a row stands for a whole number of equal rows"),
        ({"offset": "nope"}, hb.DataError, r"no column 'nope'"),
        ({"weights": "w", "family": "poisson"}, hb.FormulaError, r"weights= is of Gaussian"),
    ],
)
def test_arguments_refused(
    words: dict[str, Any], error: type[Exception], message: str, rows: pd.DataFrame
) -> None:
    with pytest.raises(error, match=message):
        hb.Model("y ~ x + (1 | a)", rows, **words)


def test_other_weights_not_compared(rows: pd.DataFrame, weighted: hb.PointFit) -> None:
    plain = hb.Model("y ~ x + (1 | a)", rows).reml()
    with pytest.raises(hb.InferenceError, match=r"differ in the weights of rows"):
        hb.likelihood_ratio(plain, weighted)


def test_not_made(weighted: hb.PointFit, rows: pd.DataFrame) -> None:
    """What reads rows as if they were alike refuses."""
    offset = hb.Model("y ~ x + offset(o) + (1 | a)", rows).reml()
    with pytest.raises(hb.FormulaError, match=r"not made for a model whose rows have weights"):
        hb.intercept_weights(weighted)
    assert "the response is less its offset" in " ".join(hb.variance_explained(offset).notes)
