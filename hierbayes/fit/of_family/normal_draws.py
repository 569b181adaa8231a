"""Joint draws of γ and u by the normal approximation at the maximum of a family's likelihood."""

from __future__ import annotations

import numpy as np

from hierbayes.errors import EstimationError
from hierbayes.fit.fitted import Fitted
from hierbayes.fit.predictions.effect_errors import LatentErrors
from hierbayes.fit.predictions.parameter_draws import ParameterDraws
from hierbayes.frames.arrays import Floats

_GAMMA_AND_U = 15  # stream of random numbers
_MANY = 3000  # effects of several factors, whose covariance is made as one matrix


def normal_draws(fit: Fitted, errors: LatentErrors, M: int, seed: int) -> ParameterDraws:
    """γ ~ N(γ̂, Cov(γ̂)), u_j ~ N(û_j + M_j(γ − γ̂), C_j); G and the dispersion as estimated.

    Parameters
    ----------
    fit : Fitted
        With one θ.
    errors : LatentErrors
    M, seed : int

    Raises
    ------
    EstimationError
        When several grouping factors have very many effects, or a coefficient has no finite
        maximum.
    """
    effects = sum(one[0, 0].size for one in fit.us)
    if len(fit.us) > 1 and effects > _MANY:
        raise EstimationError(
            "joint draws of a maximum of a family's likelihood are made of up to "
            f"{_MANY} effects of several grouping factors, and here are {effects}; use sample()"
        )
    V = fit.gamma_cov
    if not np.isfinite(V).all():
        raise EstimationError(
            "a coefficient has no finite maximum, so that there is no normal approximation to draw "
            "from; use sample() with priors"
        )
    rng = np.random.default_rng([seed, _GAMMA_AND_U])
    moved = rng.standard_normal((M, len(V))) @ _root(V).T
    us = [
        u[0, 0] + np.einsum("jqp,mp->mjq", errors.on_gamma(k), moved) for k, u in enumerate(fit.us)
    ]
    if len(us) == 1:
        C = errors.covariance(0)
        normals = rng.standard_normal((M, *C.shape[:2]))
        us = [us[0] + np.einsum("jqr,mjr->mjq", _root(C), normals)]
    else:
        apart = errors.deviations(rng.standard_normal((M, effects)))
        us = [u + one for u, one in zip(us, apart, strict=True)]
    root = np.broadcast_to(fit.theta.root[0, 0], (M, *fit.theta.root.shape[2:]))
    phi = np.broadcast_to(fit.mean_phi, (M, len(fit.mean_phi)))
    source = f"normal approximation given the {fit.what} of the variances"
    return ParameterDraws(fit.gamma + moved, tuple(us), root, phi, (1, M), seed, source)


def _root(covariance: Floats) -> Floats:
    """F (..., k, k) with FF' = covariance, which may be singular."""
    size, V = np.linalg.eigh(covariance)
    return np.asarray(V * np.sqrt(np.maximum(size, 0.0))[..., None, :])
