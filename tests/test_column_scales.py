"""Scales of columns against dense algebra, and how far columns are from dependent."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from hierbayes.design.column_scales import column_scales
from hierbayes.design.standardisation import joined, standardised
from tests.dense import Array

RNG = np.random.default_rng(5)


def columns(k: int, near: float = 1.0) -> Array:
    """An intercept, columns of several origins and units, the last by ``near`` its own."""
    X = np.column_stack([np.ones(60), RNG.normal(size=(60, k - 1))])
    X[:, -1] = X[:, 1:-1].sum(axis=1) + near * X[:, -1]
    return X * np.r_[1.0, np.geomspace(1.0, 1e5, k - 1)] + np.r_[0.0, np.linspace(-9.0, 9.0, k - 1)]


@pytest.mark.parametrize(("k", "near"), [(2, 1.0), (4, 1.0), (7, 1.0), (4, 1e-2), (4, 1e-5)])
def test_scales_are_those_of_dense_algebra(k: int, near: float) -> None:
    X, constant = columns(k, near), np.eye(1, k)[0]
    mean = np.where(constant == 0.0, X.mean(axis=0), 0.0)
    found = column_scales(X, constant)
    spread = np.r_[1.0, X[:, 1:].std(axis=0)]
    P = (X - mean) / spread
    assert_allclose(found.spread, spread, rtol=1e-12)
    assert_allclose(found.share, spread / np.sqrt((X**2).mean(axis=0)), rtol=1e-12)
    assert_allclose(X @ found.matrix, P, atol=1e-9)
    assert_allclose(found.gram, P.T @ P / len(P), atol=1e-12)
    assert_allclose(found.pivots, np.abs(np.linalg.qr(P)[1].diagonal()) / np.sqrt(60), rtol=1e-5)
    smallest = np.linalg.svd(P, compute_uv=False)[-1] ** 2 / len(P)
    assert smallest / k * (1.0 - 1e-4) < found.least <= smallest * (1.0 + 1e-4)


@pytest.mark.parametrize("with_constant", [True, False])
@pytest.mark.parametrize("n", [60, 250, 251])
def test_few_rows_are_centred_as_many_are(n: int, with_constant: bool) -> None:
    """Up to 4000 numbers times columns one by one, if they stand in order, beyond as arrays."""
    X, constant = np.tile(columns(4), (5, 1))[:n], np.eye(1, 4)[0] * with_constant
    X[:, 3] += 1e6
    found, other = column_scales(X, constant), column_scales(np.asfortranarray(X), constant)
    for name in found._fields:
        assert_allclose(getattr(found, name), getattr(other, name), rtol=1e-8, atol=1e-9)
    assert_allclose(found.centred, X - found.shift, rtol=1e-15)
    X.flags.writeable = False
    assert_allclose(column_scales(X, constant).gram, found.gram, atol=1e-9)


@pytest.mark.parametrize("value", [0.1, 1e6 / 3.0, -7.0])
@pytest.mark.parametrize("n", [7, 60, 999])
def test_a_constant_of_few_rows_is_known_whatever_its_digits(n: int, value: float) -> None:
    X = np.column_stack([np.ones(n), np.full(n, value)])
    found = column_scales(X, np.array([1.0, 0.0]))
    assert (found.shift[1], found.spread[1], found.share[1]) == (0.0, 1.0, 0.0)


def test_a_second_constant_is_left_as_it_is() -> None:
    X = columns(4)
    X[:, 2] = 7.0
    constant = np.eye(1, 4)[0]
    found = column_scales(X, constant)
    assert (found.shift[2], found.spread[2], found.share[2]) == (0.0, 1.0, 0.0)
    assert_allclose(found.centred[:, 2], 7.0)
    assert standardised(X).own[2] == 0.0 == standardised(X * [1.0, 1.0, 0.0, 1.0]).own[2]


def test_nothing_is_known_to_be_left_of_dependent_columns() -> None:
    X = RNG.integers(-3, 4, (40, 3)).astype(float)
    X = np.column_stack([X, X @ [1.0, 2.0, -1.0]])
    found = column_scales(X, np.zeros(4))
    assert found.least < 1e-12
    own = standardised(X).own
    assert (own[:3] > 0.1).all() and own[3] < 1e-12


@pytest.mark.parametrize(("near", "mixed"), [(1e-2, False), (1e-5, True)])
def test_columns_are_made_independent_where_they_nearly_depend(near: float, mixed: bool) -> None:
    X = columns(4, near)
    found = standardised(X)
    assert found.is_mixed == mixed
    internal = found.apply(X)
    assert_allclose(X @ found.matrix, internal, atol=1e-6)
    assert_allclose(found.log_det, np.linalg.slogdet(found.matrix)[1], rtol=1e-9)
    if mixed:
        assert_allclose(internal.T @ internal / len(X), np.eye(4), atol=1e-10)


def test_no_blocks_are_standardised_as_no_columns() -> None:
    assert joined([]) is standardised(np.empty((5, 0)))
