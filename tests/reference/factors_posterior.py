"""Posteriors of two models of several grouping factors, made by an explicit PyMC model.

Every random effect is a parameter that is sampled (non-centred), and nothing is integrated out.
Writes ``factors_posterior.json``: mean and sd of every parameter and random effect, with their
Monte Carlo errors.  Run as ``python -m tests.reference.factors_posterior``; it takes minutes.
"""

import json
from pathlib import Path
from typing import Any

import numpy as np
import nutpie
import pandas as pd
import pymc as pm
import pytensor.tensor as pt
from arviz_stats.base import array_stats

FOLDER = Path(__file__).parent
AXES = {"chain_axis": 0, "draw_axis": 1}


def nested(data: pd.DataFrame) -> pm.Model:
    """yield ~ nitro + Variety + (1 | Block/Variety)."""
    block, blocks = pd.factorize(data["Block"], sort=True)
    plot, plots = pd.factorize(data["Block"] + ":" + data["Variety"], sort=True)
    columns = {
        "Intercept": np.ones(len(data)),
        "nitro": data["nitro"],
        "Variety[T.Marvellous]": data["Variety"] == "Marvellous",
        "Variety[T.Victory]": data["Variety"] == "Victory",
    }
    coords = {"term": list(columns), "Block": blocks, "Block:Variety": plots, "one": ["Intercept"]}
    with pm.Model(coords=coords) as model:
        gamma = pm.Normal("gamma", 0, 50, dims="term")
        sd_block = pm.HalfNormal("sd|Block", 20, dims="one")
        sd_plot = pm.HalfNormal("sd|Block:Variety", 20, dims="one")
        sigma = pm.HalfNormal("sigma", 20)
        z_block = pm.Normal("z_block", dims=("Block", "one"))
        z_plot = pm.Normal("z_plot", dims=("Block:Variety", "one"))
        u_block = pm.Deterministic("u|Block", sd_block * z_block, dims=("Block", "one"))
        u_plot = pm.Deterministic(
            "u|Block:Variety", sd_plot * z_plot, dims=("Block:Variety", "one")
        )
        X = np.column_stack(list(columns.values())).astype(float)
        mean = pt.dot(X, gamma) + u_block[block, 0] + u_plot[plot, 0]
        pm.Normal("y", mean, sigma, observed=data["yield"].to_numpy(float))
    return model


def crossed(data: pd.DataFrame) -> pm.Model:
    """y ~ x + (1 + x | a) + (1 | b)."""
    a, of_a = pd.factorize(data["a"], sort=True)
    b, of_b = pd.factorize(data["b"], sort=True)
    x = data["x"].to_numpy()
    coords = {
        "term": ["Intercept", "x"], "a": of_a, "b": of_b, "both": ["Intercept", "x"],
        "one": ["Intercept"],
    }  # fmt: skip
    with pm.Model(coords=coords) as model:
        gamma = pm.Normal("gamma", 0, 10, dims="term")
        sd_a = pm.HalfNormal("sd|a", 2, dims="both")
        sd_b = pm.HalfNormal("sd|b", 2, dims="one")
        sigma = pm.HalfNormal("sigma", 3)
        corr = pm.Uniform("corr", -1, 1)
        pm.Potential("LKJ(2)", pt.log1p(-(corr**2)))
        z_a = pm.Normal("z_a", dims=("a", "both"))
        z_b = pm.Normal("z_b", dims=("b", "one"))
        second = corr * z_a[:, 0] + pt.sqrt(1 - corr**2) * z_a[:, 1]
        u_a = pm.Deterministic(
            "u|a", sd_a * pt.stack([z_a[:, 0], second], axis=1), dims=("a", "both")
        )
        u_b = pm.Deterministic("u|b", sd_b * z_b, dims=("b", "one"))
        mean = gamma[0] + gamma[1] * x + u_a[a, 0] + u_a[a, 1] * x + u_b[b, 0]
        pm.Normal("y", mean, sigma, observed=data["y"].to_numpy())
    return model


def summary(model: pm.Model, seed: int) -> dict[str, dict[str, Any]]:
    """Labels, means, sds and their Monte Carlo errors of what the model names."""
    trace = nutpie.sample(
        nutpie.compile_pymc_model(model), draws=25_000, tune=2_000, chains=4, seed=seed,
        target_accept=0.97, cores=2,
    )  # fmt: skip
    if trace.sample_stats["diverging"].any():
        raise SystemExit("there are divergences; no reference")
    posterior = trace.posterior
    names = ["gamma", "sigma", *(["corr"] if "corr" in posterior else [])]
    return {name: moments(posterior[name]) for name in (*names, *by_factor(posterior))}


def by_factor(posterior: Any) -> list[str]:
    """Standard deviations and random effects."""
    return [name for name in posterior.data_vars if "|" in name]


def moments(draws: Any) -> dict[str, Any]:
    """Labels, means, sds and their errors, the last axis fastest."""
    rows = draws.values.reshape(*draws.shape[:2], -1)
    if max(float(array_stats.rhat(row, **AXES)) for row in rows.transpose(2, 0, 1)) > 1.002:
        raise SystemExit(f"the chains of {draws.name} do not agree; no reference")
    kept: dict[str, Any] = {"labels": [list(map(str, draws[dim].values)) for dim in draws.dims[2:]]}
    for method, values in (("mean", rows.mean((0, 1))), ("sd", rows.std((0, 1)))):
        errors = [array_stats.mcse(row, method=method, **AXES) for row in rows.transpose(2, 0, 1)]
        kept[method] = [float(f"{value:.7g}") for value in values]
        kept[f"{method}_error"] = [float(f"{error:.3g}") for error in errors]
    return kept


def main() -> None:
    """Sample both and write them."""
    oats = pd.read_csv(FOLDER / "factors" / "Oats.csv")
    students = pd.read_csv(FOLDER / "factors" / "sim_singular.csv").astype({"a": str, "b": str})
    made = {"nested": summary(nested(oats), 1), "crossed": summary(crossed(students), 2)}
    (FOLDER / "factors_posterior.json").write_text(json.dumps(made, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main()
