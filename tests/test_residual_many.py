"""Residual structures of very many groups: the search begins with some of them."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

import hierbayes as hb
from hierbayes import residuals as hr
from hierbayes.design.bound_residual import bind_residual
from hierbayes.design.crossproducts import CrossProducts
from hierbayes.design.residual_classes import classes_of
from hierbayes.design.residual_moments import ResidualMoments, residual_moments
from hierbayes.design.residual_sums import sums, with_sums
from hierbayes.estimation.residual_maximum import maximise_residual
from hierbayes.likelihood.profiled import profile_at
from hierbayes.likelihood.reading import ML, REML, Reading
from hierbayes.likelihood.residual_moments import second_moments
from hierbayes.likelihood.structured_blocks import class_totals_of
from hierbayes.residuals.bound import StructuredRows
from hierbayes.residuals.bound_occasions import bound_occasions
from hierbayes.residuals.gaps import distinct_gaps
from hierbayes.residuals.number_columns import distinct_numbers
from hierbayes.residuals.row_kernels import (
    distinct_places,
    is_in_order,
    neighbours,
    pairs_within,
    places_within,
)

FORMULA = "y ~ x + (1 | g)"
STRUCTURES = [hr.AR1("week"), hr.Strata("half"), hr.Unstructured("week"), hr.Exponential("x")]


def drawn(J: int, seed: int = 5) -> pd.DataFrame:
    """Up to four weeks of each of J persons."""
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame({"g": np.repeat(np.arange(J), 4), "week": np.tile(np.arange(4), J)})
    frame["x"], frame["half"] = rng.normal(size=4 * J), np.where(frame["week"] < 2, "a", "b")
    errors = np.empty((J, 4))
    errors[:, 0] = rng.normal(size=J)
    for k in range(1, 4):
        errors[:, k] = 0.5 * errors[:, k - 1] + 0.75**0.5 * rng.normal(size=J)
    frame["y"] = 0.3 * frame["x"] + np.repeat(rng.normal(size=J), 4) + errors.ravel()
    return frame[(rng.uniform(size=4 * J) < 0.9) | (frame["week"] == 0)]


def moments_of(structure: hr.ResidualStructure, frame: pd.DataFrame) -> ResidualMoments:
    moments = hb.Model(FORMULA, frame, residual=structure).problem.moments
    assert moments is not None
    return moments


@pytest.mark.parametrize("structure", STRUCTURES, ids=lambda one: one.text)
def test_thinned_moments_are_those_of_every_so_many_th_group(
    structure: hr.ResidualStructure,
) -> None:
    frame = drawn(80)
    moments = moments_of(structure, frame)
    some = moments.thinned(10)
    assert some is not None
    alone = hb.Model(FORMULA, frame[frame["g"] % 8 == 0], residual=structure).problem.design
    rows = bind_residual(structure, alone.rows, alone.factors)
    wanted = residual_moments(rows, alone, moments.basis)
    z = moments.rows.start + 0.1
    spread = 1.0  # a covariate's coordinate is in units of its spread, which others have too
    if isinstance(structure, hr.Exponential):
        spread = rows.variances[0].spread / moments.rows.variances[0].spread  # type: ignore[attr-defined]
    a, b = some.at(z).products, wanted.at(z * spread).products
    assert isinstance(a, CrossProducts)
    assert isinstance(b, CrossProducts)
    assert a.groups.equals(b.groups)
    for name in ("A", "B", "W", "rows"):
        assert_allclose(getattr(a, name), getattr(b, name), rtol=1e-10, atol=1e-10)
    assert_allclose(some.share, len(alone.y) / len(frame))
    assert_allclose(some.half_log_det(z), some.share * moments.half_log_det(z))
    assert moments.thinned(11) is None


def test_thinned_moments_of_several_factors_do_not_exist() -> None:
    frame = drawn(80).assign(clinic=lambda rows: rows["g"] % 5)
    model = hb.Model("y ~ x + (1 | clinic/g)", frame, residual=hr.AR1("week"))
    assert model.problem.moments is not None
    assert model.problem.moments.thinned(1) is None


def test_the_maximum_of_very_many_groups_is_that_of_all() -> None:
    moments = moments_of(hr.AR1("week") * hr.Strata("half"), drawn(16_000))
    some = moments.thinned(2000)
    assert some is not None
    assert some.counts[0].shape == (2000,)
    found = maximise_residual(moments, (1,), REML)
    whole = _without_thinning(moments)
    wanted = maximise_residual(whole, (1,), REML)
    assert found.evaluations <= wanted.evaluations + 1  # most without curvature: a third each
    assert_allclose(found.best.value, wanted.best.value, rtol=0, atol=1e-7)
    se = np.sqrt(np.diag(np.linalg.inv(wanted.information)))
    assert (np.abs(found.best.z - wanted.best.z) < 1e-5 * se).all()
    unit = np.outer(se, se)
    assert_allclose(found.information * unit, wanted.information * unit, atol=3e-5)
    theta, other = found.best.optimum.theta, wanted.best.optimum.theta
    assert_allclose(theta.G, other.G, rtol=1e-7)
    assert_allclose(theta.sigma, other.sigma, rtol=1e-7)


def _without_thinning(moments: ResidualMoments) -> ResidualMoments:
    class Whole(ResidualMoments):
        def thinned(self, groups: int) -> None:
            return None

    fields = {name: getattr(moments, name) for name in ResidualMoments.__dataclass_fields__}
    return Whole(**fields)


def test_numbers_are_counted_where_they_lie_close_and_sorted_where_they_do_not() -> None:
    rng = np.random.default_rng(2)
    for most in (3, 40, 10**9):
        keys = rng.integers(0, most, size=30)
        found, place = distinct_places(keys, int(keys.max()) + 1)
        wanted, places = np.unique(keys, return_inverse=True)
        assert found.tolist() == wanted.tolist()
        assert place.tolist() == places.tolist()


def test_rows_are_in_order_where_no_group_has_two_of_one_time() -> None:
    codes = np.array([0, 0, 1, 1, 1, 3])
    assert is_in_order(codes, np.array([1.0, 2.0, 0.0, 1.0, 5.0, 5.0]))
    assert not is_in_order(codes, np.array([1.0, 2.0, 0.0, 5.0, 5.0, 5.0]))  # twice
    assert not is_in_order(codes, np.array([2.0, 1.0, 0.0, 1.0, 5.0, 5.0]))
    assert not is_in_order(codes[::-1].copy(), np.arange(6.0))
    assert not is_in_order(codes, np.array([1.0, 2.0, 0.0, np.nan, 5.0, 5.0]))


def test_places_within_groups_are_counted_in_whatever_order_these_come() -> None:
    codes = np.array([2, 0, 2, 2, 0, 4])
    assert places_within(codes, 5).tolist() == [0, 0, 1, 2, 1, 0]


def test_pairs_within_groups_are_all_of_them_once() -> None:
    owner = np.array([0, 0, 0, 2, 3, 3])
    left, right = np.empty(10, dtype=int), np.empty(10, dtype=int)
    pairs_within(owner, left, right)
    wanted = [(a, b) for b in range(6) for a in range(b + 1) if owner[a] == owner[b]]
    assert list(zip(left.tolist(), right.tolist(), strict=True)) == wanted


def test_neighbours_are_those_of_the_order_that_is_given() -> None:
    codes, times = np.array([1, 0, 1, 0, 1, 2]), np.array([3.0, 8.0, 1.0, 2.0, 7.0, 0.0])
    before, after, lags = np.empty(6, dtype=int), np.empty(6, dtype=int), np.empty(6)
    many = neighbours(np.lexsort((times, codes)), codes, times, before, after, lags)
    assert before[:many].tolist() == [3, 2, 0]
    assert after[:many].tolist() == [1, 0, 4]
    assert lags[:many].tolist() == [6.0, 2.0, 4.0]


@pytest.mark.parametrize(
    "structure",
    [*STRUCTURES, hr.CAR1("week"), hr.AR1("week") * hr.Strata("half")],
    ids=lambda one: one.text,
)
def test_moments_do_not_depend_on_the_order_of_rows(structure: hr.ResidualStructure) -> None:
    frame = drawn(30)
    shuffled = frame.sample(frac=1.0, random_state=3)
    wanted, found = moments_of(structure, frame), moments_of(structure, shuffled)
    assert found.classes.tolist() == wanted.classes.tolist()
    assert found.atoms.tolist() == wanted.atoms.tolist()
    assert found.class_of.tolist() == wanted.class_of.tolist()
    assert_allclose(found.cells, wanted.cells, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("unit", [1, 10**7, 2**55])
def test_gaps_of_whole_times_are_told_apart_whatever_their_size(unit: int) -> None:
    frame = pd.DataFrame({"g": [0, 0, 0, 1, 1, 1], "t": [0, 1, 3, 0, 2, 3]})
    frame["t"] = unit * frame["t"].astype(float)
    frame["y"], frame["x"] = [1.0, 2.0, 4.0, 3.0, 1.0, 2.5], [0.0, 1.0, 0.0, 2.0, 1.0, 3.0]
    rows = StructuredRows(frame, frame["g"].to_numpy(), "g", np.zeros(6, dtype=int))
    found = hr.AR1("t").bind(rows)
    assert found.gaps.tolist() == [unit, 2 * unit]
    assert found.counts.tolist() == [2.0, 2.0]
    assert found.links.kind[6:].tolist() == [1, 3, 3, 1, 1, 3, 3, 1, 2, 4, 4, 2]


def test_sums_over_links_add_up_over_any_chunks() -> None:
    rng = np.random.default_rng(7)
    F, (left, right) = rng.normal(size=(30, 3)), rng.integers(0, 30, size=(2, 200))
    cell_of, part = rng.integers(0, 12, size=200), rng.integers(0, 4, size=200)
    whole = sums(F, left, right, cell_of, 12)
    parts = [sums(F, left[part == k], right[part == k], cell_of[part == k], 12) for k in range(4)]
    assert_allclose(np.sum(parts, axis=0), whole, atol=1e-12)
    both = F[left, :, None] * F[right, None]
    both += np.where((left != right)[:, None, None], both.swapaxes(1, 2), 0.0)
    wanted = [both[cell_of == cell].sum(axis=0).ravel() for cell in range(12)]
    assert_allclose(whole, wanted, atol=1e-12)


@pytest.mark.parametrize("reading", [REML, ML])
def test_totals_of_a_profiled_likelihood_are_those_of_second_moments(reading: Reading) -> None:
    moments = moments_of(hr.AR1("week"), drawn(60))
    cross = moments.at(np.array([0.4])).products
    assert isinstance(cross, CrossProducts)
    profile = profile_at(np.array([[0.8]]), cross, reading)
    E = second_moments(profile.root, profile.sigma, cross, reading).reshape(60, -1)
    K, cells = len(moments.classes), (moments.cells, moments.atoms, moments.class_of)
    wanted = np.bincount(moments.class_of, (moments.cells * E[moments.atoms]).sum(axis=1), K)
    assert_allclose(class_totals_of(profile, cells, K), wanted, rtol=1e-11, atol=1e-11)


@pytest.mark.parametrize("frame", ["plain", "little is left"])
@pytest.mark.parametrize("formula", [FORMULA, "y ~ x + (x | g)", "y ~ x"])
def test_the_moments_of_a_problem_are_those_of_its_rows(formula: str, frame: str) -> None:
    """Also where X is taken out of y, and the basis is another one than at first."""
    rows = drawn(60)
    if frame != "plain":
        rows["y"] = 1e9 * rows["x"] + rows["y"]
    problem = hb.Model(formula, rows, residual=hr.AR1("week", group="g")).problem
    found = problem.moments
    assert found is not None
    assert bool(found.basis.taken.any()) == (frame != "plain")
    wanted = residual_moments(found.rows, problem.design, found.basis)
    assert_allclose(found.cells, wanted.cells, rtol=1e-13, atol=1e-13)
    columns, Z = problem.design.rows.internal(found.basis)
    F = np.concatenate([Z, columns], axis=1)
    kept = found.class_of == 0  # each row with itself
    assert_allclose(found.cells[kept].sum(axis=0), (F.T @ F).ravel(), atol=1e-9)


@pytest.mark.parametrize("codes", [[0, 0, 1, 1, 1, 2], [2, 0, 2, 0, 0, 4], [3, 3, 0]])
@pytest.mark.parametrize("levels", [1, 2])
def test_links_of_equal_correlations_are_those_of_all_pairs(codes: list[int], levels: int) -> None:
    """Groups may have no rows, as where some are left out, and rows any order."""
    group, n = np.array(codes), len(codes)
    rows = StructuredRows(pd.DataFrame(index=range(n)), group, "g", np.arange(n) % levels)
    bound = hr.CompoundSymmetry().bind(rows)
    links, z = bound.links, np.array([0.4])
    assert links.sums is not None
    nodes = np.concatenate([np.eye(n), np.eye(int(links.sums.max()) + 1)[links.sums].T])
    own, _ = bound.coefficients(z)
    a, b = nodes[links.left], nodes[links.right]
    both = np.einsum(
        "i,ij,ik->jk", own[links.kind] * np.where(links.left == links.right, 0.5, 1), a, b
    )
    rho = bound.natural(z)[0]
    C = np.where(np.equal.outer(group, group), rho, 0.0) + (1.0 - rho) * np.eye(n)
    assert_allclose(both + both.T, np.linalg.inv(C), atol=1e-12)


@pytest.mark.parametrize("codes", [[0, 0, 0, 1, 1, 2], [1, 0, 1, 0, 2, 1]])
def test_links_of_chains_are_those_of_neighbours(codes: list[int]) -> None:
    group, n = np.array(codes), len(codes)
    rows = StructuredRows(pd.DataFrame({"t": [1, 2, 4, 5, 7, 8]}), group, "g", np.zeros(n, np.intp))
    bound = hr.AR1("t").bind(rows)
    own, _ = bound.coefficients(np.array([0.4]))
    links = bound.links
    both = np.zeros((n, n))
    np.add.at(
        both,
        (links.left, links.right),
        own[links.kind] * np.where(links.left == links.right, 0.5, 1),
    )
    C = np.array([[np.tanh(0.4) ** abs(s - t) for s in bound.times] for t in bound.times])
    C[~np.equal.outer(group, group)] = 0.0
    assert_allclose(both + both.T, np.linalg.inv(C), atol=1e-12)


@pytest.mark.parametrize("levels", [1, 3])
def test_classes_are_of_a_kind_and_of_two_levels(levels: int) -> None:
    frame = drawn(40).assign(at=lambda rows: rows["week"] % levels)
    structure = hr.AR1("week") * hr.Strata("at") if levels > 1 else hr.AR1("week")
    rows = moments_of(structure, frame).rows
    classes, of_link = classes_of(rows)
    ends = np.stack([rows.node_levels[rows.links.left], rows.node_levels[rows.links.right]])
    wanted = np.stack([rows.links.kind, *np.sort(ends, axis=0)], axis=1)
    assert (classes[of_link] == wanted).all()
    assert classes.tolist() == np.unique(wanted, axis=0).tolist()


def test_sums_of_rows_stand_after_them() -> None:
    rng = np.random.default_rng(3)
    F, atoms, at = (
        rng.normal(size=(6, 3)),
        np.array([0, 0, 1, 1, 2, 2]),
        np.array([3, 3, 0, 0, 1, 1]),
    )
    rows, atom_of = with_sums(F, atoms, at)
    wanted = np.array([F[at == k].sum(axis=0) for k in range(4)])
    assert_allclose(rows, np.concatenate([F, wanted]), atol=1e-14)
    assert atom_of.tolist() == [*atoms, 1, 2, 0, 0]  # of a sum of no rows it does not matter


def test_distinct_numbers_are_in_order() -> None:
    values = np.random.default_rng(2).integers(-9, 9, 200) / 7.0
    distinct, place = distinct_numbers(values)
    wanted, places = np.unique(values, return_inverse=True)
    assert distinct.tolist() == wanted.tolist() and place.tolist() == places.tolist()


def test_without_random_effects_all_rows_are_one_atom() -> None:
    frame = drawn(60)
    model = hb.Model("y ~ x", frame, residual=hr.AR1("week", group="g"))
    moments, z = model.problem.moments, np.array([0.4])
    assert moments is not None
    assert moments.atom_codes.tolist() == [[0]]
    assert len(moments.cells) == len(moments.classes)
    found, basis = moments.at(z).products, moments.basis
    assert isinstance(found, CrossProducts)
    W = np.linalg.inv(dense_correlation(frame, np.tanh(z)[0]))
    columns, _ = model.problem.design.rows.internal(basis)
    assert_allclose(found.C, columns.T @ W @ columns, rtol=1e-10, atol=1e-10)
    assert found.J == 60 and found.n == len(frame)


def dense_correlation(frame: pd.DataFrame, phi: float) -> np.ndarray:
    """Of AR(1) errors of persons, all rows together."""
    g, week = frame["g"].to_numpy(), frame["week"].to_numpy()
    away = np.abs(np.subtract.outer(week, week))
    return np.where(np.equal.outer(g, g), phi**away, 0.0)


def test_cross_products_of_whole_blocks_are_those_of_their_parts() -> None:
    rng = np.random.default_rng(4)
    rows = rng.normal(size=(7, 6, 5))
    rows[2, :, 1] = 2.0 * rows[2, :, 0]  # a column that depends on the one before it
    M = np.swapaxes(rows, 1, 2) @ rows
    basis = moments_of(hr.AR1("week"), drawn(60)).basis
    groups, counts = pd.Index(range(7)), np.full(7, 6.0)
    found = CrossProducts.from_blocks(M, 2, counts, groups, basis)
    A, B, C = M[:, :2, :2], M[:, :2, 2:], M.sum(axis=0)[2:, 2:]
    wanted = CrossProducts.from_sums(A, B, C, counts, groups, basis)
    for name in ("R", "T", "W"):
        assert_allclose(getattr(found, name), getattr(wanted, name), rtol=1e-12, atol=1e-12)
    assert (found.R[2, 1] == 0.0).all()


@pytest.mark.parametrize("lags", [[1.0, 1.0, 1.0], [3.0], [2.0, 5.0, 2.0], []])
@pytest.mark.parametrize("continuous", [False, True])
def test_gaps_are_the_distinct_lags(lags: list[float], continuous: bool) -> None:
    found, place, counts = distinct_gaps(np.array(lags), not continuous)
    wanted = np.unique(lags, return_inverse=True, return_counts=True)
    assert_allclose(found, wanted[0])
    assert place.tolist() == wanted[1].tolist()
    assert counts.tolist() == wanted[2].tolist()


def test_links_of_occasions_are_lower_triangles_of_patterns() -> None:
    codes = np.array([1, 0, 1, 0, 2, 2, 3, 2, 4])
    places = np.array([2, 0, 0, 2, 0, 1, 1, 2, 1])
    keys = pd.RangeIndex(1, 4)
    found = bound_occasions(hr.Unstructured("t"), codes, places, keys)
    assert [pattern.tolist() for pattern in found.patterns] == [[0, 2], [0, 1, 2], [1]]
    assert found.counts.tolist() == [2.0, 1.0, 2.0]
    links = set(
        zip(found.links.left.tolist(), found.links.right.tolist(), found.links.kind.tolist(),
            strict=True)
    )  # fmt: skip
    wanted = {(1, 1, 0), (3, 1, 1), (3, 3, 2), (2, 2, 0), (0, 2, 1), (0, 0, 2)}
    wanted |= {(4, 4, 3), (5, 4, 4), (5, 5, 5), (7, 4, 6), (7, 5, 7), (7, 7, 8)}
    wanted |= {(6, 6, 9), (8, 8, 9)}
    assert links == wanted
    assert len(found.links.left) == len(wanted)
