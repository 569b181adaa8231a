"""Meta-analyses of several levels and outcomes against metafor and clubSandwich; Q, I² and H²."""

import json
from fractions import Fraction
from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

import hierbayes as hb
from hierbayes.inference.context.heterogeneity import Heterogeneity
from tests.conftest import REFERENCE

R: dict[str, Any] = json.loads((REFERENCE / "meta" / "metafor.json").read_text())
SCHOOLS = pd.read_csv(REFERENCE / "meta" / "konstantopoulos2011.csv").assign(
    since=lambda d: d["year"] - 1990
)
TRIALS = pd.read_csv(REFERENCE / "meta" / "berkey1998.csv")
OFFENCES = pd.read_csv(REFERENCE / "meta" / "assink2016.csv")
MODELS = {
    "levels": ("yi ~ 1 + (1 | district/school)", SCHOOLS),
    "moderator": ("yi ~ since + (1 | district/school)", SCHOOLS),
    "outcomes": ("yi ~ 0 + outcome + (0 + outcome | trial)", TRIALS),
    "alike": ("yi ~ 0 + outcome + (1 | trial/outcome)", TRIALS),
    "few": ("yi ~ pubstatus + year + deltype + (1 | study/esid)", OFFENCES),
}


def fit_of(name: str, engine: str) -> hb.PointFit:
    formula, data = MODELS[name]
    model = hb.Model(formula, data, known_sd="s")
    return model.reml() if engine == "REML" else model.ml()


@pytest.mark.parametrize("engine", ["REML", "ML"])
@pytest.mark.parametrize("name", MODELS)
def test_metafor(name: str, engine: str) -> None:
    """Its restricted log-likelihood has ½ log|X'X|, ours has not, as lme4's."""
    theirs, fit = R[engine][name], fit_of(name, engine)
    X = fit.design.X
    constant = 0.5 * np.linalg.slogdet(X.T @ X)[1] if engine == "REML" else 0.0
    assert fit.loglik + constant == pytest.approx(theirs["loglik"], abs=1e-8)
    assert_allclose(np.diag(fit.G), theirs["variances"], rtol=2e-4)
    assert_allclose(fit.gamma, np.ravel(theirs["gamma"]), rtol=1e-4)
    assert_allclose(np.sqrt(np.diag(fit.vcov())), np.ravel(theirs["se"]), rtol=1e-4)


@pytest.mark.parametrize("engine", ["REML", "ML"])
@pytest.mark.parametrize("name", MODELS)
def test_cluster_robust(name: str, engine: str) -> None:
    """CR2 by the outermost factor, with its degrees of freedom; ML of outcomes is singular."""
    theirs, fit = R[engine][name], fit_of(name, engine)
    tested = ["pubstatus", "year"] if name == "few" else list(fit.design.terms)
    at = [fit.design.terms.index(term) for term in tested]
    rows = hb.wald(fit, tested, robust="CR2").rows
    assert_allclose(rows["se"], np.ravel(theirs["robust_se"])[at], rtol=1e-4)
    assert_allclose(rows["df"], np.ravel(theirs["robust_df"])[at], rtol=1e-4)


def test_levels_in_one_study_have_no_robust_standard_error() -> None:
    """One study alone has covert offences: clubSandwich has 12% of the variance of a contrast.

    Of rows that it touches by less than 1% the note says how much is missed.
    """
    fit = fit_of("few", "REML")
    said = (
        r"^'Intercept', 'deltype\[T\.general\]', 'deltype\[T\.overt\]' rest on one group alone"
        r".*; test other rows \('pubstatus', 'year'\), or without robust=$"
    )
    with pytest.raises(hb.HypothesisError, match=said):
        hb.wald(fit, robust="CR2")
    notes = hb.wald(fit, ["pubstatus", "year"], robust="CR2").notes
    assert notes[0] == (
        "the CR2 of 'pubstatus' is expected to miss 0.033% of its variance, which one group alone "
        "determines"
    )
    assert len(notes) == 2


@pytest.mark.parametrize("engine", ["REML", "ML"])
@pytest.mark.parametrize("name", MODELS)
def test_q_and_shares(name: str, engine: str) -> None:
    theirs = R[engine][name]
    found = hb.variance_explained(fit_of(name, engine))
    assert isinstance(found, Heterogeneity)
    row = found.test.loc["Q"]
    assert_allclose(row[["Q", "df", "p"]], [theirs["Q"], theirs["Q_df"], theirs["Q_p"]], rtol=1e-8)
    typical = theirs["typical_variance"]
    assert found.components.loc["errors, typical", "estimate"] == pytest.approx(typical, rel=1e-9)
    tau2 = np.array(theirs["variances"])
    whole = (tau2.mean() if name == "outcomes" else tau2.sum()) + typical  # of one outcome a row
    assert found.shares.loc["I2", "estimate"] == pytest.approx(1 - typical / whole, rel=1e-4)
    assert found.shares.loc["H2", "estimate"] == pytest.approx(whole / typical, rel=2e-4)
    if name != "outcomes":
        each = found.shares["estimate"].filter(like="[")
        assert_allclose(each, tau2 / whole, rtol=2e-4)


@pytest.mark.parametrize("engine", ["REML", "ML"])
def test_one_level(engine: str) -> None:
    """I² and H² as rma.uni prints them, and R² by the model of a constant."""
    theirs, model = R["one_level"][engine], "yi ~ since + (1 | study)"
    plain = hb.Model("yi ~ 1 + (1 | study)", SCHOOLS, known_sd="s")
    fit = hb.Model(model, SCHOOLS, known_sd="s")
    found = hb.variance_explained(fit.reml() if engine == "REML" else fit.ml())
    assert found.shares.loc["I2", "estimate"] == pytest.approx(theirs["I2"], rel=1e-6)
    assert found.shares.loc["H2", "estimate"] == pytest.approx(theirs["H2"], rel=1e-5)
    null = plain.reml() if engine == "REML" else plain.ml()
    row = found.explained.loc["study"]
    assert row["variance, null"] == pytest.approx(float(null.G[0, 0]), rel=1e-6)
    assert row["estimate"] == pytest.approx(1.0 - theirs["tau2"] / null.G[0, 0], rel=1e-4)
    assert "below 0 where variances are larger" in str(found)
    assert hb.variance_explained(null).explained.empty


def test_limits_of_levels() -> None:
    """confint of rma.mv, whose search stops at four digits."""
    table = hb.profile(fit_of("levels", "REML"), "sd").intervals()
    for k, theirs in enumerate(R["levels_limits"]):
        assert_allclose(table.iloc[k][["lower", "upper"]].astype(float), theirs, rtol=5e-4)


def test_nothing_varies_but_the_errors() -> None:
    """A regression: H² is Q/df, as rma.uni has it of method='EE'."""
    found = hb.variance_explained(hb.Model("yi ~ 1", SCHOOLS, known_sd="s").ml())
    w = 1.0 / SCHOOLS["vi"]
    Q = float(w @ (SCHOOLS["yi"] - w @ SCHOOLS["yi"] / w.sum()) ** 2)
    assert found.test.loc["Q", "Q"] == pytest.approx(Q, rel=1e-9)
    assert found.shares.loc["H2", "estimate"] == pytest.approx(Q / 55.0, rel=1e-9)
    assert found.shares.loc["I2", "estimate"] == pytest.approx(1.0 - 55.0 / Q, rel=1e-9)
    wide = SCHOOLS.assign(s=10.0)
    none = hb.variance_explained(hb.Model("yi ~ 1", wide, known_sd="s").ml())
    assert none.shares.loc["I2", "estimate"] == 0.0
    assert "I2 1 - df/Q or 0" in str(none)


@pytest.mark.parametrize("formula", ["y ~ 1", "y ~ x"])
@pytest.mark.parametrize("factor", [1.0, 1e-4, 1e-7])
def test_the_typical_variance_is_exact(factor: float, formula: str) -> None:
    """Also where a study is known far better than others: by exact fractions."""
    i = np.arange(9)
    data = pd.DataFrame({"y": np.sin(3.0 * i), "x": np.cos(2.0 * i * i), "s": 0.2 + 0.03 * i})
    data.loc[3, "s"] *= factor
    found = hb.variance_explained(hb.Model(formula, data, known_sd="s").ml()).components
    w = [1 / Fraction(s) ** 2 for s in data["s"]]
    total = sum(w)
    x = [Fraction(v) for v in data["x"]]
    mean = sum(a * b for a, b in zip(w, x, strict=True)) / total
    size = sum(a * (b - mean) ** 2 for a, b in zip(w, x, strict=True))
    of_slope = int(formula == "y ~ x")
    trace = sum(
        a * (1 - a / total - of_slope * a * (b - mean) ** 2 / size)
        for a, b in zip(w, x, strict=True)
    )
    exact = float((8 - of_slope) / trace)
    assert found.loc["errors, typical", "estimate"] == pytest.approx(exact, rel=1e-7)


def test_posterior_and_stated_values() -> None:
    """Each draw has its share; of slopes at a stated value of their column."""
    fit = hb.Model("yi ~ 1 + (1 | study)", SCHOOLS, known_sd="s").sample(
        draws=200, chains=2, seed=1, progress=False
    )
    found = hb.variance_explained(fit, prob=0.9)
    typical = R["REML"]["levels"]["typical_variance"]
    tau2 = fit.theta.G[..., 0, 0].ravel()
    shares = tau2 / (tau2 + typical)
    row = found.shares.loc["I2"]
    assert_allclose(row[["estimate", "sd"]], [shares.mean(), shares.std(ddof=1)], rtol=1e-6)
    assert_allclose(row[["lower", "upper"]], np.quantile(shares, [0.05, 0.95]), rtol=1e-6)
    assert found.components.loc["errors, typical", "sd"] == 0.0
    sloped = hb.Model("yi ~ since + (1 + since | district)", SCHOOLS, known_sd="s").reml()
    at = hb.variance_explained(sloped, at={"since": 2.0})
    z = np.array([1.0, 2.0])
    assert at.components.loc["district", "estimate"] == pytest.approx(z @ sloped.G @ z, rel=1e-12)
    assert "averaged over the rows" in str(hb.variance_explained(sloped))
    assert "averaged over the rows" not in str(at)


def test_of_a_posterior_the_share_explained_by_reml_is_named() -> None:
    said = "the share that the fixed part explains is of variances by REML, not of this fit"
    model = hb.Model("yi ~ since + (1 | study)", SCHOOLS, known_sd="s")
    fit = model.sample(draws=200, chains=2, seed=1, progress=False)
    found, reml = hb.variance_explained(fit), hb.variance_explained(model.reml())
    assert_allclose(found.explained, reml.explained, rtol=1e-12)
    assert found.notes[-1] == said and said not in reml.notes
    constant = hb.variance_explained(hb.Model("yi ~ 1 + (1 | study)", SCHOOLS, known_sd="s").map())
    assert said not in constant.notes
