"""Cross-products without a case, a group or a row, and the exact fit to what is left.

A case leaves by subtracting what it adds; the basis stays that of all rows, so nothing is
read again.  γ and the likelihood do not depend on the basis.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from hierbayes.design.blocks import block_slices
from hierbayes.design.crossproducts import CrossProducts, within_totals
from hierbayes.design.problem import Problem
from hierbayes.estimation.reml import maximise_near
from hierbayes.frames.arrays import Booleans, Floats, Integers
from hierbayes.likelihood.gaussian import Likelihood
from hierbayes.likelihood.reading import Reading
from hierbayes.likelihood.state import State

_OWN = 1e-11  # smallest eigenvalue of the scaled X'X that is not 0, as when a design is checked
_ABSORBED = 1e-9


@dataclass(frozen=True, slots=True, eq=False)
class Refit:
    """The maximum without a case.

    Parameters
    ----------
    state : State
        The likelihood there, in the internal basis of all rows, where differences of γ lose no
        digits.
    singular : bool
        Whether that G is singular.
    """

    state: State
    singular: bool


def without_groups(problem: Problem) -> Iterator[CrossProducts]:
    """Cross-products without each group in turn."""
    design, cross = problem.design, problem.cross
    totals = within_totals(design.rows, cross)
    for j in range(cross.J):
        kept = np.arange(cross.J) != j
        yield CrossProducts(cross.R[kept], cross.T[kept], cross.W - totals[j], cross.rows[kept],
                            cross.groups[kept], cross.basis)  # fmt: skip


def without_rows(problem: Problem, rows: Integers) -> Iterator[CrossProducts]:
    """Cross-products without each of some rows in turn; a group of that row alone leaves too."""
    design, cross = problem.design, problem.cross
    W, Z = cross.basis.internal_rows(design.rows.X[rows], design.rows.Z[rows], design.rows.y[rows])
    for w, z, j in zip(W, Z, design.rows.codes[rows], strict=True):
        A, B, counts = cross.A.copy(), cross.B.copy(), cross.rows.copy()
        A[j] -= np.outer(z, z)
        B[j] -= np.outer(z, w)
        counts[j] -= 1.0
        kept = counts > 0.0
        yield CrossProducts.from_sums(A[kept], B[kept], cross.C - np.outer(w, w), counts[kept],
                                      cross.groups[kept], cross.basis)  # fmt: skip


def refit(cross: CrossProducts, problem: Problem, reading: Reading, root: Floats) -> Refit:
    """The maximum for other cross-products in the same basis, from a root λ that is near."""
    optimum = maximise_near(cross, problem.design.blocks, reading, root)
    return Refit(Likelihood(cross, reading).at(optimum.theta), optimum.singular)


def why_not(cross: CrossProducts, problem: Problem, effects_by_group: Booleans) -> str:
    """Why the model cannot be fitted to what is left; empty where it can.

    Parameters
    ----------
    cross : CrossProducts
        Of what is left.
    problem : Problem
        Of all rows.
    effects_by_group : (J left, q) bool
        Which random effects each group that is left can estimate beside the others.
    """
    design = problem.design
    n, J, p = cross.n, cross.J, len(design.terms)
    if J < 2 or n <= J or n <= p:
        return "too few rows or groups are left"
    XtX = cross.C[:-1, :-1]
    own = np.linalg.eigvalsh(_scaled(XtX, np.diag(problem.cross.C)[:-1]))
    if own[0] < _OWN:
        return f"the fixed term '{design.terms[_lost(XtX, problem)]}' cannot be estimated without"
    absent = ~effects_by_group.any(axis=0)
    if absent.any():
        effect = design.effects[int(absent.argmax())]
        return f"no group that is left can estimate the random effect '{effect}'"
    B = cross.B[:, :, :-1]
    left = (cross.A - B @ np.linalg.solve(XtX, np.swapaxes(B, 1, 2))).sum(axis=0)
    left = _scaled(left, np.diag(cross.A.sum(axis=0)))
    for at in block_slices(design.blocks):
        if np.linalg.eigvalsh(left[at, at])[0] <= _ABSORBED:
            return "the fixed part takes up the random effects in what is left"
    return ""


def _scaled(matrix: Floats, size: Floats) -> Floats:
    scale = np.sqrt(np.maximum(size, 1e-300))
    scaled: Floats = matrix / np.outer(scale, scale)
    return scaled


def _lost(XtX: Floats, problem: Problem) -> int:
    """The first fixed column that is a combination of those before it in what is left."""
    T = np.linalg.inv(problem.cross.basis.x.matrix)
    user = T.T @ XtX @ T
    for k in range(1, len(user) + 1):
        block = _scaled(user[:k, :k], np.diag(user)[:k])
        if np.linalg.eigvalsh(block)[0] < _OWN or user[k - 1, k - 1] <= 0.0:
            return k - 1
    return len(user) - 1
