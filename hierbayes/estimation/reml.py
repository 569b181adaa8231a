"""REML and ML: the exact maximum of the collapsed likelihood, boundary included.

Where groups are many ℓ has one maximum, and one climb finds it; where those of a factor are few it
is climbed from several starts, which differ in the effects of that factor.  A singular Ĝ is a
finding, not an error.
"""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from hierbayes.design.blas_threads import with_few_blas_threads
from hierbayes.design.products import Products
from hierbayes.design.rows_root import has_root
from hierbayes.design.sparse_products import SparseProducts
from hierbayes.errors import DataError, EstimationError
from hierbayes.estimation.climb import NEGLIGIBLE, Optimum, Search, climb, of_few_groups
from hierbayes.estimation.sparse_steps import Place
from hierbayes.frames.arrays import Booleans, Floats
from hierbayes.likelihood.of_products import AnyProfile, profile_of
from hierbayes.likelihood.reading import REML, Reading
from hierbayes.likelihood.theta import Theta

_FAR_LARGER = 30.0  # variance of the effects, beside a start, that has a start of its own
LEAST_RESIDUAL = 3e-5  # σ beside y°, of several grouping factors: less is lost in products
EXACT = 1e-10  # the same where a root of the rows is at hand
_OTHER_SIZES = (0.5, 3.0)  # of the noise: where else a search begins


@with_few_blas_threads(lambda cross, *_, **__: cross)
def maximise(cross: Products, blocks: tuple[int, ...], reading: Reading = REML) -> Optimum:
    """The maximum of the restricted (or full) likelihood over G and σ.

    Parameters
    ----------
    cross : CrossProducts or SparseProducts
    blocks : tuple of int
        Sizes of the diagonal blocks of G.
    reading : Reading
        ``REML`` or ``ML``.

    Raises
    ------
    EstimationError
        When the likelihood cannot be evaluated anywhere near the start.
    DataError
        When σ is lost in rounding, with several grouping factors.
    """
    if not blocks:
        return _without_effects(cross, reading)[0]
    search = Search(cross, blocks, reading)
    first = search.begun() or _first(search)
    found: list[Optimum] = []
    if first is not None:
        found.append(climb(search, first))
    few = search.of_few_groups if found else np.ones(len(search.noise), dtype=np.bool_)
    for size in _OTHER_SIZES if np.count_nonzero(few) else ():
        start = search.at(_elsewhere(search, found, few, size))
        if np.isfinite(start[1].value):
            found.append(climb(search, search.place(*start), tuple(found)))
    if not found:
        raise EstimationError(
            "the likelihood cannot be evaluated: check the scale of the random effects"
        )
    best = max(found, key=lambda one: one.value)
    if not search.residual_can_vanish:
        refuse_lost_residual(cross, best.theta, by_roots=True)
    return best if best.evaluations == search.calls else replace(best, evaluations=search.calls)


def _first(search: Search) -> Place | None:
    """The highest of some points to begin at; None where ℓ is not finite."""
    first = search.at(np.diag(search.noise**2))
    if not math.isfinite(first[1].value):
        return None
    starts = [first, search.scored(*first)]
    if len(search.noise) > 1 and not all(map(any, starts[1][0].root.tolist())):
        starts.append(search.scored(*starts[1]))  # without what has no variance any more
    if (larger := search.ratio(first[1])) > _FAR_LARGER:
        starts.append(search.at(np.diag(larger * search.noise**2)))
    return search.place(*max(starts, key=lambda start: start[1].value))


def _elsewhere(search: Search, found: list[Optimum], few: Booleans, size: float) -> Floats:
    """Γ (Q, Q) far from a maximum in the effects of few groups, whose others stay there."""
    start = np.diag((size * search.noise) ** 2)
    if found and not few.all():
        root = found[0].theta.relative(search.cross.basis)
        start[np.ix_(~few, ~few)] = (root @ root.T)[np.ix_(~few, ~few)]
    return start


def _without_effects(cross: Products, reading: Reading) -> tuple[Optimum, AnyProfile]:
    """The optimum where there are no random effects, γ and σ in closed form; and ℓ there."""
    profile = profile_of(np.zeros((0, 0)), cross, reading)
    if not np.isfinite(profile.value):
        raise EstimationError("the likelihood cannot be evaluated: check the scale of the columns")
    theta = Theta.from_internal(profile.root, profile.sigma, cross.basis)
    gamma = cross.basis.gamma(profile.gamma)
    return Optimum(reading, theta, gamma, profile.value, 0.0, -np.inf, False, 1), profile


def refuse_lost_residual(cross: Products, theta: Theta, *, by_roots: bool) -> None:
    """Refuse a residual that is lost in rounding, with several grouping factors.

    Its square is what is left of y°'y°, the digits of which it takes in sums of squares; a root of
    the rows, where there is one and it is used (``by_roots``), holds far smaller ones.

    Raises
    ------
    DataError
        When σ is too small beside y°.
    """
    if not isinstance(cross, SparseProducts):
        return
    spread = math.sqrt(max(float(cross.C[-1, -1]), 0.0) / cross.n)
    ratio = float(theta.internal(cross.basis)[1]) / max(spread, 1e-300)
    if ratio >= LEAST_RESIDUAL:
        return
    rooted = has_root(cross)
    least = EXACT if by_roots and rooted else LEAST_RESIDUAL
    if not ratio >= least:
        where = " but by reml() and ml()" if rooted and not by_roots and ratio >= EXACT else ""
        raise DataError(
            "the residual variance is zero, or too small beside the random effects to be told "
            "from rounding: the fixed part and the effects of all grouping factors reproduce every "
            f"row but for {ratio:.1g} of the spread that the fixed part leaves, and with several "
            f"grouping factors less than {least:g} is not computed with{where}; use fewer random "
            "effects, or look for a copy of the response among the predictors"
        )


@with_few_blas_threads(lambda cross, *_, **__: cross)
def maximise_near(
    cross: Products,
    blocks: tuple[int, ...],
    reading: Reading,
    root: Floats,
    *,
    others: bool = True,
    least: float = NEGLIGIBLE,
) -> Optimum:
    """The maximum, looked for from a root λ (q, q) that is near it.

    Where few groups may leave several maxima, `maximise` is asked for the others as well.  A step
    that would gain less than ``least`` ends the search.
    """
    found = followed(cross, blocks, reading, root, least=least)
    if found is None:
        return maximise(cross, blocks, reading)
    near, _ = found
    if not (blocks and others and of_few_groups(cross, blocks).any()):
        return near
    far = maximise(cross, blocks, reading)
    best = far if far.value > near.value + 1e-9 else near
    return replace(best, evaluations=near.evaluations + far.evaluations)


@with_few_blas_threads(lambda cross, *_, **__: cross)
def followed(
    cross: Products, blocks: tuple[int, ...], reading: Reading, root: Floats, *, least: float
) -> tuple[Optimum, AnyProfile] | None:
    """The maximum reached from a root λ (q, q), and ℓ there; None where ℓ is not finite at first.

    A step that would gain less than ``least`` ends the search.
    """
    if not blocks:
        return _without_effects(cross, reading)
    search = Search(cross, blocks, reading)
    start = search.at(root @ root.T)
    if not np.isfinite(start[1].value):
        return None
    found = climb(search, search.place(*start), least=least)
    assert search.reached is not None
    return found, search.reached
