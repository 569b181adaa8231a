"""Groups of an ArviZ tree by draw and row: ArviZ's own functions run on them."""

import arviz as az  # type: ignore[import-untyped]
import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
import xarray as xr
from numpy.testing import assert_allclose
from scipy import stats

import hierbayes as hb
from hierbayes.fit.convergence import relative_efficiency
from tests import family_fits
from tests.exact import exact_posterior

mpl.use("Agg")

GROUPS = {
    name: True
    for name in ("posterior_predictive", "log_likelihood", "prior", "prior_predictive", "log_prior")
}


@pytest.fixture(scope="module")
def tree(small_posterior: hb.PosteriorFit) -> xr.DataTree:
    return small_posterior.to_datatree(**GROUPS)


def test_densities_are_normal_given_the_draw(
    small_posterior: hb.PosteriorFit, tree: xr.DataTree
) -> None:
    rows, m = small_posterior.design.rows, (1, 7)
    eta = rows.X @ small_posterior.gamma_draws[m]
    eta = eta + (rows.Z * small_posterior.us[0][m][rows.codes]).sum(axis=1)
    sigma = float(small_posterior.theta.sigma[m])
    wanted = -0.5 * ((rows.y - eta) / sigma) ** 2 - np.log(sigma) - 0.5 * np.log(2 * np.pi)
    found = tree["log_likelihood"]["y"].to_numpy()[m]
    assert_allclose(found, wanted, rtol=1e-10)


def test_new_responses_vary_about_the_predictors(
    small_posterior: hb.PosteriorFit, tree: xr.DataTree
) -> None:
    linear = small_posterior.predict_draws(kind="linear").to_numpy()
    white = (tree["posterior_predictive"]["y"] - linear) / small_posterior.theta.sigma[..., None]
    n = white.size
    assert abs(float(white.mean())) < 6 / np.sqrt(n)
    assert_allclose(float(white.std()), 1.0, atol=6 / np.sqrt(2 * n))


@pytest.mark.filterwarnings("ignore:Estimated shape parameter of Pareto")
@pytest.mark.slow
def test_functions_of_arviz_run_on_them(
    small_posterior: hb.PosteriorFit, tree: xr.DataTree
) -> None:
    found = az.loo(tree, pointwise=True, reff=relative_efficiency(small_posterior))
    ours = hb.loo(small_posterior)
    trusted = (found.pareto_k < ours.k_hat_limit).to_numpy()  # others are exact again here
    pointwise = ours.frame["elpd"].to_numpy()
    assert_allclose(found.elpd_i.to_numpy()[trusted], pointwise[trusted], rtol=1e-8)
    assert az.compare({"a": found, "b": found})["elpd"].nunique() == 1
    assert az.loo_pit(tree)["y"].shape == (60,)
    sensitivity = [az.psense(tree, group=group, var_names=["gamma", "sd"])["sd"].to_numpy()
                   for group in ("prior", "likelihood")]  # fmt: skip
    assert (np.array(sensitivity) > 0.0).all()
    assert az.psense_summary(tree, var_names=["gamma"]).shape == (
        len(small_posterior.design.terms),
        3,
    )


@pytest.mark.filterwarnings("ignore:Estimated shape parameter of Pareto")
@pytest.mark.slow
@pytest.mark.parametrize(
    "picture", ["dist", "dist_pit", "interval", "pit", "tstat", "loo_pit", "loo_interval", "prior"]
)
def test_pictures_of_arviz_are_drawn_of_them(tree: xr.DataTree, picture: str) -> None:
    if picture == "prior":
        assert az.plot_ppc_dist(tree, group="prior_predictive", num_samples=3) is not None
        return
    name = f"plot_{picture}" if picture.startswith("loo") else f"plot_ppc_{picture}"
    assert getattr(az, name)(tree) is not None


@pytest.mark.filterwarnings("ignore:In a future version of xarray")  # of ArviZ's own call
def test_arviz_draws_priors_beside_posteriors(tree: xr.DataTree) -> None:
    """Its dimension 'group' is of priors and posteriors; that of groups is by factor."""
    assert tree["posterior"]["u"].dims[2] == tree["prior"]["u"].dims[2] == "group_g"
    drawn = az.plot_prior_posterior(tree, var_names=["gamma", "sd", "sigma"])
    assert set(drawn.viz.children) >= {"dist"}


@pytest.fixture(scope="module")
def of_a_family() -> xr.DataTree:
    return family_fits.posterior().to_datatree(**GROUPS)


def test_a_family_has_them_too(of_a_family: xr.DataTree) -> None:
    fit, tree = family_fits.posterior(), of_a_family
    p = fit.predict_draws().to_numpy()
    y = tree["observed_data"]["y"].to_numpy()
    assert_allclose(tree["log_likelihood"]["y"], np.log(np.where(y == 1, p, 1 - p)), rtol=1e-8)
    for group in ("posterior_predictive", "prior_predictive"):
        assert set(np.unique(tree[group]["y"])) == {0, 1}
        assert tree[group]["y"].dtype == np.int64  # by which ArviZ knows that they are counted
    assert tree["prior"]["u"].shape == (1, 120, 12, 1)
    assert set(tree["log_prior"].data_vars) == {"gamma", "sd"}


@pytest.mark.slow
def test_a_picture_of_arviz_of_what_is_binary_is_drawn(of_a_family: xr.DataTree) -> None:
    assert az.plot_ppc_pava(of_a_family) is not None


# ---------------------------------------------------------------- priors


@pytest.fixture(scope="module")
def stated(small_data: pd.DataFrame) -> hb.PosteriorFit:
    priors = {"gamma": hb.Normal(1, 4), "sd": hb.HalfNormal(2), "sigma": hb.HalfNormal(3)}
    return exact_posterior(hb.Model("y ~ x + (1 | g)", data=small_data, priors=priors), draws=250)


def test_log_priors_are_those_of_the_priors_stated(stated: hb.PosteriorFit) -> None:
    found = stated.to_datatree(log_prior=True)["log_prior"]
    expected = {
        "gamma": stats.norm(1, 4).logpdf(stated.gamma_draws).sum(axis=-1),
        "sd": stats.halfnorm(scale=2).logpdf(stated.theta.sd).sum(axis=-1),
        "sigma": stats.halfnorm(scale=3).logpdf(stated.theta.sigma),
    }
    assert set(found.data_vars) == set(expected)
    for name, values in expected.items():
        assert_allclose(found[name], values, rtol=1e-10)


def test_draws_and_responses_of_priors_have_their_moments(stated: hb.PosteriorFit) -> None:
    tree = stated.to_datatree(prior=True, prior_predictive=True)
    gamma, M = tree["prior"]["gamma"].to_numpy()[0], 1000
    assert_allclose(gamma.mean(axis=0), 1.0, atol=6 * 4 / np.sqrt(M))
    scaled = tree["prior"]["u"] / tree["prior"]["sd"].isel(effect=0, drop=True)
    assert abs(float(scaled.std()) - 1.0) < 6 / np.sqrt(2 * scaled.size)
    x = stated.design.rows.X[:, 1]
    y = tree["prior_predictive"]["y"].to_numpy()[0]
    variance = 16.0 * (1.0 + x**2) + 4.0 + 9.0
    assert_allclose((y - (1.0 + x)).mean(axis=0) / np.sqrt(variance), 0.0, atol=6 / np.sqrt(M))
    assert abs(((y - 1.0 - x) ** 2 / variance).mean() - 1.0) < 0.35


def test_what_has_no_draws_and_no_density_is_refused(small_data: pd.DataFrame) -> None:
    model = hb.Model("y ~ x + (1 | g)", data=small_data, priors={"gamma": hb.Flat()})
    with pytest.raises(
        hb.PriorError, match=r"^the prior of 'gamma' for 'Intercept' \(Flat\(\)\) is"
    ):
        exact_posterior(model, draws=25).to_datatree(prior=True)
