"""V/σ̂² of the rows of a fit with a residual structure, and its derivatives, cluster by cluster.

V/σ̂² = ZGZ'/σ̂² + R is block-diagonal by clusters of rows, which share no group with others.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components

from hierbayes.design.blocks import free_entries
from hierbayes.design.design import Design
from hierbayes.design.residual_rows import ResidualRows
from hierbayes.fit.fitted import Fitted
from hierbayes.frames.arrays import Booleans, Floats, Integers
from hierbayes.residuals.coordinates import derivative, second_derivative

_AT_ONCE = 2e6  # numbers of V_i held at a time


@dataclass(frozen=True, slots=True, eq=False)
class ClusterCovariance:
    """V/σ̂² of any rows, and its derivatives.

    Parameters
    ----------
    design : Design
    errors : ResidualRows
    z : (k,) float
    columns : (n, p+1) float
        [X r], in the internal basis, with the weights of rows.
    Z : (n, q) float
    root : (q, q) float
        Of G/σ̂².
    groups : (n,) int
        In which errors are correlated: each row its own where they are not.
    times : (n,) float
    sd : (n,) float
        Of each row beside that of its occasion, relative to σ.
    slopes : (n, k) float
        ∂ log sd/∂z.
    moving : (k,) bool
        Which coordinates are parameters, and at no limit.
    """

    design: Design
    errors: ResidualRows
    z: Floats
    columns: Floats
    Z: Floats
    root: Floats
    groups: Integers
    times: Floats
    sd: Floats
    slopes: Floats
    moving: Booleans

    @classmethod
    def of(cls, fit: Fitted) -> ClusterCovariance:
        """That of a fit."""
        problem, state = fit.problem, fit.any_state
        assert problem.moments is not None
        assert problem.z is not None
        errors, z, design = problem.moments.rows, problem.z, fit.design
        columns, Z = design.rows.internal(problem.products.basis)
        columns[:, -1] -= columns[:, :-1] @ state.internal_gamma
        columns[:, -1] /= state.internal_sigma
        correlated = errors.correlation is not None
        return cls(
            design, errors, z, columns, Z, state.relative_root,
            groups=errors.codes if correlated else np.arange(errors.n),
            times=errors.correlation.times if errors.correlation else np.zeros(errors.n),
            sd=errors.level_sd(z),
            slopes=derivative(errors.log_sd, z)[errors.levels][:, errors.moving(z)],
            moving=errors.moving(z),
        )  # fmt: skip

    @property
    def K(self) -> int:
        """Number of variance parameters."""
        return len(free_entries(self.design.blocks)[0]) + 1 + int(self.moving.sum())

    def turned(self, clusters: Integers) -> Iterator[tuple[Floats, Floats]]:
        """T (c, K, m, m) and U (c, m, p+1) of clusters (clusters, m) whose C is the same."""
        C, slope = self._correlation(clusters[0])
        for at in self._parts(clusters):
            both = self.sd[at][:, :, None] * self.sd[at][:, None, :]
            R = C * both
            own = np.moveaxis(self.slopes[at], 2, 1)  # (c, k, m)
            of_errors = slope * both[:, None] + (own[..., None] + own[..., None, :]) * R[:, None]
            V, of_effects = self._of_effects(at)
            V += R
            D = np.concatenate([of_effects, R[:, None], of_errors], axis=1)
            inverse = np.linalg.inv(np.linalg.cholesky(V))
            T = inverse[:, None] @ D @ np.swapaxes(inverse, 1, 2)[:, None]
            yield T, inverse @ self.columns[at]

    def bent(self, clusters: Integers, W: Floats) -> Iterator[tuple[Floats, Floats]]:
        """V⁻¹X (c, m, p), and Σ_ab W_ab ∂²R/∂z_a∂z_b (c, m, m) with weights W (k, k), likewise."""
        C, slope = self._correlation(clusters[0])
        bend = self._bend(clusters[0], W)
        for at in self._parts(clusters):
            both = self.sd[at][:, :, None] * self.sd[at][:, None, :]
            own = np.moveaxis(self.slopes[at], 2, 1)  # (c, k, m)
            pairs = own[..., None] + own[..., None, :]  # of log sd of two rows, by coordinate
            moved = 2.0 * np.einsum("ab,camn,bmn->cmn", W, pairs, slope, optimize=True)
            twice = np.einsum("ab,camn,cbmn->cmn", W, pairs, pairs, optimize=True)
            V = self._of_effects(at)[0] + C * both
            yield np.linalg.solve(V, self.columns[at][..., :-1]), (bend + moved + twice * C) * both

    def _parts(self, clusters: Integers) -> Iterator[Integers]:
        """So many clusters at a time that their matrices can be held."""
        size = max(1, int(_AT_ONCE / (self.K * clusters.shape[1] ** 2)))
        for start in range(0, len(clusters), size):
            yield clusters[start : start + size]

    def _bend(self, at: Integers, W: Floats) -> Floats:
        """Σ_ab W_ab ∂²C/∂z_a∂z_b (m, m) of a cluster."""
        total, errors = np.zeros((len(at), len(at))), self.errors
        if errors.correlation is None:
            return total
        for group in np.unique(self.groups[at]):
            mine = np.flatnonzero(self.groups[at] == group)
            times, moving = self.times[at[mine]], self.moving
            found = second_derivative(lambda z, t=times: errors.correlation_matrix(t, z), self.z)
            found = found[..., moving, :][..., moving]
            total[np.ix_(mine, mine)] = np.einsum("ab,mnab->mn", W, found)
        return total

    def _correlation(self, at: Integers) -> tuple[Floats, Floats]:
        """C (m, m) of a cluster, and ∂C/∂z (k, m, m)."""
        m, errors = len(at), self.errors
        C, slope = np.eye(m), np.zeros((int(self.moving.sum()), m, m))
        if errors.correlation is None:
            return C, slope
        for group in np.unique(self.groups[at]):
            mine = np.flatnonzero(self.groups[at] == group)
            times, square = self.times[at[mine]], np.ix_(mine, mine)
            C[square] = errors.correlation_matrix(times, self.z)
            of_z = derivative(lambda z, t=times: errors.correlation_matrix(t, z), self.z)
            slope[:, mine[:, None], mine] = np.moveaxis(of_z, 2, 0)[self.moving]
        return C, slope

    def _of_effects(self, at: Integers) -> tuple[Floats, Floats]:
        """ZGZ'/σ̂² (c, m, m), and Z S_i Z' (c, entries, m, m)."""
        rows, columns = free_entries(self.design.blocks)
        Z, (c, m) = self.Z[at], at.shape
        total, parts = np.zeros((c, m, m)), np.zeros((c, len(rows), m, m))
        for span, codes in zip(self.design.spans, self.design.rows.codes_of, strict=True):
            same = codes[at][:, :, None] == codes[at][:, None, :]
            half = Z[:, :, span] @ self.root[span, span]
            total += same * (half @ np.swapaxes(half, 1, 2))
            for i in np.flatnonzero((rows >= span.start) & (rows < span.stop)):
                one = same * Z[:, :, rows[i], None] * Z[:, None, :, columns[i]]
                other = 0.0 if rows[i] == columns[i] else np.swapaxes(one, 1, 2)
                parts[:, i] = one + other
        return total, parts


def clusters_by_kind(covariance: ClusterCovariance) -> list[Integers]:
    """Rows (clusters, m) of the clusters, those together whose C is the same."""
    design, groups, times = covariance.design, covariance.groups, covariance.times
    factors = zip(design.rows.codes_of, design.spans, strict=True)
    joining = [codes for codes, span in factors if span.stop > span.start]
    cluster = _components([groups, *joining])
    order = np.lexsort((times, groups, cluster))
    ends = np.flatnonzero(np.diff(cluster[order])) + 1
    alike: dict[tuple[bytes, bytes], list[Integers]] = {}
    for at in np.split(order, ends):
        new = np.diff(groups[at], prepend=groups[at[0]]) != 0
        alike.setdefault((new.tobytes(), times[at].tobytes()), []).append(at)
    return [np.stack(found) for found in alike.values()]


def _components(codes_of: list[Integers]) -> Integers:
    """Which rows (n,) are joined by groups, whatever factor they are of."""
    n, first, columns = len(codes_of[0]), 0, []
    for codes in codes_of:
        columns.append(codes + first)
        first += int(codes.max()) + 1
    places = np.stack(columns, axis=1)
    shape = (n, first)
    joined = csr_array(
        (np.ones(places.size), places.ravel(), np.arange(0, places.size + 1, len(columns))), shape
    )
    groups = connected_components(joined.T @ joined, directed=False)[1]
    return np.asarray(groups[columns[0]], dtype=np.intp)
