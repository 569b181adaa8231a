"""Information on the variance parameters, against differences of the n×n likelihood."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

import hierbayes as hb
from hierbayes.estimation.information import NaturalParameters, natural_parameters
from hierbayes.frames.arrays import Integers
from hierbayes.likelihood.reading import ML, REML, Reading
from tests import dense
from tests.dense import Array, Rows

READINGS = {"REML": REML, "ML": ML}
STRUCTURES = {
    "one": "(1 | g)",
    "two": "(1 + x | g)",
    "two blocks": "(1 | g) + (0 + x | g)",
    "three": "(1 + x + w | g)",
    "three in blocks": "(1 + x | g) + (0 + w | g)",
}


@pytest.fixture(scope="module")
def data() -> pd.DataFrame:
    return dense.nine_groups()


def model(data: pd.DataFrame, structure: str) -> hb.Model:
    return hb.Model(f"y ~ x + w + {STRUCTURES[structure]}", data=data)


def covariance(values: Array, pairs: tuple[Integers, Integers], q: int) -> tuple[Array, float]:
    """G and σ from log sd, log((1 + ρ)/(1 − ρ)) and log σ."""
    sd, ratio = np.exp(values[:q]), np.exp(values[q:-1])
    corr = np.eye(q)
    corr[pairs] = (ratio - 1.0) / (ratio + 1.0)
    corr = np.tril(corr) + np.tril(corr, -1).T
    return corr * np.outer(sd, sd), float(np.exp(values[-1]))


def dense_hessian(m: hb.Model, at: NaturalParameters, reading: Reading) -> Array:
    """Second differences of the dense log-likelihood, extrapolated."""
    design = m.problem.design
    rows, q = (
        Rows(design.rows.y, design.rows.X, design.rows.Z, design.rows.codes),
        len(design.effects),
    )

    def value(values: Array) -> float:
        G, sigma = covariance(values, at.pairs, q)
        return dense.log_density(rows, G, sigma, reading)

    def second(i: int, k: int, h: float) -> float:
        a, b = h * np.eye(len(at.values))[[i, k]]
        plus = value(at.values + a + b) + value(at.values - a - b)
        minus = value(at.values + a - b) + value(at.values - a + b)
        return (plus - minus) / (4.0 * h * h)

    k, h = len(at.values), 4e-2
    hessian = np.empty((k, k))
    for i, j in np.ndindex(k, k):
        coarse, middle, fine = (second(i, j, h / 2**level) for level in range(3))
        once = (4.0 * middle - coarse) / 3.0, (4.0 * fine - middle) / 3.0
        hessian[i, j] = (16.0 * once[1] - once[0]) / 15.0
    return hessian


@pytest.mark.parametrize("engine", READINGS)
@pytest.mark.parametrize("structure", STRUCTURES)
@pytest.mark.slow
def test_covariance_is_the_inverse_of_minus_the_hessian(
    data: pd.DataFrame, structure: str, engine: str
) -> None:
    """At the maximum, in units of the standard errors."""
    m = model(data, structure)
    fitted = m.reml() if engine == "REML" else m.ml()
    G, sigma = fitted.theta.G[0, 0], fitted.sigma
    found = natural_parameters(m.problem, G, sigma, READINGS[engine])
    back = covariance(found.values, found.pairs, len(m.problem.design.effects))
    assert_allclose(back[0], G, rtol=1e-12)
    assert_allclose(back[1], sigma, rtol=1e-12)
    hessian = dense_hessian(m, found, READINGS[engine])
    se = np.sqrt(np.diag(found.covariance))
    assert_allclose(-hessian * np.outer(se, se), np.linalg.inv(found.covariance) * np.outer(se, se),
                    atol=1e-5)  # fmt: skip
    assert_allclose(se, np.sqrt(np.diag(np.linalg.inv(-hessian))), rtol=1e-5)


@pytest.mark.parametrize("engine", READINGS)
def test_the_gradient_need_not_be_zero(data: pd.DataFrame, engine: str) -> None:
    """The Hessian is of the full likelihood, not of one that has σ profiled out."""
    m, G, sigma = model(data, "two"), np.array([[3.0, 0.4], [0.4, 0.8]]), 0.9
    found = natural_parameters(m.problem, G, sigma, READINGS[engine])
    hessian = dense_hessian(m, found, READINGS[engine])
    assert_allclose(np.linalg.inv(found.covariance), -hessian, rtol=1e-5, atol=1e-5)


def test_no_information_where_the_hessian_is_indefinite(data: pd.DataFrame) -> None:
    m = model(data, "two")
    found = natural_parameters(m.problem, np.array([[1e-4, 0.0], [0.0, 1e4]]), 20.0, REML)
    hessian = dense_hessian(m, found, REML)
    assert np.linalg.eigvalsh(hessian)[-1] > 0.0
    assert np.isnan(found.covariance).all()


def test_intervals_are_wald_on_the_natural_scale(data: pd.DataFrame) -> None:
    m = model(data, "two")
    fitted = m.reml()
    found = natural_parameters(m.problem, fitted.theta.G[0, 0], fitted.sigma, REML)
    half = 1.6448536269514722 * np.sqrt(np.diag(found.covariance))  # 90 %
    limits = fitted.intervals(0.9)
    for name, at in ((("sd", "Intercept"), 0), (("sd", "x"), 1), (("sigma", "sigma"), 3)):
        row = limits.loc[name]
        expected = np.exp(found.values[at] + half[at] * np.array([-1.0, 0.0, 1.0]))
        assert_allclose(row[["lower", "estimate", "upper"]].astype(float), expected, rtol=1e-9)
    ratio = np.exp(found.values[2] + half[2] * np.array([-1.0, 0.0, 1.0]))
    row = limits.loc["corr"].iloc[0]
    assert_allclose(row.astype(float), (ratio - 1.0) / (ratio + 1.0), rtol=1e-9)


@pytest.mark.parametrize("scale", [1e-6, 1e6])
def test_information_does_not_depend_on_units(data: pd.DataFrame, scale: float) -> None:
    """On log scales a change of units of y or x moves the estimates, not their spread."""
    one = model(data, "two").reml()
    moved = data.assign(y=data["y"] * scale, x=data["x"] / scale)
    other = model(moved, "two").reml()
    first, second = (
        natural_parameters(f.problem, f.theta.G[0, 0], f.sigma, REML) for f in (one, other)
    )
    assert_allclose(second.covariance, first.covariance, rtol=1e-5, atol=1e-7)
    shift = np.log(scale) * np.array([1.0, 2.0, 0.0, 1.0])
    assert_allclose(second.values, first.values + shift, rtol=1e-7, atol=1e-7)
