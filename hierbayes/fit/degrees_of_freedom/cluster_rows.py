r"""Rows of clusters, with their working covariance, as cluster-robust covariances take them.

Where errors are alike and independent given the random effects, whatever is asked of the rows
[ZL X e] of a cluster does not change when an orthogonal matrix turns them, and so few rows stand
for many: those of one grouping factor are the roots of cross-products, those of several a triangle
of each cluster's rows.  Other errors leave the rows as they are, Φ_j = ZGZ'/σ² + R_j of cluster j:
weighing rows would make them alike, but not the adjustment of CR2, which is symmetric in the rows
that there are.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from hierbayes.design.crossproducts import CrossProducts, within_totals
from hierbayes.design.design import Design
from hierbayes.errors import HypothesisError, in_quotes
from hierbayes.fit.fitted import Fitted
from hierbayes.frames.arrays import Floats, Integers

type ClusterRows = tuple[Floats, Floats, Floats]
"""Φ (c, m, m), X (c, m, p) and residuals (c, m) of c clusters of m rows."""

MOST_ROWS = 2000  # of a cluster whose rows cannot be turned
_AT_ONCE = 4096  # clusters


def cluster_factor(design: Design) -> int:
    """The factor in which all others are nested, as are groups of correlated errors in each.

    Raises
    ------
    HypothesisError
        When there is none.
    """
    if len(design.factors) == 1:
        return 0
    for k, (factor, codes) in enumerate(zip(design.factors, design.rows.codes_of, strict=True)):
        pairs = [np.unique(other * factor.J + codes) for other in design.rows.codes_of]
        if all(len(p) == f.J for p, f in zip(pairs, design.factors, strict=True)):
            return k
    raise HypothesisError(
        f"the grouping factors {in_quotes(design.specification.factors)} cross: no factor has all "
        "others nested in it, so that there are no independent clusters for robust standard errors"
    )


def cluster_rows(fit: Fitted, k: int) -> Iterator[ClusterRows]:
    """The rows of some clusters at a time, which are groups of factor k, in the internal basis.

    Raises
    ------
    HypothesisError
        When a cluster has too many rows for matrices.
    DataError
        When rows that are needed are not in memory.
    """
    products, rows = fit.problem.working, fit.design.rows
    if fit.problem.moments is not None or not rows.are_alike:
        return _of_unequal_rows(fit, rows.codes_of[k])
    if isinstance(products, CrossProducts):
        return _of_products(fit, products)
    return _of_rows(fit, rows.codes_of[k])


def _of_products(fit: Fitted, cross: CrossProducts) -> Iterator[ClusterRows]:
    """One grouping factor: [R_j T_j] over a root of what group j adds to W."""
    state = fit.any_state
    totals = within_totals(fit.design.rows, cross)
    away = np.append(-state.internal_gamma, 1.0)
    q = cross.R.shape[2]
    for start in range(0, cross.J, _AT_ONCE):
        at = slice(start, start + _AT_ONCE)
        values, vectors = np.linalg.eigh(totals[at])
        below = np.sqrt(np.clip(values, 0.0, None))[:, :, None] * np.swapaxes(vectors, 1, 2)
        columns = np.concatenate([cross.T[at], below], axis=1)
        B = np.zeros((*columns.shape[:2], q))
        B[:, : cross.R.shape[1]] = cross.R[at] @ state.relative_root
        yield _of_effects(B) + np.eye(B.shape[1]), columns[:, :, :-1], columns @ away


def _of_rows(fit: Fitted, clusters: Integers) -> Iterator[ClusterRows]:
    """Several factors: the rows of one cluster, or a triangle of them where it is smaller."""
    for _, B, X, e in _one_by_one(fit, clusters):
        stack = np.column_stack([B, X, e])
        if len(stack) > stack.shape[1]:
            stack = np.linalg.qr(stack, mode="r")
        Phi = _of_effects(stack[:, : B.shape[1]]) + np.eye(len(stack))
        yield Phi[None], stack[None, :, B.shape[1] : -1], stack[None, :, -1]


def _of_unequal_rows(fit: Fitted, clusters: Integers) -> Iterator[ClusterRows]:
    """Errors that differ or are correlated: the rows of one cluster as they are."""
    sd = np.broadcast_to(fit.design.rows.row_sd, clusters.shape)  # by weights, which rows are times
    most = int(np.bincount(clusters).max())
    if most > MOST_ROWS:
        raise HypothesisError(
            "where errors are unequal or correlated, cluster-robust standard errors take a matrix "
            f"of the rows of each cluster, and one has {most} rows (at most {MOST_ROWS})"
        )
    for mine, B, X, e in _one_by_one(fit, clusters):
        own = sd[mine]
        Phi = own[:, None] * (_of_effects(B) + _of_errors(fit, mine)) * own
        yield Phi[None], (own[:, None] * X)[None], (own * e)[None]


def _one_by_one(
    fit: Fitted, clusters: Integers
) -> Iterator[tuple[Integers, Floats, Floats, Floats]]:
    """Places (m,) of the rows of each cluster, their B with ZGZ'/σ² = BB', X and residuals."""
    rows, state, design = fit.design.rows, fit.any_state, fit.design
    columns, Z = rows.internal(fit.problem.working.basis)
    e = columns[:, -1] - columns[:, :-1] @ state.internal_gamma
    order = np.argsort(clusters, kind="stable")
    ends = np.cumsum(np.bincount(clusters))
    roots = [state.relative_root[span, span] for span in design.spans]
    parts = [Z[:, span] @ root for span, root in zip(design.spans, roots, strict=True)]
    for mine in np.split(order, ends[:-1]):
        B = _side_by_side(parts, [codes[mine] for codes in rows.codes_of], mine)
        yield mine, B, columns[mine, :-1], e[mine]


def _of_effects(B: Floats) -> Floats:
    found: Floats = B @ np.swapaxes(B, -1, -2)
    return found


def _of_errors(fit: Fitted, mine: Integers) -> Floats:
    """R (m, m) of some rows, but for their weights."""
    if fit.problem.moments is None:
        return np.eye(len(mine))
    errors, z = fit.problem.moments.rows, fit.problem.z
    assert z is not None
    sd = errors.level_sd(z)[mine]
    C = np.eye(len(mine))
    if errors.correlation is not None:
        codes, times = errors.codes[mine], errors.correlation.times[mine]
        for group in np.unique(codes):
            at = np.flatnonzero(codes == group)
            C[np.ix_(at, at)] = errors.correlation_matrix(times[at], z)
    return np.asarray(sd[:, None] * C * sd)


def _side_by_side(parts: Sequence[Floats], codes_of: Sequence[Integers], mine: Integers) -> Floats:
    """The columns of every level of every factor in the rows of a cluster."""
    wide = []
    for part, codes in zip(parts, codes_of, strict=True):
        levels, place = np.unique(codes, return_inverse=True)
        block = np.zeros((len(mine), len(levels), part.shape[1]))
        block[np.arange(len(mine)), place] = part[mine]
        wide.append(block.reshape(len(mine), -1))
    return np.concatenate(wide, axis=1)
