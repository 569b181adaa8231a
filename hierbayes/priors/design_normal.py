r"""The normal prior of γ that a design carries: the same whatever the origin or unit of a column.

Terms with a `DesignNormal` prior, D, share one normal distribution, correlated as least squares
estimates from the design are.  With τ the prior sd along a column of unit spread,

    δ ~ N(m, τ² n (X_D'X_D)⁻¹),    δ = γ_D + (X_D'X_D)⁻¹X_D'X_S γ_S,

S being the terms with priors of their own: δ is what X_D takes of the whole Xγ.  The density is
that of the mean square of X_Dδ − X_Dm over the rows.  It does not change when columns of D are
shifted, rescaled or mixed, nor when multiples of them are added to columns of S; with all
terms in D it is Zellner's g-prior.  Where the constant is no combination of D alone, X_D is
centred.

References
----------
Zellner (1986), *On assessing prior distributions and Bayesian regression analysis with
g-prior distributions*.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from hierbayes.design.products import Products
from hierbayes.frames.arrays import Floats, Integers
from hierbayes.priors.families import DesignNormal, Prior

_LOG_2PI = float(np.log(2.0 * np.pi))
_NOT_IN = 1e-12  # of a coefficient of the constant: rounding


@dataclass(frozen=True, slots=True, eq=False)
class DesignPrior:
    """The joint prior of the terms D of a model.

    Parameters
    ----------
    at : (d,) int
        Places of the terms D among the p terms.
    lift : (d, p) float
        δ = ``lift`` γ, in the user's units; the identity in the columns D.
    internal_lift : (d, p) float
        δ = s ``internal_lift`` (γ° − γ°₀) + δ₀: the same of γ in the internal basis.
    mean, sd : (d,) float
        Of each δ, as the priors of D have them.
    gram : (d, d) float
        X_D'X_D/n, columns centred where said.
    """

    at: Integers
    lift: Floats
    internal_lift: Floats
    mean: Floats
    sd: Floats
    gram: Floats

    @property
    def precision(self) -> Floats:
        """Of δ (d, d)."""
        ratio = np.sqrt(np.diagonal(np.linalg.inv(self.gram))) / self.sd
        result: Floats = ratio[:, None] * self.gram * ratio
        return result

    def deviations(self, gamma: Floats) -> Floats:
        """δ − m (M, d) at γ (M, p)."""
        result: Floats = gamma @ self.lift.T - self.mean
        return result

    def log_density(self, gamma: Floats) -> Floats:
        """Of γ_D (M,) given the other terms, at γ (M, p)."""
        precision, away = self.precision, self.deviations(gamma)
        constant = 0.5 * float(np.linalg.slogdet(precision)[1]) - 0.5 * len(self.sd) * _LOG_2PI
        form = np.einsum("mi,ij,mj->m", away, precision, away)
        return np.asarray(constant - 0.5 * form)

    def draw(self, stated: Floats, normals: Floats) -> Floats:
        """γ (M, p) from draws of the other terms in ``stated`` (M, p), and normals (M, d)."""
        root = np.linalg.cholesky(self.precision)
        delta = self.mean + np.linalg.solve(root.T, normals.T).T
        gamma = stated.copy()
        gamma[:, self.at] = 0.0
        gamma[:, self.at] = delta - gamma @ self.lift.T
        return gamma


def coefficient_scales(cross: Products, at: Sequence[int] | Integers) -> tuple[Floats, Floats]:
    """Prior mean per unit of y's, and prior sd per τ, of each term of D.

    Returns
    -------
    constant : (d,) float
        e with X_De = 1, or zeros where the constant is no combination of D.
    scale : (d,) float
        √[n (X_D'X_D)⁻¹]_kk.
    """
    places = np.asarray(at, dtype=int)
    gram, _ = _gram_and_lift(cross, places)
    if len(places) == len(cross.basis.constant):  # by the internal basis, which loses no digit
        T = cross.basis.x.matrix
        inner = np.linalg.inv(cross.C[:-1, :-1] / cross.n)
        scale = np.sqrt(np.einsum("ki,ij,kj->k", T, inner, T))
    else:
        scale = np.sqrt(np.diagonal(np.linalg.inv(gram)))
    constant = cross.basis.constant[places] if _has_constant(cross, places) else 0.0 * scale
    return constant, scale


def design_prior(priors: Sequence[Prior], cross: Products) -> DesignPrior | None:
    """The joint prior of the terms whose prior is a `DesignNormal`; None where there is none."""
    chosen = [(k, prior) for k, prior in enumerate(priors) if isinstance(prior, DesignNormal)]
    if not chosen:
        return None
    places = np.array([k for k, _ in chosen])
    gram, internal = _gram_and_lift(cross, places)
    lift = internal @ np.linalg.inv(cross.basis.x.matrix)
    lift[:, places] = np.eye(len(places))
    return DesignPrior(
        places,
        lift,
        internal,
        np.array([prior.mu for _, prior in chosen]),
        np.array([prior.sigma for _, prior in chosen]),
        gram,
    )


def internal_precision(prior: DesignPrior, cross: Products) -> Floats:
    """The precision (p, p) of γ° that a joint prior brings."""
    scale, p = cross.basis.scale, len(cross.basis.constant)
    if len(prior.at) == p:
        _, per_unit = coefficient_scales(cross, prior.at)
        tau = prior.sd / per_unit
        if np.ptp(tau) <= 1e-9 * tau[0]:
            whole: Floats = (scale / tau[0]) ** 2 * cross.C[:-1, :-1] / cross.n
            return whole
    lift = scale * prior.internal_lift
    result: Floats = lift.T @ prior.precision @ lift
    return result


def _has_constant(cross: Products, places: Integers) -> bool:
    """Whether the constant is a combination of the columns D."""
    others = np.delete(cross.basis.constant, places)
    return bool(cross.basis.constant.any() and (np.abs(others) <= _NOT_IN).all())


def _gram_and_lift(cross: Products, places: Integers) -> tuple[Floats, Floats]:
    """X_D'X_D/n (d, d), and the coefficients (d, p) of internal columns on X_D."""
    basis = cross.basis
    gram = cross.C[:-1, :-1] / cross.n
    user = np.linalg.inv(basis.x.matrix)  # X = X° user
    columns = user[:, places]
    if basis.constant.any() and not _has_constant(cross, places):
        one = user @ basis.constant  # X° one = 1
        columns = columns - np.outer(one, one @ gram @ columns)
    inner = columns.T @ gram @ columns
    return inner, np.linalg.solve(inner, columns.T @ gram)
