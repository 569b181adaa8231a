"""The likelihood over λ and the parameters of the errors together: values, slopes, maxima."""

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

import hierbayes as hb
from hierbayes import residuals as hr
from hierbayes.design.blocks import entry_directions, free_entries
from hierbayes.design.crossproducts import CrossProducts
from hierbayes.design.problem import Problem
from hierbayes.design.residual_moments import ResidualMoments
from hierbayes.estimation.joint_climb import Climb, JointMaximum, climb_together
from hierbayes.estimation.joint_likelihood import JointLikelihood
from hierbayes.estimation.joint_optimum import optimum_of
from hierbayes.estimation.joint_spots import Weights, write_start
from hierbayes.estimation.residual_maximum import maximise_residual
from hierbayes.estimation.residual_search import ResidualSearch
from hierbayes.estimation.scoring import scored
from hierbayes.likelihood.covariance import block_mask, eigenvalue_limits
from hierbayes.likelihood.profiled import profile_at
from hierbayes.likelihood.reading import ML, REML, Reading
from hierbayes.likelihood.residual_moments import second_moments
from hierbayes.residuals.bound_occasions import Occasions
from hierbayes.residuals.bound_values import GIVEN
from hierbayes.residuals.coordinates import derivative
from tests import residual_models
from tests.test_residual_structures import STRUCTURES, posed

NAMES = ["BodyWeight_CAR1", "MMRM_unstructured", "Soybean_CAR1_varIdent", "RatPup_varIdent_two"]


def at_random(problem: Any) -> tuple[Any, Any]:
    """A root λ (q, q) and z."""
    rng = np.random.default_rng(3)
    q, moments = sum(problem.design.blocks), problem.moments
    rows, columns = free_entries(problem.design.blocks)
    root = np.zeros((q, q))
    root[rows, columns] = 0.5 * rng.normal(size=len(rows))
    return root, moments.rows.start + 0.1 * rng.normal(size=len(moments.rows.start))


def likelihood(problem: Any, reading: Reading) -> JointLikelihood:
    return Climb(problem.moments, problem.design.blocks, reading).likelihood


def point(problem: Any, root: Any, z: Any, reading: Reading) -> Any:
    moments, of = problem.moments, likelihood(problem, reading)
    given = Weights(*moments.rows.with_bends(z, moments.classes))
    return of.at(root, z, np.ones(len(of.room.moved)), given)


@pytest.mark.parametrize("reading", [REML, ML])
@pytest.mark.parametrize("name", NAMES)
def test_one_pass_is_the_profile_with_its_slopes(name: str, reading: Reading) -> None:
    problem = residual_models.model(name).problem
    assert problem.moments is not None
    root, z = at_random(problem)
    found = point(problem, root, z, reading)
    at = problem.moments.at(z)
    assert isinstance(at.products, CrossProducts)
    profile = profile_at(root, at.products, reading)
    assert_allclose(found.value, profile.value - at.half_log_det, rtol=1e-12)
    E = second_moments(root, profile.sigma, at.products, reading)
    wanted = -problem.moments.slope(z, E)
    rows, columns = free_entries(problem.design.blocks)
    assert_allclose(found.slope[len(rows) :], wanted, rtol=1e-9, atol=1e-9)
    if len(root):
        M = np.where(block_mask(problem.design.blocks), profile.curvature().score, 0.0)
        of_root = 2.0 * (M @ root)[rows, columns]
        assert_allclose(found.slope[: len(rows)], of_root, rtol=1e-9, atol=1e-9 * np.abs(M).max())


@pytest.mark.parametrize("reading", [REML, ML])
@pytest.mark.parametrize("name", ["BodyWeight_CAR1", "RatPup_varIdent_two"])
def test_scoring_is_that_of_the_profile(name: str, reading: Reading) -> None:
    problem = residual_models.model(name).problem
    blocks = problem.design.blocks
    assert problem.moments is not None
    root, z = at_random(problem)
    of = likelihood(problem, reading)
    value, found = of.scored(root, z, np.ones(len(of.room.moved)))
    assert_allclose(value, point(problem, root, z, reading).value, rtol=1e-13)
    products = problem.moments.at(z).products
    assert isinstance(products, CrossProducts)
    wanted, S = profile_at(root, products, reading).curvature(), entry_directions(blocks)
    assert_allclose(found.score, wanted.score * block_mask(blocks), rtol=1e-9, atol=1e-9)
    assert_allclose(found.expected(S)[0], wanted.expected(S)[0], rtol=1e-9, atol=1e-9)
    assert_allclose(found.pull, wanted.pull, rtol=1e-10)
    assert found.freedom == wanted.freedom


def test_scoring_with_sigma_held_is_a_step_of_g_alone() -> None:
    problem = residual_models.model("sim_AR1_varIdent_slope").problem
    blocks = problem.design.blocks
    assert problem.moments is not None
    products = problem.moments.at(problem.moments.rows.start).products
    assert isinstance(products, CrossProducts)
    noise = products.noise
    curvature = profile_at(np.diag(noise), products, REML).curvature()
    S = entry_directions(blocks)
    slope = S.reshape(len(S), -1) @ curvature.score.ravel()
    step = np.linalg.solve(curvature.expected(S)[0], slope)
    wanted = np.diag(noise**2) + np.tensordot(step, S, axes=1)
    found = scored(np.diag(noise**2), curvature, blocks, noise, products.J, holds_sigma=True)
    assert_allclose(found, wanted, rtol=1e-8)
    with_sigma = scored(np.diag(noise**2), curvature, blocks, noise, products.J)
    assert np.abs(with_sigma / wanted - 1.0).max() > 0.1


@pytest.mark.parametrize("q", [1, 2, 4])
def test_limits_of_eigenvalues_are_those_of_all(q: int) -> None:
    A = np.random.default_rng(q).normal(size=(q, q))
    sizes = np.linalg.eigvalsh(A + A.T)
    assert_allclose(eigenvalue_limits(A + A.T), (sizes[0], sizes[-1]), rtol=1e-13)


@pytest.mark.parametrize("reading", [REML, ML])
@pytest.mark.parametrize("name", NAMES)
def test_curvature_is_that_of_the_slope(name: str, reading: Reading) -> None:
    problem = residual_models.model(name).problem
    root, z = at_random(problem)
    rows, columns = free_entries(problem.design.blocks)
    m, h = len(rows), 1e-5

    def slope(x: Any) -> Any:
        moved = root.copy()
        moved[rows, columns] = x[:m]
        return point(problem, moved, x[m:], reading).slope

    x = np.concatenate([root[rows, columns], z])
    steps = h * np.eye(len(x))
    wanted = np.array([slope(x - step) - slope(x + step) for step in steps]) / (2.0 * h)
    found = point(problem, root, z, reading).information
    assert_allclose(found, found.T, rtol=0, atol=1e-12 * np.abs(found).max())
    size = np.sqrt(np.abs(np.diag(wanted)))
    assert_allclose(found / size / size[:, None], wanted / size / size[:, None], rtol=0, atol=2e-4)


@pytest.mark.parametrize("structure", STRUCTURES, ids=str)
def test_coefficients_come_with_their_slopes(structure: Any) -> None:
    moments = posed(structure, "y ~ x").problem.moments
    assert moments is not None
    rows, classes = moments.rows, moments.classes
    for size in (-0.4, 0.0, 0.3):
        z = rows.start + size * np.linspace(0.5, 1.0, len(rows.start))
        found, slopes = rows.with_slopes(z, classes)
        assert_allclose(found, rows.coefficients(z, classes), rtol=1e-12, atol=1e-12)
        wanted = derivative(lambda at: rows.coefficients(at, classes), z)
        assert_allclose(slopes, wanted, rtol=1e-10, atol=1e-10 * np.abs(wanted).max())
        again, also, bends = rows.with_bends(z, classes)
        assert_allclose(again, found, rtol=1e-12, atol=1e-12)
        assert_allclose(also, slopes, rtol=1e-12, atol=1e-12 * np.abs(slopes).max())
        for i, step in enumerate(1e-5 * np.eye(len(z))):
            ends = [rows.with_slopes(at, classes)[1] for at in (z - step, z + step)]
            wanted = (ends[1] - ends[0]) / 2e-5
            assert_allclose(bends[..., i], wanted, rtol=0, atol=1e-4 * (1 + np.abs(wanted).max()))


@pytest.mark.parametrize("share", [1.0, 0.3])
@pytest.mark.parametrize("structure", STRUCTURES, ids=str)
def test_compiled_code_makes_the_weights_that_python_makes(structure: Any, share: float) -> None:
    problem = posed(structure, "y ~ x").problem
    assert problem.moments is not None
    climb = Climb(replace(problem.moments, share=share), problem.design.blocks, REML)
    rows, kind = problem.moments.rows, climb.likelihood.law.kind
    is_of_python = isinstance(rows.correlation, Occasions)
    assert (kind == GIVEN) == is_of_python
    for size in (-0.4, 0.0, 0.3):
        z = rows.start + size * np.linspace(0.5, 1.0, len(rows.start))
        root = np.eye(sum(problem.design.blocks))
        values, slopes, bends = rows.with_bends(z, problem.moments.classes)
        for part in (values, slopes, bends):
            part[-1] *= share
        given = Weights(values, slopes, bends)
        wanted = climb.likelihood.at(root, z, climb.unit, given)
        found = climb.at(root, z)
        assert found is not None
        assert_allclose(found.value, wanted.value, rtol=1e-13)
        assert_allclose(climb.half_log_det, 0.5 * values[-1], rtol=1e-12, atol=1e-12)
        assert_allclose(found.slope, wanted.slope, rtol=1e-10, atol=1e-10)
        assert_allclose(found.information, wanted.information, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("name", [*NAMES, "Dialyzer_lme_power", "MMRM_CS", "sim_AR1_row_order"])
def test_a_walk_that_python_gives_weights_is_that_of_compiled_ones(name: str) -> None:
    problem = residual_models.model(name).problem
    moments, blocks = problem.moments, problem.design.blocks
    assert moments is not None
    first, second = Climb(moments, blocks, REML), Climb(moments, blocks, REML)
    law = second.likelihood.law._replace(kind=GIVEN)
    second.likelihood = replace(second.likelihood, law=law)
    compiled, asked = climb_together(first), climb_together(second)
    assert compiled is not None
    assert asked is not None
    assert compiled.evaluations == asked.evaluations
    assert_allclose(compiled.z, asked.z, rtol=1e-9, atol=1e-9)
    assert_allclose(compiled.root, asked.root, rtol=1e-9, atol=1e-9)
    assert_allclose(compiled.value, asked.value, rtol=1e-13)
    assert (first.at_end is None) == (second.at_end is None) == asked.on_face


def test_where_a_climb_has_ended_it_knows_the_point() -> None:
    _, moments, blocks, _ = climbed()
    climb = Climb(moments, blocks, REML)
    joint = climb_together(climb)
    assert joint is not None
    end, half_log_det, calls = climb.at_end, climb.half_log_det, climb.calls
    assert end is not None
    assert end.root is joint.root
    assert end.z is joint.z
    again = climb.at(joint.root, joint.z)
    assert again is not None
    assert (climb.calls, climb.at_end) == (calls + 1, None)
    assert_allclose(end.value, again.value, rtol=1e-14)
    assert_allclose(joint.value, again.value, rtol=1e-12)
    assert_allclose(end.slope, again.slope, rtol=1e-9, atol=1e-12)
    assert_allclose(half_log_det, climb.half_log_det, rtol=1e-14)


def test_a_climb_begins_with_a_root_of_a_covariance_a_little_inside() -> None:
    rng, noise = np.random.default_rng(5), np.array([0.5, 2.0, 1.0])
    root, unit, found = np.tril(rng.normal(size=(3, 3))), np.ones(5), np.empty((3, 3))
    scored = np.diag([4.0, 9.0, 16.0])
    rows = np.array([0, 1, 1], dtype=np.intp)
    Gamma = root @ root.T
    write_start(Gamma, scored, noise, rows, unit, found)
    assert_allclose(found, np.linalg.cholesky(Gamma + 1e-6 * np.diag(noise**2)), rtol=1e-12)
    assert_allclose(unit, [2.5, 5.0, 5.0, 1.0, 1.0])
    write_start(-Gamma, scored, noise, rows, unit, found)
    assert np.isnan(found[0, 0])
    write_start(np.zeros((3, 3)), scored, noise, rows, unit, found)
    assert_allclose(found, 1e-3 * np.diag(noise), rtol=1e-12)


def test_a_climb_without_a_likelihood_where_it_begins_is_none(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    _, moments, blocks, _ = climbed()
    climb = Climb(moments, blocks, REML)
    start = climb.start(None)
    assert start is not None
    monkeypatch.setattr(climb, "start", lambda root: (start[0], start[1] + 1e4))
    assert climb_together(climb) is None
    monkeypatch.setattr(climb, "start", lambda root: None)
    assert climb_together(climb) is None


@pytest.mark.parametrize("name", NAMES)
def test_a_climb_ends_where_no_slope_is_left(name: str) -> None:
    problem = residual_models.model(name).problem
    moments, blocks = problem.moments, problem.design.blocks
    assert moments is not None
    found = climb_together(Climb(moments, blocks, REML))
    assert found is not None
    assert found.converged
    at = point(problem, found.root, found.z, REML)
    of_z = at.slope[len(at.slope) - len(found.z) :]
    assert found.covariance is not None
    errors = np.sqrt(np.diag(found.covariance))
    assert (np.abs(of_z) * errors).max() < 1e-4  # in standard errors
    best = maximise_residual(moments, blocks, REML).best
    assert_allclose(found.z, best.z, atol=1e-4 * errors.max())
    assert_allclose(at.value, best.value, rtol=0, atol=1e-8)


@pytest.mark.parametrize("size", [0.0, 1e-4, 9e-4, 1.1e-3, 5e-3, 0.3])
def test_a_root_is_on_a_face_where_a_singular_value_is_nearly_none(size: float) -> None:
    rng, z = np.random.default_rng(4), np.zeros(0)
    for q in (1, 2, 3):
        sizes = np.append(np.linspace(0.5, 3.0, q - 1), size)
        left, _ = np.linalg.qr(rng.normal(size=(q, q)))
        root = np.linalg.qr(np.diag(sizes) @ left, mode="r").T
        found = JointMaximum(z, root, 1, True, True, 0.0, np.ones(1), np.ones((1, 1)))
        sizes = np.linalg.svd(root, compute_uv=False)
        assert found.on_face == bool(sizes.min() < 1e-3 * (1.0 + sizes.max()))


def test_what_a_slope_promises_is_its_square_beside_the_covariance() -> None:
    _, _, _, near = climbed()
    slope = np.array([0.3, -0.2])
    assert near.covariance is not None
    assert_allclose(near.promised(slope), slope @ near.covariance @ slope, rtol=1e-9)
    flat = replace(near, whole=np.diag([1.0] * (len(near.unit) - 1) + [0.0]))
    assert math.isnan(flat.promised(slope))


@pytest.mark.parametrize("reading", [REML, ML])
@pytest.mark.parametrize("name", NAMES)
def test_the_optimum_of_a_climb_is_that_of_g_at_its_end(name: str, reading: Reading) -> None:
    problem = residual_models.model(name).problem
    moments, blocks = problem.moments, problem.design.blocks
    assert moments is not None
    climb = Climb(moments, blocks, reading)
    joint = climb_together(climb)
    assert joint is not None
    found = optimum_of(climb, joint, 1e-16 if len(joint.root) else 2e-11)
    if joint.on_face:
        assert found is None
        return
    assert found is not None
    here, slope = found
    search = ResidualSearch(moments, blocks, reading, near=joint.root)
    there = search.at(here.z)
    assert there is not None
    a, b = here.optimum, there.optimum
    assert_allclose([here.value, a.value], [there.value, b.value], rtol=1e-11)
    assert_allclose(slope, search.slope(there), rtol=1e-5, atol=1e-7)
    assert_allclose(a.theta.G, b.theta.G, rtol=1e-7, atol=1e-9 * float(b.theta.sigma) ** 2)
    assert_allclose(a.theta.sigma, b.theta.sigma, rtol=1e-9)
    assert_allclose(a.gamma, b.gamma, rtol=1e-7, atol=1e-9)
    assert (a.singular, b.singular, a.reading) == (False, False, reading)
    assert a.gradient < 1e-6
    assert_allclose(a.ascent, b.ascent, atol=1e-6)


def test_where_an_effect_has_no_variance_the_optimum_is_looked_for_in_other_ways() -> None:
    _, moments, blocks, near = climbed()
    climb = Climb(moments, blocks, REML)
    joint = climb_together(climb)
    assert joint is not None
    assert optimum_of(climb, joint, 2e-11) is not None
    assert optimum_of(climb, replace(joint, root=near.root * np.array([1.0, 1e-5])), 0.0) is None
    assert optimum_of(climb, replace(joint, definite=False), 0.0) is None
    far = replace(joint, z=joint.z - 2.0, whole=100.0 * joint.whole)  # steps are too short
    assert optimum_of(climb, far, 0.0) is None


def climbed() -> tuple[Problem, ResidualMoments, tuple[int, ...], JointMaximum]:
    """A problem, what there is of its rows, the blocks of G, and its maximum."""
    problem = residual_models.model("sim_AR1_varIdent_slope").problem
    moments, blocks = problem.moments, problem.design.blocks
    assert moments is not None
    found = climb_together(Climb(moments, blocks, REML))
    assert found is not None
    return problem, moments, blocks, found


@pytest.mark.parametrize(
    ("engine", "loglik"), [("reml", -559.342655480314), ("ml", -566.421033635046)]
)
def test_errors_that_stand_for_effects_are_left_for_the_higher_maximum(
    engine: str, loglik: float
) -> None:
    """nlme's lme(weight ~ Time * Diet, ~ Time | Rat, corAR1(), varIdent(~ 1 | Diet)).

    A first climb may end at φ = 0.99 without random effects, where ℓ is less by 1.3.
    """
    model = hb.Model(
        "weight ~ Time * Diet + (Time | Rat)",
        residual_models.data("BodyWeight_CAR1"),
        residual=hb.residuals.AR1() * hb.residuals.Strata("Diet"),
    )
    fit = getattr(model, engine)()
    assert fit.loglik == pytest.approx(loglik, abs=1e-6)
    assert (fit.theta.sd > 0.1).all()


@pytest.mark.parametrize(
    ("seed", "highest"), [(569, -70.28786), (541, -49.75663), (807, -39.28269)]
)
def test_one_of_several_maxima_of_arma_errors_is_the_highest(seed: int, highest: float) -> None:
    """Few rows without correlation, of which a search of many starts knows the maximum."""
    r = np.random.default_rng(seed)
    J, T = int(r.integers(5, 12)), int(r.integers(3, 7))
    data = pd.DataFrame([(j, t) for j in range(J) for t in range(T)], columns=["id", "t"])
    data = data[r.random(len(data)) < 0.85].reset_index(drop=True)
    n = len(data)
    data["x"], v = r.normal(size=n), np.exp(r.normal(size=n))
    r.choice(["a", "b", "c"], n)
    effects = r.normal(size=J)[data["id"]] * r.choice([0, 0.3, 1, 3])
    data["y"] = data["x"] + effects + r.normal(size=n) * v ** r.choice([0, 0.5, 1])
    random = " + (1 | id)" if r.random() < 0.7 else ""
    fit = hb.Model(f"y ~ x{random}", data, residual=hr.ARMA("t", group="id")).ml()
    assert fit.loglik > highest - 1e-4
