"""One random column or two are rotated as any number of them are."""

from __future__ import annotations

import numpy as np
import pytest

from hierbayes.design.addressed_columns import addressed
from hierbayes.design.few_rotations import rotate_few
from hierbayes.design.row_rotations import BLOCK, rotate_rows

ROWS, GROUPS, COLUMNS = 3 * BLOCK + 17, 20, 7


@pytest.mark.parametrize("counted", [False, True])
@pytest.mark.parametrize("held", [(), (5,), (5, 6)])
@pytest.mark.parametrize("fixed", [(2,), (2, 3, 4)])
@pytest.mark.parametrize("random", [(0,), (0, 1)])
def test_as_rows_of_any_number_of_random_columns(
    random: tuple[int, ...], fixed: tuple[int, ...], held: tuple[int, ...], counted: bool
) -> None:
    rng = np.random.default_rng(4)
    codes = rng.integers(0, GROUPS, ROWS)
    table = rng.normal(1e6, 1.0, (COLUMNS, ROWS))
    table[0] = 1.0
    table[1, codes == 3] = 1e6 + 0.5  # it is constant in a group
    table[5], table[6] = 1.0 * codes, codes % 2
    table[6, 2 * BLOCK + 5] = 7.0  # where the work stops
    times = rng.integers(1, 4, ROWS) * 1.0 if counted else np.empty(0)
    weights = rng.uniform(0.5, 2.0, ROWS) if counted else np.empty(0)
    q, m, h = len(random), len(fixed), len(held)
    of_z = np.array([[0.0, 1e6], [1.0, 0.7]])[:, list(random)]
    of_x = np.array([[1e6] * COLUMNS, [0.9] * COLUMNS])
    at = 1 + q + q * (q - 1) // 2 + q * m
    columns, addresses = addressed(table)
    found = []
    for rotate in (rotate_rows, rotate_few):
        own, W = np.zeros((GROUPS, at + h)), np.zeros((m, m))
        stopped = rotate(
            addresses, codes, times, weights, 0, of_z, of_x, np.array(random), np.array(fixed),
            np.array(held, dtype=np.intp), at, own, W,
        )  # fmt: skip
        found.append((stopped, own, W))
    assert len(columns) == COLUMNS
    (stopped, own, W), (stopped_too, own_too, W_too) = found
    assert stopped == stopped_too == ((2 * BLOCK + 5) * h + 1 if h == 2 else -1)
    assert own_too == pytest.approx(own, rel=1e-11, abs=1e-11)
    assert W_too == pytest.approx(W, rel=1e-12)
