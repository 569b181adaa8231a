r"""The integral of a density over more coordinates: importance sampling with proposals that learn.

Points are drawn from a multivariate t, first at the mode with the curvature there, then with mean
and covariance of the weighted points, and the integral is the mean of density over proposal.  The
points are scrambled Sobol ones in independent replications, which know the integral better than
independent points do and say by how much: by how much replications differ.  Whether the proposals
reach the tails of the density at all is for Pareto k̂ of the weights to say.

References
----------
Vehtari, Simpson, Gelman, Yao & Gabry (2024), *Pareto smoothed importance sampling*,
JMLR 25(72).
"""

from __future__ import annotations

import numpy as np
from scipy.special import chdtri, logsumexp, ndtri

from hierbayes.estimation.importance import FREEDOM, log_t, smoothed_weights
from hierbayes.frames.arrays import Floats
from hierbayes.inference.evidence.integral import Integral, Integrand

REPLICATIONS = 8
_ROUNDS = 3
_INSIDE = 2.0**-40  # how near to 0 and 1 uniform numbers may be


def integrate_by_proposals(integrand: Integrand, *, n: int, learn: int, seed: int) -> Integral:
    """The integral of a density over all of its coordinates.

    Parameters
    ----------
    integrand : Integrand
    n : int
        Points of each of `REPLICATIONS`, a power of 2.
    learn : int
        The same while proposals learn.
    seed : int

    Notes
    -----
    Where the sign of a coordinate makes no difference, the integral over its positive half is
    computed, and doubled.
    """
    seeds = np.random.SeedSequence(seed).spawn(_ROUNDS + 1)
    centre = np.where(integrand.signed, np.abs(integrand.mode), integrand.mode)
    root = integrand.root
    for one in seeds[:_ROUNDS]:
        x, log_w = _weighted(integrand, centre, root, learn, one)
        centre, root = _learnt(x, log_w, centre, root)
    x, log_w = _weighted(integrand, centre, root, n, seeds[-1])
    means = logsumexp(log_w, axis=1) - np.log(n)
    total = float(logsumexp(means) - np.log(REPLICATIONS))
    if not np.isfinite(total):
        return Integral(total, np.inf, np.inf, x.reshape(-1, integrand.d), log_w.ravel())
    return Integral(
        log_value=total + float(integrand.signed.sum() * np.log(2.0)),
        log_error=float(np.std(np.exp(means - total), ddof=1) / np.sqrt(REPLICATIONS)),
        k_hat=smoothed_weights(log_w)[1],
        x=x.reshape(-1, integrand.d),
        log_weights=(log_w - logsumexp(log_w)).ravel(),
    )


def _weighted(
    integrand: Integrand, centre: Floats, root: Floats, n: int, seed: np.random.SeedSequence
) -> tuple[Floats, Floats]:
    """Points (R, n, d) from a t, and log of density over proposal (R, n)."""
    from scipy.stats import qmc

    uniform = np.stack([
        qmc.Sobol(len(centre) + 1, rng=np.random.default_rng(one)).random(n)
        for one in seed.spawn(REPLICATIONS)
    ])  # fmt: skip
    uniform = np.clip(uniform, _INSIDE, 1.0 - _INSIDE)
    scale = np.sqrt(FREEDOM / chdtri(FREEDOM, uniform[..., -1]))
    z = scale[..., None] * ndtri(uniform[..., :-1])
    x = centre + z @ root.T
    log_p = np.full(x.shape[:-1], -np.inf)
    wanted = (x[..., integrand.signed] >= 0.0).all(axis=-1)
    log_p[wanted] = integrand.log_density(x[wanted])
    return x, log_p - log_t(z**2, root)


def _learnt(x: Floats, log_w: Floats, centre: Floats, root: Floats) -> tuple[Floats, Floats]:
    """Weighted mean (d,) and a root (d, d) of the covariance; what there was where none is left."""
    flat, log_w = x.reshape(-1, x.shape[-1]), log_w.ravel()
    if not np.isfinite(log_w.max()):
        return centre, root
    weights = np.exp(log_w - log_w.max())
    weights = np.minimum(weights, np.sqrt(weights.mean()))  # so that no point is all of it
    weights /= weights.sum()
    mean = weights @ flat
    away = flat - mean
    size, vectors = np.linalg.eigh((weights[:, None] * away).T @ away)
    if not (np.isfinite(size).all() and size[0] > 1e-10 * size[-1]):
        return centre, root
    return mean, np.asarray(vectors * np.sqrt(size))
