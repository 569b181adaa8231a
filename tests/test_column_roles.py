"""Columns that are the same within groups, or random ones too, need no rotation."""

import numpy as np
import pandas as pd
import pytest

import hierbayes as hb
from hierbayes.design.column_roles import plain_roles
from hierbayes.design.group_roots import GroupRoots
from tests.pieces import Pieces

N, J = 500, 15


@pytest.fixture(scope="module")
def frame() -> pd.DataFrame:
    """``w`` is of groups, ``late`` until half of the rows, ``nearly`` but for rounding."""
    rng = np.random.default_rng(5)
    g = rng.integers(0, J, N)
    x, w = rng.normal(1e6, 1.0, N), rng.normal(1e6, 1.0, J)[g]
    late = np.where(np.arange(N) < N // 2, w, w + rng.normal(size=N))
    nearly = w * (1.0 + 1e-16 * rng.integers(-2, 3, N))
    y = x - 1e6 + rng.normal(size=J)[g] + rng.normal(size=N)
    columns = {"y": y, "x": x, "near": x - 1e6 + 3.0, "w": w, "late": late, "nearly": nearly}
    return pd.DataFrame({**columns, "g": g})


FORMULAS = {
    "held": "y ~ x + w + (1 + x | g)",
    "released in mid-batch": "y ~ x + w + late + (1 + x | g)",
    "all released": "y ~ late + x + (1 | g)",
    "the same but for rounding": "y ~ x + nearly + (1 | g)",
    "no intercept among the effects": "y ~ x + w + (0 + x | g)",
    "effects that are not fixed": "y ~ w + (1 + late | g)",
    "a block each": "y ~ near + late + (1 | g) + (0 + near | g)",
    "no constant": "y ~ 0 + x + w + (1 + x | g)",
}


@pytest.mark.parametrize("name", FORMULAS)
@pytest.mark.parametrize("cuts", [(), (3, 250, 251, 400)], ids=["one batch", "batches"])
def test_products_are_those_of_the_frame(
    frame: pd.DataFrame, name: str, cuts: tuple[int, ...]
) -> None:
    memory = hb.Model(FORMULAS[name], frame)
    stream = hb.Model(FORMULAS[name], data=Pieces(frame, cuts))
    assert str(stream) == str(memory)
    a, b = memory.reml(), stream.reml()
    assert b.loglik == pytest.approx(a.loglik, rel=1e-10)
    pd.testing.assert_series_equal(b.fixef(), a.fixef(), rtol=1e-8)
    pd.testing.assert_frame_equal(b.var_corr(), a.var_corr(), rtol=1e-6)


def test_only_what_varies_within_groups_is_rotated(frame: pd.DataFrame) -> None:
    problem = hb.Model(FORMULAS["released in mid-batch"], data=Pieces(frame, ())).problem
    columns, basis = problem.design.columns, problem.cross.basis
    roles = plain_roles(columns, basis, np.array([0, 1]), columns.spans[0])
    assert (roles.varying, roles.held) == ((4,), (2, 3))  # y; w and late, before late is seen
    np.testing.assert_allclose(roles.spanned, [[1, 0, 0, 0, 0], [0, 1, 0, 0, 0]], atol=1e-8)
    roots = GroupRoots(roles)
    table = np.stack([np.ones(N), *(frame[name] for name in ("x", "w", "late", "y"))])
    ((column, before),) = roots.add(table, frame["g"].to_numpy(), J)
    assert (column, roots.roles.varying, roots.roles.held) == (3, (4, 3), (2,))
    np.testing.assert_array_equal(before, frame.groupby("g")["late"].first())
    np.testing.assert_array_equal(roots.held[2], frame.groupby("g")["w"].first())
