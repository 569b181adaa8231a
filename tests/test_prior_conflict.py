"""Prior and data in conflict, where the prior is a default: a finding of the diagnosis."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

import hierbayes as hb
from hierbayes.fit.prior_conflict import prior_conflicts

STEEP, MILD = 10.0, 3.0  # slopes on the scale of the link, along z of sd 0.7; default sd 3.5


def counts(slope: float) -> pd.DataFrame:
    z = np.tile(np.linspace(-1.0, 1.0, 5), 12)
    return pd.DataFrame(
        {"g": np.repeat(np.arange(12), 5), "z": z, "y": np.round(np.exp(3.0 + slope * z))}
    )


def test_a_default_that_the_data_contradict_is_named() -> None:
    model = hb.Model("y ~ z + (1 | g)", counts(STEEP), family="poisson")
    mode = model.map()
    found = mode.diagnose().findings[0]
    assert found.startswith(
        "prior and data are in conflict: the data put the coefficients 'Intercept', 'z' where "
        "their default prior has little probability (p = "
    )
    joint = model.priors.joint_gamma(model.problem.working)
    assert joint is not None
    likeliest = model.ml()
    away = likeliest.fixef().to_numpy() - joint.mean
    cov = likeliest.vcov().to_numpy() + np.linalg.inv(joint.precision)
    p = stats.chi2(2).sf(away @ np.linalg.solve(cov, away))
    assert f"(p = {p:.1g}); state priors of 'gamma'" in found
    assert prior_conflicts(likeliest) == []  # it has no priors


@pytest.mark.parametrize("family", ["poisson", "negative_binomial"])
def test_a_default_that_the_data_allow_is_not(family: str) -> None:
    mode = hb.Model("y ~ z + (1 | g)", counts(MILD), family=family).map()
    assert not any("conflict" in finding for finding in mode.diagnose().findings)


def test_stated_priors_are_not_asked() -> None:
    priors = {"gamma": hb.Normal(0, 1)}
    model = hb.Model("y ~ z + (1 | g)", counts(STEEP), family="poisson", priors=priors)
    assert prior_conflicts(model.map()) == []


def test_a_coefficient_without_a_maximum_contradicts_nothing() -> None:
    data = counts(MILD).assign(y=lambda one: (one["z"] > 0.1).astype(int))
    mode = hb.Model("y ~ z + (1 | g)", data, family="bernoulli").map()
    assert prior_conflicts(mode) == []


def test_of_a_gaussian_response_the_mode_says_it() -> None:
    """The default can hardly contradict a Gaussian response, whose spread it takes; another may."""
    rng = np.random.default_rng(3)
    data = counts(MILD).assign(y=lambda one: one["z"] + rng.normal(0.0, 0.1, 60))
    formula = "y ~ z + (1 | g)"
    assert prior_conflicts(hb.Model(formula, data).map()) == []
    narrow = {"gamma": {"Intercept": hb.DesignNormal(2, 0.1), "z": hb.DesignNormal(0, 0.1)}}
    model = hb.Model(formula, data, priors=narrow)
    mode = model.map()
    (found,) = prior_conflicts(mode)
    assert found in mode.diagnose().findings
