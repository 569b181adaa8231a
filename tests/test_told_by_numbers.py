"""Variance parameters that numbers of rows and levels tell apart, against dense derivatives."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

from hierbayes.design.blocks import count_free_entries, entry_directions
from hierbayes.design.built_design import build_design
from hierbayes.design.identification import (
    are_told_by_numbers,
    are_told_from_fixed,
    blind_directions,
    is_told_by_a_group,
    told_by_largest,
    told_by_number,
)
from hierbayes.design.problem import summed_up
from hierbayes.design.products import Products
from hierbayes.design.sparse_gram import sparse_gram
from hierbayes.design.sparse_products import SparseProducts
from hierbayes.specification.formula import read_combined
from tests.dense import Array


def data(a: int, b: int, times: int = 1) -> pd.DataFrame:
    """Each of ``a`` levels with each of ``b``, and columns that differ within them."""
    one, other, again = (part.ravel() for part in np.indices((a, b, times)))
    rng, n = np.random.default_rng(3), a * b * times
    u, v = rng.normal(size=a), rng.normal(size=b)
    return pd.DataFrame({
        "y": u[one] + v[other] + rng.normal(size=n), "a": one, "b": other, "again": again,
        "cell": one * b + other, "copy": one + 10, "x": rng.normal(size=n),
        "own": pd.Categorical(one), "mostly_zero": np.where(one == 0, 1e-9, 1.0),
    })  # fmt: skip


TOLD = [
    (8, 5, 1, "y ~ 1 + (1 | a) + (1 | b)"), (8, 5, 1, "y ~ x + (1 | b) + (1 | a)"),
    (5, 4, 3, "y ~ x + (1 | a) + (1 | cell)"), (6, 4, 1, "y ~ x + (1 | a)"),
    (6, 4, 1, "y ~ 1 + (0 + x | a)"), (9, 4, 2, "y ~ x + (1 | a) + (0 + x | b)"),
]  # fmt: skip
NOT_BY_NUMBERS = [
    (5, 5, 1, "y ~ 1 + (1 | a) + (1 | b)"), (6, 5, 1, "y ~ x + (1 | a) + (1 | b)"),
    (3, 5, 2, "y ~ x + I(x**2) + (1 | a)"), (6, 4, 1, "y ~ x + (1 + x | a)"),
    (6, 4, 1, "y ~ 1 + (0 + mostly_zero | a)"), (6, 4, 1, "y ~ x + (1 | a) + (1 | copy)"),
    (6, 4, 1, "y ~ own + (1 | a)"), (6, 4, 1, "y ~ 1 + (1 | a) + (1 | cell)"),
]  # fmt: skip


def posed(formula: str, rows: pd.DataFrame) -> tuple[Products, tuple[int, ...], Array, list[Array]]:
    """Its cross-products, and ZZ' of each factor densely, σ²'s first."""
    design = build_design(read_combined(formula), rows)
    same = [codes[:, None] == codes for codes in design.rows.codes_of]
    parts = [
        np.where(one, design.Z[:, span] @ design.Z[:, span].T, 0.0)
        for one, span in zip(same, design.spans, strict=True)
    ]
    return summed_up(design), design.blocks, design.X, [np.eye(len(rows)), *parts]


def dense_rank(X: Array, parts: list[Array]) -> int:
    """Rank of the derivatives of V, the fixed part projected out."""
    P = np.eye(len(X)) - X @ np.linalg.pinv(X)
    moved = np.array([(P @ part @ P / np.linalg.norm(part)).ravel() for part in parts])
    return int(np.linalg.matrix_rank(moved, tol=1e-6))


@pytest.mark.parametrize(("a", "b", "times", "formula"), TOLD)
def test_they_tell_them_however_rows_are_weighted(a: int, b: int, times: int, formula: str) -> None:
    cross, blocks, X, parts = posed(formula, data(a, b, times))
    assert are_told_by_numbers(cross)
    assert len(blind_directions(cross, blocks)) == 0
    assert dense_rank(X, parts) == len(parts) == count_free_entries(blocks) + 1
    root = np.tril(np.random.default_rng(1).uniform(0.2, 2.0, (len(X), len(X))))
    weighted = [parts[0], *(root @ part @ root.T for part in parts[1:])]
    assert dense_rank(root @ X, weighted) == len(parts)


@pytest.mark.parametrize(("a", "b", "times", "formula"), NOT_BY_NUMBERS)
def test_elsewhere_derivatives_say_it(a: int, b: int, times: int, formula: str) -> None:
    cross, blocks, X, parts = posed(formula, data(a, b, times))
    assert not are_told_by_numbers(cross)
    if max(blocks) == 1:
        assert len(parts) - len(blind_directions(cross, blocks)) == dense_rank(X, parts)


CROSSED = ["y ~ x + (1 + x | a) + (1 | b)", "y ~ own + (1 | b) + (1 | a)",
           "y ~ again + (1 + x | a) + (1 + again | b) + (0 + x | b)"]  # fmt: skip


@pytest.mark.parametrize("formula", CROSSED)
def test_derivatives_are_alike_as_dense_ones_are(formula: str) -> None:
    design = build_design(read_combined(formula), data(5, 5, 2))
    cross = summed_up(design)
    assert isinstance(cross, SparseProducts)
    columns, Z = design.rows.internal(cross.basis)
    X, same = columns[:, :-1], np.zeros((Z.shape[1], len(Z), len(Z)))
    for codes, span in zip(design.rows.codes_of, design.spans, strict=True):
        same[span] = codes[:, None] == codes
    V = [same[np.nonzero(S)[0][0]] * (Z @ S @ Z.T) for S in entry_directions(design.blocks)]
    P = np.eye(len(X)) - X @ np.linalg.pinv(X)
    moved = np.array([(P @ part @ P).ravel() for part in [*V, np.eye(len(X))]])
    assert_allclose(sparse_gram(cross, design.blocks), moved @ moved.T, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("formula", ["y ~ x + (1 | a)", "y ~ own + (0 + x | a)"])
def test_what_is_left_of_a_column_is_at_least_what_numbers_say(formula: str) -> None:
    cross, _, X, (_, ZZ) = posed(formula, data(6, 4))
    left = ZZ - X @ np.linalg.lstsq(X, ZZ)[0]
    told = told_by_number(cross, 0, cross.p)
    assert told <= left.trace() / ZZ.trace()
    assert (told > 0.0) == (cross.p < 6)
    assert are_told_from_fixed(cross, 0)


@pytest.mark.parametrize("formula", ["y ~ x + (1 | a)", "y ~ 1 + (1 + x | a)",
                                     "y ~ again + (1 + x + I(x**2) | a)",
                                     "y ~ x + (1 + x | a) + (1 | b)"])  # fmt: skip
def test_the_largest_group_tells_what_is_found_with_pivots_at_least(formula: str) -> None:
    rows = data(6, 4, 2).drop(index=[8, 9, 17, 25, 33, 41])  # the first level has most rows
    design = build_design(read_combined(formula), rows)
    cross = summed_up(design)
    own = design.rows.codes_of[0] == 0
    Z = cross.basis.z.apply(design.Z)[:, design.spans[0]]
    size, Z = np.linalg.norm(Z, axis=0), Z * own[:, None]
    P = np.eye(len(Z)) - design.X @ np.linalg.pinv(design.X)
    least = np.linalg.eigvalsh(Z.T @ P @ Z / np.outer(size, size))[0]
    assert least / 30.0 < told_by_largest(cross, 0) <= least
    assert is_told_by_a_group(cross, 0, 0.0) and not is_told_by_a_group(cross, 0, 1.0)


def test_a_group_that_tells_stands_for_what_numbers_do_not() -> None:
    cross, *_ = posed("y ~ own + (1 | a)", data(6, 4))
    assert not are_told_from_fixed(cross, 0)
    cross, *_ = posed("y ~ own + (1 + x | a)", data(6, 4))
    assert not are_told_from_fixed(cross, 0)
    cross, *_ = posed("y ~ x + (1 + x | a)", data(6, 4))
    assert are_told_from_fixed(cross, 0)
    assert told_by_number(cross, 0, cross.p) == 0.0
