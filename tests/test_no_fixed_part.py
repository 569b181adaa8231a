"""A fixed part of 0: random effects and errors alone, REML and ML the same.

Log-likelihoods and standard deviations are those of lme4 1.1-31 (of the correlated errors nlme
3.1-162) on hs, with day = 0, 1, …, 6, 0, … along the rows.
"""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import hierbayes as hb
from tests import dense
from tests.test_wrong_input import refusal

PRIORS = {"sd": hb.HalfNormal(2), "sigma": hb.HalfNormal(2)}
NONE = "the fixed part of the model is 0"


@pytest.fixture(scope="module")
def hs() -> pd.DataFrame:
    rows = hb.load_dataset("hs").reset_index(drop=True)
    day = np.arange(len(rows)) % 7
    of_day = np.array([0, 1, -2, 0.5, 2, -1, 0.3])[day]
    return rows.assign(
        day=day,
        z=rows["mathach"] + of_day,
        k=(rows["mathach"].abs() // 3).astype(int),
        time=rows.groupby("school", observed=True).cumcount(),
    )


@pytest.fixture(scope="module")
def few() -> pd.DataFrame:
    """30 rows in 6 groups."""
    i = np.arange(30)
    y = 2.0 * np.sin(1.3 * (i // 5)) + np.cos(2.7 * i)
    return pd.DataFrame({"y": y, "x": np.sin(0.7 * i), "g": i // 5})


@pytest.fixture(scope="module")
def reml(few: pd.DataFrame) -> hb.PointFit:
    return hb.Model("y ~ 0 + (1 | g)", few).reml()


@pytest.fixture(scope="module")
def posterior(few: pd.DataFrame) -> hb.PosteriorFit:
    model = hb.Model("y ~ 0 + (1 | g)", few, priors=PRIORS)
    return model.sample(seed=1, progress=False)


OF_LME4 = (
    ("mathach ~ 0 + (1 | school)", None, -6549.11943268, [12.9000391, 6.2960325]),
    (
        "mathach ~ 0 + offset(2 * ses) + (1 + ses | school)", None, -6495.94065926,
        [12.77812442, 0.91906841, 6.10497862],
    ),
    (
        "z ~ 0 + (1 | school) + (1 | day)", None, -6513.54530537,
        [2.8371367, 12.6861026, 6.2949358],
    ),
    ("k ~ 0 + (1 | school)", "poisson", -4380.0298105, [1.3095685]),
    ("k ~ 0 + (1 | school) + (1 | day)", "poisson", -4348.06633522, [0.3045218, 1.2659161]),
)  # fmt: skip


@pytest.mark.parametrize(("formula", "family", "loglik", "sd"), OF_LME4)
def test_maxima_are_those_of_lme4(
    hs: pd.DataFrame, formula: str, family: str | None, loglik: float, sd: list[float]
) -> None:
    model = hb.Model(formula, hs, family=family)
    fit = model.ml()
    assert fit.loglik == pytest.approx(loglik, abs=1e-5)
    assert fit.var_corr()["sd"].to_numpy() == pytest.approx(sd, rel=2e-4)
    if family is None:
        assert model.reml().loglik == pytest.approx(fit.loglik, abs=1e-9)


def test_correlated_errors_are_those_of_nlme(hs: pd.DataFrame) -> None:
    fit = hb.Model("mathach ~ 0 + (1 | school)", hs, residual=hb.residuals.AR1("time")).ml()
    assert fit.loglik == pytest.approx(-6548.69369986, abs=1e-5)
    assert fit.intervals().loc[("residual", "phi"), "estimate"] == pytest.approx(
        0.0214835, abs=1e-5
    )


def test_the_likelihood_is_the_dense_one(few: pd.DataFrame, reml: hb.PointFit) -> None:
    y, g = few["y"].to_numpy(), few["g"].to_numpy()
    sd, sigma = reml.var_corr()["sd"]
    V = sd**2 * (g[:, None] == g) + sigma**2 * np.eye(30)
    assert reml.loglik == pytest.approx(dense.log_normal(y, V), abs=1e-9)
    u = sd**2 * (np.arange(6)[:, None] == g) @ np.linalg.solve(V, y)
    assert reml.ranef()["Intercept"].to_numpy() == pytest.approx(u, rel=1e-6)
    new = reml.predict(few.head(1), prob=0.9)
    assert new["predicted"].iloc[0] == pytest.approx(u[0], rel=1e-6)
    left = sd**2 - sd**4 * np.ones(5) @ np.linalg.solve(V[:5, :5], np.ones(5))
    assert new["se"].iloc[0] == pytest.approx(np.sqrt(left), rel=1e-6)


def test_the_posterior_is_that_of_a_dense_grid(
    few: pd.DataFrame, posterior: hb.PosteriorFit
) -> None:
    """E(sd | y) and E(σ | y) by sums over a grid, within 6 Monte Carlo errors."""
    y = few["y"].to_numpy().reshape(6, 5)
    sd, sigma = np.meshgrid(np.linspace(0.02, 6, 300), np.linspace(0.3, 2.0, 200), indexing="ij")
    whole, mean = sigma**2 + 5 * sd**2, y.mean(axis=1)
    squares = ((y - mean[:, None]) ** 2).sum() / sigma**2 + 5 * (mean**2).sum() / whole
    log_p = -0.5 * (squares + 6 * np.log(whole) + 24 * np.log(sigma**2))
    weight = np.exp(log_p - log_p.max() - (sd**2 + sigma**2) / 8)
    table = posterior.summary().parameters
    for name, values in ((("sd", "Intercept"), sd), (("sigma", "sigma"), sigma)):
        expected = (weight * values).sum() / weight.sum()
        found = table.loc[name]
        assert abs(found["mean"] - expected) < 6 * found["mcse_mean"]


def test_the_mode_under_flat_priors_is_the_maximum(few: pd.DataFrame, reml: hb.PointFit) -> None:
    flat = hb.Model("y ~ 0 + (1 | g)", few, priors={"sd": hb.Flat(), "sigma": hb.Flat()})
    assert flat.map().var_corr()["sd"].to_numpy() == pytest.approx(
        reml.var_corr()["sd"].to_numpy(), rel=1e-5
    )


def test_graphs_have_no_fixed_effects(few: pd.DataFrame) -> None:
    model = hb.Model("y ~ 0 + offset(x) + (1 | g)", few, priors=PRIORS)
    assert {one.name for one in model.graph(collapse=False).free_RVs} == {"signed_sd", "sigma", "b"}
    assert {one.name for one in model.graph().free_RVs} == {"signed_sd", "sigma"}


def test_accessors_are_empty_of_fixed_effects(
    few: pd.DataFrame, reml: hb.PointFit, posterior: hb.PosteriorFit
) -> None:
    for fit in (reml, posterior):
        assert len(fit.fixef()) == 0
        assert fit.vcov().shape == (0, 0)
        assert "gamma" not in fit.intervals().index.get_level_values("block")
        assert fit.coef()["Intercept"].to_numpy() == pytest.approx(
            fit.ranef()["Intercept"].to_numpy()
        )
        assert len(fit.summary().fixed) == 0
        page = str(fit)
        assert "the fixed part is 0: there are no fixed effects" in page
        assert "γ" not in page
        assert "Fixed effects:" not in page
        new = fit.predict(few.head(2).assign(g=99), new_groups="population")
        assert np.asarray(new).ravel().tolist() == [0.0, 0.0]
    assert "fixed terms: none" in repr(hb.Model("y ~ 0 + (1 | g)", few))


def test_equations_have_no_fixed_part(few: pd.DataFrame) -> None:
    said = hb.Model("y ~ 0 + (1 + x | g)", few).equations()
    assert "β_1j = u_1j" in str(said.between)
    assert "= 0    (fixed part)" in str(said.combined)
    assert "Y_j = Z_j u_j + r_j" in str(said.matrix)
    assert "γ" not in str(said)


def test_equations_without_a_fixed_part_are_the_same_model(few: pd.DataFrame) -> None:
    model = hb.Model("y ~ 0 + (1 + x | g)", few)
    again = hb.Model(model.multilevel(), few)
    assert hb.equivalence(model, again).holds


WORDS = (
    ("lme4", "y ~ 0 + (1 | g)"), ("nlme", "y ~ 0,"), ("stata", "mixed y, noconstant || g:"),
    ("sas", "MODEL y = / SOLUTION NOINT;"), ("bambi", '"y ~ 0 + (1|g)"'), ("pymc", "mu = 0.0"),
    ("hlm", "    yij = u0j + rij"), ("statsmodels", '"y ~ 0"'),
)  # fmt: skip


@pytest.mark.parametrize(("system", "words"), WORDS)
def test_code_says_that_the_fixed_part_is_0(few: pd.DataFrame, system: str, words: str) -> None:
    model = hb.Model("y ~ 0 + (1 | g)", few)
    code = model.emit(system)
    assert words in code
    if system != "pymc":
        assert hb.equivalence(model, hb.read_code(system, code, data=few)).holds


REFUSED: tuple[tuple[Callable[[hb.Fit], object], type[hb.HierbayesError], str], ...] = (
    (hb.wald, hb.HypothesisError, f"{NONE}: there are no effects to be tested"),
    (hb.anova, hb.FormulaError, f"anova() is about fixed effects, and {NONE}"),
    (hb.influence, hb.FormulaError, f"influence() is about fixed effects, and {NONE}"),
)


@pytest.mark.parametrize(("ask", "error", "message"), REFUSED)
def test_what_is_about_fixed_effects_is_refused(
    reml: hb.PointFit,
    ask: Callable[[hb.Fit], object],
    error: type[hb.HierbayesError],
    message: str,
) -> None:
    assert refusal(error, lambda: ask(reml)) == message


def test_a_model_of_nothing_is_refused(few: pd.DataFrame) -> None:
    assert refusal(hb.FormulaError, lambda: hb.Model("y ~ 0", few)) == (
        "the model has no fixed and no random effects; write at least '1', or a term such as "
        "(1 | group)"
    )


def test_other_readings_of_a_fit(
    few: pd.DataFrame, reml: hb.PointFit, posterior: hb.PosteriorFit
) -> None:
    one = hb.Model("y ~ 1 + (1 | g)", few)
    ratio = hb.likelihood_ratio(hb.Model("y ~ 0 + (1 | g)", few).ml(), one.ml())
    assert ratio.df == 1
    assert len(hb.profile(reml).intervals()) == 2
    assert hb.logo(reml).frame["elpd"].notna().all()
    assert hb.variance_explained(reml).shares.loc["R2 marginal", "estimate"] == 0.0
    assert "gamma" not in hb.compare(reml, posterior).variance.index.get_level_values("block")
    rows = hb.bootstrap(reml, n=4, seed=1)
    assert len(rows.intervals()) == 2


def test_rows_may_stream(few: pd.DataFrame, reml: hb.PointFit, tmp_path: Path) -> None:
    few.to_parquet(tmp_path / "rows.parquet")
    streamed = hb.Model("y ~ 0 + (1 | g)", tmp_path / "rows.parquet").reml()
    assert streamed.loglik == pytest.approx(reml.loglik, abs=1e-10)
    products = hb.CrossProducts("y ~ 0 + (1 | g)", data=tmp_path / "rows.parquet")
    summed = hb.Model("y ~ 0 + (1 | g)", data=products).reml()
    assert summed.loglik == pytest.approx(streamed.loglik, rel=1e-12)


def test_a_saved_fit_is_the_same(reml: hb.PointFit, tmp_path: Path) -> None:
    reml.save(tmp_path / "one.fit")
    assert str(hb.load_fit(tmp_path / "one.fit")) == str(reml)
