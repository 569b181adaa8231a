"""Joint draws of γ and u by the normal approximation at the maximum of a family's likelihood."""

from __future__ import annotations

import numpy as np

from hierbayes.errors import EstimationError
from hierbayes.fit.fitted import Fitted
from hierbayes.fit.predictions.effect_errors import LatentErrors
from hierbayes.fit.predictions.parameter_draws import ParameterDraws
from hierbayes.frames.arrays import Floats

_GAMMA_AND_U = 15  # stream of random numbers


def normal_draws(fit: Fitted, errors: LatentErrors, M: int, seed: int) -> ParameterDraws:
    """γ ~ N(γ̂, Cov(γ̂)), u_j ~ N(û_j + M_j(γ − γ̂), C_j); G and the dispersion as estimated.

    Parameters
    ----------
    fit : Fitted
        With one θ and one grouping factor.
    errors : LatentErrors
    M, seed : int

    Raises
    ------
    EstimationError
        When there are several grouping factors, or a coefficient has no finite maximum.
    """
    if len(fit.design.factors) > 1:
        raise EstimationError(
            "joint draws of a maximum of a family's likelihood are made for one grouping factor; "
            "use sample(), or predict(..., prob=) for limits of each row"
        )
    V = fit.gamma_cov
    if not np.isfinite(V).all():
        raise EstimationError(
            "a coefficient has no finite maximum, so that there is no normal approximation to draw "
            "from; use sample() with priors"
        )
    rng = np.random.default_rng([seed, _GAMMA_AND_U])
    moved = rng.standard_normal((M, len(V))) @ _root(V).T
    C = errors.covariance(0)
    u = fit.us[0][0, 0] + np.einsum("jqp,mp->mjq", errors.on_gamma(0), moved)
    u = u + np.einsum("jqr,mjr->mjq", _root(C), rng.standard_normal((M, *C.shape[:2])))
    root = np.broadcast_to(fit.theta.root[0, 0], (M, *fit.theta.root.shape[2:]))
    phi = np.broadcast_to(fit.mean_phi, (M, len(fit.mean_phi)))
    source = f"normal approximation given the {fit.what} of the variances"
    return ParameterDraws(fit.gamma + moved, (u,), root, phi, (1, M), seed, source)


def _root(covariance: Floats) -> Floats:
    """F (..., k, k) with FF' = covariance, which may be singular."""
    size, V = np.linalg.eigh(covariance)
    return np.asarray(V * np.sqrt(np.maximum(size, 0.0))[..., None, :])
