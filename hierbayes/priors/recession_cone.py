"""Directions along which no row of a likelihood falls, by linear programming."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.sparse import csr_array, eye_array, hstack

from hierbayes.frames.arrays import Booleans, Floats, Integers


def loosened(A: Any, sign: Floats) -> tuple[Booleans, Floats]:
    """Which inequalities can be strict in {w: sign·Aw ≥ 0, Aw = 0 where sign is 0}, and such a w.

    One linear program: max Σt, sign·Aw ≥ t, 0 ≤ t ≤ 1.  Strict ones are strict together.
    """
    from scipy.optimize import linprog

    free, loose = np.flatnonzero(sign != 0.0), np.zeros(len(sign), dtype=bool)
    size, fixed = A.shape[1], np.flatnonzero(sign == 0.0)
    if not len(free) or not size:
        return loose, np.zeros(size)
    whole = csr_array(A)
    grown = hstack([-whole[free] * sign[free, None], eye_array(len(free))])
    equal = hstack([whole[fixed], csr_array((len(fixed), len(free)))]) if len(fixed) else None
    found = linprog(
        np.append(np.zeros(size), -np.ones(len(free))),
        A_ub=grown,
        b_ub=np.zeros(len(free)),
        A_eq=equal,
        b_eq=np.zeros(len(fixed)) if len(fixed) else None,
        method="highs-ipm",
        bounds=[(None, None)] * size + [(0.0, 1.0)] * len(free),
    )
    loose[free] = found.x[size:] > 0.5
    return loose, found.x[:size]


def by_group(X: Floats, Z: Floats, codes: Integers) -> Any:
    """X, and Z with columns of its own for each group, sparse (r, p + Jk)."""
    J, k = int(codes.max(initial=-1)) + 1, Z.shape[1]
    rows = np.repeat(np.arange(len(Z)), k)
    columns = (codes[:, None] * k + np.arange(k)).ravel()
    return hstack([csr_array(X), csr_array((Z.ravel(), (rows, columns)), shape=(len(Z), J * k))])
