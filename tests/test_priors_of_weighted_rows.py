"""Default priors where rows have weights or known errors: of the responses, in any unit."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose
from scipy.stats import t as student

import hierbayes as hb
from tests.conftest import REFERENCE


def trials() -> pd.DataFrame:
    data = pd.read_csv(REFERENCE / "weights" / "bcg.csv")
    return data.assign(s=np.sqrt(data["v"]), w=1.0 / data["v"])


def rows() -> pd.DataFrame:
    rng = np.random.default_rng(2)
    data = pd.DataFrame({"g": np.arange(60) % 10, "x": rng.normal(3.0, 2.0, 60)})
    data["w"] = rng.uniform(0.2, 9.0, 60)
    data["y"] = 1.0 + data["x"] + rng.normal(size=10)[data["g"]] + rng.normal(size=60)
    return data


def scales(model: hb.Model) -> tuple[list[float], list[float]]:
    """Of γ and of the standard deviations of effects."""
    found = model.priors
    return (
        [float(one[1].parameters["sigma"]) for one in found.gamma],
        [float(one[1].parameters["sigma"]) for one in found.sd],
    )


@pytest.mark.parametrize("words", [{"known_sd": "s"}, {"known_sd": "small"}])
def test_of_studies_they_are_scaled_by_the_responses(words: dict[str, Any]) -> None:
    """Not by how well the studies are known: τ by sd(y), γ by the design with rows w/w̄."""
    data = trials().assign(small=lambda d: 1e-3 * d["s"])
    gamma, sd = scales(hb.Model("y ~ ablat + (1 | trial)", data, **words))
    size, w = data["y"].std(ddof=0), data["w"] / data["w"].mean()
    X = np.column_stack([np.ones(len(data)), data["ablat"]])
    spread = np.linalg.inv(X.T @ (X * w.to_numpy()[:, None]) / len(X))
    assert_allclose(sd, [size], rtol=1e-9)
    assert_allclose(gamma, 2.5 * size * np.sqrt(np.diag(spread)), rtol=1e-9)


@pytest.mark.parametrize(
    "formula", ["y ~ x + (1 + x | g)", "y ~ 0 + x + (0 + x | g)", "y ~ 0 + (1 | g)"]
)
def test_another_unit_of_the_weights_is_another_unit_of_sigma(formula: str) -> None:
    data = rows()
    priors = []
    for factor in (1.0, 1e4):
        priors.append(hb.Model(formula, data.assign(w=factor * data["w"]), weights="w").priors)
    plain, wide = priors
    assert [str(one[1]) for one in wide.gamma] == [str(one[1]) for one in plain.gamma]
    assert [str(one[1]) for one in wide.sd] == [str(one[1]) for one in plain.sd]
    ratio = wide.sigma[1].parameters["sigma"] / plain.sigma[1].parameters["sigma"]
    assert ratio == pytest.approx(100.0, rel=1e-9)


def test_weights_that_are_equal_say_nothing() -> None:
    weighted = hb.Model("y ~ x + (1 + x | g)", rows().assign(w=7.0), weights="w").priors
    plain = hb.Model("y ~ x + (1 + x | g)", rows()).priors
    assert str(weighted.frame().loc[["gamma", "sd"]]) == str(plain.frame().loc[["gamma", "sd"]])
    assert weighted.sigma[1].parameters["sigma"] == pytest.approx(
        np.sqrt(7.0) * plain.sigma[1].parameters["sigma"], rel=1e-9
    )


def test_posterior_of_studies_by_quadrature() -> None:
    """Under the default priors τ is near its REML estimate of 0.56, not drawn to a smaller one."""
    data = trials()
    fit = hb.Model("y ~ 1 + (1 | trial)", data, known_sd="s").sample(
        draws=1000, chains=2, seed=3, sampler="importance", progress=False
    )
    y, size = data["y"].to_numpy(), data["y"].std(ddof=0)
    tau = np.linspace(0.0, 6.0, 6001)
    w = 1.0 / (data["v"].to_numpy() + tau[:, None] ** 2)
    precision = w.sum(axis=1) + 1.0 / (2.5 * size) ** 2
    mean = w @ (y - y.mean()) / precision
    log_p = np.log(w).sum(axis=1) - np.log(precision) - w @ (y - y.mean()) ** 2
    log_p = 0.5 * (log_p + mean**2 * precision) + student(3).logpdf(tau / size)
    p = np.exp(log_p - log_p.max())
    p /= p.sum()
    centre = float(p @ tau)
    spread = float(np.sqrt(p @ tau**2 - centre**2))
    assert centre > 0.56
    found = fit.summary().parameters.loc[("sd", "Intercept")]
    assert found["mean"] == pytest.approx(centre, abs=6.0 * spread / np.sqrt(1000))
    assert found["sd"] == pytest.approx(spread, rel=0.2)
    assert list(fit.intervals().index) == [("gamma", "Intercept"), ("sd", "Intercept")]
