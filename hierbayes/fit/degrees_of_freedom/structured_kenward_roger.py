r"""Kenward and Roger's covariance of γ̂, F and degrees of freedom with a residual structure.

V/σ̂² = ZGZ'/σ̂² + R is block-diagonal by *clusters* of rows, which share no group with others, and
is made cluster by cluster as a matrix.  Its parameters are the free entries of G, σ², and the
coordinates z of the structure:

    V_i = Z_j S_i Z_j',      V_σ² = R,      V_z = ∂R/∂z

The derivatives are exact.  Second derivatives are left out, and so all that is left of the formulas
does not depend on what the parameters of one family of V are: they might as well be the natural
parameters of the structure.  Where V is linear in some parameters (any covariance of occasions,
compound symmetry, a variance for each stratum) this is Kenward and Roger's method itself; for other
structures it is its first order.

With V = HH', T_i = H⁻¹V_iH⁻ᵀ and U = H⁻¹[X r] of a cluster, what the formulas need is the sum of

    U'T_iU,      U'T_iT_jU,      tr(T_iT_j)

References
----------
Kenward & Roger (1997), doi:10.2307/2533558; (2009), doi:10.1016/j.csda.2008.12.013, of what the
parameters are.
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
from hierbayes.errors import HypothesisError, in_quotes
from hierbayes.fit.degrees_of_freedom.kenward_roger import (
    KenwardRogerParts,
    observed_covariance,
    parts_of,
)
from hierbayes.fit.fitted import Fitted
from hierbayes.frames.arrays import Booleans, Floats, Integers
from hierbayes.likelihood.variance_derivatives import VarianceDerivatives, entry_units
from hierbayes.residuals.coordinates import derivative

FIRST_ORDER = "Kenward–Roger, first order: V taken as linear in the parameters of the errors"
MOST_ROWS = 1000  # of a cluster
_MOST_NUMBERS = 5e7  # of products U'T_iT_jU
_AT_ONCE = 2e6  # numbers of V_i held at a time
_FEW = 50  # clusters of a kind, and kinds, that are looked at first
APART = 1e-9  # of the smallest eigenvalue of the information of unit diagonal; 0 but for rounding


def structured_kenward_roger_parts(fit: Fitted, *, observed: bool) -> KenwardRogerParts:
    """What the formulas need of a REML fit with a residual structure, its Ĝ not singular.

    Raises
    ------
    HypothesisError
        When a cluster has too many rows for matrices, or the structure too many parameters.
    EstimationError
        As `kenward_roger_parts`.
    """
    units, directions = entry_units(fit.any_state, fit.design.blocks), fit.error_directions
    assert directions is not None
    W = directions.joint(observed_covariance(fit)) if observed else None
    k = len(directions.covariance)
    return parts_of(structured_derivatives(fit), np.append(units, np.ones(k)), W)


def notes_of(fit: Fitted) -> tuple[str, ...]:
    """That the method is of first order, where V is not linear in any parameters."""
    structure = fit.design.specification.residual
    return () if structure is None or structure.is_linear else (FIRST_ORDER,)


def structured_derivatives(fit: Fitted) -> VarianceDerivatives:
    """The derivatives at a maximum by G's free entries, σ², and the coordinates.

    Raises
    ------
    HypothesisError
        As `structured_kenward_roger_parts`.
    """
    covariance = _Covariance.of(fit)
    kinds = _clusters_by_kind(covariance)
    K, p1 = covariance.K, covariance.columns.shape[1]
    _refuse_too_many(fit, max(at.shape[1] for at in kinds), K, p1)
    first, second = np.zeros((K, p1, p1)), np.zeros((K, K, p1, p1))
    traces, once = np.zeros((K, K)), np.zeros((p1, p1))
    for at in kinds:
        for T, U in covariance.turned(at):
            moved = T @ U[:, None]
            once += np.einsum("cma,cmb->ab", U, U)
            first += np.einsum("cma,cimb->iab", U, moved)
            second += np.einsum("cima,cjmb->ijab", moved, moved, optimize=True)
            traces += np.einsum("cimn,cjmn->ij", T, T, optimize=True)
    return VarianceDerivatives(first, second, traces, np.linalg.inv(once[:-1, :-1]))


def variance_information(fit: Fitted) -> Floats:
    """½ tr(V⁻¹V_i V⁻¹V_j) (K, K), what responses of known mean tell of the variance parameters.

    Of a few clusters where these tell all parameters apart, and of all clusters otherwise.

    Raises
    ------
    HypothesisError
        When a cluster has too many rows for matrices.
    """
    covariance = _Covariance.of(fit)
    kinds = _clusters_by_kind(covariance)
    _refuse_too_many(fit, max(at.shape[1] for at in kinds), covariance.K, 1)
    few = _information(covariance, [at[:_FEW] for at in kinds[:_FEW]])
    return few if smallest_scaled(few) > APART else _information(covariance, kinds)


def _information(covariance: _Covariance, kinds: list[Integers]) -> Floats:
    found = np.zeros((covariance.K, covariance.K))
    for at in kinds:
        for T, _ in covariance.turned(at):
            found += 0.5 * np.einsum("cimn,cjmn->ij", T, T, optimize=True)
    return found


def smallest_scaled(information: Floats) -> float:
    """The smallest eigenvalue of an information matrix in units that make its diagonal 1."""
    size = np.sqrt(np.maximum(np.diag(information), np.finfo(float).tiny))
    return float(np.linalg.eigvalsh(information / np.outer(size, size))[0])


@dataclass(frozen=True, slots=True, eq=False)
class _Covariance:
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
    def of(cls, fit: Fitted) -> _Covariance:
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
        size = max(1, int(_AT_ONCE / (self.K * clusters.shape[1] ** 2)))
        for start in range(0, len(clusters), size):
            at = clusters[start : start + size]
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


def _clusters_by_kind(covariance: _Covariance) -> list[Integers]:
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


def _refuse_too_many(fit: Fitted, rows: int, K: int, columns: int) -> None:
    instead = "use df='satterthwaite'"
    if rows > MOST_ROWS:
        names = in_quotes([factor.name for factor in fit.design.factors])
        raise HypothesisError(
            "with a residual structure Kenward–Roger takes matrices of all rows that groups join, "
            f"and groups of {names} join {rows} rows (at most {MOST_ROWS}), as those of large or "
            f"crossed factors do; {instead}"
        )
    if (K * columns) ** 2 > _MOST_NUMBERS:
        raise HypothesisError(
            f"with a residual structure Kenward–Roger takes {K}² matrices of the {columns - 1} "
            f"fixed effects, one of every two of the {K} variance parameters, which are too many; "
            f"{instead}"
        )
