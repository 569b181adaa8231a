"""Second derivatives of the profiled likelihood, and the Newton search that uses them."""

from functools import partial

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

import hierbayes as hb
from hierbayes.design.blocks import entry_directions, free_entries
from hierbayes.estimation.local_quadratic import local_quadratic
from hierbayes.estimation.pivoted_triangle import factorise
from hierbayes.estimation.reml import maximise, maximise_near
from hierbayes.estimation.trust_region import best_step
from hierbayes.likelihood.covariance import block_mask
from hierbayes.likelihood.profiled import profile_at
from hierbayes.likelihood.reading import ML, REML, Reading
from tests import dense
from tests.dense import Array
from tests.test_collapsed import Setting, every_structure

every_profile = pytest.mark.parametrize("reading", [ML, REML], ids=["ML", "REML"])


def symmetric_directions(q: int) -> Array:
    rows, columns = np.tril_indices(q)
    S = np.zeros((len(rows), q, q))
    S[np.arange(len(rows)), rows, columns] = S[np.arange(len(rows)), columns, rows] = 1.0
    return S


@every_profile
@every_structure
@pytest.mark.slow
def test_derivatives_with_respect_to_G(blocks: tuple[int, ...], reading: Reading) -> None:
    s = Setting(blocks)
    cross, relative = s.cross, s.root @ s.root.T + 0.1 * np.eye(sum(blocks))
    root = np.linalg.cholesky(relative)
    at = profile_at(root, cross, reading)
    assert_allclose(at.value, dense.profile(s.rows, relative, reading), rtol=1e-12)
    assert_allclose(at.sigma, dense.profile_sigma(s.rows, relative, reading), rtol=1e-11)
    best, _ = dense.gls(s.rows.X, s.rows.y, s.rows.V(relative, 1.0))
    assert_allclose(at.gamma, best, rtol=1e-9)
    curvature = at.curvature()
    S = symmetric_directions(len(relative))

    def slopes(step: Array) -> Array:
        moved = np.linalg.cholesky(relative + np.tensordot(step, S, 1))
        return np.tensordot(S, profile_at(moved, cross, reading).curvature().score, 2)

    def value(step: Array) -> float:
        return dense.profile(s.rows, relative + np.tensordot(step, S, 1), reading)

    here, k = np.zeros(len(S)), len(S)
    assert_allclose(slopes(here), dense.gradient(value, here), rtol=1e-6, atol=1e-6)
    bends = np.array(
        [
            dense.gradient(lambda t, i=i: float(slopes(t)[i]), here)  # type: ignore[misc]
            for i in range(k)
        ]
    )
    assert_allclose(curvature.observed(S), -bends, rtol=1e-6, atol=1e-6 * np.abs(bends).max())


@every_profile
@every_structure
def test_the_expected_information(blocks: tuple[int, ...], reading: Reading) -> None:
    """½ [tr P V_i P V_j − tr P V_i tr P V_j / N], P what V⁻¹ leaves of X; V⁻¹ itself for ML."""
    s = Setting(blocks)
    cross = s.cross
    S = symmetric_directions(len(s.root))
    inverse = np.linalg.inv(s.rows.V(s.root @ s.root.T, 1.0))
    if reading == REML:
        inverse -= (
            inverse
            @ s.rows.X
            @ np.linalg.solve(s.rows.X.T @ inverse @ s.rows.X, s.rows.X.T @ inverse)
        )
    parts = [inverse @ np.where(s.rows.same_group, s.rows.Z @ each @ s.rows.Z.T, 0.0) for each in S]
    curvature = profile_at(s.root, cross, reading).curvature()
    traces = np.array([np.trace(part) for part in parts])
    expected = np.array([[np.trace(one @ other) for other in parts] for one in parts])
    expected = 0.5 * (expected - np.outer(traces, traces) / curvature.freedom)
    found, of_each = curvature.expected(S)
    assert_allclose(found, expected, rtol=1e-9, atol=1e-9 * np.abs(expected).max())
    assert_allclose(of_each, traces, rtol=1e-9, atol=1e-9 * np.abs(traces).max())


@pytest.mark.parametrize("radius", [1e-3, 0.3, 2.0, 1e3])
@pytest.mark.parametrize("seed", range(5))
def test_no_step_in_the_ball_promises_more(seed: int, radius: float) -> None:
    rng = np.random.default_rng(seed)
    information = rng.normal(size=(4, 4))
    information = information + information.T + (seed % 3) * 3.0 * np.eye(4)
    slope = rng.normal(size=4) * (rng.random(4) < 0.7)
    step, gain = best_step(slope, information, radius)
    assert np.linalg.norm(step) <= radius * (1.0 + 1e-5)
    assert_allclose(gain, slope @ step - 0.5 * step @ information @ step, rtol=1e-9)
    tried = rng.normal(size=(20_000, 4))
    tried *= radius * rng.random(20_000)[:, None] ** 0.25 / np.linalg.norm(tried, axis=1)[:, None]
    for spread in (1.0, 1e-2):
        near = step + spread * tried
        near = near[np.linalg.norm(near, axis=1) <= radius]
        promised = near @ slope - 0.5 * np.einsum("ki,ij,kj->k", near, information, near)
        assert promised.max(initial=-np.inf) <= gain + 1e-5 * abs(gain)


def simulated(n: int, J: int) -> pd.DataFrame:
    rng = np.random.default_rng(1)
    codes, x = rng.integers(0, J, n), rng.normal(size=n)
    u = rng.normal(size=(J, 2)) * [0.7, 0.3]
    y = 1.0 + 0.5 * x + u[codes, 0] + u[codes, 1] * x + rng.normal(size=n)
    return pd.DataFrame({"y": y, "x": x, "g": codes})


@pytest.mark.parametrize("fixed", ["1", "ses", "ses * Sector", "ses * Sex"])
@pytest.mark.parametrize("random", ["1", "1 + ses", "1 + ses + Sex"])
@pytest.mark.parametrize("name", ["hs", "hsfull"])
@pytest.mark.slow
def test_about_ten_evaluations(name: str, random: str, fixed: str) -> None:
    model = hb.Model(f"mathach ~ {fixed} + ({random} | school)", data=hb.load_dataset(name))
    for fit in (model.reml(), model.ml()):
        assert fit.maximum.evaluations <= 11
        assert fit.maximum.gradient < 1e-5
        assert fit.maximum.ascent < 1e-6


@pytest.mark.parametrize(("n", "J"), [(40_000, 10_000), (200_000, 100)])
def test_many_rows(n: int, J: int) -> None:
    """A maximum is certain however many rows there are, and no further away."""
    fit = hb.Model("y ~ x", random="~ 1 + x | g", data=simulated(n, J)).reml()
    assert fit.maximum.evaluations <= 10
    assert fit.diagnose().ok


def test_from_near_by() -> None:
    model = hb.Model("mathach ~ ses + (1 + ses | school)", data=hb.load_dataset("hsfull"))
    cross, blocks = model.problem.cross, model.problem.design.blocks
    best = maximise(cross, blocks)
    again = maximise_near(cross, blocks, REML, best.theta.relative(cross.basis))
    assert again.evaluations <= 2
    near = maximise_near(cross, blocks, REML, 1.2 * best.theta.relative(cross.basis))
    assert near.evaluations <= 6
    for one in (again, near):
        assert_allclose(one.value, best.value, rtol=1e-13)
        assert_allclose(one.theta.G, best.theta.G, rtol=1e-6)


def test_a_variance_that_vanishes_does_so_in_the_first_step() -> None:
    """Groups whose means are all but equal: ℓ is that without random effects."""
    g = np.repeat(np.arange(30), 4)
    y = np.random.default_rng(1).normal(size=(30, 4))
    y = y - 0.9 * y.mean(axis=1, keepdims=True)
    data = pd.DataFrame({"y": y.ravel(), "g": g})
    fit, plain = hb.Model("y ~ 1 + (1 | g)", data).reml(), hb.Model("y ~ 1", data).reml()
    assert fit.maximum.evaluations == 2
    assert fit.theta.sd[0, 0].tolist() == [0.0]
    assert_allclose(fit.maximum.value, plain.maximum.value, rtol=1e-13)
    assert_allclose(fit.sigma, plain.sigma, rtol=1e-13)


@pytest.mark.parametrize("seed", range(4))
def test_few_groups_take_few_evaluations(seed: int) -> None:
    """Several starts, of which those that come near a known maximum end there."""
    rng = np.random.default_rng(seed)
    g = np.repeat(np.arange(4), 5)
    data = pd.DataFrame({"y": rng.normal(size=4)[g] + rng.normal(size=20), "g": g})
    cross = hb.Model("y ~ 1 + (1 | g)", data=data).problem.cross
    for reading in (ML, REML):
        best = maximise(cross, (1,), reading)
        assert best.evaluations <= 25
        for size in np.geomspace(1e-3, 30.0, 40):
            assert profile_at(np.array([[size]]), cross, reading).value <= best.value + 1e-9


@every_profile
@every_structure
def test_a_quadratic_in_the_entries_of_a_root(blocks: tuple[int, ...], reading: Reading) -> None:
    s = Setting(blocks)
    noise, lower, entries = (
        s.cross.noise,
        free_entries(blocks),
        entry_directions(blocks),
    )
    Gamma = np.where(block_mask(blocks), s.root @ s.root.T + 0.1 * np.eye(sum(blocks)), 0.0)
    triangle = factorise(Gamma, blocks, noise)

    def root_at(x: Array) -> Array:
        root = triangle.root.copy()
        root[triangle.at] += x
        return root

    def quadratic(x: Array) -> tuple[Array, Array, Array, Array, float]:
        root = root_at(x)
        curvature = profile_at(root, s.cross, reading).curvature()
        M = np.where(block_mask(blocks), curvature.score, 0.0)
        H = curvature.observed(entries)
        return local_quadratic(root, *triangle.at, *lower, M, H, noise)

    here = np.zeros(len(lower[0]))
    unit, slope, information, step, gain = quadratic(here)
    assert_allclose(unit, (np.sqrt(np.diag(Gamma)) + noise)[triangle.at[0]])
    slopes = dense.gradient(lambda x: profile_at(root_at(x), s.cross, reading).value, here)
    assert_allclose(slope, unit * slopes, rtol=1e-6, atol=1e-6)

    def slope_by(k: int, x: Array) -> float:
        unit, slope, *_ = quadratic(x)
        return float(slope[k] / unit[k])

    bends = [dense.gradient(partial(slope_by, k), here) for k in range(len(here))]
    expected = -np.array(bends) * unit * unit[:, None]
    assert_allclose(information, expected, rtol=1e-5, atol=1e-6 * np.abs(expected).max())
    if np.isfinite(gain):
        assert_allclose(information @ step, slope, rtol=1e-8, atol=1e-10)
        assert_allclose(gain, 0.5 * slope @ step)
    else:
        assert np.linalg.eigvalsh(information)[0] < 1e-4 * np.diag(information).max()


def test_no_newton_step_where_curvature_is_flat_or_upwards() -> None:
    root, noise = np.diag([1.0, 2.0]), np.ones(2)
    at = np.array([0, 1]), np.array([0, 1])
    for last, known in ((1.0, True), (1e-7, False), (-1.0, False)):
        H = np.diag([1.0, last])
        unit, _, information, step, gain = local_quadratic(
            root, *at, *at, np.zeros((2, 2)), H, noise
        )
        assert_allclose(unit, [2.0, 3.0])
        assert_allclose(np.diag(information), [16.0, 144.0 * last])
        assert np.isfinite(gain) == known
        assert not known or np.all(step == 0.0)


@every_profile
def test_threads_share_the_groups(reading: Reading) -> None:
    """The same to the last digit for a number of threads, and to 1e-12 for another."""
    s = Setting((2, 1))
    root = np.linalg.cholesky(s.root @ s.root.T + 0.1 * np.eye(3))
    one, *others = (profile_at(root, s.cross, reading, threads) for threads in (1, 2, 3, 3, 10_000))
    assert [len(at.parts) for at in (one, *others)] == [1, 2, 3, 3, len(s.cross.R)]
    assert others[1].value == others[2].value
    for at in others:
        for name in ("value", "sigma", "gamma", "half", "turned", "precision_factor"):
            assert_allclose(getattr(at, name), getattr(one, name), rtol=1e-12, atol=1e-14)
        a, b = at.curvature(), one.curvature()
        for name in ("D", "products", "squares"):
            mine, theirs = getattr(a, name), getattr(b, name)
            assert_allclose(mine, theirs, rtol=1e-12, atol=1e-12 * np.abs(theirs).max())
