"""How far ``lvar`` undoes the attenuation of contextual effects, and how honest its errors are.

Run as ``python -m tests.benchmarks.latent_means [replications]``.  Rows of a group are a sample
from it, x_ij = ξ_j + e_ij, and y = 1·(x − ξ) + 3·ξ + u + r, so that the contextual effect is 2.
The sample mean as contextual variable has 2λ, with λ the reliability of sample means.
"""

from __future__ import annotations

import sys

import numpy as np
import pandas as pd

import hierbayes as hb

DESIGNS = ((50, 5, 0.2), (50, 20, 0.2), (200, 5, 0.2), (200, 10, 0.1), (200, 30, 0.3))
WITHIN, BETWEEN = 1.0, 3.0


def replicate(rng: np.random.Generator, J: int, n: int, tau2: float) -> pd.DataFrame:
    """Data of J groups of about n rows, the variance of ξ being tau2 and that of e one."""
    sizes = rng.integers(max(2, n // 2), n + n // 2 + 1, J)
    groups = np.repeat(np.arange(J), sizes)
    xi = rng.normal(0.0, np.sqrt(tau2), J)[groups]
    x = xi + rng.normal(0.0, 1.0, len(groups))
    y = WITHIN * (x - xi) + BETWEEN * xi + rng.normal(0.0, 0.5, J)[groups]
    return pd.DataFrame({"y": y + rng.normal(0.0, 1.0, len(groups)), "x": x, "g": groups})


def contextual(data: pd.DataFrame, mean: str) -> list[float]:
    """Estimate, standard error, and whether the limits enclose the truth."""
    fit = hb.Model(f"y ~ x + {mean}(x, g) + (1 | g)", data=data).reml()
    row = fit.contextual("x").table.loc["contextual"]
    covers = row["lower"] < BETWEEN - WITHIN < row["upper"]
    return [row["estimate"], row["se"], float(covers)]


def main(replications: int) -> None:
    """Print a table, a row per design and group mean."""
    rows = []
    for J, n, tau2 in DESIGNS:
        rng = np.random.default_rng(1)
        found: dict[str, list[list[float]]] = {"cvar": [], "lvar": []}
        for _ in range(replications):
            data = replicate(rng, J, n, tau2)
            try:
                for mean, values in found.items():
                    values.append(contextual(data, mean))
            except hb.DataError:  # the sample means differ by no more than sampling explains
                continue
        for mean, values in found.items():
            estimate, se, covers = np.array(values).T
            rows.append(
                {
                    "groups": J, "rows": n, "reliability": tau2 / (tau2 + 1 / n), "mean": mean,
                    "estimate": estimate.mean(), "sd": estimate.std(ddof=1), "se": se.mean(),
                    "coverage": covers.mean(),
                }
            )  # fmt: skip
    print(pd.DataFrame(rows).round(3).to_string(index=False))


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 200)
