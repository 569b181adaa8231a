"""Hurdle models against glmmTMB: truncated counts and positive numbers, zeros by columns."""

import json
from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

import hierbayes as hb
from tests.families_reference import FOLDER

F = hb.families
CASES: dict[str, dict[str, Any]] = json.loads((FOLDER / "hurdles.json").read_text())
INSIDE = {
    "truncated_poisson": F.Poisson(), "truncated_nbinom2": F.NegativeBinomial(),
    "truncated_nbinom1": F.NegativeBinomial1(), "Gamma": F.Gamma(),
}  # fmt: skip


def _data() -> pd.DataFrame:
    data = pd.read_csv(FOLDER / "Owls.csv")
    night = np.floor(data["ArrivalTime"] * 4) % 9
    return data.assign(
        rate=data["calls"] / np.exp(data["lb"]), late=data["ArrivalTime"] - 24, night=night
    )


@pytest.mark.parametrize("name", CASES)
def test_maxima_are_those_of_r(name: str) -> None:
    case = CASES[name]
    family = F.Hurdle(INSIDE[case["family"]], case["zeros"])
    fit = hb.Model(case["formula"], _data(), family=family).ml()
    assert fit.loglik == pytest.approx(case["logLik"], abs=1e-7)
    assert_allclose(fit.fixef(), case["fixef"]["estimate"], atol=1e-6)
    assert_allclose(np.sqrt(np.diag(fit.gamma_cov)), case["fixef"]["se"], rtol=1e-4)
    zero, dispersion = np.atleast_1d(case["zero"]["estimate"]), case["log_dispersion"]
    wanted = np.concatenate([np.exp(np.atleast_1d(dispersion or [])), zero])
    assert_allclose(fit.phi_draws[0, 0], wanted, rtol=1e-5, atol=1e-6)
    theta = np.atleast_1d(case["theta"])
    assert_allclose(fit.theta.sd[0, 0], np.exp(theta[:2]), rtol=1e-5)
    if len(theta) == 3:
        corr = theta[2] / np.hypot(1.0, theta[2])
        assert_allclose(fit.theta.corr[0, 0, 1, 0], corr, atol=1e-5)
    table = fit.intervals()
    rows = table.loc[["zero" in str(row) for row in table.index]]
    half = 0.5 * (rows["upper"] - rows["lower"])
    assert_allclose(half, 1.959963984540054 * np.atleast_1d(case["zero"]["se"]), rtol=1e-4)
    zeros = dict(fit.summary().beside)["Zeros (logit of their probability)"]
    assert_allclose(zeros["Std.Error"], np.atleast_1d(case["zero"]["se"]), rtol=1e-4)
    assert_allclose(zeros["z-value"], zero / zeros["Std.Error"], rtol=1e-4)


def test_zeros_are_profiled_as_the_logistic_regression_that_they_are() -> None:
    data = _data().head(240)
    zeros = "~ late + FoodTreatment"
    data = data.assign(none=(data["calls"] == 0) * 1)
    fit = hb.Model("calls ~ 1 + (1 | Nest)", data, family=F.Hurdle(F.Poisson(), zeros)).ml()
    alone = hb.Model("none ~ late + FoodTreatment", data, family="bernoulli").ml()
    names = [name for name in fit.problem.dispersion if name.startswith("zero: ")]
    ours, theirs = hb.profile(fit, names).intervals(), hb.profile(alone).intervals()
    for name in names:
        own, other = ours.loc[(name, name)], theirs.loc[("gamma", name.removeprefix("zero: "))]
        assert_allclose(
            own[["lower", "upper"]].astype(float),
            other[["lower", "upper"]].astype(float),
            rtol=1e-5,
        )
    assert names[1] in hb.bootstrap(fit, n=2, seed=1).draws.columns.get_level_values(1)
