"""REML and ML with a residual structure: the highest maximum that searches come to.

Mostly there is one, and one search finds it; where rows are few there may be several.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from hierbayes.design.residual_moments import ResidualMoments
from hierbayes.errors import DataError, EstimationError
from hierbayes.estimation.joint_climb import Climb, JointMaximum
from hierbayes.estimation.other_maxima import FEW_ROWS, climbs_elsewhere, starts_elsewhere
from hierbayes.estimation.residual_climb import HIGHER, search_from
from hierbayes.estimation.residual_optimum import ResidualMaximum
from hierbayes.estimation.residual_search import ResidualSearch
from hierbayes.frames.arrays import Floats
from hierbayes.likelihood.reading import Reading

_OTHER = 1e-6  # ℓ, of a maximum that is another one, where a climb has not yet its last digits
_MANY_ROWS, _MANY_NUMBERS = 600, 60_000  # beyond, looking for others takes a diagnosis too long
_MANY_PARAMETERS, _LOST = 36, 3  # with which a climb takes seconds, and how many may come nowhere
_SEEN = 1e-3  # ℓ, by which it is higher where it has no maximum, and not by rounding


def maximise_residual(
    moments: ResidualMoments, blocks: tuple[int, ...], reading: Reading
) -> ResidualMaximum:
    """The maximum over the parameters of the structure, G and σ.

    Raises
    ------
    EstimationError
        When the likelihood cannot be evaluated, or goes on rising to where a correlation is ±1.
    """
    best = search_from(moments, blocks, reading)
    for rows in moments.rows.elsewhere:
        best = _higher_of(best, replace(moments, rows=rows), blocks, reading, inside=False)
    if moments.n > FEW_ROWS or not _may_have_others(moments):
        return best
    return _highest(best, moments, blocks, reading)


def looked_elsewhere(
    found: ResidualMaximum, moments: ResidualMoments, blocks: tuple[int, ...], reading: Reading
) -> ResidualMaximum:
    """The highest maximum of more rows than those whose search has looked for others.

    Of very many that which was found: looking would take long, and there are hardly others.
    """
    within = FEW_ROWS < moments.n <= _MANY_ROWS and moments.cells.size <= _MANY_NUMBERS
    if not within or len(moments.design.factors) > 1 or not _may_have_others(moments):
        return found
    return _highest(found, moments, blocks, reading)


def _may_have_others(moments: ResidualMoments) -> bool:
    """Whether there are parameters of the errors, and a likelihood of them and not a sequence."""
    return len(moments.rows.start) > 0 and not moments.rows.structure.follows_fitted


def _highest(
    best: ResidualMaximum, moments: ResidualMoments, blocks: tuple[int, ...], reading: Reading
) -> ResidualMaximum:
    """The highest of a maximum and those to which searches from elsewhere lead.

    Where ℓ rises to a limit there is none, and the maximum says by how much ℓ is higher there.
    Of many parameters few more are tried where the first search and they come to none.
    """
    if len(moments.design.factors) > 1:
        search = ResidualSearch(moments, blocks, reading)
        for z in starts_elsewhere(search, best.best):
            best = _higher_of(best, moments, blocks, reading, z)
        return best
    many, lost = len(best.best.z) > _MANY_PARAMETERS, 0
    for climb, joint in climbs_elsewhere(moments, blocks, reading, best.best):
        best = replace(best, evaluations=best.evaluations + joint.evaluations)
        lost += not joint.converged
        if joint.value > _value(best) + _OTHER:
            if joint.converged and joint.covariance is not None:
                best = _higher_of(best, moments, blocks, reading, (climb, joint))
            best = _seen(best, joint.value)
        if many and lost >= _LOST and not _is_inside(best, moments):
            break
    return best


def _higher_of(
    best: ResidualMaximum,
    moments: ResidualMoments,
    blocks: tuple[int, ...],
    reading: Reading,
    begun: Floats | tuple[Climb, JointMaximum] | None = None,
    *,
    inside: bool = True,
) -> ResidualMaximum:
    """The higher of a maximum and one found from elsewhere, by default if that is inside."""
    try:
        with np.errstate(all="ignore"):  # far out weights may be no numbers
            other = search_from(moments, blocks, reading, begun)
    except (DataError, EstimationError):
        return best
    calls = best.evaluations + other.evaluations
    if not _value(other) > _value(best) + HIGHER:
        return replace(best, evaluations=calls)
    if inside and not _is_inside(other, moments) and _is_inside(best, moments):
        return _seen(replace(best, evaluations=calls), _value(other))
    return _seen(replace(other, evaluations=calls), _value(best) + best.higher)


def _is_inside(found: ResidualMaximum, moments: ResidualMoments) -> bool:
    """Whether the data tell all parameters there, and none is at a limit that is no covariance."""
    outside = moments.rows.beyond(found.best.z, found.curvature)
    return found.is_told and not bool(outside.any())


def _seen(best: ResidualMaximum, value: float) -> ResidualMaximum:
    """The same maximum, which knows that ℓ has such a value elsewhere."""
    higher = value - _value(best)
    return replace(best, higher=higher) if higher > max(best.higher, _SEEN) else best


def _value(found: ResidualMaximum) -> float:
    return found.best.value
