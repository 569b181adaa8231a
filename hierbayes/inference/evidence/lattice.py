r"""The integral of a density over a few coordinates: the trapezoid rule on a lattice that grows.

The points are m + h R k, k whole numbers, with RR' the covariance of the density.  From its mode
the lattice grows to neighbours for as long as they carry mass, whatever the shape, so that tails
and a second mode that the first one reaches are in it.  For smooth densities the rule's error falls
like exp(−c/h²): it is computed with steps h that shrink, and ends where two of them agree.

References
----------
Trefethen & Weideman (2014), *The exponentially convergent trapezoidal rule*, SIAM Review 56(3),
doi:10.1137/130932132.
"""

from __future__ import annotations

import numpy as np
from scipy.special import logsumexp

from hierbayes.frames.arrays import Floats, Integers
from hierbayes.inference.evidence.integral import Integral, Integrand

DEPTH = 18.0  # log density below the highest at which the lattice ends
AGREED = 1e-6  # difference of two logs that ends the refinement
MOST = 60_000  # points of one lattice
_FIRST = 1.2  # step of the lattice that finds the covariance, in standard deviations
_ROUNDS = 2  # of such lattices
_LITTLE, _MUCH, _TRIES = 0.1, 2.0, 40
_STEPS = (1.0, 0.8, 0.65, 0.5, 0.4, 0.3, 0.22, 0.16)
_WIDEST = 1000  # steps from the mode


def integrate_on_lattice(integrand: Integrand) -> Integral:
    """The integral of a density over all of its coordinates.

    Its error is the difference between the last two steps; ∞ where the lattice is too large.
    """
    centre, d = integrand.mode, integrand.d
    side = np.where(integrand.signed, np.where(centre < 0.0, -1.0, 1.0), 0.0)
    root = _near(integrand)
    for _ in range(_ROUNDS):
        x, values, _ = _grown(integrand, centre, _FIRST * root)
        own = (x * side >= 0.0).all(axis=1)
        root = _root_of_covariance(x[own], values[own], root)
    found: list[Integral] = []
    for k, h in enumerate(_STEPS):
        if k and len(found[-1].x) * (_STEPS[k - 1] / h) ** d > MOST:
            break
        x, values, whole = _grown(integrand, centre, h * root)
        apart = ((x * side >= 0.0).all(axis=0) & integrand.signed).sum()  # the mirror not reached
        total = float(logsumexp(values) + np.linalg.slogdet(h * root)[1] + apart * np.log(2.0))
        error = abs(total - found[-1].log_value) if k and whole else np.inf
        found.append(Integral(total, error, np.nan, x, values - logsumexp(values)))
        if error < AGREED or not whole:
            break
    return found[-1]


def _near(integrand: Integrand) -> Floats:
    """The root of the curvature with columns of a length along which the density falls a little.

    At a mode that is flat the curvature says nothing of how far the density reaches.
    """
    centre, root = integrand.mode, integrand.root.copy()
    highest = float(integrand.log_density(centre[None])[0])
    for k in range(integrand.d):
        for _ in range(_TRIES):
            sides = centre + np.array([[1.0], [-1.0]]) * root[:, k]
            fall = highest - float(integrand.log_density(sides).min())
            if _LITTLE < fall < _MUCH:
                break
            root[:, k] *= 1.5 if fall <= _LITTLE else 1.0 / 1.5
    return root


def _grown(integrand: Integrand, centre: Floats, basis: Floats) -> tuple[Floats, Floats, bool]:
    """Points (N, d) of the lattice that carry mass, their values (N,), and whether it is whole."""
    d = len(centre)
    moves = np.vstack([np.eye(d, dtype=np.int64), -np.eye(d, dtype=np.int64)])
    front = np.zeros((1, d), dtype=np.int64)
    kept, values = [front], [integrand.log_density(centre[None])]
    highest, seen, count = float(values[0][0]), {front[0].tobytes()}, 1
    while len(front) and count <= MOST:
        near = np.unique((front[:, None] + moves).reshape(-1, d), axis=0)
        near = _unseen(near[(np.abs(near) < _WIDEST).all(axis=1)], seen)
        if not len(near):
            break
        found = integrand.log_density(centre + near @ basis.T)
        highest = max(highest, float(found.max()))
        front = near[found > highest - DEPTH]
        kept.append(near)
        values.append(found)
        count += len(near)
    every, value = np.concatenate(kept), np.concatenate(values)
    carries = value > highest - 2.0 * DEPTH
    return centre + every[carries] @ basis.T, value[carries], count <= MOST


def _unseen(places: Integers, seen: set[bytes]) -> Integers:
    """Those that were not looked at yet, which they are from now on."""
    keys = [place.tobytes() for place in places]
    fresh = np.array([key not in seen for key in keys], dtype=bool)
    seen.update(keys)
    return places[fresh]


def _root_of_covariance(x: Floats, values: Floats, root: Floats) -> Floats:
    """A root (d, d) of the covariance of a density on a lattice."""
    weights = np.exp(values - logsumexp(values))
    away = x - weights @ x
    size, vectors = np.linalg.eigh((weights[:, None] * away).T @ away)
    if not (np.isfinite(size).all() and size[0] > 1e-12 * size[-1]):
        return root
    return np.asarray(vectors * np.sqrt(size))
