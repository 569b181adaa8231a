"""The posterior of residual structures: its density beside a dense one, its draws by quadrature."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from arviz_stats.base import array_stats
from numpy.testing import assert_allclose

import hierbayes as hb
from hierbayes import residuals as hr
from hierbayes.design.crossproducts import CrossProducts
from hierbayes.estimation import residual_posterior
from hierbayes.fit.structured.each_errors import likelihoods_of
from hierbayes.fit.structured.posterior import StructuredPosteriorFit
from hierbayes.priors.error_density import error_density
from tests.test_residual_structures import ROWS, dense_loglik, errors_by_hand

CASES = [
    ("y ~ x + (1 + x | g)", hr.AR1("week") * hr.Strata("sex")),
    ("y ~ x + (1 | clinic) + (1 | g)", hr.CAR1("week") * hr.Power("dose")),
    ("y ~ x", hr.Unstructured("week", group="g")),
    ("y ~ x + (0 + x | g)", hr.CompoundSymmetry("g")),
]
FLAT = {"gamma": hb.Flat()}


def made(formula: str, structure: hr.ResidualStructure) -> tuple[hb.Model, Any, Any]:
    model = hb.Model(formula, ROWS, residual=structure, priors=FLAT)
    moments = model.problem.moments
    assert moments is not None
    found, centre, _ = residual_posterior.structured_target(
        model.problem, model.priors, progress=False
    )
    return model, found, centre


@pytest.mark.slow
@pytest.mark.parametrize(("formula", "structure"), CASES, ids=str)
def test_the_density_moves_with_the_errors_as_a_dense_one(
    formula: str, structure: hr.ResidualStructure
) -> None:
    model, target, centre = made(formula, structure)
    rows, n = target.moments.rows, target.of_theta
    rng = np.random.default_rng(2)
    x = centre[:n] + 0.2 * rng.normal(size=n)
    names = [parameter.name for parameter in rows.parameters]
    values, wanted = [], []
    for _ in range(3):
        z = centre[n:] + 0.3 * rng.normal(size=len(names))
        value, every = target.value(np.concatenate([x, z]))
        root, sigma, _ = target.target.parameters(every)
        R = errors_by_hand(structure, ROWS, dict(zip(names, rows.natural(z), strict=True)))
        dense = dense_loglik(model, root @ root.T, float(sigma), R, restricted=True)
        values.append(value)
        wanted.append(dense + target.errors.of_coordinates(z))
    assert_allclose(np.diff(values), np.diff(wanted), rtol=1e-8, atol=1e-8)


@pytest.mark.parametrize(("formula", "structure"), CASES[::2], ids=str)
def test_its_gradient_is_that_of_differences(formula: str, structure: hr.ResidualStructure) -> None:
    _, target, centre = made(formula, structure)
    w = centre + 0.2 * np.random.default_rng(3).normal(size=len(centre))
    value, gradient = target.with_gradient(w)
    assert_allclose(value, target.value(w)[0], rtol=1e-12)
    steps = 1e-5 * np.eye(len(w))
    wanted = [(target.value(w + h)[0] - target.value(w - h)[0]) / 2e-5 for h in steps]
    assert_allclose(gradient, wanted, rtol=2e-5, atol=2e-5)


@pytest.mark.parametrize(("case", "place", "far"), [(2, -2, 40.0), (3, -1, 400.0)])
def test_there_is_no_density_where_its_slope_is_lost(case: int, place: int, far: float) -> None:
    """Correlations that are 1 but for rounding; the density itself is less than −10¹⁶ there."""
    _, target, centre = made(*CASES[case])
    w = centre.copy()
    w[place] += far
    assert np.isfinite(target.value(w)[0])
    value, gradient = target.with_gradient(w)
    assert value == -np.inf
    assert not gradient.any()


def test_priors_of_coordinates_are_those_of_their_parameters() -> None:
    """Each integrates to one, and is the prior in words once it is of the parameter."""
    at = np.linspace(-12.0, 12.0, 4001)
    for structure, density in [
        (hr.AR1("week"), lambda phi: np.full_like(phi, 0.5)),
        (hr.CompoundSymmetry(), lambda rho: np.full_like(rho, 1.0 / 1.25)),
        (hr.Strata("sex"), lambda ratio: np.exp(-0.5 * np.log(ratio) ** 2)
         / (ratio * np.sqrt(2.0 * np.pi))),
    ]:  # fmt: skip
        model = hb.Model("y ~ x + (1 | clinic)" if structure.correlation is None else
                         "y ~ x + (0 + x | g)", ROWS, residual=structure)  # fmt: skip
        moments = model.problem.moments
        assert moments is not None
        rows = moments.rows
        of = error_density(rows, model.priors)
        log_p = np.array([of.of_coordinates(np.array([z])) for z in at])
        assert_allclose(np.trapezoid(np.exp(log_p), at), 1.0, rtol=1e-4)
        inner = slice(1500, 2501, 100)
        value = np.array([rows.natural(np.array([z]))[0] for z in at[inner]])
        slope = np.array([rows.natural_slope(np.array([z]))[0, 0] for z in at[inner]])
        assert_allclose(np.exp(log_p[inner]) / slope, density(value), rtol=1e-10)


@pytest.mark.slow
def test_draws_have_the_moments_of_a_dense_quadrature() -> None:
    """Errors alone: (ρ, σ) on a grid of n × n densities."""
    structure = hr.CompoundSymmetry(group="g")
    priors = FLAT | {"sigma": hb.HalfNormal(2)}
    model = hb.Model("y ~ x", ROWS, residual=structure, priors=priors)
    fit = model.sample(draws=400, chains=2, seed=4, progress=False)
    assert isinstance(fit, StructuredPosteriorFit)
    assert fit.evidence.k_hat is not None
    assert fit.evidence.k_hat < 0.7
    rho = np.linspace(-0.1, 0.95, 32)
    sigma = np.linspace(0.8, 2.6, 32)
    table = np.array([
        [dense_loglik(model, np.zeros((0, 0)), s, errors_by_hand(structure, ROWS, {"rho": r}),
                      restricted=True) - s**2 / 8.0 for s in sigma] for r in rho
    ])  # fmt: skip
    p = np.exp(table - table.max())
    p /= p.sum()
    of_rho, of_sigma = p.sum(axis=1) @ rho, p.sum(axis=0) @ sigma
    names, draws = fit.error_draws
    assert names == ("rho",)
    for values, wanted in ((draws[..., 0], of_rho), (fit.theta.sigma, of_sigma)):
        error = float(array_stats.mcse(values, method="mean", chain_axis=0, draw_axis=1))
        assert abs(float(values.mean()) - wanted) < 6.0 * error + 1e-3
    tree = fit.to_datatree()
    assert_allclose(tree["posterior"]["residual"].to_numpy(), draws)
    assert fit.intervals().loc[("residual", "rho"), "estimate"] == draws.mean()
    at = float(fit.error_rows.natural(fit.z.mean(axis=(0, 1)))[0])
    rest = fit.residuals().to_numpy() / fit.sigma
    whole = rest @ np.linalg.solve(errors_by_hand(structure, ROWS, {"rho": at}), rest)
    assert_allclose((fit.residuals(kind="normalized") ** 2).sum(), whole, rtol=1e-10)
    assert hb.residual_acf(fit, ROWS["week"]).about[-1] == "Given:  posterior means"


def test_what_a_posterior_with_structure_refuses() -> None:
    stated = hb.Model(
        "y ~ x + (1 | g)", ROWS, residual=hr.AR1("week"), priors={"gamma": hb.StudentT(3, 0, 9)}
    )
    with pytest.raises(hb.ResidualError, match=r"^with a residual structure γ is integrated out"):
        stated.sample(draws=10, progress=False)
    with pytest.raises(hb.ResidualError, match=r"^with a residual structure γ is integrated out"):
        stated.map()


@pytest.mark.slow
def test_u_of_each_draw_are_given_its_own_errors() -> None:
    """Their mean over draws is the average of conditional means, each with its own R."""
    model = hb.Model("y ~ x + (1 | g)", ROWS, residual=hr.AR1("week"))
    fit = model.sample(draws=300, chains=2, seed=5, progress=False)
    assert isinstance(fit, StructuredPosteriorFit)
    frame = pd.DataFrame(fit.us[0][..., 0].reshape(600, -1), columns=fit.design.groups)
    assert_allclose(fit.ranef()["Intercept"], frame.mean(), rtol=1e-12)
    means = np.empty_like(frame.to_numpy())
    flat = fit.gamma_draws.reshape(600, -1)
    for at, likelihood in likelihoods_of(fit.problem, fit.z):
        for place in at:
            theta = fit.theta.flat[int(place)]
            products = likelihood.cross
            assert isinstance(products, CrossProducts)
            lam2 = float(theta.relative(products.basis)[0, 0] ** 2)
            c = np.append(-products.basis.gamma_internal(flat[place]), 1.0)
            u = lam2 / (1.0 + lam2 * products.A[:, 0, 0]) * (products.B[:, 0] @ c)
            means[place] = u * products.basis.scale * products.basis.z.matrix[0, 0]
    gap = frame.to_numpy() - means
    assert (np.abs(gap.mean(axis=0)) < 6.0 * gap.std(axis=0) / np.sqrt(600)).all()
    assert_next_occasions_are_given_the_errors_of_each_draw(fit, frame)


def assert_next_occasions_are_given_the_errors_of_each_draw(
    fit: StructuredPosteriorFit, u: pd.DataFrame
) -> None:
    """φ^(t* − t) times the last error, AR(1) being a Markov chain; of a new group its mean."""
    last = ROWS.sort_values("week").groupby("g").tail(1).head(3)
    new = last.assign(week=last["week"] + 2, x=1.0)
    gamma, phi = fit.gamma_draws.reshape(600, -1), fit.error_draws[1].reshape(600)
    eta = gamma @ np.column_stack([np.ones(3), last["x"]]).T + u[last["g"]].to_numpy()
    ahead = gamma.sum(axis=1)[:, None] + u[last["g"]].to_numpy()
    wanted = ahead + phi[:, None] ** 2 * (last["y"].to_numpy() - eta)
    assert_allclose(fit.predict(new, errors="given"), wanted.mean(axis=0), rtol=1e-9)
    table = fit.predict(new, errors="given", prob=0.8)
    assert_allclose(table["upper"], np.quantile(wanted, 0.9, axis=0), rtol=1e-9)
    response = fit.predict(new, errors="given", prob=0.8, kind="response")
    assert (response["se"] > table["se"]).all()
    assert_allclose(response["predicted"], table["predicted"], rtol=1e-12)


def test_the_default_prior_of_gamma_is_that_of_the_columns_whatever_the_errors() -> None:
    formula = "y ~ x + (1 | g)"
    plain = hb.Model(formula, ROWS)
    structured = hb.Model(formula, ROWS, residual=hr.AR1("week") * hr.Strata("sex"))
    wanted = plain.priors.normal_gamma(plain.problem.products)
    drawn = structured.sample(draws=20, tune=20, chains=2, seed=1, progress=False)
    for fit in (structured.map(), drawn):
        assert_allclose(fit.gamma_prior.precision, wanted.precision, rtol=1e-12)
        assert_allclose(fit.gamma_prior.mean, wanted.mean, rtol=1e-12)
