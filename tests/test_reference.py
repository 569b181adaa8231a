"""REML and ML on hs, number by number, against lme4 and nlme."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from numpy.testing import assert_allclose
from scipy.special import stdtrit

import hierbayes as hb
from tests.conftest import MODELS, Cache

FLAT = ("intercepts_slopes", "ML")  # corr and the slope's sd are no standard to meet there
CASES = [(name, engine) for name in MODELS for engine in ("REML", "ML")]
CURVED = [case for case in CASES if case != FLAT]


class Case:
    """A fit, and what R says of it."""

    def __init__(self, name: str, engine: str, fit: hb.Fit, reference: dict[str, Any]) -> None:
        self.name, self.fit = name, fit
        self.model = reference["models"][name]
        self.groups: list[str] = reference["groups"]
        self.golden = self.model[engine]
        self.terms: list[str] = self.model["terms"]
        self.effects: list[str] = self.model["effects"]

    def by_group(self, frame: pd.DataFrame, columns: list[str]) -> np.ndarray:
        return frame.loc[self.groups, columns].to_numpy()


@pytest.fixture
def case(
    request: pytest.FixtureRequest,
    reference: dict[str, Any],
    reml_fits: Cache[hb.Fit],
    ml_fits: Cache[hb.Fit],
) -> Case:
    name, engine = request.param
    fits = {"REML": reml_fits, "ML": ml_fits}[engine]
    return Case(name, engine, fits[name], reference)


every_fit = pytest.mark.parametrize("case", CASES, indirect=True, ids="-".join)
every_curved_fit = pytest.mark.parametrize("case", CURVED, indirect=True, ids="-".join)
every_reml_fit = pytest.mark.parametrize(
    "case", [(name, "REML") for name in MODELS], indirect=True, ids="-".join
)


@every_fit
def test_terms_and_effects(case: Case) -> None:
    assert case.fit.fixef().index.tolist() == case.terms
    assert case.fit.ranef().columns.tolist() == case.effects
    assert case.fit.ranef().index.tolist() == case.groups


@every_fit
def test_loglik_is_that_of_lme4(case: Case) -> None:
    assert abs(case.fit.loglik - case.golden["logLik"]) < 1e-7


@every_fit
def test_criteria_count_as_nlme_counts(case: Case) -> None:
    rows = "BIC_N_minus_p" if case.fit.engine == "REML" else "BIC_N"
    assert abs(case.fit.aic - case.golden["AIC"]) < 1e-6
    assert abs(case.fit.bic - case.golden[rows]) < 1e-6
    # nlme's own, from its less converged log-likelihood: 2 x 5.3e-5 at worst
    assert abs(case.fit.bic - case.golden["nlme"]["BIC"]) < 1.2e-4


@every_fit
def test_fixef(case: Case) -> None:
    assert_allclose(case.fit.fixef(), case.golden["fixef"], rtol=1e-6)


@every_curved_fit
def test_vcov(case: Case) -> None:
    vcov = case.fit.vcov().loc[case.terms, case.terms].to_numpy()
    golden = np.array(case.golden["vcov"])
    se = np.array(case.golden["se"])
    assert_allclose(np.sqrt(np.diag(vcov)), se, rtol=1e-5)
    assert_allclose(vcov / np.outer(se, se), golden / np.outer(se, se), atol=1e-5)


@every_fit
def test_sigma_and_intercept_sd(case: Case) -> None:
    table = case.fit.var_corr()
    assert_allclose(case.fit.sigma, case.golden["sigma"], rtol=1e-6)
    assert table.loc["Residual", "sd"] == case.fit.sigma
    assert_allclose(table.loc["Intercept", "sd"], case.golden["sd"][0], rtol=1e-6)


@every_curved_fit
def test_sd_and_corr(case: Case) -> None:
    table = case.fit.var_corr()
    assert_allclose(table.loc[case.effects, "sd"], case.golden["sd"], rtol=1e-6)
    assert_allclose(table["variance"], table["sd"] ** 2, rtol=1e-12)
    if case.golden["corr"] is not None:
        corr = table.loc[case.effects[1], "corr[Intercept]"]
        assert_allclose(corr, case.golden["corr"], rtol=1e-5)


@every_curved_fit
def test_ranef(case: Case) -> None:
    golden = np.array(case.golden["ranef"])
    u = case.by_group(case.fit.ranef(), case.effects)
    assert_allclose(u, golden, rtol=1e-6, atol=1e-6 * np.abs(golden).max())


def assert_same_covariances(case: Case, cov: xr.DataArray, golden: list[list[list[float]]]) -> None:
    """To 1e-5 of the sds: a covariance near zero has no relative error to speak of."""
    ours, theirs = cov.sel(group=case.groups).to_numpy(), np.array(golden)
    sd = np.sqrt(np.diagonal(theirs, axis1=1, axis2=2))
    scale = sd[:, :, None] * sd[:, None, :]
    assert_allclose(ours / scale, theirs / scale, atol=1e-5)


@every_curved_fit
def test_conditional_covariance_of_u(case: Case) -> None:
    assert_same_covariances(case, case.fit.ranef_cov(), case.golden["cond_cov"])


@every_reml_fit
def test_prediction_error_covariance_of_u(case: Case) -> None:
    assert_same_covariances(case, case.fit.ranef_cov(given_gamma=False), case.golden["pev_cov"])


@every_reml_fit
def test_coef(case: Case) -> None:
    golden, coef = case.golden["coef"], case.fit.coef()
    assert set(coef.columns) == set(golden["columns"])
    values = case.by_group(coef, golden["columns"])
    assert_allclose(values, golden["values"], rtol=1e-6, atol=1e-6)


@every_fit
def test_singular_where_lme4_is(case: Case) -> None:
    if (case.name, case.fit.engine) != FLAT:
        assert case.fit.maximum.singular is case.golden["singular"] is False


@every_fit
def test_maximum_is_one(case: Case) -> None:
    assert case.fit.maximum.gradient < 1e-5
    assert case.fit.maximum.ascent < 1e-6


@every_fit
def test_degrees_of_freedom_and_intervals_of_gamma(case: Case) -> None:
    limits = case.fit.intervals(0.95, df="inner-outer").loc["gamma"].loc[case.terms]
    df = np.array(case.golden["nlme"]["df"])
    se, estimate = np.array(case.golden["se"]), np.array(case.golden["fixef"])
    half = (limits["upper"] - limits["lower"]) / 2
    own_se = np.sqrt(np.diag(case.fit.vcov().loc[case.terms, case.terms]))
    assert_allclose(half / own_se, stdtrit(df, 0.975), rtol=1e-10)
    if (case.name, case.fit.engine) != FLAT:
        assert_allclose(limits["lower"], estimate - stdtrit(df, 0.975) * se, rtol=1e-5)
        assert_allclose(limits["upper"], estimate + stdtrit(df, 0.975) * se, rtol=1e-5)


@every_fit
def test_intervals_of_nlme(case: Case) -> None:
    """To 1e-5 where nlme has converged, and as near as it has come elsewhere."""
    if case.name == "intercepts_slopes_cwg":
        assert "intervals" not in case.golden["nlme"]
        return
    limits = case.fit.intervals(0.95, df="inner-outer")
    golden = case.golden["nlme"]["intervals"]
    gamma, theirs = limits.loc["gamma"].loc[case.terms].to_numpy(), np.array(golden["gamma"])
    if len(case.effects) == 1:
        assert_allclose(gamma, theirs, rtol=1e-5)
    else:
        se = np.array(case.golden["se"])[:, None]
        assert_allclose(gamma / se, theirs / se, atol=3e-3)
    if (case.name, case.fit.engine) != FLAT:
        sd = golden["random"]["sd((Intercept))"]  # from a Hessian good to a few per cent
        assert_allclose(limits.loc[("sd", "Intercept")], sd, rtol=1e-2)
        assert_allclose(limits.loc[("sigma", "sigma")], golden["sigma"], rtol=3e-4)


def test_equivalent_models_have_equal_variance_intervals(reml_fits: Cache[hb.Fit]) -> None:
    """γ on raw or on centred ses is the same model; nlme's limits differ here by a third."""
    blocks = ["sd", "corr", "sigma"]
    centred = reml_fits["contextual_cwg"].intervals().loc[blocks]
    raw = reml_fits["contextual_raw"].intervals().loc[blocks]
    assert np.isfinite(raw.to_numpy()).all()
    assert_allclose(raw, centred, rtol=1e-6)


def test_exact_wald_intervals_on_the_log_scale(
    reference: dict[str, Any], reml_fits: Cache[hb.Fit]
) -> None:
    limits = reml_fits["oneway"].intervals(0.95)
    golden = reference["oneway_exact_log_sd_wald95"]
    assert_allclose(limits.loc[("sd", "Intercept")], golden["sd"], rtol=1e-5)
    assert_allclose(limits.loc[("sigma", "sigma")], golden["sigma"], rtol=1e-5)


# Printed on the slides for lme(mathach ~ 1, random = ~ 1 | sid), and n, BLUE and BLUP by school.
RANEF = """5762 -7.30651445  2639 -5.36017663  8854 -7.24846197  6484 0.26973942
2208 2.58744359  2658 0.71334861  1906 3.09104215  9586 2.08485465"""
COEF = """5762 5.298161  2639 7.244499  8854 5.356214  5619 15.220870
2208 15.192119  2658 13.318024  1906 15.695718  9586 14.689530"""
SHRINKAGE = """8854 32 4.239781 5.356214  2771 55 11.844109 11.906661
5640 57 13.160105 13.115900  7345 56 11.338554 11.440975  6897 49 15.097633 14.869792
4530 63 9.055698 9.313204  7342 58 11.166414 11.279062  5720 53 14.282302 14.139565
7688 54 18.422315 17.935733  1906 53 15.983170 15.695718"""


def printed(text: str, columns: int) -> list[list[str]]:
    words = text.split()
    return [words[i : i + columns + 1] for i in range(0, len(words), columns + 1)]


def as_printed(value: float, like: str) -> str:
    return f"{value:.{len(like.partition('.')[2])}f}"


def test_slides_ranef_and_coef(reml_fits: Cache[hb.Fit]) -> None:
    for text, frame in ((RANEF, reml_fits["oneway"].ranef()), (COEF, reml_fits["oneway"].coef())):
        for school, value in printed(text, 1):
            assert as_printed(frame.loc[school, "Intercept"], value) == value


def test_slides_blue_and_blup(reml_fits: Cache[hb.Fit]) -> None:
    table = reml_fits["oneway"].shrinkage().xs("Intercept", level="effect")
    for school, *row in printed(SHRINKAGE, 3):
        found = table.loc[school, ["n", "blue", "blup"]]
        assert [as_printed(value, like) for value, like in zip(found, row, strict=True)] == row


def test_hsfull_is_singular(hsfull: pd.DataFrame) -> None:
    fit = hb.Model("mathach ~ ses * Sector", random="~ 1 + ses | school", data=hsfull).reml()
    assert abs(fit.loglik - -23284.5561) < 5e-5
    assert fit.maximum.singular
    assert fit.var_corr().loc["ses", "corr[Intercept]"] == pytest.approx(1.0, abs=1e-9)
    assert fit.intervals().loc["sd", ["lower", "upper"]].isna().to_numpy().all()
