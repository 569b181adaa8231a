"""One search over the parameters of a residual structure, G and σ: where its beginning leads.

At given parameters of the structure the likelihood is that of weighted rows, whose maximum over G
is exact, boundary included (`reml`).  What is left is a smooth function of a few coordinates z,
with its slope by Fisher's identity.
"""

from __future__ import annotations

import math
from dataclasses import replace
from functools import partial

import numpy as np

from hierbayes.design.residual_moments import LOST, ResidualMoments
from hierbayes.errors import DataError, EstimationError
from hierbayes.estimation.climb import NEGLIGIBLE, of_few_groups
from hierbayes.estimation.joint_climb import Climb, JointMaximum, climb_together
from hierbayes.estimation.joint_optimum import optimum_of
from hierbayes.estimation.joint_spots import Begun
from hierbayes.estimation.near_climb import climb_near
from hierbayes.estimation.residual_edges import edges_above
from hierbayes.estimation.residual_optimum import AtCoordinates, Beside, ResidualMaximum, known
from hierbayes.estimation.residual_search import STEP, ResidualSearch
from hierbayes.frames.arrays import Floats
from hierbayes.likelihood.reading import Reading

_MOST_STEPS = 60
_SOME_GROUPS = 2000  # in which a search of very many begins
_UNSEEN = 1e-7  # gain of ℓ that may be lost in its rounding; slopes have more digits
_LAST = 2e-11  # gain of ℓ that ends a search near its end: 1e-5 standard errors
_OTHERS = 3  # maxima over G that are climbed, if each is left for a higher one
HIGHER = 1e-8  # ℓ, of a maximum that is another one
_LONGEST = 1.5  # a step in coordinates


def search_from(
    moments: ResidualMoments,
    blocks: tuple[int, ...],
    reading: Reading,
    begun: Floats | tuple[Climb, JointMaximum] | None = None,
) -> ResidualMaximum:
    """That which a search from the start of the coordinates ends at, or from elsewhere.

    That is from other coordinates, or from where a climb over all parameters has ended.

    Raises
    ------
    DataError, EstimationError
        When the likelihood cannot be evaluated where it begins.
    """
    search = ResidualSearch(moments, blocks, reading)
    z = begun if isinstance(begun, np.ndarray) else moments.rows.start
    if isinstance(begun, tuple):
        found = _ended(search, *begun, NEGLIGIBLE if blocks else _LAST * search.width)
    else:
        found = _of_all_at_once(search)
    here = _begin(search, z) if found is None else found[0]
    for _ in range(_OTHERS):
        if found is not None:
            here, slope = found
            around = partial(_curvature, search, here)
        else:
            here, slope = _climb(search, here, None, search.close)
            here, slope, information, beside = _polish(search, here, slope)
            around = partial(known, information, beside)
        if not (blocks and of_few_groups(here.products, blocks).any()):
            break
        search.keep(here)
        there, found = search.at(here.z, others=True), None
        if there is None or there.value <= here.value + HIGHER:
            break
        here = there
    for edge in edges_above(search, here):
        here, slope = _climb(search, edge, None, search.close)
        here, slope, information, beside = _polish(search, here, slope)
        around = partial(known, information, beside)
    return ResidualMaximum(here, slope, around, STEP, search.calls)


def _begin(search: ResidualSearch, z: Floats) -> AtCoordinates:
    """Where a search over z alone begins."""
    here = search.at(z)
    if here is not None:
        return here
    text, weighted = search.moments.rows.structure.text, search.weighted
    if weighted is not None and math.isfinite(weighted.half_log_det):
        raise DataError(
            "the residual variance is zero, or too small beside the random effects to be told from "
            f"rounding: with {text} less than {math.sqrt(LOST):.1g} of the spread of the response "
            "is not computed with; use fewer random effects, look for a copy of the response among "
            "the predictors, or leave residual= out"
        )
    raise EstimationError(f"the likelihood cannot be evaluated at the start of {text}")


def _of_all_at_once(search: ResidualSearch) -> tuple[AtCoordinates, Floats] | None:
    """The maximum, and the slope there, by a climb over all parameters; None where none is found.

    Of very many groups it begins at the maximum of some, so near to that of all that few steps are
    left, with the curvature that some tell.
    """
    moments, blocks, reading = search.moments, search.blocks, search.reading
    if len(moments.design.factors) > 1 or not len(moments.rows.start):
        return None
    if (some := moments.thinned(_SOME_GROUPS) if blocks else None) is not None:
        near = _climbed(ResidualSearch(some, blocks, reading))
        if near is not None:
            first = replace(near[1], whole=near[1].whole / some.share)
            climbed = climb_near(moments, blocks, reading, first)
            if climbed is not None:
                search.least = _LAST
                return _ended(search, *climbed, _LAST)
    climbed = _climbed(search)
    if climbed is None:
        return None
    return _ended(search, *climbed, NEGLIGIBLE if blocks else _LAST * search.width)


def _ended(
    search: ResidualSearch, climb: Climb, joint: JointMaximum, close: float
) -> tuple[AtCoordinates, Floats] | None:
    """The maximum where a climb over all parameters ended, up to such a gain."""
    found = optimum_of(climb, joint, close)
    if found is None:
        return _settled(search, joint)
    search.calls += climb.calls
    return found


def _climbed(search: ResidualSearch) -> tuple[Climb, JointMaximum] | None:
    """A climb over all parameters at once, and where it ended; None where that is no maximum."""
    climb = Climb(search.moments, search.blocks, search.reading)
    joint = climb_together(climb)
    if joint is not None and search.moments.rows.correlation is not None and joint.on_face:
        climb, joint = _higher(search, climb, joint)
    if joint is None or not joint.converged:
        return None
    return (climb, joint) if joint.definite or joint.covariance is not None else None


def _higher(
    search: ResidualSearch, climb: Climb, joint: JointMaximum
) -> tuple[Climb, JointMaximum]:
    """The same, or a higher one from the best λ of the first z.

    Errors whose correlation hardly falls stand for effects of groups, so that a climb may end where
    they have taken the place of an effect, and another maximum leaves it there.
    """
    moments = search.moments
    first = search.at(moments.rows.start)
    if first is None:
        return climb, joint
    root = first.optimum.theta.relative(moments.basis)
    again = Climb(moments, search.blocks, search.reading)
    other = climb_together(again, Begun(first.z, 1.0, root))
    if other is None or not other.converged:
        return climb, joint
    search.calls += other.evaluations
    is_higher = not joint.converged or other.value > joint.value + HIGHER
    return (again, other) if is_higher else (climb, joint)


def _settled(search: ResidualSearch, joint: JointMaximum) -> tuple[AtCoordinates, Floats] | None:
    """The maximum beside where a climb over all parameters ended, and the slope there.

    It is so near that secants alone lead to all digits, and mostly there is nothing left to gain.
    """
    search.calls += joint.evaluations
    search.near = joint.root
    if (here := search.at(joint.z)) is None:
        search.near = None
        return None
    close = _LAST * search.width
    slope = search.slope(here)
    if joint.promised(slope) < close:
        search.keep(here)
        return here, slope
    return _climb(search, here, joint.covariance, close)


def _climb(
    search: ResidualSearch, here: AtCoordinates, H: Floats | None, close: float
) -> tuple[AtCoordinates, Floats]:
    """Quasi-Newton steps (BFGS) until none gains as much, from an inverse of the information."""
    search.keep(here)
    slope = search.slope(here)
    if H is None:
        H = np.eye(len(slope)) / max(float(np.linalg.norm(slope)), 1.0)
    last = np.inf
    for _ in range(_MOST_STEPS):
        step = H @ slope
        step *= min(1.0, _LONGEST / max(float(np.abs(step).max()), 1e-300))
        gain = float(step @ slope)
        unseen = gain < _UNSEEN
        if gain < close or (unseen and gain > 0.5 * last):
            return here, slope
        there = search.at(here.z + step) if unseen else _rise(search, here, step, gain)
        last = gain
        if there is None:
            return here, slope
        search.keep(there)
        new = search.slope(there)
        moved, turned = there.z - here.z, slope - new
        here, slope = there, new
        if (curved := float(moved @ turned)) > 1e-12:
            V = np.eye(len(moved)) - np.outer(moved, turned) / curved
            H = V @ H @ V.T + np.outer(moved, moved) / curved
    return here, slope


def _rise(
    search: ResidualSearch, here: AtCoordinates, step: Floats, gain: float
) -> AtCoordinates | None:
    """A point along a step that is higher by a share of what was to be gained."""
    share = 1.0
    for _ in range(30):
        there = search.at(here.z + share * step)
        if there is not None and there.value >= here.value + 1e-4 * share * gain:
            return there
        share *= 0.3
    return None


def _polish(
    search: ResidualSearch, here: AtCoordinates, slope: Floats
) -> tuple[AtCoordinates, Floats, Floats, Beside]:
    """Newton steps with the curvature by differences of the slope, until they are rounding."""
    for _ in range(4):
        information, beside = _curvature(search, here)
        if (np.linalg.eigvalsh(information) <= 0.0).any() or not len(slope):
            break
        step = np.linalg.solve(information, slope)
        gain = float(step @ slope)
        if gain < 1e-14:
            break
        there = search.at(here.z + step)
        if there is None or there.value < here.value - 1e-10:
            break
        search.keep(there)
        here, slope = there, search.slope(there)
        if gain < search.close:  # so near that the curvature there is the same
            break
    return here, slope, information, beside


def _curvature(search: ResidualSearch, here: AtCoordinates) -> tuple[Floats, Beside]:
    """The information (k, k) by differences, and what lies a step before and after."""
    search.keep(here)
    k = len(here.z)
    information = np.eye(k)  # of a parameter at a limit, along whose coordinate nothing moves
    moving = search.moments.rows.moving(here.z)
    beside = []
    for i in range(k):
        if not moving[i]:
            beside.append((here, here))
            continue
        before, after = search.beside(here, i)
        information[:, i] = (search.slope(before) - search.slope(after)) / (2.0 * STEP)
        beside.append((before, after))
    return 0.5 * (information + information.T), tuple(beside)
