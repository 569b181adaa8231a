"""Groups of an ArviZ tree by draw and row: ArviZ's own functions run on them."""

import arviz as az  # type: ignore[import-untyped]
import numpy as np
import pytest
import xarray as xr
from numpy.testing import assert_allclose

import hierbayes as hb
from tests import family_fits


@pytest.fixture(scope="module")
def tree(small_posterior: hb.PosteriorFit) -> xr.DataTree:
    return small_posterior.to_datatree(posterior_predictive=True, log_likelihood=True)


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
    found = az.loo(tree, pointwise=True, reff=1.0)
    ours = hb.loo(small_posterior)
    trusted = (found.pareto_k < ours.k_hat_limit).to_numpy()  # others are exact again here
    pointwise = ours.frame["elpd"].to_numpy()
    assert_allclose(found.elpd_i.to_numpy()[trusted], pointwise[trusted], rtol=1e-8)
    assert az.compare({"a": found, "b": found})["elpd"].nunique() == 1
    assert az.loo_pit(tree)["y"].shape == (60,)
    assert az.plot_ppc_dist(tree, num_samples=3) is not None


def test_a_family_has_them_too() -> None:
    fit = family_fits.posterior()
    tree = fit.to_datatree(posterior_predictive=True, log_likelihood=True)
    p = fit.predict_draws().to_numpy()
    y = tree["observed_data"]["y"].to_numpy()
    assert_allclose(tree["log_likelihood"]["y"], np.log(np.where(y == 1, p, 1 - p)), rtol=1e-8)
    assert set(np.unique(tree["posterior_predictive"]["y"])) == {0.0, 1.0}
