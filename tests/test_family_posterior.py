"""Posteriors of families that are not Gaussian, as an analyst asks for them."""

import numpy as np
import pandas as pd
import pytest
from arviz_stats.base import array_stats
from scipy import stats

import hierbayes as hb
from hierbayes.design.blocks import free_entries
from hierbayes.estimation.density import density_at
from hierbayes.estimation.family_inputs import inputs_at_mode
from hierbayes.estimation.latent_criterion import LatentCriterion
from hierbayes.estimation.latent_problem import curvature_of, latent_rows
from hierbayes.estimation.posterior import target_of
from hierbayes.estimation.start import start_at
from hierbayes.fit.of_family.maximised import maximise_family
from tests import families_reference as reference

GAMMA, SD = hb.Normal(0.5, 1.5), hb.HalfNormal(1.0)


def _data() -> pd.DataFrame:
    rng = np.random.default_rng(8)
    g = np.repeat(np.arange(14), 5)
    u = rng.normal(0.0, 1.0, 14)[g]
    p = 1.0 / (1.0 + np.exp(-0.4 - u))
    return pd.DataFrame(
        {"g": g, "x": rng.normal(size=70), "y": rng.random(70) < p, "n": rng.poisson(np.exp(u))}
    )


@pytest.fixture(scope="module")
def model() -> hb.Model:
    priors = {"gamma": GAMMA, "sd": SD}
    return hb.Model("y ~ 1 + (1 | g)", _data(), family="bernoulli", priors=priors)


@pytest.fixture(scope="module")
def posterior(model: hb.Model) -> hb.PosteriorFit:
    return model.sample(draws=1000, chains=4, seed=3, progress=False)


@pytest.mark.slow
def test_the_posterior_is_the_one_that_quadrature_finds(
    model: hb.Model, posterior: hb.PosteriorFit
) -> None:
    """Mean and sd of γ, sd and of the u of a group, on a fine grid of (γ, sd)."""
    problem = model.problem
    rows, basis = latent_rows(problem), problem.working.basis
    lower = free_entries(problem.design.blocks)
    criterion = LatentCriterion(rows, lower, curvature_of(problem, rows), 11)
    gammas, sds = np.linspace(-2.0, 3.0, 26), 0.07 + 0.14 * np.arange(26)
    log_density = np.empty((26, 26))
    for i, gamma in enumerate(gammas):
        for k, sd in enumerate(sds):
            internal = basis.gamma_internal(np.array([gamma]))
            root = basis.root_internal(np.array([[sd]]))
            prior = stats.norm(0.5, 1.5).logpdf(gamma) + stats.halfnorm(0.0, 1.0).logpdf(sd)
            log_density[i, k] = criterion(np.concatenate([internal, root[0]]))[0] + prior
    weight = np.exp(log_density - log_density.max())
    weight /= weight.sum()
    exact = {
        "gamma": (weight.sum(axis=1) @ gammas, weight.sum(axis=1) @ gammas**2),
        "sd": (weight.sum(axis=0) @ sds, weight.sum(axis=0) @ sds**2),
    }
    for name, (mean, square) in exact.items():
        draws = posterior.draws(name).to_numpy()[..., 0]
        for values, wanted in ((draws, mean), (draws**2, square)):
            error = float(array_stats.mcse(values, method="mean", chain_axis=0, draw_axis=1))
            assert abs(values.mean() - wanted) < 4.5 * error + 2e-3 * abs(wanted)


def test_every_word_is_answered(posterior: hb.PosteriorFit) -> None:
    assert posterior.diagnose().ok
    text = str(posterior.summary())
    assert "posterior by NUTS (everything sampled; u through an exact map)" in text
    assert "Family: Bernoulli (binomial, one trial a row), logit link" in text
    assert "sigma" not in text
    assert posterior.ranef().shape == (14, 1)
    assert posterior.draws("u").dims == ("chain", "draw", "group", "effect")
    assert (posterior.predict() > 0).all() and (posterior.predict() < 1).all()
    np.testing.assert_allclose(
        posterior.icc()["icc"],
        (posterior.draws("G") / (posterior.draws("G") + np.pi**2 / 3.0)).mean(),
        rtol=1e-12,
    )
    tree = posterior.to_datatree()
    assert set(tree["posterior"].data_vars) == {"gamma", "u", "sd", "corr", "G"}
    assert tree["observed_data"]["y"].to_numpy().mean() == _data()["y"].mean()


def test_two_factors_and_slopes_are_sampled() -> None:
    data = _data().assign(h=np.arange(70) % 6)
    model = hb.Model("n ~ x + (1 + x | g) + (1 | h)", data, family="poisson")
    fit = model.sample(draws=200, tune=300, chains=2, seed=1, progress=False)
    assert [u.shape for u in fit.us] == [(2, 200, 14, 2), (2, 200, 6, 1)]
    assert not fit.evidence.stats["diverging"].any()
    assert set(fit.var_corr().index) == {("g", "Intercept"), ("g", "x"), ("h", "Intercept")}


def test_few_steps_are_enough_where_the_map_makes_all_nearly_normal() -> None:
    """A draw takes some three turns of nearly a third of π; leapfrog would take seven steps."""
    rng = np.random.default_rng(4)
    g = np.repeat(np.arange(60), 40)
    eta = 0.3 + rng.normal(size=60)[g]
    data = pd.DataFrame({"g": g, "y": rng.random(len(g)) < 1.0 / (1.0 + np.exp(-eta))})
    model = hb.Model("y ~ 1 + (1 | g)", data, family="bernoulli")
    fit = model.sample(300, tune=300, chains=2, seed=1, target_accept=0.75, progress=False)
    stats = fit.evidence.stats
    assert float(stats["n_steps"].mean()) < 5.0
    assert 0.8 < float(stats["step_size"].mean()) < 1.4
    assert not stats["diverging"].any()


def test_what_cannot_be_sampled_is_refused(model: hb.Model) -> None:
    with pytest.raises(hb.EstimationError, match="the sampler 'pymc' is of Gaussian responses"):
        model.sample(sampler="pymc", progress=False)


@pytest.mark.parametrize("name", ["wine_clmm", "Owls_zinb2", "Owls_zip_x"])
def test_the_gradient_of_several_dispersion_parameters_is_exact(name: str) -> None:
    model = reference.model(name)
    problem, priors = model.problem, model.priors
    inputs = inputs_at_mode(problem, priors, maximise_family(problem, 1).optimum.mode)
    target = target_of(problem.design, inputs, inputs.priors, progress=False)
    start = start_at(target.variables, inputs, inputs.start.gamma, inputs.start.gamma_error)[0]
    rng = np.random.default_rng(2)
    x = np.concatenate([start, np.zeros(target.latent)]) + 0.2 * rng.normal(size=target.n_dim)
    gradient = density_at(x, target.data)[1]
    d = target.n_dim - target.latent
    steps = 1e-5 * np.eye(target.n_dim)[: d + 2]
    up, down = ([density_at(x + sign * step, target.data)[0] for step in steps] for sign in (1, -1))
    differences = (np.array(up) - np.array(down)) / 2e-5
    np.testing.assert_allclose(
        gradient[: d + 2], differences, rtol=1e-6, atol=1e-6 * np.abs(gradient).max()
    )


def test_thresholds_are_sampled_in_order() -> None:
    fit = reference.model("wine_clmm").sample(draws=150, tune=200, chains=2, seed=1, progress=False)
    names = ("1|2", "2|3", "3|4", "4|5")
    draws = np.stack([fit.draws(name).to_numpy() for name in names], axis=-1)
    assert (np.diff(draws) > 0.0).all()
    np.testing.assert_allclose(draws[..., 0], -fit.draws("gamma").to_numpy()[..., 0], rtol=1e-12)
    assert fit.priors is not None
    assert list(fit.priors.frame().loc["thresholds"].index) == [
        "1|2 to 2|3", "2|3 to 3|4", "3|4 to 4|5",
    ]  # fmt: skip
