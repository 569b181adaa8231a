"""Sums over cells of groups, of many groups side by side."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

from hierbayes.design.blocks import free_entries
from hierbayes.design.crossproducts import CrossProducts
from hierbayes.design.error_coefficients import ErrorKernel
from hierbayes.estimation.joint_likelihood import JointLikelihood
from hierbayes.estimation.joint_spots import Ground, Room, Weights
from hierbayes.likelihood.covariance import block_mask
from hierbayes.likelihood.profiled import profile_at
from hierbayes.likelihood.reading import ML, REML
from hierbayes.likelihood.structured_cells import row_start, upper_triangles
from hierbayes.residuals.bound_values import GIVEN, NO_NUMBERS
from tests import residual_models


@pytest.mark.parametrize("restricted", [True, False])
def test_many_groups_side_by_side_are_each_their_own(restricted: bool) -> None:
    """More groups than a block has, some without cells of a class, some whose columns depend."""
    rng = np.random.default_rng(8)
    J, q, m, K = 700, 2, 3, 2
    F = rng.normal(size=(J, K, 4, q + m))
    F[::3, :, :, 1] = 2.0 * F[::3, :, :, 0]
    cells = np.einsum("jkna,jknb->jkab", F, F).reshape(J * K, -1)
    groups, class_of = np.repeat(np.arange(J), K), np.tile(np.arange(K), J)
    kept = (class_of == 0) | (groups % 5 != 1)
    cells, groups, class_of = cells[kept], groups[kept], class_of[kept]
    entries, n = free_entries((q,)), 8.0 * J
    upper = upper_triangles(cells, q + m)
    of = JointLikelihood(
        Ground(
            upper,
            groups,
            class_of,
            *entries,
            block_mask((q,)),
            np.zeros(K),
            n,
            restricted,
        ),
        ErrorKernel(
            GIVEN,
            NO_NUMBERS,
            NO_NUMBERS,
            0.0,
            np.zeros((0, 3), dtype=np.intp),
            np.zeros((0, 2)),
            NO_NUMBERS,
            1.0,
        ),
        Room.of(J, q, m, 5, 2),
    )
    slopes = np.array([[0.4, 0.0], [0.0, -0.3], [2.0, 1.0]])

    def at(x: Any) -> Any:
        root, weights = np.zeros((q, q)), np.array([0.7, 1.3, 5.0]) + slopes @ x[3:]
        root[entries] = x[:3]
        given = Weights(weights, slopes, np.zeros((3, 2, 2)))
        found = of.at(root, x[3:].copy(), np.ones(5), given)
        M = np.zeros((J, (q + m) ** 2))
        np.add.at(M, groups, weights[class_of][:, None] * cells)
        moments = residual_models.model("RatPup_varIdent").problem.moments
        assert moments is not None
        cross = CrossProducts.from_blocks(
            M.reshape(J, q + m, q + m), q, np.full(J, n / J), pd.RangeIndex(J), moments.basis
        )
        profile = profile_at(root, cross, REML if restricted else ML)
        assert_allclose(found.value, profile.value - 0.5 * weights[-1], rtol=1e-12)
        assert_allclose(of.room.R, cross.R, rtol=1e-10, atol=1e-10)
        assert_allclose(of.room.T, cross.T, rtol=1e-10, atol=1e-10)
        assert_allclose(of.room.W, cross.W, rtol=1e-10)
        return found

    x = np.array([0.8, -0.3, 0.5, 0.1, 0.2])
    here = at(x)
    ends = [(at(x - step), at(x + step)) for step in 1e-5 * np.eye(5)]
    wanted = np.array([(b.value - a.value) / 2e-5 for a, b in ends])
    assert_allclose(here.slope, wanted, rtol=0, atol=1e-6 * np.abs(wanted).max())
    wanted = np.array([(a.slope - b.slope) / 2e-5 for a, b in ends])
    assert_allclose(here.information, wanted, rtol=0, atol=1e-6 * np.abs(wanted).max())


@pytest.mark.parametrize("d", [1, 2, 3, 4, 5, 6, 7, 11, 13])
def test_upper_triangles_begin_their_rows_where_they_say(d: int) -> None:
    """Few columns stand as they are; of more no number is there twice, and the rest are zeros."""
    cells = np.random.default_rng(d).normal(size=(3, d, d))
    cells = cells + cells.transpose(0, 2, 1)
    found = upper_triangles(cells.reshape(3, d * d), d)
    numbers = found.shape[1]
    assert numbers <= d * d
    assert (numbers == d * d) == (d in (1, 2, 3, 4))
    for i in range(d):
        at = row_start.py_func(i, d, numbers)
        assert (found[:, at : at + d - i] == cells[:, i, i:]).all()
    if numbers < d * d:
        assert numbers % 16 == 0
        assert (found[:, d * (d + 1) // 2 :] == 0.0).all()
