r"""The estimate of the intercept as a linear function of the responses, and other such functions.

Given θ, generalised least squares makes γ̂_00 = Σ_j a_j'y_j with a_j = V_j⁻¹X_j(X'V⁻¹X)⁻¹c; the sum
of a_j is the weight of group j.  A weighted mean Σ_j w_jβ̂_0j of the groups' own intercepts is
another such function.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hierbayes.design.basis import Basis
from hierbayes.design.design import Design
from hierbayes.fit.effects import blue, estimable_groups
from hierbayes.fit.fit import Fit
from hierbayes.frames.arrays import Floats
from hierbayes.likelihood.gaussian import Likelihood
from hierbayes.likelihood.reading import REML
from hierbayes.likelihood.state import State

INTERCEPT = "Intercept"


@dataclass(frozen=True, slots=True, eq=False)
class InterceptEstimate:
    """The estimate of γ_00 as a linear function of the responses.

    Parameters
    ----------
    weights : (J,) float
        By how much it rises when every response of a group rises by one; they sum to 1.
    estimate : float
    variance_given_groups : float
        Where only rows are sampled, σ² Σ_j a_j'a_j.
    variance : float
        Where groups are sampled as well, Σ_j a_j'V_ja_j.
    """

    weights: Floats
    estimate: float
    variance_given_groups: float
    variance: float


def intercept_estimate(fit: Fit) -> InterceptEstimate:
    """Generalised least squares at each θ; of several, averages."""
    design, basis = fit.design, fit.problem.cross.basis
    design.rows.refuse_weights("intercept_weights()")
    X, Z = design.rows.internal(basis)
    sums = _group_sums(X[:, :-1], design), _group_sums(Z, design)
    place = design.terms.index(INTERCEPT)
    theta, likelihood = fit.theta.flat, Likelihood(fit.problem.cross, REML)
    states = (likelihood.at(theta[i]) for i in range(len(theta.sigma)))
    found = [_at(state, sums, place) for state in states]
    estimates = np.array([one.estimate for one in found])
    variance = float(np.mean([one.variance for one in found]))
    return InterceptEstimate(
        weights=_without_dust(np.mean([one.weights for one in found], axis=0)),
        estimate=float(estimates.mean()) + _centre(basis, place),
        variance_given_groups=float(np.mean([one.variance_given_groups for one in found])),
        variance=variance + (float(estimates.var(ddof=1)) if len(found) > 1 else 0.0),
    )


def _at(state: State, sums: tuple[Floats, Floats], place: int) -> InterceptEstimate:
    """The estimate at one θ, but for the centre of the response.

    With t the row of the intercept in γ = T_xγ° and h = Q⁻¹t, group j's responses have the
    weights a_j = (X_j − Z_jK_jZ_j'X_j)h.
    """
    cross, sigma = state.cross, float(state.theta.sigma)
    t = cross.basis.x.matrix[place]
    h = state.Q_inverse @ t
    KBh = state.moments.u_on_gamma @ h
    Bh = cross.B[:, :, :-1] @ h
    squares = h @ cross.C[:-1, :-1] @ h - 2.0 * np.sum(Bh * KBh)
    squares += np.einsum("ji,jil,jl->", KBh, cross.A, KBh)
    return InterceptEstimate(
        weights=sums[0] @ h - (sums[1] * KBh).sum(axis=1),
        estimate=float(cross.basis.scale * (t @ state.moments.gamma)),
        variance_given_groups=float(sigma**2 * squares),
        variance=float(sigma**2 * (t @ h)),
    )


def _group_sums(columns: Floats, design: Design) -> Floats:
    """Sum of each column in each group, (J, k)."""
    return np.stack(
        [np.bincount(design.rows.codes, c, minlength=design.J) for c in columns.T], axis=1
    )


def _without_dust(weights: Floats) -> Floats:
    """The weights, 0 where rounding alone is left."""
    return np.where(np.abs(weights) > 1e-12 * np.abs(weights).max(), weights, 0.0)


def _centre(basis: Basis, place: int) -> float:
    """What the centre of the response adds to the intercept."""
    return float(basis.origin[place])


def has_common_intercept(fit: Fit) -> bool:
    """Whether γ_00 is the mean of every group's own intercept, and rows have nothing else."""
    design, of = fit.design, fit.groups_of
    if INTERCEPT not in design.effects or not of.spanned.all():
        return False
    wanted = np.array([term == INTERCEPT for term in design.terms], dtype=np.float64)
    return bool(np.allclose(of.W[:, design.effects.index(INTERCEPT)], wanted))


def weighted_intercept(fit: Fit, weights: Floats) -> tuple[float, float, float]:
    """Σ w_jβ̂_0j, its standard error given the groups, and with groups sampled.

    Missing where a group cannot estimate its own coefficients.
    """
    cross, place = fit.problem.cross, fit.design.effects.index(INTERCEPT)
    if not estimable_groups(cross.A).all():
        return (np.nan, np.nan, np.nan)
    T = cross.basis.z.matrix
    error = np.einsum("k,jkl,l->j", T[place], np.linalg.inv(cross.A), T[place])
    sigma2 = float((fit.theta.sigma**2).mean())
    between = float(fit.theta.G[..., place, place].mean())
    given = sigma2 * weights**2 @ error
    estimate = float(weights @ blue(fit)[INTERCEPT].to_numpy())
    return estimate, float(np.sqrt(given)), float(np.sqrt(given + between * (weights @ weights)))
