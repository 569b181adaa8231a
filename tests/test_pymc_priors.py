"""Distributions made by PyMC as priors, side by side in one process."""

import re
from functools import partial

import numpy as np
import pandas as pd
import pymc as pm
import pytest
from numpy.testing import assert_allclose

import hierbayes as hb
from hierbayes.estimation.compiled import free_variables
from hierbayes.priors.foreign_prior import ForeignPrior
from hierbayes.studies.sensitivity.moments import error_of_mean
from hierbayes.studies.sensitivity.quantities import SD, Sigma
from hierbayes.studies.sensitivity.weights import even
from tests.interpreted import INTERPRETED, without_compiler
from tests.test_posterior import native_density
from tests.test_wrong_input import refusal

pytestmark = pytest.mark.slow

SCALES = (0.3, 3.0)


def pose(data: pd.DataFrame, **priors: object) -> hb.Model:
    return hb.Model("y ~ x + w", "~ 1 | g", data=data, priors=priors)


@pytest.fixture(scope="module")
def posed(small_data: pd.DataFrame) -> list[hb.Model]:
    """For each scale a model with PyMC's half-normal prior of the sd: what is compiled once."""
    return [pose(small_data, sd=pm.HalfNormal.dist(s)) for s in SCALES]


@pytest.fixture(scope="module")
def pairs(posed: list[hb.Model], small_data: pd.DataFrame) -> list[tuple[hb.Fit, hb.Fit]]:
    """For each scale its posterior, and that under hb's prior."""
    return [
        (
            theirs.sample(draws=500, seed=1, progress=False),
            pose(small_data, sd=hb.HalfNormal(s)).sample(draws=500, seed=2, progress=False),
        )
        for theirs, s in zip(posed, SCALES, strict=True)
    ]


def test_each_is_equal_to_itself_alone() -> None:
    variable = pm.HalfNormal.dist(3)
    one, again, other = (
        ForeignPrior(variable),
        ForeignPrior(variable),
        ForeignPrior(pm.HalfNormal.dist(3)),
    )
    assert one == again and hash(one) == hash(again)
    assert one != other and one != hb.HalfNormal(3)
    assert len({one, again, other}) == 2


def test_they_are_shown_by_name_and_numbers() -> None:
    texts = {
        "PyMC Weibull(2, 8)": pm.Weibull.dist(2, 8),
        "PyMC HalfNormal(0, 0.3)": pm.HalfNormal.dist(0.3),
        "PyMC LogNormal(…, 1)": pm.LogNormal.dist(mu=pm.Normal.dist(0, 1), sigma=1),
    }
    for text, variable in texts.items():
        assert str(ForeignPrior(variable)) == text


def test_each_is_sampled_as_the_family_of_the_same_distribution(
    pairs: list[tuple[hb.Fit, hb.Fit]],
) -> None:
    for theirs, ours in pairs:
        estimands = hb.SensitivityStudy(
            ours, {"sigma": {"same": {}}}, refit=False, progress=False
        ).estimands
        a, b = estimands.values(theirs), estimands.values(ours)
        error = np.hypot(error_of_mean(a, even(2000)), error_of_mean(b, even(2000)))
        assert (np.abs(a.flat.mean(axis=1) - b.flat.mean(axis=1)) < 4.5 * error).all()


def test_the_callback_is_the_density_of_the_graph(posed: list[hb.Model]) -> None:
    graph, density = posed[0].graph(), native_density(posed[0])
    variables = free_variables(graph)
    sizes = [variable.size for variable in variables]
    reference = graph.compile_logp(mode=INTERPRETED)
    rng = np.random.default_rng(4)
    for _ in range(3):
        x = rng.normal(0.5, 0.5, sum(sizes))
        parts = np.split(x, np.cumsum(sizes)[:-1])
        point = {
            value.name: part.reshape(variable.shape)
            for value, part, variable in zip(graph.value_vars, parts, variables, strict=True)
        }
        status, value, gradient = density(x)
        assert status == 0
        assert value == pytest.approx(float(reference(point)), rel=1e-10)
        step = 1e-5
        for k, unit in enumerate(np.eye(len(x))):
            slope = (density(x + step * unit)[1] - density(x - step * unit)[1]) / (2 * step)
            assert gradient[k] == pytest.approx(slope, rel=1e-5, abs=1e-4)


def test_each_is_weighted_as_the_family_of_the_same_distribution(
    small_data: pd.DataFrame,
) -> None:
    """The same draws under the same densities, which PyMC holds in single precision in part."""
    fit = pose(small_data, sd=hb.HalfNormal(2)).sample(draws=500, seed=3, progress=False)
    grid = {
        "sd": {
            "theirs 1.5": pm.HalfNormal.dist(1.5),
            "theirs 1": pm.HalfNormal.dist(1),
            "ours 1.5": hb.HalfNormal(1.5),
            "ours 1": hb.HalfNormal(1),
        }
    }
    study = hb.SensitivityStudy(fit, grid, [SD("Intercept"), Sigma()], progress=False)
    assert (study.alternatives["how"] == "re-weighted").all()
    assert study.alternatives["prior"].tolist() == [
        "sd ~ PyMC HalfNormal(0, 1.5)", "sd ~ PyMC HalfNormal(0, 1)", "sd ~ HalfNormal(1.5)",
        "sd ~ HalfNormal(1)",
    ]  # fmt: skip
    cells = study.cells
    for s in ("1.5", "1"):
        theirs, ours = (cells.sel(alternative=f"{whose} {s}") for whose in ("theirs", "ours"))
        for name in ("mean", "sd", "movement", "distance"):
            assert_allclose(theirs[name], ours[name], rtol=1e-5, atol=1e-7)
    gap = cells["mean"].sel(alternative="ours 1.5") - cells["mean"].sel(alternative="ours 1")
    assert float(gap.sel(quantity="sd(Intercept)")) > 0.05


def test_they_are_told_apart_where_fits_are_compared(pairs: list[tuple[hb.Fit, hb.Fit]]) -> None:
    (narrow, _), (wide, _) = pairs
    comparison = hb.compare({"narrow": narrow, "wide": wide})
    finding = next(text for text in comparison.findings if "sd(Intercept) " in text)
    assert finding.endswith(
        "(prior) the priors of sd differ: PyMC HalfNormal(0, 0.3) in 'narrow', "
        "PyMC HalfNormal(0, 3) in 'wide'."
    )
    assert comparison.overview["priors"].tolist() == [
        "sd PyMC HalfNormal(0, 0.3)", "sd PyMC HalfNormal(0, 3)",
    ]  # fmt: skip


@pytest.mark.parametrize("block", ["sd", "sigma"])
@pytest.mark.parametrize(
    ("state", "text"),
    [
        (lambda: pm.Normal.dist(0, 1), "PyMC Normal(0, 1)"),
        (lambda: pm.Uniform.dist(-1, 4), "PyMC Uniform(-1, 4)"),
    ],
)
def test_a_standard_deviation_is_not_negative(
    small_data: pd.DataFrame, block: str, state: object, text: str
) -> None:
    assert callable(state)
    model = pose(small_data, **{block: state()})
    message = f"a standard deviation is not negative: {text} for '{block}' reaches below 0"
    assert refusal(hb.PriorError, lambda: model.sample(progress=False)) == message
    assert refusal(hb.PriorError, model.map) == message


def test_a_prior_too_wide_to_draw_from_is_refused(small_data: pd.DataFrame) -> None:
    for block, name in (("sd", "Intercept"), ("sigma", "sigma")):
        model = pose(small_data, **{block: hb.InverseGamma(0.001, 0.001)})
        said = refusal(hb.PriorError, partial(model.prior_predictive, 1000, seed=1))
        assert re.fullmatch(
            rf"the prior of '{block}' for '{name}' \(InverseGamma\(0\.001, 0\.001\)\) is so wide "
            r"that \d\d\.\d% of its draws are too large to compute with; nothing that it implies "
            r"makes sense",
            said,
        )


@without_compiler
@pytest.mark.parametrize("stated", ["sd", "sigma", "gamma"])
def test_one_distribution_stated_of_a_block_is_that_of_each(
    small_data: pd.DataFrame, stated: str
) -> None:
    """At any point the density is that of the family of the same distribution."""
    known = {
        "sd": (pm.Gamma.dist(2.0, 0.5), hb.Gamma(2, 0.5)),
        "sigma": (pm.Exponential.dist(0.5), hb.Exponential(0.5)),
        "gamma": (pm.StudentT.dist(nu=4.0, mu=0.0, sigma=3.0), hb.StudentT(4, 0, 3)),
    }[stated]
    densities = []
    for prior in known:
        model = hb.Model("y ~ x + w", "~ 1 + x | g", data=small_data, priors={stated: prior})
        graph = model.graph()
        point, places = {}, iter(np.linspace(-0.4, 0.7, 20))
        for name, value in graph.initial_point().items():
            values = [next(places) for _ in range(np.size(value))]
            point[name] = np.reshape(values, np.shape(value))
        densities.append(graph.compile_logp(mode=INTERPRETED)(point))
    assert_allclose(densities[0], densities[1], rtol=1e-7)


def test_one_distribution_of_several_parameters_is_drawn_for_each(small_data: pd.DataFrame) -> None:
    model = hb.Model(
        "y ~ x + w", "~ 1 + x | g", data=small_data, priors={"sd": pm.Gamma.dist(2, 1)}
    )
    one, other = (variable for variable in model.graph().free_RVs if "sd" in variable.name)
    assert one.owner.inputs[0] is not other.owner.inputs[0]  # the generators
