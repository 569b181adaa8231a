"""The covariance of the errors of each group as a matrix, for what needs the rows."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from scipy.linalg import cho_solve, solve_triangular
from scipy.linalg.lapack import dtrtri

from hierbayes.design.residual_rows import ResidualRows
from hierbayes.frames.arrays import Floats, Integers


def normalised(rows: ResidualRows, z: Floats, errors: Floats) -> Floats:
    """R^(−1/2) of errors (n,), in order of time within groups: independent if the model holds."""
    scaled = errors / rows.level_sd(z)
    if rows.correlation is None:
        return scaled
    found = np.empty_like(scaled)
    for at, root in correlation_roots(rows, z):
        found[at] = solve_triangular(root, scaled[at], lower=True)
    return found


def correlated(rows: ResidualRows, z: Floats, normals: Floats) -> Floats:
    """R^(1/2) of independent standard normal numbers (n,)."""
    found = normals
    if rows.correlation is not None:
        found = np.empty_like(normals)
        for at, root in correlation_roots(rows, z):
            found[at] = root @ normals[at]
    return found * rows.level_sd(z)


def weighed(rows: ResidualRows, z: Floats, columns: Floats) -> Floats:
    """R⁻¹ times columns (n, m)."""
    sd = rows.level_sd(z)[:, None]
    scaled = columns / sd
    if rows.correlation is None:
        return np.asarray(scaled / sd)
    found = np.empty_like(scaled)
    for at, root in correlation_roots(rows, z):
        found[at] = cho_solve((root, True), scaled[at])
    return np.asarray(found / sd)


def own_precision(rows: ResidualRows, z: Floats) -> Floats:
    """Diagonal (n,) of R⁻¹: one over the variance of an error given the others of its group."""
    variance = rows.level_sd(z) ** 2
    if rows.correlation is None:
        return np.asarray(1.0 / variance)
    own = np.empty(len(rows.codes))
    known: dict[int, Floats] = {}
    for at, root in correlation_roots(rows, z):
        if id(root) not in known:
            inverse, _ = dtrtri(root, lower=1)  # solve_triangular waits for threads, small as it is
            known[id(root)] = (inverse**2).sum(axis=0)
        own[at] = known[id(root)]
    return np.asarray(own / variance)


def own_sd(rows: ResidualRows, z: Floats) -> Floats:
    """Diagonal (n,) of the root of R: the sd of an error given those before it in its group."""
    found = np.ones(len(rows.codes))
    if rows.correlation is not None:
        for at, root in correlation_roots(rows, z):
            found[at] = np.diagonal(root)
    return np.asarray(found * rows.level_sd(z))


def correlation_roots(rows: ResidualRows, z: Floats) -> Iterator[tuple[Integers, Floats]]:
    """The rows of each group in order of time, and the lower root of their C."""
    times = rows.times
    known: dict[bytes, Floats] = {}
    for at in ordered_groups(rows.codes, times):
        key = times[at].tobytes()
        if key not in known:
            known[key] = np.linalg.cholesky(rows.correlation_matrix(times[at], z))
        yield at, known[key]


def widest_block(rows: ResidualRows, z: Floats, most: int) -> tuple[Integers, Floats]:
    """The first rows, at most so many, of the group that has most, and R (m, m) of them.

    The first of such groups in the order of the data; rows in order of time.
    """
    at = max(ordered_groups(rows.codes, rows.times), key=len)[:most]
    sd = rows.level_sd(z)[at]
    return at, sd[:, None] * rows.correlation_matrix(rows.times[at], z) * sd


def ordered_groups(codes: Integers, times: Floats) -> list[Integers]:
    """The rows of each group, in order of time."""
    order = np.lexsort((times, codes))
    starts = np.flatnonzero(np.diff(codes[order])) + 1
    return np.split(order, starts)
