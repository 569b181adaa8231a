"""The compiled climb to a maximum of Laplace's approximation, beside a search by secants."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import hierbayes as hb
from hierbayes.estimation import laplace_search
from hierbayes.estimation.latent_criterion import LatentCriterion
from hierbayes.estimation.latent_problem import likelihood_criterion

FORMULAS = ("y ~ x + (1 | g)", "y ~ x + (1 + x | g)", "y ~ x + (1 + x || g)", "y ~ x")


def _data(family: str, sd: float) -> pd.DataFrame:
    rng = np.random.default_rng(11)
    g = np.repeat(np.arange(30), 6)
    x, u = rng.normal(size=180), rng.normal(size=(2, 30))
    eta = 0.3 + 0.7 * x + sd * (u[0][g] + 0.5 * u[1][g] * x)
    counts = rng.poisson(np.exp(eta))
    binary = rng.uniform(size=180) < 1.0 / (1.0 + np.exp(-eta))
    return pd.DataFrame({"g": g, "x": x, "y": counts if family == "poisson" else binary * 1})


def _criterion(formula: str, family: str, sd: float, nodes: int = 1) -> LatentCriterion:
    problem = hb.Model(formula, _data(family, sd), family=family).problem
    return likelihood_criterion(problem, nodes)


def _searched(criterion: LatentCriterion) -> tuple[float, np.ndarray]:
    """ℓ and the coordinates at the maximum that secants find."""
    found = laplace_search._searched(criterion, None)
    return found.value, found.x


@pytest.mark.parametrize("family", ["bernoulli", "poisson"])
@pytest.mark.parametrize("formula", FORMULAS)
@pytest.mark.parametrize("sd", [0.2, 2.0])
def test_climbs_end_where_secants_do(formula: str, family: str, sd: float) -> None:
    criterion = _criterion(formula, family, sd)
    found = laplace_search._newton(criterion, None)
    value, x = _searched(_criterion(formula, family, sd))
    assert found is not None
    assert found.value == pytest.approx(value, rel=1e-10)
    assert np.abs(found.gradient / found.size).max() < 1e-6
    inside = np.abs(x) > 1e-3  # a column of L that is 0 has any sign, and little slope
    assert np.abs(found.x[inside]) == pytest.approx(np.abs(x[inside]), rel=1e-5, abs=1e-5)
    assert criterion.evaluations < 80


def test_a_climb_leaves_the_criterion_where_it_ends() -> None:
    criterion, other = (_criterion(FORMULAS[1], "poisson", 0.7) for _ in range(2))
    found = laplace_search._newton(criterion, None)
    assert found is not None
    before = criterion.evaluations
    value, gradient = criterion(found.x)
    mode = criterion.mode(found.x)
    assert criterion.evaluations == before
    wanted, slope = other(found.x)
    assert value == pytest.approx(wanted, rel=1e-11)  # log|M| moves with a mode of few digits
    assert gradient == pytest.approx(slope, abs=1e-7)
    assert mode is not None
    assert mode.b == pytest.approx(other.mode(found.x).b, abs=1e-8)  # type: ignore[union-attr]


def test_a_climb_from_near_a_maximum_stays_there() -> None:
    criterion = _criterion(FORMULAS[0], "bernoulli", 1.0)
    first = laplace_search.maximise_latent(criterion)
    criterion = _criterion(FORMULAS[0], "bernoulli", 1.0)
    again = laplace_search.maximise_latent(criterion, first.mode.point)
    assert again.value == pytest.approx(first.value, rel=1e-11)
    assert again.evaluations < first.evaluations


def test_what_has_no_compiled_climb_is_searched() -> None:
    quadrature = _criterion(FORMULAS[0], "bernoulli", 1.0, nodes=5)
    assert laplace_search._newton(quadrature, None) is None
    data = _data("poisson", 0.5)
    with_phi = hb.Model(FORMULAS[0], data, family="negative_binomial").problem
    assert laplace_search._newton(likelihood_criterion(with_phi, 1), None) is None


def test_a_climb_that_cannot_begin_is_given_up() -> None:
    criterion = _criterion(FORMULAS[0], "poisson", 0.5)
    start = np.array([np.nan, 0.0, 0.5])
    assert criterion.climbed(start, without=False) is None
    assert criterion.climbed(start, without=True) is None
