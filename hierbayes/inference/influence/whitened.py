r"""A problem with errors of covariance σ²R as one with equal independent errors.

Its rows are those of R^(−1/2)[Z X y] in the internal basis, in which the likelihood is summed up.
Groups inside which errors are correlated are whole sets of such rows, so that whatever leaves out
groups from rows leaves them out at that R exactly.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from hierbayes.design.problem import Problem
from hierbayes.design.residual_blocks import correlation_roots, normalised
from hierbayes.frames.arrays import Floats


def whitened(problem: Problem) -> Problem:
    """The same rows of equal errors at the z of its errors; itself where there is none."""
    if problem.moments is None or problem.z is None:
        return problem
    rows, errors, z = problem.design.rows, problem.moments.rows, problem.z
    basis = problem.products.basis
    W, Z = rows.internal(basis)
    made = np.column_stack([normalised(errors, z, one) for one in np.column_stack([W, Z]).T])
    p = W.shape[1]
    X, Z, y = basis.user_rows(made[:, :p], made[:, p:])
    design = problem.design.with_rows(X=X, Z=Z, response=y, root_weights=None)
    return replace(problem, design=design, moments=None, z=None)


def log_scales_of_rows(problem: Problem) -> Floats:
    """Log (n,) of what divides rows when they are whitened; its sum over a group is ½ log|R_j|."""
    rows = problem.design.rows
    found = np.zeros(rows.n) if rows.root_weights is None else -np.log(rows.root_weights)
    if problem.moments is None or problem.z is None:
        return found
    errors, z = problem.moments.rows, problem.z
    found = found + np.log(errors.level_sd(z))
    if errors.correlation is not None:
        for at, root in correlation_roots(errors, z):
            found[at] += np.log(np.diag(root))
    return found
