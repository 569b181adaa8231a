"""The one compiled log density against the PyMC graph that defines it."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray
from pymc.pytensorf import compile as compile_pytensor

import hierbayes as hb
from hierbayes.estimation.compiled import free_variables, join_values
from hierbayes.estimation.coordinates import variables_of
from hierbayes.estimation.density import density_at
from hierbayes.estimation.density_data import density_data
from hierbayes.estimation.inputs import graph_inputs
from tests.interpreted import INTERPRETED, without_compiler

pytestmark = pytest.mark.slow

Array = NDArray[np.float64]
RANDOM = {
    "1": "~ 1 | g",
    "2": "~ 1 + x | g",
    "3": "~ 1 + x + w | g",
    "2+1": "(1 + x | g) + (0 + w | g)",
    "1+1": "(1 | g) + (0 + x | g)",
    "1+2+2": "(1 | g) + (0 + x + w | g) + (0 + v + z | g)",
    "nested": "(1 | h) + (1 + x | h:g)",
    "crossed": "(1 + x | g) + (1 + w | k)",
    "three factors": "(1 | h) + (1 | h:g) + (0 + x | k)",
}
HALVES: dict[str, Any] = {
    "HalfNormal": hb.HalfNormal(1.5),
    "HalfT": hb.HalfT(3, 0, 2),
    "HalfCauchy": hb.HalfCauchy(0.7),
    "Exponential": hb.Exponential(0.8),
    "PC": hb.PC(3, 0.05),
    "Uniform": hb.Uniform(0.1, 4),
    "Gamma": hb.Gamma(2.5, 1.3),
    "InverseGamma": hb.InverseGamma(2, 1.5),
    "Flat": hb.Flat(),
}
NORMAL = hb.Normal(0.5, 2)
CASES: dict[str, tuple[str, str, dict[str, Any]]] = {
    **{f"sd and sigma, {name}": ("y ~ x", "2", {"sd": prior, "sigma": prior})
       for name, prior in HALVES.items()},
    "no correlation": ("y ~ x", "1", {}),
    "three effects, gamma flat": ("y ~ x", "3", {"gamma": hb.Flat(), "corr": hb.LKJ(1.3)}),
    "blocks, mixed families": (
        "y ~ x", "2+1",
        {"sd": {"1": hb.HalfCauchy(3), "x": hb.Gamma(2, 1), "w": hb.Uniform(0, 3)}},
    ),
    "independent": ("y ~ x + w", "1+1", {"sd": hb.PC(3, 0.1)}),
    "two correlation matrices": ("y ~ x", "1+2+2", {"corr": hb.LKJ(3)}),
    "gamma given, one family": ("y ~ x + w", "2", {"gamma": hb.StudentT(3, 1, 2)}),
    "gamma given, many families": (
        "y ~ x + w", "2+1",
        {"gamma": {"1": hb.StudentT(3, 1, 2), "x": NORMAL, "w": hb.Uniform(-3, 3)}},
    ),
    "gamma given, flat beside": (
        "y ~ x", "1", {"gamma": {"1": hb.Flat(), "x": hb.StudentT(4, 0, 1)}, "sigma": hb.Flat()},
    ),
    **{f"{family.__name__}, q = {q}": ("y ~ x", q, {"G": family(4.5, 1.3)})
       for family in (hb.InverseWishart, hb.Wishart) for q in ("1", "2", "3")},
    "Wishart, gamma given": (
        "y ~ x", "2", {"G": hb.Wishart(5, [[2, 0.3], [0.3, 1]]), "gamma": hb.StudentT(3, 1, 2)},
    ),
    **{f"icc, {random}": ("y ~ x", random, {"icc": hb.Beta(1.5, 3), "corr": hb.LKJ(2)})
       for random in ("2", "3", "2+1")},
    "icc, q = 1": ("y ~ x", "1", {"icc": hb.Beta(0.4, 2), "sigma": hb.Uniform(0.2, 5)}),
    "R2D2M2": ("y ~ x + w", "2", {"r2": hb.R2D2M2(0.4, 3, 0.6)}),
    "R2D2M2, constant alone": ("y ~ 1", "1", {"r2": hb.R2D2M2()}),
    "R2D2M2, constant last": (
        "y ~ 0 + x + w + one", "2+1", {"r2": hb.R2D2M2(), "gamma": {"one": hb.StudentT(3, 0, 2)}},
    ),
    **{f"{factors}, defaults": ("y ~ x + w", factors, {})
       for factors in ("nested", "crossed", "three factors")},
    "nested, half-normal": ("y ~ x", "nested", {"sd": hb.HalfNormal(1.5), "gamma": NORMAL}),
    "crossed, by factor": (
        "y ~ x", "crossed",
        {"sd": {"g": hb.PC(3, 0.05), "k": hb.HalfNormal(1)}, "corr": hb.LKJ(3)},
    ),
    "crossed, by effect": (
        "y ~ x", "crossed", {"sd": {"g": {"x": hb.Uniform(0.1, 4)}, "k": {"1": hb.Gamma(2, 1)}}},
    ),
    "three factors, gamma given": (
        "y ~ x", "three factors", {"gamma": hb.StudentT(3, 1, 2), "sd": hb.Exponential(0.8)},
    ),
    "several factors, one prior of G": (
        "y ~ x", "crossed", {"G": hb.InverseWishart(4.5, 1.3), "gamma": NORMAL},
    ),
    "three factors, priors of G": (
        "y ~ x", "three factors",
        {"G": {"h": hb.Wishart(2, 1), "g": hb.InverseWishart(3, 1), "k": hb.InverseWishart(3, 2)}},
    ),
    "nested, priors of G, gamma given": (
        "y ~ x", "nested",
        {"G": {"h": hb.Wishart(2, 1), "g": hb.InverseWishart(5, [[2, 0.3], [0.3, 1]])},
         "gamma": hb.StudentT(3, 1, 2)},
    ),
    "blocks of one factor, priors of G": (
        "y ~ x", "1+2+2",
        {"G": {"Intercept": hb.Wishart(2, 1), "x, w": hb.InverseWishart(4, (1, 2)),
               "v, z": hb.Wishart(3, [[2, 0.3], [0.3, 1]])}},
    ),
    "crossed, prior of G of one": ("y ~ x", "crossed", {"G": {"k": hb.Wishart(3, (1, 2))}}),
    "nested, prior of G of one": (
        "y ~ x", "nested",
        {"G": {"g": hb.InverseWishart(5, [[2, 0.3], [0.3, 1]])}, "sd": hb.Exponential(0.8)},
    ),
    "three factors, priors of G of two, gamma given": (
        "y ~ x", "three factors",
        {"G": {"h": hb.Wishart(2, 1), "k": hb.InverseWishart(3, 2)},
         "gamma": hb.StudentT(3, 1, 2)},
    ),
    "blocks of one factor, prior of G of the second": (
        "y ~ x", "1+2+2", {"G": {"x, w": hb.InverseWishart(4, (1, 2))}, "corr": hb.LKJ(3)},
    ),
    **{f"several factors, icc, {random}": (
        "y ~ x", random, {"icc": hb.Beta(1.5, 3)},
    ) for random in ("nested", "crossed", "three factors")},
    **{f"several factors, R2D2M2, {random}": (
        "y ~ x + w", random, {"r2": hb.R2D2M2(0.4, 3, 0.6)},
    ) for random in ("nested", "crossed")},
    "nested, gamma flat": ("y ~ x", "nested", {"gamma": hb.Flat(), "sigma": hb.HalfCauchy(2)}),
}  # fmt: skip


@pytest.fixture(scope="module")
def data() -> pd.DataFrame:
    rng = np.random.default_rng(8)
    g = np.repeat(np.arange(8), 6)
    frame = pd.DataFrame(rng.normal(0.5, 1.0, (48, 4)), columns=["x", "w", "v", "z"])
    y = 1.0 + 0.5 * frame["x"] + rng.normal(0.0, 0.8, 8)[g] + rng.normal(0.0, 1.0, 48)
    return frame.assign(y=y, g=g, one=1.0, h=g // 4, k=np.arange(48) % 5)


def pose(name: str, data: pd.DataFrame) -> hb.Model:
    fixed, random, priors = CASES[name]
    stated = RANDOM[random]
    if stated.startswith("~"):
        return hb.Model(fixed, stated, data=data, priors=priors)
    return hb.Model(f"{fixed} + {stated}", data=data, priors=priors)


def points(size: int) -> Iterator[Array]:
    rng = np.random.default_rng(4)
    for spread in (0.3, 0.7, 1.5):
        for _ in range(4):
            yield rng.normal(0.2, spread, size)


@without_compiler
@pytest.mark.parametrize("name", CASES)
def test_value_gradient_and_parameters_are_those_of_the_graph(
    name: str, data: pd.DataFrame
) -> None:
    model = pose(name, data)
    design, graph = model.problem.design, model.graph()
    inputs = graph_inputs(design, model.problem.products, model.priors)
    variables = free_variables(graph)
    ours = variables_of(design, model.priors)
    assert [(v.name, v.size, v.transform) for v in ours] == [
        (v.name, v.size, v.transform) for v in variables
    ]
    names = ["root", "sigma", *(["gamma"] if "gamma" in graph.named_vars else [])]
    x, outputs = join_values(graph, variables, graph.logp(), names)
    with graph:
        reference = compile_pytensor([x], outputs, mode=INTERPRETED)
    buffer = density_data(design, inputs, model.priors)
    for point in points(sum(variable.size for variable in variables)):
        value, gradient, parameters = reference(point)
        found, slope, expanded = density_at(point, buffer)
        assert found == pytest.approx(float(value), rel=1e-10, abs=1e-9)
        np.testing.assert_allclose(slope, gradient, rtol=1e-9, atol=1e-9 * np.abs(gradient).max())
        q = len(design.effects)
        root = inputs.data["columns"] @ expanded[: q * q].reshape(q, q)
        expanded = np.concatenate([root.ravel(), expanded[q * q :]])
        np.testing.assert_allclose(expanded[: len(parameters)], parameters, rtol=1e-12, atol=1e-14)
