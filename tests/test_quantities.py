"""Quantities of a study against the accessors of a fit, and REML beside them."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose
from scipy import stats

import hierbayes as hb
from hierbayes.studies.sensitivity.quantities import (
    ICC,
    R2,
    SD,
    Contextual,
    Contrast,
    Corr,
    Custom,
    GroupCoefficient,
    NewGroup,
    Probability,
    Quantity,
    Rank,
    Shrinkage,
    Sigma,
)
from hierbayes.studies.sensitivity.study import SensitivityStudy
from tests.conftest import Cache
from tests.dense import Array
from tests.exact import exact_posterior

pytestmark = pytest.mark.slow


def drawn(fit: hb.Fit, quantity: Quantity) -> Array:
    return np.asarray(quantity.draws(fit))


def test_quantities_of_variances_by_their_formulas(small_posterior: hb.Fit) -> None:
    fit = small_posterior
    G, sigma = fit.draws("G").to_numpy(), fit.draws("sigma").to_numpy()
    sd = np.sqrt(np.diagonal(G, axis1=2, axis2=3))
    assert_allclose(drawn(fit, SD("x")), sd[..., 1], rtol=1e-12)
    corr = G[..., 0, 1] / (sd[..., 0] * sd[..., 1])
    assert_allclose(drawn(fit, Corr("Intercept", "x")), corr, rtol=1e-9)
    assert_allclose(drawn(fit, Corr("x", "Intercept")), corr, rtol=1e-9)
    assert_allclose(drawn(fit, Sigma()), sigma)
    at2 = G[..., 0, 0] + 4 * G[..., 0, 1] + 4 * G[..., 1, 1]
    assert_allclose(drawn(fit, ICC(at={"x": 2.0})), at2 / (at2 + sigma**2), rtol=1e-10)
    X, Z = fit.design.rows.X, fit.design.rows.Z
    T = np.array([[np.mean([z @ g @ z for z in Z]) for g in chain] for chain in G[:, :5]])
    assert_allclose(drawn(fit, ICC())[:, :5], T / (T + sigma[:, :5] ** 2), rtol=1e-10)
    v = np.var(fit.draws("gamma").to_numpy()[:, :5] @ X.T, axis=2, ddof=1)
    total = v + T + sigma[:, :5] ** 2
    assert_allclose(drawn(fit, R2())[:, :5], v / total, rtol=1e-10)
    assert_allclose(drawn(fit, R2(groups=True))[:, :5], (v + T) / total, rtol=1e-10)


def test_quantities_of_effects_are_combinations_of_gamma(small_posterior: hb.Fit) -> None:
    fit = small_posterior
    gamma = fit.draws("gamma")
    mix = Contrast({"x": 1.0, "w": -2.0})
    assert mix.name == "x − 2·w"
    assert_allclose(drawn(fit, mix), gamma.sel(term="x") - 2 * gamma.sel(term="w"), rtol=1e-12)
    share = drawn(fit, Probability("x", above=0.5))
    assert_allclose(share, gamma.sel(term="x") > 0.5)
    assert Probability(mix, above=0.5).name == "P(x − 2·w > 0.5)"
    own = Custom("twice x", lambda f: 2 * f.draws("gamma").sel(term="x"), value=1.0)
    assert_allclose(drawn(fit, own), 2 * gamma.sel(term="x"))
    assert own.reference == 1.0


def test_quantities_of_groups_are_read_off_their_draws(small_posterior: hb.Fit) -> None:
    fit = small_posterior
    beta = fit.draws("beta")
    own = drawn(fit, GroupCoefficient("c", "x"))
    assert_allclose(own, beta.sel(group="c", effect="x"), rtol=1e-12)
    for effect in ("Intercept", "x"):
        values = beta.sel(effect=effect).to_numpy()
        ranks = stats.rankdata(-values, axis=2)  # 1 is the largest
        for j, group in enumerate("abcdefgh"):
            assert_allclose(drawn(fit, Rank(group, effect)), ranks[..., j])
    table = fit.shrinkage()
    for effect in ("Intercept", "x"):
        factor = drawn(fit, Shrinkage("d", effect))
        assert factor.mean() == pytest.approx(
            table.loc[("d", effect), f"shrinkage[{effect}]"], rel=1e-9
        )
        assert factor.std(ddof=1) == pytest.approx(
            table.loc[("d", effect), f"shrinkage_sd[{effect}]"], rel=1e-6
        )


def test_a_new_group_is_drawn_from_the_population(
    baselines: Cache[hb.Fit], studied: Cache[hb.Model]
) -> None:
    """x'γ + N(0, z'Gz) at each draw, independent over draws: 4.5 Monte Carlo errors."""
    fit = baselines["hs"]
    values = drawn(fit, NewGroup({"ses": 0.5, "Sector": "Public"}))
    gamma, G = fit.draws("gamma").to_numpy(), fit.draws("G").to_numpy()
    centre = gamma @ np.array([1.0, 0.5, 1.0, 0.5])
    z = np.array([1.0, 0.5])
    variance = z @ G @ z
    residual = values - centre  # given θ it is N(0, z'Gz), independently over the draws
    M = residual.size
    assert abs(residual.mean()) < 4.5 * np.sqrt(variance.mean() / M)
    standardised = residual / np.sqrt(variance)
    assert abs((standardised**2).mean() - 1.0) < 4.5 * np.sqrt(2.0 / M)  # χ²(1) has variance 2
    assert stats.kstest(standardised.ravel(), "norm").pvalue > 1e-3
    reml = studied["hs"].reml()
    only = drawn(reml, NewGroup({"ses": 0.5, "Sector": "Public"}))
    assert_allclose(only, [[reml.fixef() @ [1.0, 0.5, 1.0, 0.5]]], rtol=1e-12)


@pytest.mark.parametrize(
    ("fixed", "within"),
    [
        ("mathach ~ dvar(ses, school) + cvar(ses, school)", "dvar(ses, school)"),
        ("mathach ~ ses + cvar(ses, school)", None),
    ],
)
def test_the_contextual_effect_is_one_number_in_both_spellings(
    hs: pd.DataFrame, fixed: str, within: str | None
) -> None:
    """γ_B − γ_W beside the deviation, the coefficient of the mean beside x: the same model."""
    reml = hb.Model(fixed, "~ 1 | school", data=hs).reml()
    fixef = reml.fixef()
    expected = fixef["cvar(ses, school)"] - (fixef[within] if within else 0.0)
    assert drawn(reml, Contextual("ses"))[0, 0] == pytest.approx(expected, rel=1e-12)
    other = hb.Model("mathach ~ cvar(ses, school) + ses", "~ 1 | school", data=hs).reml()
    assert drawn(reml, Contextual("ses")) == pytest.approx(drawn(other, Contextual("ses")))


def test_the_usual_quantities_are_all_parameters_and_what_follows(hs: pd.DataFrame) -> None:
    model = hb.Model(
        "mathach ~ dvar(ses, school) + cvar(ses, school)",
        "~ 1 + dvar(ses, school) | school", data=hs,
    )  # fmt: skip
    fit = exact_posterior(model, draws=100)
    study = SensitivityStudy(fit, {"corr": {"wide": hb.LKJ(1.9)}}, refit=False, progress=False)
    assert study.estimands.names == [
        "Intercept", "dvar(ses, school)", "cvar(ses, school)", "contextual effect of ses",
        "sd(Intercept)", "sd(dvar(ses, school))", "corr(Intercept, dvar(ses, school))",
        "sigma", "icc", "R2 of fixed part",
    ]  # fmt: skip
    values = study.table["mean"]
    between, inside = values["cvar(ses, school)"], values["dvar(ses, school)"]
    assert values["contextual effect of ses"] == pytest.approx(between - inside, rel=1e-9)


def test_the_reml_column_is_reml(baselines: Cache[hb.Fit], studied: Cache[hb.Model]) -> None:
    asked = ["ses", Contrast({"ses": 1.0, "Sector[T.Public]": 1.0}, "public at 1"),
             SD("ses"), Corr("Intercept", "ses"), Corr("ses", "Intercept"), Sigma(), ICC(),
             Rank(studied["hs"].problem.design.groups[0])]  # fmt: skip
    study = SensitivityStudy(
        baselines["hs"], {"corr": hb.LKJ(3)}, asked, prob=0.9, refit=False, progress=False
    )
    reml, column = studied["hs"].reml(), study.table
    known = reml.intervals(0.9)
    for name, key in (
        ("ses", ("gamma", "ses")), ("sd(ses)", ("sd", "ses")), ("sigma", ("sigma", "sigma")),
        ("corr(Intercept, ses)", ("corr", "Intercept, ses")),
        ("corr(ses, Intercept)", ("corr", "Intercept, ses")),
    ):  # fmt: skip
        found = column.loc[name, ["REML", "REML lower", "REML upper"]].to_numpy(dtype=float)
        expected = known.loc[key, ["estimate", "lower", "upper"]].to_numpy(dtype=float)
        assert_allclose(found, expected, rtol=1e-9)
    c = np.array([0.0, 1.0, 1.0, 0.0])
    centre, width = c @ reml.fixef().to_numpy(), np.sqrt(c @ reml.vcov().to_numpy() @ c)
    df = hb.wald(reml, c[None]).rows["df"].item()  # Satterthwaite's
    half = stats.t(df).ppf(0.95) * width
    found = column.loc["public at 1", ["REML", "REML lower", "REML upper"]].to_numpy(dtype=float)
    assert_allclose(found, [centre, centre - half, centre + half], rtol=1e-9)
    assert column.loc["icc", "REML"] == pytest.approx(reml.icc()["icc"], rel=1e-12)
    assert column.loc[["icc", study.estimands.names[-1]], "REML lower"].isna().all()
    beta = reml.draws("beta").sel(effect="Intercept").to_numpy().ravel()
    assert column["REML"].iloc[-1] == 1 + (beta > beta[0]).sum()
