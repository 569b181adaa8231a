"""Priors of the errors as draws, and responses with the errors of each draw."""

import arviz as az  # type: ignore[import-untyped]
import numpy as np
import pandas as pd
import pytest
import xarray as xr
from scipy import stats

import hierbayes as hb
from hierbayes import residuals as hr
from hierbayes.fit.convergence import relative_efficiency
from hierbayes.priors.draws import draw_priors
from tests.test_residual_structures import ROWS, errors_by_hand

M = 4000


def drawn(structure: hr.ResidualStructure, **residual: hb.Normal) -> pd.DataFrame:
    model = hb.Model(
        "y ~ x", ROWS, residual=structure, priors={"residual": residual} if residual else {}
    )
    moments = model.problem.moments
    assert moments is not None
    z = draw_priors(model.priors, model.problem, M, 3).phi[:, 1:]
    names = [one.name for one in moments.rows.parameters]
    return pd.DataFrame(moments.rows.natural(z), columns=names)


@pytest.mark.parametrize(
    ("name", "structure", "law"),
    [
        ("phi", hr.AR1("week", group="g"), stats.uniform(-1, 2)),
        ("ratio[M]", hr.Strata("sex"), stats.lognorm(1.0)),
        ("rho", hr.CompoundSymmetry(group="g"), stats.uniform(-0.25, 1.25)),
        ("power", hr.Power("dose"), stats.norm(0, 2.7158267927428708)),
    ],
)
def test_parameters_have_their_usual_priors(
    name: str, structure: hr.ResidualStructure, law: stats.rv_continuous
) -> None:
    """Shares below a few quantiles, each within six standard errors."""
    values = drawn(structure)[name].to_numpy()
    for share in (0.1, 0.5, 0.8):
        below = float((values < law.ppf(share)).mean())
        assert abs(below - share) < 6.0 * np.sqrt(share * (1.0 - share) / M)


def test_a_prior_is_cut_at_the_limits_of_its_parameter() -> None:
    values = drawn(hr.AR1("week", group="g"), phi=hb.Normal(0.9, 0.4))["phi"].to_numpy()
    law = stats.truncnorm((-1 - 0.9) / 0.4, (1 - 0.9) / 0.4, 0.9, 0.4)
    for share in (0.1, 0.5, 0.9):
        below = float((values < law.ppf(share)).mean())
        assert abs(below - share) < 6.0 * np.sqrt(share * (1.0 - share) / M)


def test_correlations_of_occasions_have_the_margins_of_lkj() -> None:
    model = hb.Model("y ~ x", ROWS, residual=hr.Unstructured("week", group="g"))
    eta = {name: prior for name, prior, _ in model.priors.residual}["corr"].parameters["eta"]
    found = drawn(hr.Unstructured("week", group="g"))
    a = eta - 1.0 + 5 / 2  # of five weeks
    law = stats.beta(a, a)
    for name in ("corr[1,2]", "corr[2,5]"):
        below = float(((1 + found[name]) / 2 < law.ppf(0.2)).mean())
        assert abs(below - 0.2) < 6.0 * 0.4 / np.sqrt(M)


@pytest.fixture(scope="module")
def tree() -> xr.DataTree:
    structure = hr.AR1("week") * hr.Strata("sex")
    priors = {"gamma": hb.Normal(0, 2), "sd": hb.HalfNormal(1)}
    model = hb.Model("y ~ x + (1 | g)", ROWS, residual=structure, priors=priors)
    fit = model.sample(draws=150, tune=200, chains=2, seed=4, progress=False)
    return fit.to_datatree(posterior_predictive=True, prior=True, prior_predictive=True)


@pytest.mark.slow
@pytest.mark.parametrize("group", ["prior", "posterior"])
def test_responses_have_the_errors_of_each_draw(tree: xr.DataTree, group: str) -> None:
    """Σ e'R⁻¹e/σ² over draws is χ², R of each written out."""
    structure = hr.AR1("week") * hr.Strata("sex")
    at = tree[group].to_dataset().stack(every=("chain", "draw"))
    new = tree[f"{group}_predictive"]["y"].stack(every=("chain", "draw")).to_numpy()
    X = np.column_stack([np.ones(len(ROWS)), ROWS["x"]])
    place = [list(at["group_g"].to_numpy()).index(name) for name in ROWS["g"]]
    names = [str(one) for one in at["residual_parameter"].to_numpy()]
    total, count = 0.0, new.shape[1]
    for m in range(count):
        one = at.isel(every=m)
        e = new[:, m] - X @ one["gamma"].to_numpy() - one["u"].to_numpy()[place, 0]
        own = dict(zip(names, one["residual"].to_numpy(), strict=True))
        R = errors_by_hand(structure, ROWS, own)
        total += e @ np.linalg.solve(R, e) / float(one["sigma"]) ** 2
    n = len(ROWS) * count
    assert abs(total - n) < 6.0 * np.sqrt(2.0 * n)


def test_what_priors_imply_of_single_rows_does_not_know_of_their_correlation() -> None:
    priors = {"gamma": hb.Normal(0, 2), "sd": hb.HalfNormal(1), "sigma": hb.HalfNormal(2)}
    correlated, alike = (
        hb.Model("y ~ x + (1 | g)", ROWS, priors=priors, residual=one).prior_predictive(100, seed=2)
        for one in (hr.AR1("week"), None)
    )
    xr.testing.assert_identical(correlated.draws, alike.draws)
    unequal = hb.Model("y ~ x + (1 | g)", ROWS, priors=priors, residual=hr.Strata("sex"))
    own = unequal.prior_predictive(100, seed=2)
    assert own.draws.data_vars.keys() == alike.draws.data_vars.keys()
    assert not own.draws.equals(alike.draws)


def test_new_responses_of_a_group_are_correlated_as_their_errors_are() -> None:
    structure = hr.AR1("week") * hr.Strata("sex")
    fit = hb.Model("y ~ x + (1 | g)", ROWS, residual=structure).reml()
    new = ROWS[ROWS["g"].isin(ROWS["g"].unique()[:2])].assign(week=lambda d: d["week"] + 50)
    draws, n = 4000, len(new)
    found = fit.predict_draws(new, kind="response", draws=draws, seed=3).to_numpy()[0]
    linear = fit.predict_draws(new, kind="linear", draws=draws, seed=3).to_numpy()[0]
    R = fit.sigma**2 * errors_by_hand(structure, new, dict(fit.error_parameters))  # type: ignore[attr-defined]
    white = np.linalg.solve(np.linalg.cholesky(R), (found - linear).T)
    np.testing.assert_allclose(white @ white.T / draws, np.eye(n), atol=6.0 / np.sqrt(draws / 2))
    twice = pd.concat([new.head(1), new.head(1)])
    same = fit.predict_draws(twice, kind="response", draws=20, seed=3).to_numpy()[0]
    np.testing.assert_allclose(same[:, 0], same[:, 1])  # one error at one time
    with pytest.raises(hb.DataError, match=r"^the errors of these rows need column 'week'"):
        fit.predict_draws(new.drop(columns="week"), kind="response", draws=2, seed=1)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:Estimated shape parameter of Pareto")
def test_functions_of_arviz_read_the_tree_of_unequal_variances() -> None:
    priors = {"gamma": hb.Normal(0, 2), "sd": hb.HalfNormal(1), "sigma": hb.HalfNormal(2)}
    model = hb.Model("y ~ x + (1 | g)", ROWS, residual=hr.Strata("sex"), priors=priors)
    fit = model.sample(draws=100, tune=200, chains=2, seed=2, progress=False)
    asked = ("log_likelihood", "posterior_predictive", "prior", "prior_predictive", "log_prior")
    tree = fit.to_datatree(**dict.fromkeys(asked, True))
    found = az.loo(tree, pointwise=True, reff=relative_efficiency(fit))
    ours = hb.loo(fit)
    trusted = (found.pareto_k < ours.k_hat_limit).to_numpy()
    assert trusted.sum() > 30
    pointwise = ours.frame["elpd"].to_numpy()
    np.testing.assert_allclose(found.elpd_i.to_numpy()[trusted], pointwise[trusted], rtol=1e-8)
    assert "residual[ratio[M]]" in az.psense_summary(tree, var_names=["residual"]).index
    for group in ("posterior_predictive", "prior_predictive"):
        assert az.plot_ppc_dist(tree, group=group, num_samples=3) is not None
    assert az.loo_pit(tree)["y"].shape == (len(ROWS),)
