"""REML and ML of several grouping factors, number by number, against lme4."""

from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose

import hierbayes as hb
from hierbayes.estimation.reml import maximise
from hierbayes.estimation.secant import Secant
from hierbayes.estimation.sparse_steps import SparseSteps
from hierbayes.fit.degrees_of_freedom.source import df_source
from tests.factors_reference import CASES, by_level, factor_of, fit, levels_of, model

EVERY = [(name, engine) for name in CASES for engine in ("REML", "ML")]
APART = "sim_student_teacher_diag"  # lme4 counts its two terms of one factor as two factors
INSIDE = [(name, engine) for name, engine in EVERY if name != APART]


@pytest.fixture
def case(request: pytest.FixtureRequest) -> tuple[hb.PointFit, dict[str, Any]]:
    name, engine = request.param
    return fit(name, engine), CASES[name][engine]


every = pytest.mark.parametrize("case", EVERY, indirect=True, ids="-".join)
inside = pytest.mark.parametrize("case", INSIDE, indirect=True, ids="-".join)
type Case = tuple[hb.PointFit, dict[str, Any]]


@every
def test_criteria(case: Case) -> None:
    ours, golden = case
    assert_allclose(ours.loglik, golden["logLik"], atol=1e-7)
    assert_allclose(ours.aic, golden["AIC"], atol=2e-7)
    bic = golden["BIC_N_minus_p" if ours.engine == "REML" else "BIC_N"]
    assert_allclose(ours.bic, bic, atol=2e-7)


@every
def test_fixed_effects(case: Case) -> None:
    ours, golden = case
    expected = np.array(list(golden["fixef"].values()))
    se = np.array(list(golden["se"].values()))
    assert_allclose(ours.fixef(), expected, atol=1e-6 * se.max(), rtol=1e-6)
    assert_allclose(np.sqrt(np.diag(ours.vcov())), se, rtol=1e-6)


@inside
def test_variances(case: Case) -> None:
    ours, golden = case
    assert_allclose(ours.sigma, golden["sigma"], rtol=1e-6)
    table = ours.var_corr()
    for called, expected in golden["varcorr"].items():
        of_factor = table.loc[factor_of(ours, called)]
        assert_allclose(of_factor["sd"], expected["sd"], atol=2e-6 * golden["sigma"], rtol=2e-6)
        if not golden["singular"] and len(of_factor) == 2:
            assert_allclose(of_factor.iloc[1, -1], expected["corr"][1][0], atol=1e-5)


@inside
def test_random_effects(case: Case) -> None:
    ours, golden = case
    for called, expected in golden["ranef"].items():
        name = factor_of(ours, called)
        levels = levels_of(ours, called, expected["levels"])
        tolerance = 1e-6 * golden["sigma"]
        assert_allclose(by_level(ours.ranef(name), levels), expected["values"], atol=tolerance)
        cov = ours.ranef_cov(name)
        cov = cov.assign_coords(group=cov["group"].astype(str).to_numpy()).sel(group=levels)
        assert_allclose(cov, expected["cond_cov"], atol=1e-6 * golden["sigma"] ** 2)


@every
def test_the_maximum_is_certified_for_every_factor(case: Case) -> None:
    ours, golden = case
    assert ours.singular == golden["singular"]
    assert ours.maximum.gradient < 1e-6
    assert ours.maximum.ascent < 1e-8
    assert ours.diagnose().ok


@pytest.mark.parametrize("name", [name for name in CASES if "df" in CASES[name]])
def test_degrees_of_freedom(name: str) -> None:
    """Satterthwaite's, and Kenward and Roger's with its covariance where Ĝ is not singular."""
    ours, golden = fit(name, "REML"), CASES[name]["df"]
    expected = list(golden["satterthwaite"]["df"].values())
    assert_allclose(df_source(ours, "satterthwaite").of_each(), expected, rtol=2e-6)
    if ours.singular:
        return
    source = df_source(ours, "kenward-roger")
    expected = list(golden["kenward_roger"]["df"].values())
    assert_allclose(source.of_each(), expected, rtol=1e-6)
    adjusted = list(golden["kenward_roger"]["se_adj"].values())
    assert_allclose(np.sqrt(np.diag(source.gamma_cov)), adjusted, rtol=1e-6)


def test_inner_outer_degrees_of_freedom_of_a_split_plot() -> None:
    """nlme's: 6 blocks × 3 varieties × 4; nitro is tested within plots, Variety between them."""
    df = df_source(fit("Oats_split_plot", "REML"), "inner-outer").of_each()
    assert df.tolist() == [53.0, 53.0, 10.0, 10.0]


@pytest.mark.parametrize("name", ["ScotsSec_crossed", "ScotsSec_two_slopes", "ScotsSec_slope"])
def test_a_search_ends_faster_than_average_information_takes_it(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What steps say of the curvature is taken up: without it the last digits are many passes."""
    problem = model(name).problem
    learnt = maximise(problem.products, problem.design.blocks)
    monkeypatch.setattr(Secant, "_learn", lambda *_: None)
    monkeypatch.setattr(SparseSteps, "of", lambda *_: None)  # compiled steps learn by themselves
    average = maximise(problem.products, problem.design.blocks)
    assert learnt.evaluations <= average.evaluations - 3
    assert_allclose(learnt.value, average.value, atol=1e-9)
    assert learnt.gradient < 1e-7 and average.gradient < 1e-7
