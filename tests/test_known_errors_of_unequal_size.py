"""Studies of which one is known far better than the others: the highest maximum all the same."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose
from scipy.optimize import minimize, minimize_scalar

import hierbayes as hb
from tests.dense_factors import Array


def one_level(y: Array, s: Array, tau2: float) -> float:
    """The restricted log-likelihood of a mean."""
    w = 1.0 / (s**2 + tau2)
    mean = w @ y / w.sum()
    constant = (len(y) - 1) * np.log(2.0 * np.pi)
    return float(-0.5 * (constant - np.log(w).sum() + np.log(w.sum()) + w @ (y - mean) ** 2))


@pytest.mark.parametrize("factor", [1e-5, 1e-4, 1e-3, 1.0, 1e4])
def test_one_study_of_another_size(factor: float) -> None:
    rng = np.random.default_rng(3)
    s, y = rng.uniform(0.1, 0.4, 12), rng.normal(0.5, 0.4, 12)
    s[3] *= factor
    data = pd.DataFrame({"y": y, "s": s, "g": np.arange(12)})
    fit = hb.Model("y ~ 1 + (1 | g)", data, known_sd="s").reml()
    found = minimize_scalar(
        lambda log_tau2: -one_level(y, s, np.exp(log_tau2)), bounds=(-12.0, 4.0), method="bounded"
    )
    assert fit.loglik == pytest.approx(-found.fun, abs=1e-8)
    assert fit.diagnose().ok
    upper = fit.intervals().loc[("sd", "Intercept"), "upper"]
    rise = fit.loglik - one_level(y, s, upper**2)
    assert rise == pytest.approx(3.841458820694124 / 2.0, abs=1e-6)


@pytest.mark.parametrize("seed", [93, 119, 276, 398])
def test_sizes_of_four_decades(seed: int) -> None:
    """Data on which a search in steps of the smallest size stops before the maximum."""
    rng = np.random.default_rng(seed)
    n, _ = rng.integers(3, 25), rng.choice([0.5, 1, 2, 3, 4])
    tau = rng.choice([0, 0.01, 0.1, 1.0, 5])
    s = 10.0 ** rng.uniform(-4.0, 0.0, n)
    y = rng.normal(0.5, 1.0, n) * tau + rng.normal(size=n) * s
    data = pd.DataFrame({"y": y, "s": s, "g": np.arange(n)})
    fit = hb.Model("y ~ 1 + (1 | g)", data, known_sd="s").reml()
    grid = [one_level(y, s, tau2) for tau2 in np.exp(np.linspace(-16.0, 6.0, 2000))]
    assert fit.loglik >= max(grid) - 1e-9
    assert fit.loglik == pytest.approx(one_level(y, s, float(fit.G[0, 0])), abs=1e-9)


def test_two_levels() -> None:
    rng = np.random.default_rng(8)
    g = np.repeat(np.arange(9), 3)
    s = 10.0 ** rng.uniform(-4.0, 0.0, 27)
    y = 0.3 + 2.0 * rng.normal(size=9)[g] + 0.3 * rng.normal(size=27) + s * rng.normal(size=27)
    data = pd.DataFrame({"y": y, "s": s, "g": g, "e": np.arange(27)})
    fit = hb.Model("y ~ 1 + (1 | g/e)", data, known_sd="s").ml()
    same = g[:, None] == g

    def deviance(log_sd: Array) -> float:
        V = np.exp(2.0 * log_sd[0]) * same + np.diag(np.exp(2.0 * log_sd[1]) + s**2)
        W = np.linalg.inv(V)
        rest = y - (W @ y).sum() / W.sum()
        return float(np.linalg.slogdet(V)[1] + rest @ W @ rest + 27.0 * np.log(2.0 * np.pi))

    found = minimize(deviance, np.log([2.0, 0.3]), method="Nelder-Mead", tol=1e-10)
    own = np.sqrt(np.diag(fit.G))
    assert fit.loglik == pytest.approx(-0.5 * deviance(np.log(own)), abs=2e-6)
    assert fit.loglik >= -0.5 * found.fun - 2e-6
    assert_allclose(own, np.exp(found.x), rtol=1e-2)
