r"""The climb over λ and the parameters of a residual structure together, of one grouping factor.

Γ = λλ', λ lower triangular, and z: the profiled likelihood of both has its slope and its
curvature from one pass over the groups (`structured_point`), so that the steps are Newton's, in a
trust region.
"""

from __future__ import annotations

import math
from functools import cached_property
from typing import NamedTuple

import numpy as np

from hierbayes.design.blocks import free_entries
from hierbayes.design.residual_moments import ResidualMoments
from hierbayes.estimation.joint_likelihood import NO_WEIGHTS, JointLikelihood
from hierbayes.estimation.joint_spots import (
    FACE,
    Begun,
    Ground,
    Room,
    Spot,
    Weights,
    is_inside,
    write_start,
)
from hierbayes.estimation.joint_walk import (
    AT_END,
    CLIMB,
    CONVERGED,
    COUNT,
    DEFINITE,
    END,
    FAR,
    GAIN,
    LENGTH,
    LOG_DET,
    LOOKED,
    NOWHERE,
    RADIUS,
    STEP,
    UNKNOWN,
    VALUE,
    walk,
)
from hierbayes.estimation.scoring import scored
from hierbayes.estimation.trust_region import best_step, newton_step
from hierbayes.frames.arrays import Floats
from hierbayes.likelihood.covariance import block_mask
from hierbayes.likelihood.reading import REML, Reading
from hierbayes.likelihood.structured_cells import upper_triangles
from hierbayes.residuals.bound_values import GIVEN
from hierbayes.value import value

_UNBENT = np.zeros((0, 0, 0))


@value(slots=False)
class JointMaximum:
    """Where a climb over λ and z came to.

    Parameters
    ----------
    z : (k,) float
    root : (q, q) float
        λ.
    evaluations : int
    converged : bool
        Whether no step gains any more.
    definite : bool
        Whether ``whole`` is positive definite, and not nearly flat.
    value : float
        ℓ, but for a constant.
    unit : (n,) float
        Of the entries of λ and of z, n together.
    whole : (n, n) float
        −∂²ℓ of them, in these units, or of entries of Γ in place of those of λ.
    """

    z: Floats
    root: Floats
    evaluations: int
    converged: bool
    definite: bool
    value: float
    unit: Floats
    whole: Floats

    def promised(self, slope: Floats) -> float:
        """s'Hs of a slope s (k,) by z, H the `covariance`; nan where ℓ is nearly flat."""
        m = len(self.unit) - len(slope)
        return 2.0 * newton_step(np.concatenate([np.zeros(m), slope]), self.whole)[2]

    @cached_property
    def covariance(self) -> Floats | None:
        """Inverse (k, k) of −∂²ℓ/∂z² with λ at its best; None where that is not definite."""
        m = len(self.unit) - len(self.z)
        if self.definite:  # of all together, and so of a part with the others at their best
            found: Floats = np.linalg.inv(self.whole)[m:, m:]
            return found
        own = _of_z(self.whole, m)
        return np.linalg.inv(own) if np.linalg.eigvalsh(own)[0] > 0.0 else None

    @property
    def on_face(self) -> bool:
        """Whether λ lacks a direction, or nearly does."""
        if is_inside(self.root):
            return False
        sizes = np.linalg.svd(self.root, compute_uv=False)
        return bool((sizes < FACE * (1.0 + sizes.max(initial=0.0))).any())


class Point(NamedTuple):
    """ℓ with its slope (n,) and −∂²ℓ (n, n), n = m + k, at some λ and z."""

    root: Floats
    z: Floats
    value: float
    slope: Floats
    information: Floats


class Climb:
    """The likelihood of (λ, z), in units of λ that a start gives.

    Parameters
    ----------
    moments : ResidualMoments
        Of one grouping factor.
    blocks : tuple of int
    reading : Reading
    """

    def __init__(self, moments: ResidualMoments, blocks: tuple[int, ...], reading: Reading) -> None:
        self.moments, self.blocks, self.reading = moments, blocks, reading
        entries = self.rows, self.columns = free_entries(blocks)
        k = len(moments.rows.start)
        self.unit = np.ones(len(self.rows) + k)
        cells, groups, class_of, J = moments.kernel_cells
        q, d, n = sum(blocks), math.isqrt(cells.shape[1]), moments.share * moments.n
        upper = upper_triangles(cells, d)
        mask, restricted = block_mask(blocks), reading == REML
        self.likelihood = JointLikelihood(
            Ground(upper, groups, class_of, *entries, mask, moments.response_sizes, n, restricted),
            moments.rows.kernel(moments.classes, moments.share),
            Room.of(J, q, d - q, len(self.unit), k),
        )
        self.calls = 0
        self.half_log_det = math.nan  # ½ log|R| of the last point
        self.at_end: Point | None = None  # where it has ended, if it has looked there

    def start(self, begun: Begun | None) -> tuple[Floats, Floats] | None:
        """λ, by default by scoring, and z to begin with; None where ℓ cannot be computed there."""
        likelihood, z = self.likelihood, self.moments.rows.start if begun is None else begun.z
        if not self.blocks:
            return np.zeros((0, 0)), z.copy()
        given = self._weights(z, curved=False)
        J, q, m = likelihood.room.turned.shape
        own = self.moments.cells[:, : q * (q + m + 1) : q + m + 1]  # diagonals of Z_j'R_j⁻¹Z_j
        noise = np.sqrt(J / (given.values[self.moments.class_of] @ own))
        if not np.isfinite(noise).all():
            return None
        root_of_noise = np.diag(noise)
        first = np.empty_like(root_of_noise)
        if begun is not None and begun.root is None:  # of no use for scoring
            Gamma = begun.size**2 * root_of_noise * root_of_noise
            write_start(Gamma, Gamma, noise, self.rows, self.unit, first)
            return first, z.copy()
        value, curvature = likelihood.scored(root_of_noise, z, self.unit, given)
        if not math.isfinite(value):
            return None
        # σ held: errors that stand for effects are not passed by, see `residual_climb`
        squared = root_of_noise * root_of_noise
        Gamma = scored(squared, curvature, self.blocks, noise, J, holds_sigma=True)
        of_first = Gamma
        if begun is not None and begun.root is not None:
            of_first = begun.size**2 * begun.root @ begun.root.T
        write_start(of_first, Gamma, noise, self.rows, self.unit, first)
        return first, z.copy()

    def given(self, z: Floats, *, curved: bool = True) -> Weights | None:
        """Weights at z where only Python makes them."""
        return self._weights(z, curved=curved) if self.likelihood.law.kind == GIVEN else None

    def _weights(self, z: Floats, *, curved: bool) -> Weights:
        """Weights at z, the second derivatives where they are asked for."""
        rows, classes = self.moments.rows, self.moments.classes
        found = rows.with_bends(z, classes) if curved else (*rows.with_slopes(z, classes), _UNBENT)
        if self.moments.share != 1.0:
            for part in found[: 3 if curved else 2]:
                part[-1] *= self.moments.share
        return Weights(*found)

    def at(self, root: Floats, z: Floats, *, curved: bool = True) -> Point | None:
        """ℓ there, with its curvature or without; None where it cannot be computed."""
        self.calls, self.at_end = self.calls + 1, None
        given = self.given(z, curved=curved)
        found = self.likelihood.at(root, z, self.unit, given, curved=curved)
        self.half_log_det = 0.5 * found.log_det
        return Point(root, z, *found[:3]) if math.isfinite(found.value) else None

    def slope(self, here: Point) -> Floats:
        """∂ℓ (n,) by the coordinates in which steps are."""
        return here.slope

    def moved(self, here: Point, step: Floats) -> tuple[Floats, Floats]:
        """λ and z where a step leads."""
        m = len(self.rows)
        if not m:
            return here.root, here.z + step
        root = here.root.copy()
        root[self.rows, self.columns] += step[:m] * self.unit[:m]
        return root, here.z + step[m:]

    def stopped(self, here: Spot, there: Spot, step: Floats, numbers: Floats) -> JointMaximum:
        """What a walk that has ended says, which has looked there if it has come to a maximum."""
        found, B = numbers.tolist(), here.information
        last = Step(step, found[GAIN], bool(found[DEFINITE]))
        if not math.isfinite(value := found[AT_END]):
            at = Point(here.root, here.z, found[VALUE], here.slope, B)
            return self.ended(at, B, last, converged=bool(found[CONVERGED]))
        self.half_log_det = 0.5 * found[LOG_DET]
        self.at_end = Point(there.root, there.z, value, there.slope, there.information)
        value = found[VALUE] + last.gain
        return JointMaximum(there.z, there.root, self.calls, True, True, value, self.unit, B)

    def ended(self, here: Point, B: Floats, last: Step, *, converged: bool) -> JointMaximum:
        """What a climb that ends says, a step from here if it has converged.

        B is −∂²ℓ (n, n) in its units.
        """
        root, z, value = here.root, here.z, here.value
        if converged:
            (root, z), value = self.moved(here, last.step), value + last.gain
        return JointMaximum(z, root, self.calls, converged, last.definite, value, self.unit, B)


def climb_together(search: Climb, begun: Begun | None = None) -> JointMaximum | None:
    """A maximum over λ and z; None where no start serves.

    The last step is not looked behind: what is left to gain then is told by the two before.

    Parameters
    ----------
    search : Climb
    begun : Begun, optional
        Where, if not at the first z and the λ of a step of scoring.
    """
    start = search.start(begun)
    if start is None:
        return None
    (ground, law, room), n = search.likelihood.parts, len(search.unit)
    there, step, numbers = Spot(*start, np.zeros(n), np.zeros((n, n))), np.zeros(n), np.zeros(COUNT)
    here, task, numbers[AT_END] = Spot.of(len(there.root), n, len(there.z)), CLIMB, math.nan
    at, beside = tuple(here), tuple(there)
    while True:
        given = None if task == STEP else search.given(there.z, curved=task == CLIMB)
        by = tuple(given or NO_WEIGHTS)
        stopped = walk(ground, law, room, by, search.unit, at, beside, step, numbers, task)
        if stopped == FAR:
            _go_far(here, step, numbers)
            task = STEP
        elif stopped == UNKNOWN:
            task = END if numbers[CONVERGED] else CLIMB
        else:
            break
    search.calls += int(numbers[LOOKED])
    return None if stopped == NOWHERE else search.stopped(here, there, step, numbers)


class Step(NamedTuple):
    """A step (n,), and what a quadratic promises to gain by it.

    ``definite`` says whether there is a point at which the quadratic is highest.
    """

    step: Floats
    gain: float
    definite: bool


def _go_far(here: Spot, step: Floats, numbers: Floats) -> None:
    """Write the best step within the radius, where Newton's is far longer or there is none."""
    definite = not math.isnan(numbers[LENGTH])
    step[:], gain = best_step(here.slope, here.information, float(numbers[RADIUS]))
    numbers[LENGTH], numbers[GAIN], numbers[DEFINITE] = math.sqrt(step @ step), gain, definite


def _of_z(B: Floats, m: int) -> Floats:
    """−∂²ℓ by z (k, k) with the first m coordinates at their best."""
    if not m:
        return B
    try:
        moved = np.linalg.solve(B[:m, :m], B[:m, m:])
    except np.linalg.LinAlgError:  # an entry of λ that nothing depends on
        moved = np.linalg.pinv(B[:m, :m]) @ B[:m, m:]
    own: Floats = B[m:, m:] - B[m:, :m] @ moved
    return own
