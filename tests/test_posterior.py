"""The posterior: exact against quadrature, reproducible, and the graph's own density."""

import ctypes
import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from arviz_stats.base import array_stats
from numpy.typing import NDArray

import hierbayes as hb
from hierbayes.estimation import density as density_module
from hierbayes.estimation.inputs import graph_inputs
from hierbayes.estimation.posterior import target_of
from tests.exact import exact_posterior

pytestmark = pytest.mark.slow

AXES = {"chain_axis": 0, "draw_axis": 1}
ERRORS = 5.0  # Monte Carlo errors: some 500 comparisons exceed 4 of them now and then
QUANTILES = {"q025": 0.025, "q05": 0.05, "q50": 0.5, "q95": 0.95, "q975": 0.975}
NAMES = {
    "(Intercept)": "Intercept",
    "SectorPublic": "Sector[T.Public]",
    "ses:SectorPublic": "ses:Sector[T.Public]",
}


def named(text: str) -> str:
    return NAMES.get(text, text)


def quantity(fit: hb.Fit, name: str) -> NDArray[np.float64]:
    """Draws of a quantity under the name the reference gives it."""
    if name == "icc":
        between = fit.draws("G").to_numpy()[..., 0, 0]
        return between / (between + fit.theta.sigma**2)
    if name == "sigma":
        return fit.theta.sigma
    if name == "cor":
        return fit.draws("corr").to_numpy()[..., 0, 1]
    if name.startswith("sd_"):
        return fit.draws("sd").sel(effect=named(name[3:])).to_numpy()
    return fit.draws("gamma").sel(term=named(name)).to_numpy()


@pytest.fixture(scope="module")
def model_hs() -> hb.Model:
    """``intercepts_slopes`` under the priors of ``posterior_exact``."""
    priors = {
        "gamma": hb.Normal(0, 20),
        "sd": hb.HalfNormal(10),
        "corr": hb.LKJ(2),
        "sigma": hb.HalfNormal(10),
    }
    data = hb.load_dataset("hs")
    return hb.Model("mathach ~ ses * Sector", "~ 1 + ses | school", data=data, priors=priors)


@pytest.fixture(scope="module")
def sampled_hs(model_hs: hb.Model) -> hb.PosteriorFit:
    """Its posterior by NUTS."""
    return model_hs.sample(draws=1000, tune=500, chains=4, seed=1, progress=False)


@pytest.fixture(scope="module", params=["sampled_hs", "posterior_hs"])
def either(request: pytest.FixtureRequest) -> hb.PosteriorFit:
    """The posterior by NUTS, and the independent draws that other tests start from."""
    fit: hb.PosteriorFit = request.getfixturevalue(request.param)
    return fit


def test_parameters_equal_quadrature(
    either: hb.PosteriorFit, posterior_exact: dict[str, Any]
) -> None:
    for name, exact in posterior_exact["intercepts_slopes"]["params"].items():
        draws = quantity(either, name)
        for method, value in (("mean", draws.mean()), ("sd", draws.std())):
            error = array_stats.mcse(draws, method=method, **AXES)
            assert abs(value - exact[method]) < ERRORS * error, (name, method)
        for key, prob in QUANTILES.items():
            if key in exact:  # the error of a share is known better than that of a quantile
                below = (draws < exact[key]).astype(np.float64)
                size = array_stats.ess(below, method="mean", **AXES)
                error = np.sqrt(prob * (1.0 - prob) / size)
                assert abs(below.mean() - prob) < ERRORS * error, (name, key)


def test_random_effects_equal_quadrature(
    either: hb.PosteriorFit, posterior_exact: dict[str, Any]
) -> None:
    u = either.draws("u")
    for label, exact in posterior_exact["intercepts_slopes"]["u"].items():
        group, effect = label[2:-1].split(",")
        draws = u.sel(group=group, effect=named(effect)).to_numpy()
        for method, value in (("mean", draws.mean()), ("sd", draws.std())):
            error = array_stats.mcse(draws, method=method, **AXES)
            assert abs(value - exact[method]) < ERRORS * error, (label, method)


def test_a_seed_gives_the_same_draws_again(model_hs: hb.Model, sampled_hs: hb.PosteriorFit) -> None:
    again = model_hs.sample(seed=1, progress=False)
    for name in ("gamma", "u", "G", "sigma"):
        np.testing.assert_array_equal(again.draws(name), sampled_hs.draws(name))
    other = model_hs.sample(draws=100, tune=100, seed=2, progress=False)
    assert not np.array_equal(other.theta.sigma[:, :100], again.theta.sigma[:, :100])


Density = Callable[[NDArray[np.float64]], tuple[int, float, NDArray[np.float64]]]


def native_density(model: hb.Model) -> Density:
    """What the sampler's C callback says at an unconstrained point."""
    design, priors = model.problem.design, model.priors
    inputs = graph_inputs(design, model.problem.cross, priors)
    target = target_of(design, inputs, priors, progress=False)
    double = ctypes.POINTER(ctypes.c_double)

    def density(x: NDArray[np.float64]) -> tuple[int, float, NDArray[np.float64]]:
        value, gradient = np.zeros(1), np.zeros(len(x))
        pointers = [array.ctypes.data_as(double) for array in (x, gradient, value, target.data)]
        status = target.log_density.ctypes(len(x), *pointers)
        return status, float(value[0]), gradient

    return density


def test_a_line_says_what_is_compiled_and_only_then(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    model = hb.Model("mathach ~ ses", random="~ 1 | school", data=hb.load_dataset("hs"))
    design, priors = model.problem.design, model.priors
    inputs = graph_inputs(design, model.problem.cross, priors)
    target_of(design, inputs, priors, progress=True)  # whatever was on disk, now it is
    capsys.readouterr()
    target_of(design, inputs, priors, progress=True)
    assert capsys.readouterr().err == ""
    monkeypatch.setattr(density_module, "is_compiled", lambda: False)
    target_of(design, inputs, priors, progress=False)
    assert capsys.readouterr().err == ""
    target_of(design, inputs, priors, progress=True)
    said = "compiling the log density, once on this machine: 10 to 40 s\n"
    assert capsys.readouterr().err == said


def test_a_hopeless_proposal_is_refused_not_raised() -> None:
    model = hb.Model("mathach ~ ses", random="~ 1 + ses | school", data=hb.load_dataset("hs"))
    density = native_density(model)
    for x in (np.array([1e200, 1e200, 0.0, 0.0]), np.array([1.0, 1.0, 0.0, 800.0])):
        status, _, _ = density(x)
        assert status != 0


@pytest.mark.slow
def test_the_sampler_of_pymc_agrees(small_data: pd.DataFrame) -> None:
    model = hb.Model("y ~ x + w", "~ 1 | g", data=small_data)
    exact = exact_posterior(model, draws=500)
    fit = model.sample(
        draws=500, tune=500, chains=2, cores=1, seed=3, sampler="pymc", progress=False
    )
    for name in ("gamma", "sd", "sigma"):
        a, b = fit.draws(name).to_numpy(), exact.draws(name).to_numpy()
        errors = [array_stats.mcse(draws, method="mean", **AXES) for draws in (a, b)]
        z = (a.mean((0, 1)) - b.mean((0, 1))) / np.hypot(*errors)
        assert np.abs(z).max() < 4.5, (name, z)


def test_the_tree_holds_everything_with_names(sampled_hs: hb.PosteriorFit) -> None:
    tree = sampled_hs.to_datatree()
    assert set(tree.children) == {"posterior", "sample_stats", "observed_data", "constant_data"}
    posterior = tree["posterior"]
    assert posterior["u"].dims == ("chain", "draw", "group_school", "effect")
    assert posterior["gamma"].coords["term"].to_numpy().tolist() == [
        "Intercept", "ses", "Sector[T.Public]", "ses:Sector[T.Public]",
    ]  # fmt: skip
    assert posterior.sizes["group_school"] == 40
    assert tree["observed_data"]["mathach"].size == 1977
    assert {"diverging", "energy", "lp", "tree_depth"} <= set(tree["sample_stats"].data_vars)
    assert tree.attrs["seed"] == "1"
    assert "HalfNormal(10)" in tree.attrs["priors"]
    G = posterior["G"].to_numpy()
    sd, corr = posterior["sd"].to_numpy(), posterior["corr"].to_numpy()
    np.testing.assert_allclose(G[..., 0, 1], sd[..., 0] * sd[..., 1] * corr[..., 0, 1], rtol=1e-10)


def test_a_random_slope_far_from_its_zero_is_refused(hs: pd.DataFrame) -> None:
    far = hs.assign(x=hs["ses"] + 1e6)
    model = hb.Model("mathach ~ x", "~ x | school", data=far, priors={"sd": hb.HalfNormal(5)})
    message = (
        "priors on sd and corr refer to 'x' = 0, which is 1e+06 spreads away from its data, and no "
        "sampler can work there: centre it, for instance as I(x - 1e+06); reml() and ml() do not "
        "mind"
    )
    with pytest.raises(hb.PriorError, match=re.escape(message)):
        model.sample(progress=False)
    assert model.reml().loglik == pytest.approx(-6427.887569, abs=1e-5)


def test_a_posterior_in_four_lines_has_the_means_of_its_tables(posterior_hs: hb.Fit) -> None:
    last = repr(posterior_hs).splitlines()[-1]
    sd = posterior_hs.var_corr()["sd"]
    assert last == (
        f"  random effects (2), sd: Intercept {sd['Intercept']:.4g}, ses {sd['ses']:.4g}; "
        f"sigma {sd['Residual']:.4g}"
    )
