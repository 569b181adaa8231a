r"""Leverages and residual variances of rows, without any n × n matrix.

With V = σ²(I + Zλλ'Z') and a_i = X'(V/σ²)⁻¹e_i = x_i − X_j'Z_jK_jz_i, the conditional
residual is y − Xγ̂ − Zû = σ²Py with P = V⁻¹ − V⁻¹X(X'V⁻¹X)⁻¹X'V⁻¹, so that

    h_i = z_i'K_jz_i + a_i'Q⁻¹a_i          conditional hat matrix I − σ²P
    Var(y_i − x_i'γ̂ − z_i'û) = σ²(1 − h_i)      for PVP = P
    x_i'Q⁻¹a_i                              marginal hat matrix X(X'V⁻¹X)⁻¹X'V⁻¹
    Var(y_i − x_i'γ̂) = σ²(1 + z_i'λλ'z_i − x_i'Q⁻¹x_i)

With several grouping factors u are the effects of all of them, and z and K go over them all.
Where γ has a normal prior, Q contains it, and the variances are over γ ~ prior as well.

References
----------
Haslett & Hayes (1998), *Journal of the Royal Statistical Society B* 60, 201–215; Demidenko &
Stukel (2005), *Statistics in Medicine* 24, 893–909; Hodges & Sargent (2001), *Biometrika* 88,
367–379.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hierbayes.frames.arrays import Floats
from hierbayes.inference.residuals.anchor import Anchor
from hierbayes.likelihood.state import State


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
    within : (n,) float
        z'Kz: the part of h that u has.
    marginal_variance : (n,) float
        Var(y − x'γ̂)/σ².
    gamma_weight : (n, p) float
        Q⁻¹a: how γ̂ moves with y_i, in the internal basis.
    """

    leverage: Floats
    marginal_leverage: Floats
    within: Floats
    marginal_variance: Floats
    gamma_weight: Floats


def row_variances(at: Anchor) -> RowVariances:
    """Leverages and variances of the rows of a fit at one θ."""
    design, state, basis = at.problem.design, at.any_state, at.problem.products.basis
    W, Z = design.rows.internal(basis)
    X = W[:, :-1]
    within, on_gamma = _of_effects(at, Z)
    Q_inverse = state.internal_gamma_cov / state.internal_sigma**2
    a = X - on_gamma
    weight = a @ Q_inverse
    between = ((Z @ state.relative_root) ** 2).sum(axis=1)
    fixed = np.einsum("np,pr,nr->n", X, Q_inverse, X)
    return RowVariances(
        leverage=within + (weight * a).sum(axis=1),
        marginal_leverage=(X * weight).sum(axis=1),
        within=within,
        marginal_variance=1.0 + between - fixed,
        gamma_weight=weight,
    )


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
