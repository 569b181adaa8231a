"""Bootstraps and simulated p-values with a residual structure, by refits of simulated responses."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

import hierbayes as hb
from hierbayes.fit.resampling.theta_draws import generator_of
from hierbayes.fit.structured.point import StructuredPointFit
from hierbayes.inference.bootstraps.structured_refits import drawn_rows, refitted_to
from hierbayes.likelihood.of_products import likelihood_of
from hierbayes.likelihood.reading import REML
from tests import residual_models
from tests.residual_models import MODELS

NAME = "sim_AR1_varIdent_slope"


@pytest.mark.parametrize(
    ("name", "engine"),
    [(NAME, "REML"), ("MMRM_CS_het", "ML"), ("Dialyzer_lme_power", "REML")],
)
def test_a_refit_is_the_fit_of_a_frame_that_holds_the_response(name: str, engine: str) -> None:
    fit = residual_models.fit(name, engine)
    y = drawn_rows(fit, np.random.default_rng(2))
    formula, structure = MODELS[name]
    data = residual_models.data(name).assign(simulated=y)
    model = hb.Model(f"simulated ~ {formula.partition('~')[2]}", data, residual=structure)
    direct = model.reml() if engine == "REML" else model.ml()
    refit = refitted_to(fit, y)
    assert_allclose(refit.loglik, direct.loglik, atol=1e-8)
    assert_allclose(refit.gamma, direct.gamma, rtol=1e-5)
    assert_allclose(refit.error_draws[1], direct.error_draws[1], atol=1e-5)


def test_draws_of_a_bootstrap_are_those_refits() -> None:
    fit = residual_models.fit(NAME, "REML")
    drawn = hb.bootstrap(fit, lambda one: float(one.loglik), n=3, seed=5, progress=False)
    refits = [refitted_to(fit, drawn_rows(fit, generator_of(5, i))) for i in range(3)]
    assert drawn.draws["statistic"].iloc[:, 0].tolist() == [one.loglik for one in refits]
    assert drawn.draws["sigma", "sigma"].tolist() == [one.sigma for one in refits]
    errors = np.array([one.error_draws[1][0, 0] for one in refits])
    assert list(drawn.draws["residual"].columns) == ["phi", "ratio[M]"]
    assert drawn.draws["residual"].to_numpy().tolist() == errors.tolist()
    assert drawn.estimate["residual"].tolist() == fit.error_draws[1][0, 0].tolist()


def test_a_simulated_likelihood_ratio_is_of_both_refits() -> None:
    big, data = residual_models.fit(NAME, "ML"), residual_models.data(NAME)
    small = hb.Model(MODELS[NAME][0], data, residual=hb.residuals.AR1("t")).ml()
    alike = hb.Model(MODELS[NAME][0], data).ml()
    for null in (small, alike):
        test = hb.likelihood_ratio(null, big, simulations=2, seed=3, progress=False)
        generator = np.random.default_rng(3)
        expected = []
        for _ in range(2):
            y = drawn_rows(null, generator)
            gain = refitted_to(big, y).loglik - refitted_to(null, y).loglik
            expected.append(max(2.0 * gain, 0.0))
        assert test.simulated.tolist() == expected
    frame = data.assign(simulated=y)
    formula = MODELS[NAME][0].replace("y ~", "simulated ~")
    assert_allclose(refitted_to(alike, y).loglik, hb.Model(formula, frame).ml().loglik, atol=1e-8)


def test_limits_that_include_theta_are_of_refits() -> None:
    """γ given each refit's θ and errors, and the data: means and covariances of its state."""
    fit = residual_models.fit(NAME, "REML")
    drawn = fit.parameter_draws(6, "theta", 1)
    assert (drawn.M, drawn.source[:32]) == (6, "θ of 6 parametric bootstraps, γ ")
    generator = np.random.default_rng(1)
    for k in range(6):
        one = refitted_to(fit, drawn_rows(fit, generator))
        assert_allclose(drawn.phi[k, 0], one.sigma, rtol=1e-6)
        assert isinstance(one, StructuredPointFit)
        assert fit.problem.moments is not None
        products = fit.problem.moments.at(one.errors.best.z).products
        state = likelihood_of(products, REML).at(one.theta[0, 0])
        z = np.linalg.solve(np.linalg.cholesky(state.gamma_cov), drawn.gamma[k] - state.gamma)
        assert np.abs(z).max() < 5.5  # standard normal numbers
        assert_allclose(drawn.phi[k, 1:], one.errors.best.z, atol=1e-5)
