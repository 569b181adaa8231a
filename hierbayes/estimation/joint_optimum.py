"""The optimum where a climb over all parameters has ended: its last digits, and what a fit keeps.

Passes over the groups that compute the slope alone take half of the time of those with curvature,
and so near to the maximum that of the last point serves.
"""

from __future__ import annotations

import math

import numpy as np

from hierbayes.estimation.climb import Optimum, largest_ascent
from hierbayes.estimation.joint_climb import Climb, JointMaximum, Point
from hierbayes.estimation.residual_optimum import AtCoordinates
from hierbayes.estimation.trust_region import newton_step
from hierbayes.frames.arrays import Floats
from hierbayes.likelihood.theta import Theta

_FEW_STEPS = 4


def optimum_of(
    climb: Climb, joint: JointMaximum, close: float
) -> tuple[AtCoordinates, Floats] | None:
    """The maximum, and ∂ℓ/∂z (k,) there; None where other ways have to be gone.

    Parameters
    ----------
    climb : Climb
        Which ended in it, and whose units are those of ``joint``; what it knows of the groups is
        what the fit keeps.
    joint : JointMaximum
    close : float
        Gain of ℓ that may be left.
    """
    if not joint.definite or joint.on_face:
        return None
    here, steps = _settled(climb, joint, close)
    if here is None:
        return None
    moments, room, m = climb.moments, climb.likelihood.room, len(climb.rows)
    sigma, slope = float(room.gamma[-1]), climb.slope(here)
    gradients = np.abs(slope[:m]) / np.sqrt(joint.whole.diagonal()[:m]) if m else slope[:0]
    optimum = Optimum(
        reading=climb.reading,
        theta=Theta.from_internal(here.root * sigma, sigma, moments.basis),
        gamma=moments.basis.gamma(room.gamma[:-1]),
        value=here.value + climb.half_log_det,
        gradient=max(gradients.tolist(), default=0.0),
        ascent=largest_ascent(room.score, room.D.diagonal(), climb.blocks) if m else -math.inf,
        singular=False,
        evaluations=steps,
    )
    products = moments.of_roots(room.R, room.T, room.W) or moments.at(here.z).products
    return AtCoordinates(here.z, here.value, optimum, products), here.slope[m:]


def _settled(climb: Climb, joint: JointMaximum, least: float) -> tuple[Point | None, int]:
    """The point from where no step gains as much, and how many were looked at."""
    root, z, here = joint.root, joint.z, climb.at_end
    if here is not None and (here.root is not root or here.z is not z):
        here = None
    for steps in range(1, _FEW_STEPS + 1):
        here = climb.at(root, z, curved=False) if here is None else here
        if here is None:
            break
        step, _, gain = newton_step(climb.slope(here), joint.whole)
        if gain < least:
            return here, steps
        (root, z), here = climb.moved(here, step), None
    return None, _FEW_STEPS
