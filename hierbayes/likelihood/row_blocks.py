"""The covariance of the effects of two factors that one row has.

A row has one level of every factor, and these levels occur together, so that the selected inverse
of Ω holds the covariance of each two of them.
"""

from __future__ import annotations

import numpy as np

from hierbayes.design.elimination import AT, COLUMN, COLUMN_PLACE, LEADING, ROW, ROW_PLACE, Layout
from hierbayes.frames.arrays import Floats, Integers


def pair_blocks(
    layout: Layout, inverse: Floats, k: int, m: int, codes_of: tuple[Integers, ...]
) -> Floats:
    """The blocks of Ω⁻¹ (n, q_k, q_m) of the levels of two factors that each row has.

    Parameters
    ----------
    layout : Layout
    inverse : float
        The selected inverse, as the elimination lays it out.
    k, m : int
        The factors.
    codes_of : tuple of (n,) int
        For each factor the level of each row.
    """
    e = layout.elimination
    keys, values = [], []
    for row, column in ((k, m), (m, k)):
        mine = e.blocks[(e.blocks[:, ROW] == row) & (e.blocks[:, COLUMN] == column)]
        i, j = np.arange(e.q[row])[:, None], np.arange(e.q[column])
        found = inverse[mine[:, AT, None, None] + i * mine[:, LEADING, None, None] + j]
        of_k, of_m = mine[:, ROW_PLACE], mine[:, COLUMN_PLACE]
        if row != k:
            of_k, of_m = of_m, of_k
        keys.append(of_k * e.effects + of_m)
        values.append(found if row == k else np.swapaxes(found, 1, 2))
    key, value = np.concatenate(keys), np.concatenate(values)
    order = np.argsort(key)
    first = [layout.places[one][codes_of[one], 0] for one in (k, m)]
    at = order[np.searchsorted(key[order], first[0] * e.effects + first[1])]
    blocks: Floats = value[at]
    return blocks
