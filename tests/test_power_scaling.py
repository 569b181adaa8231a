"""Power-scaling and local derivatives: against ArviZ, closed forms and re-weighting."""

from typing import Any

import numpy as np
import pytest
import xarray as xr
from arviz_stats import psense
from numpy.testing import assert_allclose
from scipy import stats

import hierbayes as hb
from hierbayes.likelihood.gaussian import Likelihood
from hierbayes.likelihood.reading import GIVEN
from hierbayes.studies.sensitivity.power_scaling import diagnosis
from tests.conftest import Cache
from tests.dense import Array
from tests.exact import exact_posterior

pytestmark = pytest.mark.slow

PRIORS: dict[str, Any] = {
    "gamma": hb.Normal(1, 4),
    "sd": hb.HalfNormal(2),
    "corr": hb.LKJ(2),
    "sigma": hb.HalfNormal(3),
}


@pytest.fixture(scope="module")
def informed() -> hb.Fit:
    """A posterior in which every prior counts."""
    hs = hb.load_dataset("hs")
    model = hb.Model("mathach ~ ses * Sector", "~ 1 + ses | school", data=hs, priors=PRIORS)
    return exact_posterior(model, seed=3)


@pytest.fixture(scope="module")
def study(informed: hb.Fit) -> hb.SensitivityStudy:
    """Its priors raised to powers, where that is a prior of the same family.

    N(μ, s)^α ∝ N(μ, s/√α), HalfNormal(s)^α ∝ HalfNormal(s/√α), LKJ(η)^α ∝ LKJ(1 + α(η − 1)).
    """
    grid: dict[str, Any] = {"gamma": {}, "sd": {}, "corr": {}, "sigma": {}}
    for alpha in (0.5, 2.0):
        grid["gamma"][f"gamma {alpha}"] = hb.Normal(1, 4 / np.sqrt(alpha))
        grid["sd"][f"sd {alpha}"] = hb.HalfNormal(2 / np.sqrt(alpha))
        grid["corr"][f"corr {alpha}"] = hb.LKJ(1 + alpha)
        grid["sigma"][f"sigma {alpha}"] = hb.HalfNormal(3 / np.sqrt(alpha))
    return hb.SensitivityStudy(informed, grid, refit=False, progress=False)


def log_likelihood(fit: hb.Fit) -> Array:
    """Log p(y | γ, θ), u integrated out, draw by draw."""
    likelihood, theta = Likelihood(fit.problem.cross, GIVEN), fit.theta.flat
    gammas = fit.gamma_draws.reshape(-1, 4)
    values = [likelihood.at(theta[i], gamma).value for i, gamma in enumerate(gammas)]
    return np.reshape(values, fit.theta.shape)


@pytest.fixture(scope="module")
def tree(informed: hb.Fit, study: hb.SensitivityStudy) -> xr.DataTree:
    """What ArviZ wants: quantities, log priors by block and the log likelihood, from their own
    formulas up to constants."""
    dims = ("chain", "draw")
    rho = informed.draws("corr")[..., 0, 1].to_numpy()
    gamma, sd = informed.draws("gamma").to_numpy(), informed.draws("sd").to_numpy()
    log_prior = {
        "gamma": stats.norm(1, 4).logpdf(gamma).sum(axis=2),
        "sd": stats.halfnorm(scale=2).logpdf(sd).sum(axis=2),
        "corr": np.log1p(-(rho**2)),
        "sigma": stats.halfnorm(scale=3).logpdf(informed.theta.sigma),
    }
    posterior = {one.name: (dims, one.draws(informed)) for one in study.estimands.quantities}
    groups = {
        "posterior": xr.Dataset(posterior),
        "log_prior": xr.Dataset({name: (dims, value) for name, value in log_prior.items()}),
        "log_likelihood": xr.Dataset({"y": (dims, log_likelihood(informed))}),
    }
    coords = {"chain": np.arange(4), "draw": np.arange(1000)}
    return xr.DataTree.from_dict(
        {name: group.assign_coords(coords) for name, group in groups.items()}
    )


@pytest.mark.parametrize("component", ["gamma", "sd", "corr", "sigma", "all priors", "likelihood"])
def test_sensitivities_are_those_of_arviz(
    study: hb.SensitivityStudy, tree: xr.DataTree, component: str
) -> None:
    if component == "likelihood":
        theirs = psense(tree, group="likelihood")
    elif component == "all priors":
        theirs = psense(tree, group="prior")
    else:
        theirs = psense(tree, group="prior", group_var_names=[component])
    ours = study.power_scaling[component]
    assert_allclose(ours, [float(theirs[name]) for name in ours.index], atol=1e-10)
    assert ours.max() > 0.01  # there is something to agree on


def test_the_diagnosis_is_the_reading_of_the_paper(study: hb.SensitivityStudy) -> None:
    assert diagnosis(0.049, 0.2) == "-"
    assert diagnosis(0.05, 0.05) == "potential prior-data conflict"
    assert diagnosis(0.3, 0.049) == "potential strong prior or weak likelihood"
    table = study.power_scaling
    said = [diagnosis(a, b) for a, b in zip(table["all priors"], table["likelihood"], strict=True)]
    assert table["diagnosis"].tolist() == said
    # the prior of the intercept, N(1, 4), is three of its sds away from the data
    assert table.loc["Intercept", "diagnosis"] == "potential prior-data conflict"
    assert table.loc["sigma", "diagnosis"] == "-"


@pytest.mark.parametrize("alpha", [0.5, 2.0])
def test_powers_of_priors_of_theta_are_their_families_again(
    study: hb.SensitivityStudy, alpha: float
) -> None:
    """Both are weights on the same draws, and equal but for rounding."""
    grid = study.power_grid((alpha,))
    for component in ("sd", "corr", "sigma"):
        cell = study.cells.sel(alternative=f"{component} {alpha}")
        power = grid.sel(component=component, alpha=alpha)
        assert_allclose(power["movement"], cell["movement"], atol=1e-7)
        assert_allclose(power["mcse"], cell["mcse"], atol=1e-7)
        assert float(power["k_hat"]) == pytest.approx(float(cell["k_hat"]), abs=1e-4)


@pytest.mark.parametrize("alpha", [0.5, 2.0])
def test_powers_of_the_prior_of_gamma_are_normal_priors(
    study: hb.SensitivityStudy, alpha: float
) -> None:
    """Once by weights on the draws of γ, once by drawing γ anew: equal within their errors."""
    power = study.power_grid((alpha,)).sel(component="gamma", alpha=alpha)
    cell = study.cells.sel(alternative=f"gamma {alpha}")
    gap = np.abs(power["movement"] - cell["movement"])
    assert (gap < 4.5 * np.hypot(power["mcse"], cell["mcse"])).all()
    assert abs(float(cell["movement"].sel(quantity="Intercept"))) > 0.1


def test_powers_that_the_draws_do_not_reach_are_missing(study: hb.SensitivityStudy) -> None:
    grid = study.power_grid((1.0, 100.0))
    assert_allclose(grid["movement"].sel(alpha=1.0), 0.0, atol=1e-12)
    assert float(grid["k_hat"].sel(component="likelihood", alpha=100.0)) > 0.7
    assert bool(grid["movement"].sel(component="likelihood", alpha=100.0).isnull().all())


# ---------------------------------------------------------------- derivatives

STEP = 0.02
NUMBERS: dict[str, tuple[str, Any]] = {
    "corr(Intercept, ses).eta": ("corr", lambda h: hb.LKJ(2 * np.exp(h))),
    "sd(ses).sigma": ("sd", lambda h: {"ses": hb.HalfNormal(2 * np.exp(h))}),
    "sd(Intercept).sigma": ("sd", lambda h: {"Intercept": hb.HalfNormal(2 * np.exp(h))}),
    "sigma.sigma": ("sigma", lambda h: hb.HalfNormal(3 * np.exp(h))),
    "gamma(Intercept).mu": ("gamma", lambda h: {"Intercept": hb.Normal(1 + 4 * h, 4)}),
    "gamma(Intercept).sigma": ("gamma", lambda h: {"Intercept": hb.Normal(1, 4 * np.exp(h))}),
    "gamma(ses).mu": ("gamma", lambda h: {"ses": hb.Normal(1 + 4 * h, 4)}),
}


@pytest.mark.parametrize("number", NUMBERS)
def test_derivatives_are_differences_of_reweighted_posteriors(
    informed: hb.Fit, study: hb.SensitivityStudy, number: str
) -> None:
    """Per unit of log η, or of a location per its scale; central differences over 2h."""
    block, state = NUMBERS[number]
    grid = {block: {"up": state(STEP), "down": state(-STEP)}}
    moved = hb.SensitivityStudy(informed, grid, refit=False, progress=False).cells
    up, down = (moved["movement"].sel(alternative=name) for name in ("up", "down"))
    found = study.derivatives().sel(number=number)
    # the errors of the two differences go together, and add up at most
    error = found["mcse"] + (
        moved["mcse"].sel(alternative="up") + moved["mcse"].sel(alternative="down")
    ) / (2 * STEP)
    gap = np.abs(found["derivative"] - (up - down) / (2 * STEP))
    assert (gap < 4.5 * error + 1e-4).all()
    if block != "gamma":  # the same draws: only the smoothing of weights differs
        assert float(gap.max()) < 0.1 * float(np.abs(found["derivative"]).max())


def test_every_number_of_every_prior_has_a_derivative(
    study: hb.SensitivityStudy, baselines: Cache[hb.Fit]
) -> None:
    terms = ["Intercept", "ses", "Sector[T.Public]", "ses:Sector[T.Public]"]
    gamma = [f"gamma({term}).{number}" for term in terms for number in ("mu", "sigma")]
    assert study.derivatives()["number"].to_numpy().tolist() == [
        *gamma, "sd(Intercept).sigma", "sd(ses).sigma", "corr(Intercept, ses).eta", "sigma.sigma",
    ]  # fmt: skip
    usual = hb.SensitivityStudy(
        baselines["hs"], {"corr": hb.LKJ(3)}, refit=False, progress=False
    ).derivatives()
    assert "sd(ses).nu" in usual["number"].to_numpy().tolist()
