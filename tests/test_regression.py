"""Models without a random part: ordinary regressions with the accessors of every other fit."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose
from scipy.stats import nct
from scipy.stats import t as student

import hierbayes as hb

FORMULA = "mathach ~ ses * Minority"


class LeastSquares:
    """A regression from its definition."""

    def __init__(self, data: pd.DataFrame) -> None:
        yes = (data["Minority"] == "Yes").to_numpy(dtype=float)
        ses = data["ses"].to_numpy()
        self.y = data["mathach"].to_numpy()
        self.X = np.column_stack([np.ones_like(ses), ses, yes, ses * yes])
        self.n, self.p = self.X.shape
        inverse = np.linalg.inv(self.X.T @ self.X)
        self.gamma = inverse @ self.X.T @ self.y
        self.rest = self.y - self.X @ self.gamma
        self.s2 = self.rest @ self.rest / (self.n - self.p)
        self.vcov = self.s2 * inverse
        self.leverage = np.einsum("ni,ij,nj->n", self.X, inverse, self.X)


@pytest.fixture(scope="module")
def hs() -> pd.DataFrame:
    return hb.load_dataset("hs")


@pytest.fixture(scope="module")
def fit(hs: pd.DataFrame) -> hb.PointFit:
    return hb.Model(FORMULA, data=hs).reml()


@pytest.fixture(scope="module")
def ols(hs: pd.DataFrame) -> LeastSquares:
    return LeastSquares(hs)


def test_it_is_least_squares(fit: hb.PointFit, ols: LeastSquares) -> None:
    assert_allclose(fit.fixef(), ols.gamma, rtol=1e-9)
    assert_allclose(fit.sigma, np.sqrt(ols.s2), rtol=1e-9)
    assert_allclose(fit.vcov(), ols.vcov, rtol=1e-8)
    n, p = ols.n, ols.p
    log_volume = np.linalg.slogdet(ols.X.T @ ols.X)[1]
    reml = -0.5 * ((n - p) * (np.log(2 * np.pi * ols.s2) + 1.0) + log_volume)
    assert_allclose(fit.loglik, reml, rtol=1e-10)
    assert fit.maximum.n_parameters == p + 1


def test_ml_divides_by_the_number_of_rows(hs: pd.DataFrame, ols: LeastSquares) -> None:
    ml = hb.Model(FORMULA, data=hs).ml()
    s2 = ols.rest @ ols.rest / ols.n
    assert_allclose(ml.sigma**2, s2, rtol=1e-9)
    assert_allclose(ml.loglik, -0.5 * ols.n * (np.log(2 * np.pi * s2) + 1.0), rtol=1e-10)


def test_tests_are_of_t_with_n_less_p_degrees_of_freedom(
    fit: hb.PointFit, ols: LeastSquares
) -> None:
    table = fit.summary().fixed
    t = ols.gamma / np.sqrt(np.diag(ols.vcov))
    assert_allclose(table["DF"], ols.n - ols.p, rtol=1e-6)
    assert_allclose(table["p-value"], 2 * student.sf(np.abs(t), ols.n - ols.p), rtol=1e-6)
    both = hb.wald(fit, "Minority")
    at = [2, 3]
    F = ols.gamma[at] @ np.linalg.solve(ols.vcov[np.ix_(at, at)], ols.gamma[at]) / 2
    assert_allclose(both.joint["F"], F, rtol=1e-8)


def test_diagnostics_of_rows_are_the_usual_ones(fit: hb.PointFit, ols: LeastSquares) -> None:
    rows = hb.level1_residuals(fit).frame
    inner = ols.rest / np.sqrt(ols.s2 * (1 - ols.leverage))
    assert_allclose(rows["leverage"], ols.leverage, rtol=1e-8)
    assert_allclose(rows["studentized"], inner, rtol=1e-8)
    assert "group" not in rows and "within" not in rows
    cases = hb.influence(fit, level=1).frame
    cook = inner**2 * ols.leverage / (1 - ols.leverage) / ols.p
    assert_allclose(cases["cook"], cook, rtol=1e-7)
    assert_allclose(cases["deleted_residual"], ols.rest / (1 - ols.leverage), rtol=1e-8)


def test_a_row_can_be_left_out_and_all_estimated_anew(
    fit: hb.PointFit, ols: LeastSquares, hs: pd.DataFrame
) -> None:
    cases = hb.influence(fit, level=1, refit=1)
    case = cases.frame.index[cases.frame["method"] == "refit"][0]
    without = LeastSquares(hs.drop(index=case))
    assert_allclose(cases.gamma.loc[case], without.gamma, rtol=1e-8)
    assert_allclose(cases.variance.loc[case, "sigma"], np.sqrt(without.s2), rtol=1e-8)


def test_r_squared(fit: hb.PointFit, ols: LeastSquares) -> None:
    found = hb.variance_explained(fit)
    lost = ols.rest @ ols.rest / ((ols.y - ols.y.mean()) ** 2).sum()
    shares = found.shares["estimate"]
    assert_allclose(shares["R2"], 1 - lost, rtol=1e-9)
    assert_allclose(shares["R2 adjusted"], 1 - lost * (ols.n - 1) / (ols.n - ols.p), rtol=1e-9)
    fixed = (ols.X @ ols.gamma).var(ddof=1)
    assert_allclose(shares["R2 marginal"], fixed / (fixed + ols.s2), rtol=1e-9)
    assert_allclose(found.components.loc["total", "estimate"], fixed + ols.s2, rtol=1e-9)
    assert "rows are taken for independent" in str(found)


def test_whether_groups_differ_is_a_likelihood_ratio(fit: hb.PointFit, hs: pd.DataFrame) -> None:
    larger = hb.Model(FORMULA + " + (1 | school)", data=hs).reml()
    test = hb.likelihood_ratio(fit, larger)
    assert_allclose(test.chisq, 2 * (larger.loglik - fit.loglik), rtol=1e-8)
    assert test.mixture == {0: 0.5, 1: 0.5}
    table = hb.model_table(fit, larger).table
    assert table["ΔAIC"].tolist() == pytest.approx([test.chisq - 2, 0.0])


def test_it_is_printed_as_what_it_is(fit: hb.PointFit) -> None:
    text = str(fit)
    assert text.startswith("Regression fit by REML (γ integrated out; given θ̂ below)")
    assert "Data:   1977 rows; no rows dropped" in text
    model = hb.Model(FORMULA, data=hb.load_dataset("hs"))
    assert "random effects: none, an ordinary regression" in repr(model)
    assert model._repr_latex_() is None
    assert fit.diagnose().ok


def test_it_predicts_is_saved_and_drawn(
    fit: hb.PointFit, ols: LeastSquares, hs: pd.DataFrame, tmp_path: Path
) -> None:
    limits = fit.predict(hs.head(2), prob=0.95)
    se = np.sqrt(np.einsum("ni,ij,nj->n", ols.X[:2], ols.vcov, ols.X[:2]))
    assert_allclose(limits["se"], se, rtol=1e-8)
    fit.save(tmp_path / "line.fit")
    assert str(hb.load_fit(tmp_path / "line.fit")) == str(fit)
    assert len(hb.plots.plot_effects(fit, hs, "ses", by="Minority").axes) == 1
    rows = hb.plots.level1_residuals_frame(fit).rows
    assert set(rows["group"]) == {"all rows"}
    checked = hb.predictive_check(fit, n=20, seed=1, progress=False)
    assert set(checked.frame.index.get_level_values(0)) == {"rows"}


def test_with_flat_priors_its_mode_is_least_squares(hs: pd.DataFrame, ols: LeastSquares) -> None:
    flat = dict(gamma=hb.Flat(), sigma=hb.Flat())
    mode = hb.Model(FORMULA, data=hs, priors=flat).map()
    assert_allclose(mode.fixef(), ols.gamma, rtol=1e-6)
    assert_allclose(mode.sigma, np.sqrt(ols.s2), rtol=1e-5)


NO_EFFECTS = "() is made for random effects, and the model has none; add a term such as (1 | group)"
NO_GROUPS = (
    "() is made for rows in groups, and the model names none; add a term such as (1 | group)"
)
REFUSING: dict[str, tuple[Callable[[Any, hb.Model], object], str]] = {
    "ranef": (lambda fit, model: fit.ranef(), NO_EFFECTS),
    "ranef_cov": (lambda fit, model: fit.ranef_cov(), NO_EFFECTS),
    "coef": (lambda fit, model: fit.coef(), NO_EFFECTS),
    "icc": (lambda fit, model: fit.icc(), NO_EFFECTS),
    "level2_residuals": (lambda fit, model: hb.level2_residuals(fit), NO_EFFECTS),
    "reduced": (lambda fit, model: hb.reduced(fit), NO_EFFECTS),
    "intercept_weights": (lambda fit, model: hb.intercept_weights(fit), NO_EFFECTS),
    "hausman": (lambda fit, model: hb.hausman(model), NO_EFFECTS),
    "mundlak": (lambda fit, model: hb.mundlak(model), NO_EFFECTS),
    "build_random": (lambda fit, model: hb.build_random(model, ["ses"]), NO_EFFECTS),
    "multilevel": (lambda fit, model: model.multilevel(), NO_EFFECTS),
    "plot_beta_space": (lambda fit, model: hb.plots.plot_beta_space(fit), NO_EFFECTS),
    "plot_level1_residuals": (
        lambda fit, model: hb.plots.plot_level1_residuals(fit, kind="within"), NO_EFFECTS,
    ),
    "logo": (lambda fit, model: hb.logo(fit), NO_GROUPS),
    "influence": (lambda fit, model: hb.influence(fit), NO_GROUPS),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSING)
def test_what_takes_groups_says_that_there_are_none(
    name: str, fit: hb.PointFit, hs: pd.DataFrame
) -> None:
    verb, message = REFUSING[name]
    with pytest.raises(hb.FormulaError) as caught:
        verb(fit, hb.Model(FORMULA, data=hs))
    assert str(caught.value) == name + message


def test_regressions_are_compared(fit: hb.PointFit, hs: pd.DataFrame) -> None:
    comparison = hb.compare(fit, hb.Model(FORMULA, data=hs).ml())
    assert comparison.fixed.loc[("ses", "ML"), "estimate"] == fit.fixef()["ses"]
    assert "sigma" in comparison.variance.index.get_level_values(0)
    assert comparison.groups.empty and comparison.effects == {}
    assert "Coefficients" not in str(comparison)


def test_a_regression_is_compared_with_its_posterior(fit: hb.PointFit, hs: pd.DataFrame) -> None:
    post = hb.Model(FORMULA, data=hs).sample(100, tune=100, chains=2, seed=1, progress=False)
    assert "fixed effects" in str(hb.compare(fit, post))
    with pytest.raises(hb.FormulaError, match=r"^plot_shrinkage_factors\(\) is made for random"):
        hb.plots.plot_shrinkage_factors(post)


def test_power_of_a_regression_is_that_of_a_shifted_t(hs: pd.DataFrame, ols: LeastSquares) -> None:
    data = hs.iloc[::40]
    model = hb.Model("mathach ~ ses", data)
    X = model.problem.design.rows.X
    n, se = len(X), 6.0 * float(np.sqrt(np.linalg.inv(X.T @ X)[1, 1]))
    truth: dict[str, Any] = dict(gamma=[12, 2.5 * se], sigma=6)
    found = hb.power(model, ["ses"], truth, replications=600, seed=1, progress=False, cores=1)
    cut = student.ppf(0.975, n - 2)
    exact = nct.sf(cut, n - 2, 2.5) + nct.cdf(-cut, n - 2, 2.5)
    row = found.table.iloc[0]
    assert abs(row["power"] - exact) < 5 * np.sqrt(exact * (1 - exact) / 600)
    with pytest.raises(hb.StudyError, match=r"^groups= are numbers of groups, and"):
        hb.power(model, ["ses"], truth, groups=[20])
    sizes = hb.power(model, ["ses"], truth, rows=[30, 90], replications=2, seed=1, progress=False,
                     cores=1)  # fmt: skip
    assert sizes.table["rows in all"].tolist() == [30, 90]
    covered = hb.calibrate(model, truth, replications=4, seed=1, progress=False, cores=1)
    assert covered.coverage.index.get_level_values("parameter").tolist() == [
        "Intercept", "ses", "sigma",
    ]  # fmt: skip


def test_its_diagnosis_speaks_of_no_cone(fit: hb.PointFit) -> None:
    assert "cone" not in str(fit.diagnose())
