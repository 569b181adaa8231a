"""Posteriors of a model of every family, made by explicit PyMC models.

Every random effect is a parameter that is sampled (non-centred), and nothing is integrated out.
Writes ``families_posterior.json``: the data, and mean and sd of every parameter and random effect
with their Monte Carlo errors.  Run as ``python -m tests.reference.families_posterior``; it takes
some minutes.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import nutpie
import pandas as pd
import pymc as pm
import pytensor.tensor as pt
from arviz_stats.base import array_stats

FILE = Path(__file__).parent / "families_posterior.json"
AXES = {"chain_axis": 0, "draw_axis": 1}
GROUPS, ROWS, CATEGORIES = 8, 6, 3
type Response = Callable[[Any, pd.DataFrame], object]


def rows() -> pd.DataFrame:
    """Responses of every kind to one linear predictor, in eight groups of six rows."""
    rng = np.random.default_rng(20)
    g = np.repeat(np.arange(GROUPS), ROWS)
    x = rng.normal(size=len(g)).round(2)
    eta = 0.3 + 0.5 * x + rng.normal(0.0, 0.7, GROUPS)[g]
    p = 1.0 / (1.0 + np.exp(-eta))
    counts = rng.negative_binomial(3.0, 3.0 / (3.0 + np.exp(eta)))
    scores = eta + rng.logistic(size=len(g))
    ends = np.quantile(scores, [0.3, 0.65])
    return pd.DataFrame({
        "g": g, "x": x, "b": (rng.random(len(g)) < p).astype(int),
        "k": rng.binomial(5, rng.beta(4.0 * p, 4.0 * (1.0 - p))), "n": 5, "c": counts,
        "z": np.where(rng.random(len(g)) < 0.25, 0, counts),
        "r": rng.gamma(2.0, np.exp(eta) / 2.0).round(4),
        "s": rng.beta(5.0 * p, 5.0 * (1.0 - p)).round(4).clip(0.01, 0.99),
        "t": (eta + 0.6 * rng.standard_t(4, len(g))).round(3),
        "o": np.searchsorted(ends, scores), "m": rng.integers(0, CATEGORIES, len(g)),
    })  # fmt: skip


def _positive(name: str) -> Any:
    return pm.Exponential(name, 1.0)


def _share(eta: Any) -> Any:
    return pm.math.sigmoid(eta)


def _beta_binomial(eta: Any, data: pd.DataFrame) -> None:
    p, phi = _share(eta), _positive("precision")
    pm.BetaBinomial("y", alpha=phi * p, beta=phi * (1 - p), n=data["n"], observed=data["k"])


def _beta(eta: Any, data: pd.DataFrame) -> None:
    p, phi = _share(eta), _positive("precision")
    pm.Beta("y", alpha=phi * p, beta=phi * (1 - p), observed=data["s"])


def _gamma(eta: Any, data: pd.DataFrame) -> None:
    shape = _positive("shape")
    pm.Gamma("y", alpha=shape, beta=shape / pt.exp(eta), observed=data["r"])


def _linear_variance(eta: Any, data: pd.DataFrame) -> None:
    mu, phi = pt.exp(eta), _positive("phi")
    pm.NegativeBinomial("y", mu=mu, alpha=mu / phi, observed=data["c"])


def _ordered(eta: Any, data: pd.DataFrame) -> None:
    """P(y ≤ k) = F(τ_k − η), the first threshold 0 and the next a distance further."""
    distance = _positive("distance")
    lower, upper = _share(-eta), _share(distance - eta)
    p = pt.stack([lower, upper - lower, 1 - upper], axis=-1)
    pm.Categorical("y", p=p, observed=data["o"])


def _inflated(eta: Any, data: pd.DataFrame) -> None:
    zero = pm.Normal("logit zero", -1.0, 0.5)
    pm.ZeroInflatedPoisson("y", psi=_share(-zero), mu=pt.exp(eta), observed=data["z"])


def _hurdle(eta: Any, data: pd.DataFrame) -> None:
    zero, y, mu = pm.Normal("logit zero", -1.0, 0.5), data["z"].to_numpy(), pt.exp(eta)
    above = pm.logp(pm.Poisson.dist(mu), y) - pt.log1mexp(-mu)
    log_share = -pt.softplus(-zero), -pt.softplus(zero)
    pm.Potential("y", pt.switch(pt.eq(y, 0), log_share[0], log_share[1] + above).sum())


RESPONSES: dict[str, Response] = {
    "Bernoulli": lambda eta, d: pm.Bernoulli("y", logit_p=eta, observed=d["b"]),
    "Binomial": lambda eta, d: pm.Binomial(
        "y", n=d["n"], p=0.5 * pt.erfc(-eta / np.sqrt(2.0)), observed=d["k"]
    ),
    "BetaBinomial": _beta_binomial,
    "Poisson": lambda eta, d: pm.Poisson("y", pt.exp(eta), observed=d["c"]),
    "NegativeBinomial": lambda eta, d: pm.NegativeBinomial(
        "y", mu=pt.exp(eta), alpha=_positive("phi"), observed=d["c"]
    ),
    "NegativeBinomial1": _linear_variance,
    "Gamma": _gamma,
    "Lognormal": lambda eta, d: pm.LogNormal("y", eta, _positive("sigma"), observed=d["r"]),
    "Beta": _beta,
    "StudentT": lambda eta, d: pm.StudentT(
        "y", nu=5.0, mu=eta, sigma=_positive("sigma"), observed=d["t"]
    ),
    "Cumulative": _ordered,
    "ZeroInflated": _inflated,
    "Hurdle": _hurdle,
}


def explicit(name: str, data: pd.DataFrame) -> pm.Model:
    """γ ~ N(0, 2), sd ~ half-normal(1), y ~ 1 + x + (1 | g) on the scale of η."""
    predictors = CATEGORIES - 1 if name == "Categorical" else 1
    g, x = data["g"].to_numpy(), data["x"].to_numpy()
    with pm.Model() as model:
        gamma = pm.Normal("gamma", 0.0, 2.0, shape=(predictors, 2))
        sd = pm.HalfNormal("sd", 1.0, shape=predictors)
        z = pm.Normal("effects", shape=(GROUPS, predictors))
        u = pm.Deterministic("u", sd * z)
        eta = gamma[:, 0] + gamma[:, 1] * x[:, None] + u[g]
        if predictors > 1:
            whole = pt.concatenate([pt.zeros((len(data), 1)), eta], axis=1)
            pm.Categorical("y", logit_p=whole, observed=data["m"])
        else:
            RESPONSES[name](eta[:, 0], data)
    return model


def summary(model: pm.Model, seed: int) -> dict[str, Any]:
    """Means and sds with their Monte Carlo errors, of γ, sd, u and the dispersion."""
    trace = nutpie.sample(
        nutpie.compile_pymc_model(model), draws=6_000, tune=1_500, chains=4, seed=seed,
        target_accept=0.98, cores=2, progress_bar=False,
    )  # fmt: skip
    if trace.sample_stats["diverging"].any():
        raise SystemExit("there are divergences; no reference")
    return {name: moments(trace.posterior[name]) for name in trace.posterior.data_vars
            if name != "effects" and "__" not in name}  # fmt: skip


def moments(draws: Any) -> dict[str, Any]:
    """Means, sds and their errors, the last axis fastest."""
    rows = draws.values.reshape(*draws.shape[:2], -1).transpose(2, 0, 1)
    if max(float(array_stats.rhat(row, **AXES)) for row in rows) > 1.003:
        raise SystemExit(f"the chains of {draws.name} do not agree; no reference")
    kept: dict[str, Any] = {}
    for method, values in (("mean", rows.mean((1, 2))), ("sd", rows.std((1, 2)))):
        kept[method] = [float(f"{value:.6g}") for value in values]
        errors = [array_stats.mcse(row, method=method, **AXES) for row in rows]
        kept[f"{method}_error"] = [float(f"{error:.3g}") for error in errors]
    return kept


def main() -> None:
    """Sample them and write them."""
    data = rows()
    names = [*RESPONSES, "Categorical"]
    made: dict[str, Any] = {}
    for seed, name in enumerate(names, 1):
        made[name] = summary(explicit(name, data), seed)
        written = {"data": data.to_dict("list"), "posteriors": made}
        FILE.write_text(json.dumps(written, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main()
