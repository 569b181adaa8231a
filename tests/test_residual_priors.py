"""Priors of the parameters of a residual structure: their densities, and which are refused."""

import re
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy import stats

import hierbayes as hb
from hierbayes import residuals as hr
from hierbayes.estimation import residual_posterior
from hierbayes.fit.structured.posterior import StructuredPosteriorFit
from hierbayes.priors.error_density import error_density
from tests.test_residual_structures import ROWS, dense_loglik, errors_by_hand

FLAT = {"gamma": hb.Flat()}


def model_of(structure: hr.ResidualStructure, residual: Any = None) -> hb.Model:
    return hb.Model("y ~ x", ROWS, residual=structure, priors=FLAT | {"residual": residual})


def density_of(model: hb.Model) -> Any:
    assert model.problem.moments is not None
    return error_density(model.problem.moments.rows, model.priors)


def cut(of: Any, low: float, high: float) -> Any:
    mass = of.cdf(high) - of.cdf(low)
    return lambda v: of.logpdf(v) - np.log(mass)


AR1, RATIO = hr.AR1("week", "g"), "ratio[M]"
STATED = [
    (AR1, "phi", hb.Normal(0.5, 0.4), cut(stats.norm(0.5, 0.4), -1, 1)),
    (AR1, "phi", hb.StudentT(4, 0.3, 0.2), cut(stats.t(4, 0.3, 0.2), -1, 1)),
    (AR1, "phi", hb.Normal(5, 0.1), stats.truncnorm(-60, -40, 5, 0.1).logpdf),  # far outside
    (AR1, "phi", hb.Normal(-50, 0.1), stats.truncnorm(490, 510, -50, 0.1).logpdf),
    (AR1, "phi", hb.StudentT(30, 9, 0.1), cut(stats.t(30, 9, 0.1), -1, 1)),
    (AR1, "phi", hb.StudentT(30, -9, 0.1), lambda v: cut(stats.t(30, 9, 0.1), -1, 1)(-v)),
    (AR1, "phi", hb.Uniform(-0.999, 0.999), stats.uniform(-0.999, 1.998).logpdf),
    (AR1, "phi", hb.Flat(), lambda v: 0.0),
    (hr.CAR1("week", "g"), "phi", hb.Beta(3, 2), stats.beta(3, 2).logpdf),
    (hr.CompoundSymmetry("g"), "rho", hb.Normal(0.2, 0.3), cut(stats.norm(0.2, 0.3), -0.25, 1)),
    (hr.Strata("sex"), RATIO, hb.LogNormal(0.2, 0.5), stats.lognorm(0.5, 0, np.exp(0.2)).logpdf),
    (hr.Strata("sex"), RATIO, hb.Gamma(2, 1.5), stats.gamma(2, scale=1 / 1.5).logpdf),
    (hr.Strata("sex"), RATIO, hb.InverseGamma(2, 1.5), stats.invgamma(2, scale=1.5).logpdf),
    (hr.Strata("sex"), RATIO, hb.Normal(1, 0.2), cut(stats.norm(1, 0.2), 0, np.inf)),
    (hr.Strata("sex"), RATIO, hb.HalfT(3, 2), lambda v: stats.t(3, 0, 2).logpdf(v) + np.log(2)),
    (hr.Power("dose"), "power", hb.StudentT(3, 0, 0.5), stats.t(3, 0, 0.5).logpdf),
]  # fmt: skip


@pytest.mark.parametrize(
    ("structure", "name", "prior", "wanted"), STATED, ids=[f"{one[1]}-{one[2]}" for one in STATED]
)
def test_a_stated_prior_is_of_the_parameter(
    structure: hr.ResidualStructure, name: str, prior: Any, wanted: Any
) -> None:
    """In coordinates with the Jacobian, whose slope is that of differences."""
    density = density_of(model_of(structure, {name: prior}))
    assert [one.name for one in density.rows.parameters] == [name]
    for z in ([-0.7], [0.1], [1.1]):
        at = np.array(z)
        v = density.rows.natural(at)[0]
        slope = (density.rows.natural(at + 1e-6) - density.rows.natural(at - 1e-6))[0] / 2e-6
        assert_allclose(density.of_coordinates(at), wanted(v) + np.log(slope), rtol=1e-8)
        assert_allclose(density.of_parameters(at), wanted(v), rtol=1e-10, atol=1e-12)
        ahead, behind = density.of_coordinates(at + 1e-5), density.of_coordinates(at - 1e-5)
        atol = 1e-10 * abs(ahead)  # rounding of a difference
        assert_allclose(
            density.slope(at), [(ahead - behind) / 2e-5], rtol=1e-6, atol=max(atol, 1e-8)
        )


def test_correlations_of_occasions_have_an_lkj_prior_together() -> None:
    """Its density of the correlations is ∝ |C|^(η − 1), and the rest keeps its own."""
    structure = hr.Unstructured("week", group="g")
    flat, tight = (density_of(model_of(structure, {"corr": hb.LKJ(eta)})) for eta in (1, 3))
    k = len(flat.rows.parameters)
    points = 0.4 * np.random.default_rng(1).normal(size=(4, k))
    change = [tight.of_parameters(z) - flat.of_parameters(z) for z in points]
    dets = []
    for z in points:
        C = flat.rows.correlation.matrices.matrix(z)
        size = np.sqrt(np.diag(C))
        dets.append(np.linalg.slogdet(C / np.outer(size, size))[1])
    assert_allclose(np.diff(change), 2.0 * np.diff(dets), rtol=1e-8)


def test_the_posterior_of_ar1_under_a_stated_prior_is_a_dense_density() -> None:
    structure = hr.AR1("week", "g")
    priors = FLAT | {"sigma": hb.HalfNormal(2), "residual": {"phi": hb.Normal(0.6, 0.1)}}
    model = hb.Model("y ~ x", ROWS, residual=structure, priors=priors)
    moments = model.problem.moments
    assert moments is not None
    target, centre, _ = residual_posterior.structured_target(
        model.problem, model.priors, progress=False
    )
    n = target.of_theta
    values, wanted = [], []
    for z in (-0.2, 0.3, 0.9):
        value, every = target.value(np.array([*centre[:n], z]))
        phi, sigma = np.tanh(z), float(target.target.parameters(every)[1])
        R = errors_by_hand(structure, ROWS, {"phi": phi})
        dense = dense_loglik(model, np.zeros((0, 0)), sigma, R, restricted=True)
        prior = stats.norm(0.6, 0.1).logpdf(phi) + np.log(1.0 - phi**2)
        values.append(value)
        wanted.append(dense + prior)
    assert_allclose(np.diff(values), np.diff(wanted), rtol=1e-8)


@pytest.mark.slow
def test_a_stated_prior_moves_the_posterior_and_is_shown() -> None:
    residual = {"phi": hb.Normal(0.9, 0.01)}
    model = model_of(hr.AR1("week", "g") * hr.Strata("sex"), residual)
    table = model.priors.frame().loc["residual"]
    assert table["prior"].to_dict() == {"phi": "Normal(0.9, 0.01)", RATIO: "LogNormal(0, 1)"}
    assert table["source"].to_dict() == {"phi": "stated", RATIO: "default"}
    fit = model.sample(draws=100, chains=2, seed=1, progress=False)
    assert isinstance(fit, StructuredPosteriorFit)
    assert abs(fit.error_parameters["phi"] - 0.9) < 0.05
    said = "priors: phi ~ Normal(0.9, 0.01); ratio[M] ~ LogNormal(0, 1)"
    assert said in " ".join(str(fit.summary()).split())
    again = hb.Model("y ~ x", ROWS, residual=model.specification.residual,
                     priors=model.priors.stated())  # fmt: skip
    assert again.priors.families == model.priors.families


@pytest.mark.parametrize(
    ("structure", "residual", "said"),
    [
        (AR1, {"rho": hb.Uniform(0, 1)},
         "there is a prior of 'residual' for 'rho', which does not exist; valid names are: 'phi'"),
        (AR1, {"phi": hb.Uniform(-2, 1)},
         "the prior Uniform(-2, 1) of 'residual' for 'phi' does not fit: phi is between -1 and 1; "
         "use Normal or StudentT, which are cut at its limits, or Uniform within them"),
        (hr.Power("dose"), {"power": hb.HalfNormal(1)}, "power is any number"),
        (hr.Strata("sex"), {RATIO: hb.Uniform(-1, 2)}, "ratio[M] is positive"),
        (hr.Strata("sex"), hb.LKJ(2), "ratio[M] is positive"),
        (hr.Unstructured("week", group="g"), {"corr": hb.Normal(0, 1)},
         "the parameters corr of the errors have one prior together, LKJ(2), and Normal(0, 1) is "
         "not of that kind"),
        (hr.Toeplitz("week", "g"), {"rho": hb.LKJ(1)}, "the usual one, which cannot be changed"),
        (AR1, {"phi": 0.5}, "the prior of 'residual' must be one of Normal, StudentT, Uniform"),
    ],
)  # fmt: skip
def test_a_prior_that_does_not_fit_is_refused(
    structure: hr.ResidualStructure, residual: Any, said: str
) -> None:
    with pytest.raises(hb.PriorError, match=re.escape(said)):
        model_of(structure, residual)


def test_a_model_without_a_structure_has_no_such_block() -> None:
    with pytest.raises(hb.PriorError, match="there is no block of priors called 'residual'"):
        hb.Model("y ~ x + (1 | g)", ROWS, priors={"residual": {"phi": hb.Uniform(0, 1)}})
