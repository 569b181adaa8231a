"""Modes of random effects as compiled code finds them, their slopes, and Hessians from these."""

from functools import partial

import numpy as np
import pandas as pd
import pytest

import hierbayes as hb
from hierbayes.estimation.laplace_search import maximise_latent
from hierbayes.estimation.latent_criterion import LatentCriterion
from hierbayes.estimation.latent_problem import likelihood_criterion
from hierbayes.estimation.latent_start import inverse_near_maximum, near_inverse
from hierbayes.likelihood.group_modes import _approximated
from hierbayes.likelihood.laplace import LatentPoint, find_mode, laplace
from hierbayes.likelihood.mode_search import GRADIENT, MOVES, ModeSearch
from tests import families_reference as reference

ONE = ("bacteria_ri", "epil_nb2", "sim_binomial_slope", "wine_clmm")
SEVERAL = {
    "nested": ("y ~ x + (1 + x | b) + (1 | b:c)", "bernoulli"),
    "crossed": ("k ~ x + (1 | a) + (1 + x | b)", "poisson"),
    "of three": ("k ~ x + (1 | a) + (1 + x | b) + (1 | b:c)", "negativebinomial"),
}


@pytest.fixture(scope="module")
def criteria() -> dict[str, LatentCriterion]:
    rng, n = np.random.default_rng(3), 240
    frame = pd.DataFrame({
        "y": rng.integers(0, 2, n), "k": rng.poisson(2.0, n), "x": rng.normal(size=n),
        "a": rng.integers(0, 9, n), "b": rng.integers(0, 6, n), "c": rng.integers(0, 4, n),
    })  # fmt: skip
    problems = {name: reference.model(name).problem for name in ONE}
    for name, (formula, family) in SEVERAL.items():
        problems[name] = hb.Model(formula, frame, family=family).problem
    return {name: likelihood_criterion(problem, 1) for name, problem in problems.items()}


def _somewhere(criterion: LatentCriterion) -> np.ndarray:
    rng, rows = np.random.default_rng(4), criterion.rows
    phi = rows.family.dispersion_start(rows.y, rows.m)
    x = criterion.coordinates(LatentPoint(np.zeros(criterion.p), 0.7 * np.eye(criterion.q), phi))
    return np.asarray(x + rng.normal(0.0, 0.2, len(x)))


@pytest.mark.parametrize("name", [*ONE, *SEVERAL])
def test_mode_and_gradient_are_those_of_plain_code(
    name: str, criteria: dict[str, LatentCriterion]
) -> None:
    criterion = criteria[name]
    rows, rng = criterion.rows, np.random.default_rng(3)
    point, start = criterion.point(_somewhere(criterion)), rng.normal(0.0, 1.0, rows.effects)
    compiled = find_mode(rows, point, start, criterion.curvature_of, ModeSearch(GRADIENT))
    plain = find_mode(rows, point, start, partial(criterion.curvature_of))
    assert compiled is not None and compiled.slopes is not None
    assert plain is not None and plain.slopes is None
    np.testing.assert_allclose(compiled.b, plain.b, rtol=1e-9, atol=1e-11)
    assert compiled.curvature.log_det == pytest.approx(plain.curvature.log_det, rel=1e-11)
    for one, other in zip(laplace(compiled), laplace(plain), strict=True):
        found, wanted = np.asarray(one), np.asarray(other)
        size = np.abs(wanted).max(initial=1.0)
        np.testing.assert_allclose(found, wanted, rtol=1e-9, atol=1e-10 * size)


@pytest.mark.parametrize("name", [*ONE, *SEVERAL])
def test_a_mode_moves_along_its_slopes(name: str, criteria: dict[str, LatentCriterion]) -> None:
    criterion, step = criteria[name], 1e-5
    point = criterion.point(_somewhere(criterion))
    search = ModeSearch(MOVES, np.array(criterion.lower))
    flat = np.concatenate([point.gamma, point.root[criterion.lower], point.phi])

    def mode_at(numbers: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        p, m = criterion.p, len(criterion.lower[0])
        root = np.zeros_like(point.root)
        root[criterion.lower] = numbers[p : p + m]
        at = LatentPoint(numbers[:p], root, numbers[p + m :])
        start = np.zeros(criterion.rows.effects)
        found = find_mode(criterion.rows, at, start, criterion.curvature_of, search)
        assert found is not None and found.slopes is not None
        return found.b, found.slopes.moves

    _, moves = mode_at(flat)
    for k, one in enumerate(np.eye(len(flat)) * step):
        wanted = (mode_at(flat + one)[0] - mode_at(flat - one)[0]) / (2.0 * step)
        np.testing.assert_allclose(moves[:, k], wanted, rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("name", ["epil_nb2", "wine_clmm", *SEVERAL])
def test_the_hessian_is_that_of_gradients_at_modes(
    name: str, criteria: dict[str, LatentCriterion]
) -> None:
    criterion = criteria[name]
    x = _somewhere(criterion)
    steps = np.full(len(x), 1e-4)
    found = criterion.hessian(x, steps)
    sides = np.array([[criterion(x + h)[1], criterion(x - h)[1]] for h in np.diag(steps)])
    wanted = (sides[:, 0] - sides[:, 1]) / 2e-4
    wanted = 0.5 * (wanted + wanted.T)
    np.testing.assert_allclose(found, wanted, rtol=1e-5, atol=1e-6 * np.abs(wanted).max())


def test_the_first_curvature_of_variances_is_that_of_a_gaussian_model(
    criteria: dict[str, LatentCriterion],
) -> None:
    """½ Σ_j tr S_eD_jS_fD_j with D_j = Z_j'V_j⁻¹Z_j and V_j = κ_j⁻¹ + Z_jΓZ_j', dense."""
    criterion = criteria["sim_binomial_slope"]
    x = _somewhere(criterion)
    criterion(x)
    mode, rows, p = criterion.reached, criterion.rows, criterion.p
    assert mode is not None
    L, kappa, wanted = mode.point.root, rows.precisions(mode.derivatives), np.zeros((3, 3))
    S = []
    for r, c in zip(*criterion.lower, strict=True):
        moved = np.zeros((2, 2))
        moved[r, c] = 1.0
        S.append(moved @ L.T + L @ moved.T)
    for j in range(rows.levels[0]):
        own = rows.codes_of[0] == j
        Z = rows.Z[own]
        D = Z.T @ np.linalg.solve(np.diag(1.0 / kappa[own]) + Z @ L @ L.T @ Z.T, Z)
        wanted += [[0.5 * np.trace(one @ D @ other @ D) for other in S] for one in S]
    found = near_inverse(criterion, mode, np.ones(len(x)))
    np.testing.assert_allclose(np.linalg.inv(found[p:, p:]), wanted, rtol=1e-7)


@pytest.mark.parametrize("name", ["sim_binomial_slope", "epil_nb2", "crossed"])
def test_near_a_maximum_the_curvature_of_variances_is_that_of_the_gradient(
    name: str, criteria: dict[str, LatentCriterion]
) -> None:
    criterion = criteria[name]
    optimum = maximise_latent(criterion)
    x, p = criterion.coordinates(optimum.mode.point), criterion.p
    scale = 1.0 / np.sqrt(-np.diag(optimum.hessian))
    found = inverse_near_maximum(criterion, x, scale)
    assert found is not None
    wanted = -optimum.hessian * np.outer(scale, scale)
    np.testing.assert_allclose(np.linalg.inv(found)[p:], wanted[p:], rtol=1e-3, atol=2e-3)


def test_one_look_around_is_the_hessian_of_differences(
    criteria: dict[str, LatentCriterion], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of one factor and no dispersion, whose gradients are differenced where they are made."""
    for name in ("bacteria_ri", "sim_binomial_slope"):
        criterion = criteria[name]
        x = _somewhere(criterion)
        steps, before = np.linspace(1e-4, 3e-4, len(x)), criterion.evaluations
        around = criterion._around(x, steps)
        assert around is not None and criterion.evaluations >= before + 2 * len(x)
        np.testing.assert_array_equal(around, criterion.hessian(x, steps))
        with monkeypatch.context() as patch:
            patch.setattr(LatentCriterion, "_around", lambda *_: None)
            np.testing.assert_allclose(criterion.hessian(x, steps), around, rtol=1e-7, atol=1e-8)
    others = [name for name in criteria if not criteria[name].is_climbed]
    assert set(others) >= {"epil_nb2", "wine_clmm", "nested", "crossed"}
    assert all(criteria[name]._around(np.zeros(0), np.zeros(0)) is None for name in others)


def test_numbers_of_the_data_have_no_compiled_code_of_their_own() -> None:
    """Those of a column of floats cannot be written to, and arrays of such are of another type."""
    frame = pd.DataFrame({"k": [0, 3, 1, 4, 2, 2, 5, 0], "g": list("aabbccdd")})
    whole = hb.Model("k ~ 1 + (1 | g)", frame, family="poisson").ml()
    floats = hb.Model("k ~ 1 + (1 | g)", frame.astype({"k": float}), family="poisson").ml()
    assert floats.loglik == whole.loglik
    assert not [one for one in _approximated.signatures if "readonly" in str(one)]


def test_far_from_a_maximum_nothing_is_said(criteria: dict[str, LatentCriterion]) -> None:
    """Where the sd is next to 0 and wants to grow, the likelihood is bent upwards."""
    criterion = criteria["bacteria_ri"]
    x = _somewhere(criterion)
    x[criterion.p] = 1e-3
    assert criterion.bends(x, np.full(1, 1e-4))[0, -1] > 0.0  # type: ignore[index]
    assert inverse_near_maximum(criterion, x, np.ones(len(x))) is None
