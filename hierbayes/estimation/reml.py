"""REML and ML: the exact maximum of the collapsed likelihood, boundary included.

The free parameters are the lower-triangular entries of the relative root λ
(G = σ²λλ') with a non-negative diagonal; σ and γ are profiled out.  λ = 0 and
every face of the cone of covariance matrices are stationary in that
parametrisation, so a stationary point is not taken for a maximum until the
condition on G itself holds: with M = ∂ℓ/∂G, MG = 0 and M negative semidefinite.
A singular Ĝ is a finding, not an error.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize

from hierbayes.design.crossproducts import CrossProducts
from hierbayes.errors import EstimationError
from hierbayes.frames.arrays import Booleans, Floats
from hierbayes.likelihood.collapsed import (
    group_score,
    profiled,
    reduce_groups,
    solve_gamma,
)
from hierbayes.likelihood.covariance import block_mask, cholesky_psd, free_entries
from hierbayes.likelihood.reading import ML, REML, Reading

_SNAP = 1e-5  # a relative standard deviation below this is tried at zero
_RESTARTS = 6
_MANY_GROUPS = 10  # for each free entry of λ: with more the likelihood has one maximum in practice
_ASCENT_TOLERANCE = 1e-6  # of the slope of the likelihood into the cone, relative


@dataclass(frozen=True, slots=True, eq=False)
class Optimum:
    """A maximum of the (restricted) likelihood, in the internal basis.

    Parameters
    ----------
    reading : Reading
        ``ML`` or ``REML``.
    root : (q, q) float
        λ̂, lower triangular but for the order of its rows within blocks.
    sigma : float
    value : float
        Log-likelihood in the internal units of y.
    gradient : float
        Largest |∂ℓ/∂λ| over entries that are free to move.
    ascent : float
        Largest eigenvalue of ∂ℓ/∂G over the blocks of G, relative to its size;
        not above zero (but for rounding) at a maximum on the boundary.
    singular : bool
        Whether Ĝ is singular.
    evaluations : int
    """

    reading: Reading
    root: Floats
    sigma: float
    value: float
    gradient: float
    ascent: float
    singular: bool
    evaluations: int


class _Objective:
    """−ℓ(λ) and its gradient as functions of the free entries, counting its calls."""

    def __init__(self, cross: CrossProducts, blocks: tuple[int, ...], reading: Reading) -> None:
        self.cross, self.reading = cross, reading
        self.rows, self.columns = free_entries(blocks)
        self.q = sum(blocks)
        self.owner = np.repeat(np.arange(len(blocks)), blocks)
        self.order = np.arange(self.q)  # in which λ is triangular
        self.at = (self.rows, self.columns)  # where the entries stand in λ
        self.calls = 0

    def root(self, entries: Floats) -> Floats:
        root = np.zeros((self.q, self.q))
        root[self.at] = entries
        return root

    def entries(self, G: Floats) -> Floats:
        """Entries of the root of a relative covariance G (q, q)."""
        triangle = cholesky_psd(G[np.ix_(self.order, self.order)])
        return np.asarray(triangle[self.rows, self.columns])

    def reorder(self, G: Floats) -> None:
        """Put the effects of each block in the order of their variances, largest first.

        An effect of no variance that stands first leaves the split of later variances
        over its column and their own undetermined: a ridge.
        """
        self.order = np.lexsort((-np.diag(G), self.owner))
        self.at = (self.order[self.rows], self.columns)

    def __call__(self, entries: Floats) -> tuple[float, Floats]:
        self.calls += 1
        cross = self.cross
        value, d_root, _, _ = profiled(
            self.root(entries), cross.A, cross.B, cross.C, cross.n, int(self.reading)
        )
        return -value, -d_root[self.at]


def maximise(cross: CrossProducts, blocks: tuple[int, ...], reading: Reading = REML) -> Optimum:
    """The maximum of the restricted (or full) likelihood over G and σ.

    Parameters
    ----------
    cross : CrossProducts
    blocks : tuple of int
        Sizes of the diagonal blocks of G.
    reading : Reading
        ``REML`` or ``ML``.

    Raises
    ------
    EstimationError
        When the likelihood cannot be evaluated anywhere near the start.
    """
    objective = _Objective(cross, blocks, reading)
    diagonal = objective.rows == objective.columns
    entries = _start(objective, diagonal)
    for _ in range(_RESTARTS):
        entries = _descend(objective, entries, diagonal)
        entries = _snap(objective, entries, diagonal)
        ascent, direction = _ascent(objective, entries, blocks)
        if ascent <= _ASCENT_TOLERANCE and not _steep(objective, entries, diagonal):
            break
        root = objective.root(entries)
        objective.reorder(root @ root.T)
        entries = _step_along(objective, root, direction)
    return _report(objective, entries, diagonal, ascent)


def maximise_near(
    cross: CrossProducts, blocks: tuple[int, ...], reading: Reading, root: Floats
) -> Optimum:
    """The maximum, looked for first by Newton steps from a root λ (q, q) that is near it.

    Where these do not end at a maximum over the whole cone, `maximise` is asked; so it is
    where few groups may leave several maxima, and the higher one is taken.
    """
    objective = _Objective(cross, blocks, reading)
    diagonal = objective.rows == objective.columns
    entries = objective.entries(root @ root.T)
    if np.isfinite(objective(entries)[0]):
        entries = _snap(objective, _newton(objective, entries, diagonal), diagonal)
        ascent, _ = _ascent(objective, entries, blocks)
        if ascent <= _ASCENT_TOLERANCE and not _steep(objective, entries, diagonal):
            near = _report(objective, entries, diagonal, ascent)
            if len(cross.A) > _MANY_GROUPS * len(entries):
                return near
            far = maximise(cross, blocks, reading)
            return far if far.value > near.value + 1e-9 else near
    return maximise(cross, blocks, reading)


def _ascent(
    objective: _Objective, entries: Floats, blocks: tuple[int, ...]
) -> tuple[float, Floats]:
    """Relative slope of the likelihood into the cone of covariances, and its direction (q,)."""
    score = covariance_score(objective.root(entries), objective.cross, objective.reading)
    size, vectors = np.linalg.eigh(np.where(block_mask(blocks), score, 0.0))
    return float(size[-1] / max(np.abs(size).max(), 1.0)), vectors[:, -1]


def _steep(objective: _Objective, entries: Floats, diagonal: Booleans) -> bool:
    """Whether an entry that is free to move has a slope."""
    free = ~(diagonal & (entries <= 0.0))
    return bool(np.abs(objective(entries)[1][free]).max(initial=0.0) > 1e-6)


def covariance_score(root: Floats, cross: CrossProducts, reading: Reading) -> Floats:
    """∂ℓ/∂(λλ') (q, q) at the profiled σ̂ and γ̂."""
    p = cross.C.shape[0] - 1
    _, _, sigma, gamma = profiled(root, cross.A, cross.B, cross.C, cross.n, int(reading))
    _, S, factors = reduce_groups(root, cross.A, cross.B, cross.C)
    _, F, _ = solve_gamma(S, 1.0, np.zeros((p, p)), np.zeros(p))
    if reading == ML:
        F = np.zeros((p, 0))
    score: Floats = group_score(factors, cross.A, cross.B, gamma, F, sigma)
    return score


def _start(objective: _Objective, diagonal: Booleans) -> Floats:
    """The best multiple of the identity on a coarse grid."""
    trials = [np.where(diagonal, scale, 0.0) for scale in (0.05, 0.2, 0.5, 1.5, 5.0)]
    values = [objective(trial)[0] for trial in trials]
    best = int(np.nanargmin(values)) if np.isfinite(values).any() else 0
    if not np.isfinite(values[best]):
        raise EstimationError(
            "the likelihood cannot be evaluated: check the scale of the random effects"
        )
    return trials[best]


def _descend(objective: _Objective, entries: Floats, diagonal: Booleans) -> Floats:
    """Truncated Newton to the neighbourhood of a minimum, then Newton to the digits.

    TNC, because it calls no BLAS: on a busy machine, threads of a BLAS waiting for
    each other make L-BFGS-B a hundred times slower on these few parameters.
    """
    found = minimize(
        objective,
        entries,
        jac=True,
        method="TNC",
        bounds=[(0.0 if on else None, None) for on in diagonal],
        options={"maxfun": 2000, "ftol": 1e-10, "gtol": 1e-5},
    )
    return _newton(objective, found.x, diagonal)


def _newton(objective: _Objective, entries: Floats, diagonal: Booleans) -> Floats:
    """Damped Newton steps on the entries that are off their bound."""
    value, gradient = objective(entries)
    for _ in range(12):
        free = ~(diagonal & (entries <= 0.0))
        if not free.any() or np.abs(gradient[free]).max() < 1e-9 * objective.cross.n**0.5:
            break
        hessian = _hessian(objective, entries, free)
        size = np.linalg.eigvalsh(hessian)
        damping = max(0.0, 1e-10 * size[-1] - size[0])
        step = np.linalg.solve(hessian + damping * np.eye(free.sum()), gradient[free])
        trial = entries.copy()
        trial[free] -= step
        trial[diagonal] = np.maximum(trial[diagonal], 0.0)
        new_value, new_gradient = objective(trial)
        improved = np.abs(new_gradient[free]).max() < np.abs(gradient[free]).max()
        if not (new_value < value or (improved and new_value < value + 1e-9)):
            break
        entries, value, gradient = trial, new_value, new_gradient
    return entries


def _hessian(objective: _Objective, entries: Floats, free: Booleans) -> Floats:
    """Central differences of the exact gradient over the free entries."""
    at = np.flatnonzero(free)
    columns = []
    for k in at:
        h = 1e-5 * max(1.0, abs(entries[k]))
        up, down = entries.copy(), entries.copy()
        up[k] += h
        down[k] -= h
        columns.append((objective(up)[1][at] - objective(down)[1][at]) / (2 * h))
    matrix = np.array(columns)
    return 0.5 * (matrix + matrix.T)


def _snap(objective: _Objective, entries: Floats, diagonal: Booleans) -> Floats:
    """Put small diagonal entries to zero where the likelihood does not mind."""
    value = objective(entries)[0]
    for k in np.flatnonzero(diagonal & (entries > 0.0) & (entries < _SNAP)):
        trial = entries.copy()
        trial[k] = 0.0
        trial = _newton(objective, trial, diagonal)
        trial_value = objective(trial)[0]
        if trial_value <= value + 1e-9:
            entries, value = trial, trial_value
    for k in objective.columns[diagonal]:
        column = objective.columns == k
        if 0.0 < np.abs(entries[column]).max() < _SNAP:
            trial = np.where(column, 0.0, entries)
            trial_value = objective(trial)[0]
            if trial_value <= value + 1e-9:
                entries, value = trial, trial_value
    return entries


def _step_along(objective: _Objective, root: Floats, direction: Floats) -> Floats:
    """Entries of the root of λλ' + t vv' for the best t on a coarse grid."""
    best, best_value = objective.entries(root @ root.T), np.inf
    for t in (0.0, *10.0 ** np.arange(-6.0, 1.0)):
        trial = objective.entries(root @ root.T + t * np.outer(direction, direction))
        value = objective(trial)[0]
        if value < best_value:
            best, best_value = trial, value
    return best


def _report(objective: _Objective, entries: Floats, diagonal: Booleans, ascent: float) -> Optimum:
    value, gradient = objective(entries)
    root = objective.root(entries)
    cross = objective.cross
    _, _, sigma, _ = profiled(root, cross.A, cross.B, cross.C, cross.n, int(objective.reading))
    free = ~(diagonal & (entries <= 0.0))
    return Optimum(
        reading=objective.reading,
        root=root,
        sigma=float(sigma),
        value=-float(value),
        gradient=float(np.abs(gradient[free]).max(initial=0.0)),
        ascent=ascent,
        singular=bool((entries[diagonal] <= 0.0).any()),
        evaluations=objective.calls,
    )
