"""REML and ML where the variances of all errors are known: a search over G alone.

Rows are divided by the standard deviations of their errors, so that σ is 1.  The free parameters
are the entries of a root of G° by block, in units of the noise of an effect; a column that the
likelihood wants to be empty is so.  The noise is that of the rows that are known best: where they
are known far better than others, a search begins in larger units too, up to the spread of the
response.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from hierbayes.design.blocks import block_slices, free_entries
from hierbayes.design.products import Products
from hierbayes.errors import EstimationError
from hierbayes.estimation.climb import Optimum
from hierbayes.estimation.newton import minimise
from hierbayes.estimation.pivoted_triangle import factorise
from hierbayes.frames.arrays import Floats
from hierbayes.likelihood.covariance import block_mask
from hierbayes.likelihood.of_products import likelihood_of
from hierbayes.likelihood.reading import Reading
from hierbayes.likelihood.theta import Theta

_STARTS = (1.0, 0.1, 4.0)  # of the noise of an effect
_FAR = 16.0  # in units of the noise: too far to step to
_EMPTY = 1e-3  # of the noise: a root whose columns are so short may as well be 0
_LOST = 1e-9  # of the log-likelihood, by which making them 0 may be lower

_HALVINGS = 50  # of the range in which a limit is


class _KnownErrors:
    """The log-likelihood of a root of G°, and where it was computed."""

    def __init__(self, cross: Products, blocks: tuple[int, ...], reading: Reading) -> None:
        self.cross, self.blocks, self.reading = cross, blocks, reading
        self.sigma = 1.0 / cross.basis.scale
        self.at = free_entries(blocks)
        self.unit = (cross.noise * self.sigma)[self.at[0]]
        self.likelihood = likelihood_of(cross, reading)
        self.calls = 0

    def in_larger_units(self) -> list[_KnownErrors]:
        """The same in units between the noise and the spread of the response, far apart."""
        ratio = 1.0 / self.unit
        largest = float(ratio.max(initial=1.0))
        steps = int(np.ceil(np.log(largest) / np.log(_FAR))) if largest > _FAR else 0
        found = []
        for k in range(1, steps + 1):
            other = _KnownErrors(self.cross, self.blocks, self.reading)
            other.unit = self.unit * np.maximum(ratio, 1.0) ** (k / steps)
            found.append(other)
        return found

    def least(self, sizes: tuple[float, ...]) -> tuple[float, Floats]:
        """The least deviance found from uncorrelated effects of these sizes, and where (k,)."""
        rows, columns = self.at
        found = []
        for size in sizes:
            start = np.where(rows == columns, size, 0.0)
            found.append(minimise(self.deviance, start, np.zeros(len(rows), dtype=np.bool_)))
        best = min(found, key=lambda one: one.value)
        return best.value, best.x

    def root(self, x: Floats) -> Floats:
        """The root (q, q) of free entries x (k,) in its units."""
        root = np.zeros((sum(self.blocks),) * 2)
        root[self.at] = x * self.unit
        return root

    def entries(self, root: Floats) -> Floats:
        """The free entries of a triangular root."""
        return np.asarray(root[self.at] / self.unit)

    def deviance(self, x: Floats) -> tuple[float, Floats]:
        """−2ℓ and its gradient (k,)."""
        self.calls += 1
        prior = self.likelihood.gamma_prior
        value, slopes = self.likelihood.search(self.root(x), self.sigma, prior.mean)
        return -2.0 * value, -2.0 * slopes.root[self.at] * self.unit

    def emptied(self, x: Floats) -> Floats:
        """With columns of no variance at 0, where that is no worse."""
        root = self.root(x) / self.sigma
        triangle = factorise(root @ root.T, self.blocks, self.cross.noise / _EMPTY * 1e-5)
        Gamma = triangle.root @ triangle.root.T
        small = np.sqrt(np.diag(Gamma)) < _EMPTY * self.cross.noise
        Gamma[small] = 0.0
        Gamma[:, small] = 0.0
        made = self.entries(_lower(Gamma * self.sigma**2, self.blocks))
        return made if self.deviance(made)[0] <= self.deviance(x)[0] + 2.0 * _LOST else x


def maximise_known_errors(cross: Products, blocks: tuple[int, ...], reading: Reading) -> Optimum:
    """The maximum of the restricted (or full) likelihood over G, σ being 1.

    Parameters
    ----------
    cross : CrossProducts or SparseProducts
        Of rows divided by the standard deviations of their errors.
    blocks : tuple of int
        Sizes of the diagonal blocks of G.
    reading : Reading
        ``REML`` or ``ML``.

    Raises
    ------
    EstimationError
        When no search ends at a maximum.
    """
    search = _KnownErrors(cross, blocks, reading)
    if not blocks:
        return _without_effects(search)
    tried = [(*search.least(_STARTS), search)]
    tried += [(*one.least(_STARTS[:1]), one) for one in search.in_larger_units()]
    calls = sum(one.calls for *_, one in tried)
    least, x, search = min(tried, key=lambda one: one[0])
    if not np.isfinite(least):
        raise EstimationError("the likelihood cannot be evaluated: check the scale of the effects")
    x = search.emptied(x)
    value, gradient = search.deviance(x)
    root = search.root(x)
    theta = Theta.from_internal(root, search.sigma, cross.basis)
    state = search.likelihood.at(theta)
    M = np.where(block_mask(blocks), state.relative_score, 0.0)
    J = np.concatenate([np.full(level.q, float(level.J)) for level in cross.levels])
    pull = np.sqrt(2.0 / J) * cross.noise
    largest = np.abs(root).max(axis=0)
    return Optimum(
        reading=reading,
        theta=theta,
        gamma=state.gamma,
        value=-0.5 * value,
        gradient=float(np.abs(0.5 * gradient).max()),
        ascent=float(np.linalg.eigvalsh(M * np.outer(pull, pull))[-1]),
        singular=bool((largest == 0.0).any()),
        evaluations=calls,
    )


def _without_effects(search: _KnownErrors) -> Optimum:
    """Weighted least squares: no parameter is searched for."""
    value, _ = search.deviance(np.empty(0))
    theta = Theta.from_internal(np.zeros((0, 0)), search.sigma, search.cross.basis)
    return Optimum(
        reading=search.reading,
        theta=theta,
        gamma=search.likelihood.at(theta).gamma,
        value=-0.5 * value,
        gradient=0.0,
        ascent=0.0,
        singular=False,
        evaluations=search.calls,
    )


def limits_of_sd(
    cross: Products, blocks: tuple[int, ...], reading: Reading, theta: Theta, size: float
) -> tuple[float, float]:
    """Limits of the standard deviation of the only random effect, by the profile likelihood.

    Those at which −2ℓ is greater than at its least by ``size``, γ at its best (or integrated out):
    exact, as σ is known and there is no other parameter.  The lower one is 0 where τ = 0 is inside.

    Parameters
    ----------
    cross, blocks, reading
        As in `maximise_known_errors`; of one effect.
    theta : Theta
        The maximum.
    size : float
        A quantile of χ² with 1 degree of freedom.

    References
    ----------
    Hardy & Thompson (1996), *A likelihood approach to meta-analysis with random effects*,
    doi:10.1002/(SICI)1097-0258(19960330)15:6<619::AID-SIM188>3.0.CO;2-A.
    """
    search = _KnownErrors(cross, blocks, reading)
    best = abs(float(search.entries(theta.internal(cross.basis)[0])[0]))
    least = search.deviance(np.array([best]))[0]

    def above(x: float) -> float:
        return search.deviance(np.array([x]))[0] - least - size

    far = 2.0 * max(best, 1.0)
    while above(far) < 0.0:
        far *= 2.0
    upper = _crossing(above, best, far)
    lower = 0.0 if above(0.0) <= 0.0 else _crossing(above, best, 0.0)
    unit = Theta.from_internal(search.root(np.ones(1)), search.sigma, cross.basis)
    sd = float(np.sqrt(unit.G[..., 0, 0]).item())
    return lower * sd, upper * sd


def _crossing(above: Callable[[float], float], inside: float, outside: float) -> float:
    """Where a function that is below 0 inside comes to 0, by halving."""
    for _ in range(_HALVINGS):
        middle = 0.5 * (inside + outside)
        inside, outside = (middle, outside) if above(middle) <= 0.0 else (inside, middle)
    return 0.5 * (inside + outside)


def _lower(G: Floats, blocks: tuple[int, ...]) -> Floats:
    """A lower triangular root (q, q) of a covariance matrix, 0 in columns of no variance."""
    root = np.zeros_like(G)
    for at in block_slices(blocks):
        left = G[at, at].copy()
        for k in range(len(left)):
            if left[k, k] > 1e-14 * max(G[at, at][k, k], 1e-300) and G[at, at][k, k] > 0.0:
                column = left[:, k] / np.sqrt(left[k, k])
                column[:k] = 0.0
                root[at, at][:, k] = column
                left -= np.outer(column, column)
    return root
