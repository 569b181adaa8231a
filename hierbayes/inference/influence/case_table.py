r"""What leaving out each case changes: first with θ held at θ̂, then with θ estimated anew.

Given θ̂ both kinds of case have closed forms.  A group j takes its contribution
C_j − B_j'K_jB_j out of S (with several grouping factors S of the rows that are left is computed
anew).  A row i, with a_i and h_i as in `row_variances` and
v_i = 1 − z_i'K_jz_i, changes

    γ̂ − γ̂₍ᵢ₎ = Q⁻¹a_i e_i/(1 − h_i),      Q₍ᵢ₎ = Q − a_ia_i'/v_i

with e_i the conditional residual.  With errors of covariance σ²R, a_i is â_i, 1 − h_i is σ²P_ii,
v_i is σ²P_ii given γ, and e_i is R⁻¹ of the residuals.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hierbayes.design.crossproducts import within_totals
from hierbayes.frames.arrays import Floats, Integers
from hierbayes.inference.influence.case import Refit, why_not
from hierbayes.inference.residuals.anchor import Anchor
from hierbayes.inference.residuals.row_variances import RowVariances, room_of
from hierbayes.likelihood.of_products import AnyState, likelihood_of
from hierbayes.likelihood.reading import GIVEN, ML, Reading
from hierbayes.likelihood.state import State


@dataclass(frozen=True, slots=True, eq=False)
class Changes:
    """γ without each of m cases; missing where it cannot be estimated.

    Parameters
    ----------
    gamma, se : (m, p) float
        Estimates and standard errors without the case, in the user's units.
    cook : (m,) float
        (γ̂ − γ̂₍ⱼ₎)'Cov(γ̂)⁻¹(γ̂ − γ̂₍ⱼ₎)/p, Cov(γ̂) that of all rows.
    covratio : (m,) float
        |Cov(γ̂₍ⱼ₎)|/|Cov(γ̂)|.
    """

    gamma: Floats
    se: Floats
    cook: Floats
    covratio: Floats


def groups_given_theta(at: Anchor, possible: Integers) -> Changes:
    """Changes as each group is left out, θ held; ``possible`` are those that can be."""
    design, cross = at.problem.design, at.problem.cross
    totals = within_totals(design.rows, cross)
    J, p = design.J, len(design.terms)
    gamma, cov = np.full((J, p), np.nan), np.full((J, p, p), np.nan)
    gamma[possible], cov[possible] = at.state.gamma_without_groups(totals, possible)
    return _changes(at, gamma, cov)


def levels_given_theta(at: Anchor, k: int) -> tuple[list[str], Changes]:
    """Why each group of factor k of several cannot be left out, and the changes, θ held."""
    state, problem = at.any_state, at.problem
    assert not isinstance(state, State)
    J, p = problem.design.factors[k].J, len(problem.design.terms)
    reasons = [""] * J
    gamma, cov = np.full((J, p), np.nan), np.full((J, p, p), np.nan)
    for j, left in state.likelihood.without_levels(state.theta.flat, problem.design, k):
        reasons[j] = why_not(left.cross, problem)
        if not reasons[j]:
            S = left.S[0]
            gamma[j] = np.linalg.solve(S[:-1, :-1], S[:-1, -1])
            cov[j] = state.internal_sigma**2 * np.linalg.inv(S[:-1, :-1])
    return reasons, _changes(at, gamma, cov)


def rows_given_theta(at: Anchor, rows: RowVariances, conditional: Floats) -> Changes:
    """Changes as each row is left out, θ held.

    Parameters
    ----------
    at : Anchor
    rows : RowVariances
    conditional : (n,) float
        y − Xγ̂ − Zû in the internal basis, R⁻¹ of them with errors of covariance σ²R.
    """
    state, basis = at.any_state, at.problem.products.basis
    p = len(state.internal_gamma)
    room = room_of(rows.precision, rows.own_precision)
    step = rows.gamma_weight * (conditional / room)[:, None]
    weight = basis.scale * rows.gamma_weight @ basis.x.matrix.T
    variance = np.diagonal(basis.gamma_covariance(state.internal_gamma_cov))
    quadratic = np.maximum(rows.precision_given_gamma - rows.precision, 0.0)  # â'Q⁻¹â
    return Changes(
        gamma=basis.gamma(state.internal_gamma - step),
        se=np.sqrt(variance + state.internal_sigma**2 * weight**2 / room[:, None]),
        cook=conditional**2 * quadratic / (room**2 * state.internal_sigma**2 * p),
        covratio=rows.precision_given_gamma / room,
    )


def _changes(at: Anchor, gamma: Floats, cov: Floats) -> Changes:
    """Changes from γ (m, p) and its covariance (m, p, p) without each case, internal."""
    state, basis = at.any_state, at.problem.products.basis
    difference = state.internal_gamma - gamma
    precision = np.linalg.inv(state.internal_gamma_cov)
    cook = np.einsum("mp,pr,mr->m", difference, precision, difference) / gamma.shape[1]
    user = basis.gamma_covariance(cov)
    return Changes(
        gamma=basis.gamma(gamma),
        se=np.sqrt(np.diagonal(user, axis1=1, axis2=2)),
        cook=cook,
        covratio=_ratio(cov, state.internal_gamma_cov),
    )


def _ratio(cov: Floats, full: Floats) -> Floats:
    """|cov|/|full|, missing where cov (m, p, p) is."""
    known = np.isfinite(cov).all(axis=(1, 2))
    ratio = np.full(len(cov), np.nan)
    ratio[known] = np.exp(np.linalg.slogdet(cov[known])[1] - np.linalg.slogdet(full)[1])
    return ratio


def refitted(at: Anchor, fits: list[Refit]) -> Changes:
    """Changes with θ estimated anew, from the fits without each case."""
    gamma = np.array([one.state.internal_gamma for one in fits])
    return _changes(at, gamma, np.array([one.state.internal_gamma_cov for one in fits]))


def displacements(at: Anchor, fits: list[Refit], reading: Reading) -> Floats:
    """Twice the drop of the likelihood of all rows, at the estimates without each case (m,).

    Of the likelihood in γ and θ for ML; of the restricted one, a function of θ, for REML.
    """
    likelihood = likelihood_of(at.problem.products, GIVEN if reading == ML else reading)

    def value(state: AnyState) -> float:
        return likelihood.at(state.theta, state.gamma).value

    top = value(at.any_state)
    return np.array([2.0 * (top - value(one.state)) for one in fits])
