r"""Leverages and residual variances of rows, without any n × n matrix.

With V = σ²(I + Zλλ'Z') and a_i = X'(V/σ²)⁻¹e_i = x_i − X_j'Z_jK_jz_i, the conditional
residual is y − Xγ̂ − Zû = σ²Py with P = V⁻¹ − V⁻¹X(X'V⁻¹X)⁻¹X'V⁻¹, so that

    h_i = z_i'K_jz_i + a_i'Q⁻¹a_i          conditional hat matrix I − σ²P
    Var(y_i − x_i'γ̂ − z_i'û) = σ²(1 − h_i)      for PVP = P
    x_i'Q⁻¹a_i                              marginal hat matrix X(X'V⁻¹X)⁻¹X'V⁻¹
    Var(y_i − x_i'γ̂) = σ²(1 + z_i'λλ'z_i − x_i'Q⁻¹x_i)

With several grouping factors u are the effects of all of them, and z and K go over them all.
Where γ has a normal prior, Q contains it, and the variances are over γ ~ prior as well.

With errors of covariance σ²R, V = σ²(R + Zλλ'Z'), K and Q are those of rows weighted by R⁻¹, and
with x̂, ẑ the rows of R⁻¹X, R⁻¹Z and â_i = x̂_i − X'R⁻¹ZKẑ_i,

    h_i = z_i'Kẑ_i + a_i'Q⁻¹â_i                 hat matrix I − σ²RP
    Var(y_i − x_i'γ̂ − z_i'û) = σ²(r_ii − z_i'Kz_i − a_i'Q⁻¹a_i)
    σ²P_ii = (R⁻¹)_ii − ẑ_i'Kẑ_i − â_i'Q⁻¹â_i

of which the last is σ² over the variance of y_i given all other rows, from which it differs by
(R⁻¹(y − Xγ̂ − Zû))_i over that.

References
----------
Haslett & Hayes (1998), *Journal of the Royal Statistical Society B* 60, 201–215; Demidenko &
Stukel (2005), *Statistics in Medicine* 24, 893–909; Hodges & Sargent (2001), *Biometrika* 88,
367–379.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hierbayes.design.problem import Problem
from hierbayes.design.residual_blocks import own_precision, weighed
from hierbayes.frames.arrays import Floats
from hierbayes.inference.residuals.anchor import Anchor
from hierbayes.likelihood.state import State

_EXACT = 1e-9  # of a share of a variance: below this it is rounding


@dataclass(frozen=True, slots=True, eq=False)
class RowVariances:
    """What each row's residuals vary by, and what each row does to its own fitted value.

    Parameters
    ----------
    leverage : (n,) float
        Diagonal h of the conditional hat matrix; its sum is the effective number of
        parameters.
    marginal_leverage : (n,) float
        Diagonal of the marginal hat matrix; its sum is p under a flat prior of γ.
    marginal_variance : (n,) float
        Var(y − x'γ̂)/σ².
    conditional_variance : (n,) float
        Var(y − x'γ̂ − z'û)/σ²: 1 − h of equal independent errors.
    precision : (n,) float
        σ² over the variance of y_i given all other rows: 1 − h of equal independent errors.
    precision_given_gamma : (n,) float
        The same given γ too, u integrated out: (R⁻¹)_ii − ẑ'Kẑ.
    own_precision : (n,) float
        The same given γ and u: (R⁻¹)_ii.
    gamma_weight : (n, p) float
        Q⁻¹â: how γ̂ moves with y_i, in the internal basis.
    """

    leverage: Floats
    marginal_leverage: Floats
    marginal_variance: Floats
    conditional_variance: Floats
    precision: Floats
    precision_given_gamma: Floats
    own_precision: Floats
    gamma_weight: Floats


def row_variances(at: Anchor) -> RowVariances:
    """Leverages and variances of the rows of a fit at one θ."""
    design, state, basis = at.problem.design, at.any_state, at.problem.products.basis
    W, Z = design.rows.internal(basis)
    X, p = W[:, :-1], W.shape[1] - 1
    weighed_XZ, variance, own = _weighed(at, np.column_stack([X, Z]))
    X_hat, Z_hat = weighed_XZ[:, :p], weighed_XZ[:, p:]
    within, on_gamma = _of_effects(at, Z)
    within_hat, on_gamma_hat = _of_effects(at, Z_hat)
    Q_inverse = state.internal_gamma_cov / state.internal_sigma**2
    a, a_hat = X - on_gamma, X_hat - on_gamma_hat
    weight = a_hat @ Q_inverse
    between = ((Z @ state.relative_root) ** 2).sum(axis=1)
    told = own - within_hat
    return RowVariances(
        leverage=_of_both(at, Z, Z_hat) + (weight * a).sum(axis=1),
        marginal_leverage=(X * weight).sum(axis=1),
        marginal_variance=variance + between - _quadratic(X, Q_inverse),
        conditional_variance=variance - within - _quadratic(a, Q_inverse),
        precision=told - (weight * a_hat).sum(axis=1),
        precision_given_gamma=told,
        own_precision=own,
        gamma_weight=weight,
    )


def _quadratic(columns: Floats, matrix: Floats) -> Floats:
    """x'Mx (n,) of rows (n, p)."""
    return np.einsum("np,pr,nr->n", columns, matrix, columns)


def room_of(share: Floats, scale: Floats | float = 1.0) -> Floats:
    """A share of a variance that is left; missing where it is 0 but for rounding."""
    return np.asarray(np.where(share > _EXACT * scale, share, np.nan))


def weighed_columns(problem: Problem, columns: Floats) -> Floats:
    """R⁻¹ of columns (n, m): themselves where errors are equal and independent."""
    if problem.moments is None or problem.z is None:
        return columns
    return weighed(problem.moments.rows, problem.z, columns)


def weighed_residuals(at: Anchor, residuals: Floats) -> Floats:
    """R⁻¹ of residuals (n,): themselves where errors are equal and independent."""
    return weighed_columns(at.problem, residuals[:, None])[:, 0]


def _weighed(at: Anchor, columns: Floats) -> tuple[Floats, Floats, Floats]:
    """R⁻¹ of columns, and the diagonals of R and of R⁻¹."""
    moments, z = at.problem.moments, at.problem.z
    ones = np.ones(len(columns))
    if moments is None or z is None:
        return columns, ones, ones
    rows = moments.rows
    return weighed_columns(at.problem, columns), rows.row_sd(z) ** 2, own_precision(rows, z)


def _of_both(at: Anchor, Z: Floats, Z_hat: Floats) -> Floats:
    """z'Kẑ (n,), by the squares of z + ẑ and z − ẑ."""
    return 0.25 * (_of_effects(at, Z + Z_hat)[0] - _of_effects(at, Z - Z_hat)[0])


def _of_effects(at: Anchor, Z: Floats) -> tuple[Floats, Floats]:
    """z'Kz (n,), and z'KZ'X (n, p): what û has of γ."""
    state, rows = at.any_state, at.problem.design.rows
    if isinstance(state, State):
        within = np.einsum("nk,nkl,nl->n", Z, state.K[rows.codes], Z)
        return within, np.einsum("nk,nkp->np", Z, state.moments.u_on_gamma[rows.codes])
    on_gamma = np.zeros((len(Z), state.cross.p))
    parts = zip(state.moments_of, state.cross.spans, rows.codes_of, strict=True)
    for moments, span, codes in parts:
        on_gamma += np.einsum("nk,nkp->np", Z[:, span], moments.u_on_gamma[codes])
    return state.row_quadratics(Z, rows.codes_of), on_gamma
