"""Data whose residuals are very small beside the random intercepts, without a random number."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray


class Case(NamedTuple):
    """A formula, σ beside sd(u) = 1, the slope of x, and the mean of y."""

    formula: str
    sigma: float
    slope: float = 0.7
    mean: float = 2.0


CASES = {
    "ordinary": Case("y ~ x + (1 | g)", 1.0),
    "small": Case("y ~ x + (1 | g)", 1e-4),
    "tiny": Case("y ~ x + (1 | g)", 1e-6),
    "tinier": Case("y ~ x + (1 | g)", 1e-8),
    "steep": Case("y ~ x + (1 | g)", 1e-6, slope=1e3),
    "far": Case("y ~ x + (1 | g)", 1e-6, mean=1e8),
    "between": Case("y ~ x + z + (1 | g)", 1e-6),
    "means": Case("y ~ x + m + (1 | g)", 1e-6),
    "deviations": Case("y ~ x + d + (1 | g)", 1e-6),
}

FACTORS = {
    "nested": Case("y ~ x + (1 | s) + (1 | s:c)", 1e-6),
    "crossed": Case("y ~ x + (1 | s) + (1 | b)", 1e-6),
}


def make_factors(name: str) -> tuple[pd.DataFrame, tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """The rows of a case of two grouping factors, and the codes of both."""
    case = FACTORS[name]
    i = np.arange(90)
    s, c, b = i % 6, i // 6 % 3, (i * i // 7) % 7
    x = np.round(np.cos(1.7 * i * i), 6) + 0.25 * (s % 5)
    inner = 3 * s + c if name == "nested" else b
    u, v = np.sin(3.1 * s * s + 1.0), np.sin(2.2 * inner * inner + 0.3)
    y = case.mean + case.slope * x + u + v + case.sigma * np.cos(2.3 * i * i + 0.4)
    return pd.DataFrame({"y": y, "x": x, "s": s, "c": c, "b": b}), (s, inner)


def make(
    name: str,
) -> tuple[pd.DataFrame, Callable[[pd.DataFrame], list[NDArray[np.float64]]]]:
    """The rows of a case, and what makes its fixed columns of them."""
    case = CASES[name]
    J = 12
    sizes = 2 + np.arange(J) % 4
    g = np.repeat(np.arange(J), sizes)
    i = np.arange(len(g))
    x = np.round(np.cos(1.7 * i * i), 6) + 0.25 * (g % 5)
    u = np.sin(3.1 * g * g + 1.0)
    e = np.cos(2.3 * i * i + 0.4)
    z = np.round(np.cos(5.3 * np.arange(J) ** 2), 6)[g]
    means = np.round((np.bincount(g, x) / sizes)[g], 6)
    y = case.mean + case.slope * x + 2.0 * z * ("z" in case.formula) + u + case.sigma * e
    data = pd.DataFrame({"y": y, "x": x, "z": z, "m": means, "d": x - means, "g": g})
    names = case.formula.split("~")[1].split("+ (")[0].replace(" ", "").split("+")

    def columns(frame: pd.DataFrame) -> list[NDArray[np.float64]]:
        return [np.ones(len(frame)), *(frame[k].to_numpy(dtype=float) for k in names if k)]

    return data, columns
