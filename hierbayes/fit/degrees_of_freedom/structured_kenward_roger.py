r"""Kenward and Roger's covariance of γ̂, F and degrees of freedom with a residual structure.

V/σ̂² = ZGZ'/σ̂² + R is block-diagonal by *clusters* of rows, which share no group with others, and
is made cluster by cluster as a matrix.  Its parameters are the free entries of G, σ², and the
coordinates z of the structure:

    V_i = Z_j S_i Z_j',      V_σ² = R,      V_z = ∂R/∂z

Without second derivatives the formulas do not depend on what the parameters of one family of V are.
With them they do: Φ_A has −¼R_ij beside Q_ij − P_iΦP_j, R_ij = X'V⁻¹V_ijV⁻¹X, V_ij the second
derivatives by the parameters φ that are meant.  These are G's entries, σ², and those that the
structure names, variances in place of ratios of standard deviations.  Where V is linear in some
parameters (any covariance of occasions, compound symmetry, a variance for each stratum) these are
meant, and R_ij = 0.  By the chain rule, a and b any two of σ² and the coordinates,

    Σ_ij 𝒲_ij R_ij = Σ_ab 𝒲_ab {R_ab − Σ_c Γ^c_ab X'V⁻¹V_cV⁻¹X},    Γ = (∂φ/∂z)⁻¹ ∂²φ/∂z²

With V = HH', T_i = H⁻¹V_iH⁻ᵀ and U = H⁻¹[X r] of a cluster, what the formulas need is the sum of

    U'T_iU,      U'T_iT_jU,      tr(T_iT_j)

References
----------
Kenward & Roger (1997), doi:10.2307/2533558; (2009), doi:10.1016/j.csda.2008.12.013, of what the
parameters are.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from hierbayes.errors import HypothesisError, in_quotes
from hierbayes.fit.degrees_of_freedom.cluster_covariance import (
    ClusterCovariance,
    clusters_by_kind,
)
from hierbayes.fit.degrees_of_freedom.kenward_roger import (
    KenwardRogerParts,
    observed_covariance,
    parts_of,
)
from hierbayes.fit.fitted import Fitted
from hierbayes.frames.arrays import Floats, Integers
from hierbayes.likelihood.variance_derivatives import VarianceDerivatives, entry_units
from hierbayes.residuals.coordinates import derivative, second_derivative

FIRST_ORDER = "Kenward–Roger, first order: V taken as linear in the parameters of the errors"
MOST_ROWS = 1000  # of a cluster
_MOST_NUMBERS = 5e7  # of products U'T_iT_jU
_FEW = 50  # clusters of a kind, and kinds, that are looked at first
APART = 1e-9  # of the smallest eigenvalue of the information of unit diagonal; 0 but for rounding


def structured_kenward_roger_parts(
    fit: Fitted, *, observed: bool, linear: bool = False
) -> KenwardRogerParts:
    """What the formulas need of a REML fit with a residual structure, its Ĝ not singular.

    ``linear`` leaves second derivatives of V out.

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
    derivatives = structured_derivatives(fit)
    found = parts_of(derivatives, np.append(units, np.ones(k)), W)
    structure = fit.design.specification.residual
    if linear or structure is None or structure.is_linear:
        return found
    curved = bent(fit, derivatives, found.covariance[-1 - k :, -1 - k :])
    return replace(
        found, adjusted=found.adjusted - 0.5 * found.gamma_cov @ curved @ found.gamma_cov
    )


def notes_of(fit: Fitted, *, linear: bool) -> tuple[str, ...]:
    """That the method is of first order, where V is not linear in any parameters."""
    structure = fit.design.specification.residual
    left_out = linear and structure is not None and not structure.is_linear
    return (FIRST_ORDER,) if left_out else ()


def bent(fit: Fitted, derivatives: VarianceDerivatives, W: Floats) -> Floats:
    """Σ_ij 𝒲_ij R_ij (p, p) of the parameters of the errors, with their 𝒲 (1 + k, 1 + k)."""
    covariance = ClusterCovariance.of(fit)
    own = derivatives.of_gamma[-len(W) :]  # X'V⁻¹V_cV⁻¹X by σ² and the coordinates
    total = 2.0 * np.einsum("a,aij->ij", W[0, 1:], own[1:])  # ∂²V/∂σ²∂z = ∂R/∂z
    for at in clusters_by_kind(covariance):
        for Y, bend in covariance.bent(at, W[1:, 1:]):
            total += np.einsum("cmi,cmn,cnj->ij", Y, bend, Y, optimize=True)
    moving = np.append(True, covariance.moving)
    here = np.append(1.0, covariance.z)

    def parameters(x: Any) -> Any:
        return _meant(covariance, x)

    slope = derivative(parameters, here)[np.ix_(moving, moving)]
    second = second_derivative(parameters, here)[moving][:, moving][..., moving]
    along = np.linalg.solve(slope, np.einsum("ab,iab->i", W, second))
    return np.asarray(total - np.einsum("c,cij->ij", along, own))


def _meant(covariance: ClusterCovariance, x: Any) -> Any:
    """σ² and the parameters of the structure at σ²/σ̂² and coordinates (1 + k,)."""
    errors = covariance.errors
    ratios = np.array([one.scale == "log" for one in errors.parameters], dtype=np.bool_)
    values = errors.natural(x[1:])
    return np.concatenate([x[:1], np.where(ratios, x[0] * values**2, values)])


def structured_derivatives(fit: Fitted) -> VarianceDerivatives:
    """The derivatives at a maximum by G's free entries, σ², and the coordinates.

    Raises
    ------
    HypothesisError
        As `structured_kenward_roger_parts`.
    """
    covariance = ClusterCovariance.of(fit)
    kinds = clusters_by_kind(covariance)
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
    covariance = ClusterCovariance.of(fit)
    kinds = clusters_by_kind(covariance)
    _refuse_too_many(fit, max(at.shape[1] for at in kinds), covariance.K, 1)
    few = _information(covariance, [at[:_FEW] for at in kinds[:_FEW]])
    return few if smallest_scaled(few) > APART else _information(covariance, kinds)


def _information(covariance: ClusterCovariance, kinds: list[Integers]) -> Floats:
    found = np.zeros((covariance.K, covariance.K))
    for at in kinds:
        for T, _ in covariance.turned(at):
            found += 0.5 * np.einsum("cimn,cjmn->ij", T, T, optimize=True)
    return found


def smallest_scaled(information: Floats) -> float:
    """The smallest eigenvalue of an information matrix in units that make its diagonal 1."""
    size = np.sqrt(np.maximum(np.diag(information), np.finfo(float).tiny))
    return float(np.linalg.eigvalsh(information / np.outer(size, size))[0])


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
