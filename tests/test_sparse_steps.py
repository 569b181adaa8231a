"""Compiled steps of a climb with several grouping factors, beside the steps that Python takes."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

import hierbayes as hb
from hierbayes.design.sparse_products import SparseProducts
from hierbayes.estimation.climb import Optimum, Search
from hierbayes.estimation.reml import maximise
from hierbayes.estimation.scoring import lift
from hierbayes.estimation.sparse_steps import Place, SparseSteps, at_point
from hierbayes.likelihood.reading import ML, REML, Reading
from hierbayes.likelihood.sparse_profile import sparse_profile

FORMULAS = {
    "crossed": "y ~ x + (1 | a) + (1 | b)",
    "nested": "y ~ x + (1 | a) + (1 | a:c)",
    "slopes": "y ~ x + (1 + x | a) + (1 + x | b)",
    "without variance": "flat ~ x + (1 | a) + (1 | b)",
}


def rows() -> pd.DataFrame:
    rng = np.random.default_rng(3)
    n = 400
    a, b, c = rng.integers(0, 20, n), rng.integers(0, 25, n), rng.integers(0, 3, n)
    x = rng.normal(size=n)
    of_a, of_b = rng.normal(size=(20, 2)), rng.normal(size=(25, 2))
    error = rng.normal(size=n) + rng.normal(size=60)[3 * a + c]
    y = of_a[a, 0] + of_b[b, 0] + (0.5 + 0.6 * of_a[a, 1] + 0.3 * of_b[b, 1]) * x + error
    flat = of_a[a, 0] + error - np.bincount(b, error, 25)[b] / np.bincount(b, minlength=25)[b]
    return pd.DataFrame({"a": a, "b": b, "c": c, "x": x, "y": y, "flat": flat})


def products(name: str) -> tuple[SparseProducts, tuple[int, ...]]:
    problem = hb.Model(FORMULAS[name], rows()).problem
    assert isinstance(problem.products, SparseProducts)
    return problem.products, problem.design.blocks


def maxima(name: str, reading: Reading, monkeypatch: pytest.MonkeyPatch) -> tuple[Optimum, Optimum]:
    """By compiled steps, and by Python's alone."""
    cross, blocks = products(name)
    quick = maximise(cross, blocks, reading)
    monkeypatch.setattr(SparseSteps, "of", lambda *_: None)
    return quick, maximise(cross, blocks, reading)


@pytest.mark.parametrize("reading", [ML, REML])
@pytest.mark.parametrize("name", FORMULAS)
def test_both_go_the_same_way(name: str, reading: Reading, monkeypatch: pytest.MonkeyPatch) -> None:
    quick, plain = maxima(name, reading, monkeypatch)
    assert_allclose(quick.value, plain.value, rtol=1e-13)
    assert abs(quick.evaluations - plain.evaluations) <= 1  # of the last, which may be rounding
    assert quick.singular == plain.singular == (name == "without variance")
    assert_allclose(quick.gamma, plain.gamma, rtol=1e-8)
    root, other = (one.theta.relative(products(name)[0].basis) for one in (quick, plain))
    assert_allclose(root @ root.T, other @ other.T, atol=1e-7)


@pytest.mark.parametrize("name", ["crossed", "slopes"])
def test_steps_are_taken(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """All of them, but where a step is out of the ordinary."""
    looked: list[int] = []
    begin, go_on = SparseSteps.begin, SparseSteps.go_on

    def begun(steps: SparseSteps, radius: float, least: float) -> tuple[Place, int] | None:
        found = begin(steps, radius, least)
        assert found is not None
        looked.append(found[1])
        return found

    def gone_on(steps: SparseSteps, here: Place, least: float) -> tuple[Place, int]:
        place, taken = go_on(steps, here, least)
        looked.append(taken)
        return place, taken

    monkeypatch.setattr(SparseSteps, "begin", begun)
    monkeypatch.setattr(SparseSteps, "go_on", gone_on)
    cross, blocks = products(name)
    found = maximise(cross, blocks, REML)
    if name == "crossed":
        assert looked == [found.evaluations]
    assert sum(looked) >= found.evaluations - 1 >= 4


@pytest.mark.parametrize(
    ("name", "vanished"), [*((name, []) for name in FORMULAS), ("crossed", [1]), ("nested", [0, 1])]
)
def test_a_point_is_the_one_that_is_eliminated_and_then_derived(
    name: str, vanished: list[int]
) -> None:
    """Also where effects have no variance."""
    cross, blocks = products(name)
    root = Search(cross, blocks, REML).at(np.diag(2.0 * cross.noise**2))[0].root
    root[vanished] = 0.0
    whole, parts = sparse_profile(root, cross, REML, at_point), sparse_profile(root, cross, REML)
    assert whole.made is not None
    assert parts.made is None
    assert_allclose([whole.value, whole.sigma], [parts.value, parts.sigma], rtol=1e-13)
    assert_allclose(whole.gamma, parts.gamma, rtol=1e-10)
    one, two = whole.curvature(), parts.curvature()
    assert_allclose(one.score, two.score, atol=1e-9 * np.abs(two.score).max())
    assert_allclose(one.information, two.information, atol=1e-10 * np.abs(two.information).max())
    assert_allclose(one.pull, two.pull, rtol=1e-10)


def test_one_step_of_scoring_leads_to_the_maximum_of_balanced_crossed_factors() -> None:
    """However far it is; variances are those of the analysis of variance."""
    a, b = np.repeat(np.arange(8), 5), np.tile(np.arange(5), 8)
    y = np.random.default_rng(5).normal(size=40) + 3.0 * np.sin(a) - 20.0 * b
    cells = y.reshape(8, 5)
    of_a, of_b = cells.mean(axis=1), cells.mean(axis=0)
    left = ((cells - of_a[:, None] - of_b + y.mean()) ** 2).sum() / 28
    data = pd.DataFrame({"a": a, "b": b, "y": y})
    fit = hb.Model("y ~ 1 + (1 | a) + (1 | b)", data).reml()
    assert fit.maximum.evaluations <= 3
    wanted = of_a.var(ddof=1) - left / 5, of_b.var(ddof=1) - left / 8
    assert_allclose(fit.theta.G[0, 0].diagonal(), wanted, rtol=1e-7)
    assert_allclose(fit.sigma**2, left, rtol=1e-7)


def test_two_steps_of_scoring_lead_to_the_face_on_which_balanced_nested_factors_are_highest() -> (
    None
):
    """Classes that differ by less than their pupils do: what they are pooled with is explicit."""
    group = np.repeat(np.arange(24), 3)
    y = np.random.default_rng(8).normal(size=72) + 2.0 * np.cos(2.5 * group)
    cells = y.reshape(8, 3, 3)
    means = cells.mean(axis=2)
    assert means.mean(axis=1).var(ddof=1) < means.var(axis=1, ddof=1).mean() / 3
    fit = hb.Model(
        "y ~ 1 + (1 | a) + (1 | b)", pd.DataFrame({"a": group // 3, "b": group, "y": y})
    ).reml()
    left = cells.var(axis=2, ddof=1).mean()
    assert fit.maximum.evaluations == 3
    assert fit.singular
    assert fit.theta.G[0, 0, 0, 0] == 0.0
    assert_allclose(fit.theta.G[0, 0, 1, 1], means.var(ddof=1) - left / 3, rtol=1e-9)
    assert_allclose(fit.sigma**2, left, rtol=1e-9)


@pytest.mark.parametrize("least", [0.1, 1.5, 9.0])
def test_variances_are_lifted_in_every_direction_of_one_or_two_effects(least: float) -> None:
    noise = np.array([0.5, 2.0, 1.0])
    S = np.array([[2.0, 1.9, 0.0], [1.9, 2.0, 0.0], [0.0, 0.0, 0.3]])
    Gamma = S * np.outer(noise, noise)
    lift.py_func(Gamma, np.array([2, 3]), noise, least)
    size, vectors = np.linalg.eigh(S)
    wanted = (vectors * np.maximum(size, least)) @ vectors.T
    if least < 0.3:  # what is no less stays as it is
        assert Gamma[2, 2] == 0.3
    assert_allclose(Gamma / np.outer(noise, noise), wanted, atol=1e-14)


def test_of_many_levels_and_of_more_effects_python_takes_them() -> None:
    data = rows().assign(z=np.arange(400.0) % 7)
    problem = hb.Model("y ~ x + (1 + x + z | a) + (1 | b)", data).problem
    assert SparseSteps.of(problem.products, problem.design.blocks, REML) is None
    apart = hb.Model("y ~ x + (1 + x || a) + (1 | b)", data).problem
    assert SparseSteps.of(apart.products, apart.design.blocks, REML) is None
    one = hb.Model("y ~ x + (1 | a)", data).problem
    assert SparseSteps.of(one.products, one.design.blocks, REML) is None
