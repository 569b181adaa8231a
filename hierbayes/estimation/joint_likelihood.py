r"""The profiled likelihood of λ and of the parameters of the errors, with all a search asks for.

At weights c_k of classes, M_j = Σ_k c_k M_jk, one pass over the cells tells ℓ and its slope by the
entries of a relative root λ and by coordinates on which the c_k depend (`structured_sums`); what it
keeps of the groups is enough for the curvature.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from hierbayes.design.error_coefficients import ErrorKernel
from hierbayes.estimation.joint_spots import Ground, Room, Weights
from hierbayes.estimation.joint_walk import (
    AT_END,
    COUNT,
    CURVED,
    HELD,
    LOG_DET,
    SLOPED,
    Parts,
    walk,
)
from hierbayes.frames.arrays import Floats
from hierbayes.likelihood.profiled_curvature import Curvature
from hierbayes.residuals.bound_values import GIVEN
from hierbayes.value import value

NO_WEIGHTS = Weights(np.zeros(0), np.zeros((0, 0)), np.zeros((0, 0, 0)))


class Looked(NamedTuple):
    """ℓ at some λ and coordinates z.

    Parameters
    ----------
    value : float
        −inf where it cannot be computed.
    slope : (m + k,) float
        ∂ℓ by the m free entries of λ, then by z.
    information : (m + k, m + k) float
        −∂²ℓ of them; zeros where it was not asked for.
    log_det : float
        log|R|.
    """

    value: float
    slope: Floats
    information: Floats
    log_det: float


@value()
class JointLikelihood:
    """The profiled likelihood of λ and z, of one grouping factor.

    Parameters
    ----------
    ground : Ground
    law : ErrorKernel
        Of the weights of classes.
    room : Room
        Of the last point.
    """

    ground: Ground
    law: ErrorKernel
    room: Room

    @property
    def parts(self) -> tuple[Parts, Parts, Parts]:
        """As `walk` takes them."""
        return tuple(self.ground), tuple(self.law), tuple(self.room)

    def at(
        self,
        root: Floats,
        z: Floats,
        unit: Floats,
        given: Weights | None = None,
        *,
        curved: bool = True,
    ) -> Looked:
        """ℓ, its slope and, which takes longer than both, its curvature.

        Parameters
        ----------
        root : (q, q) float
            λ, lower triangular within blocks.
        z : (k,) float
        unit : (m + k,) float
            In which slope and curvature are meant, of the entries of λ and of z.
        given : Weights, optional
            In place of those of the law.
        curved : bool
            Whether −∂²ℓ is wanted.
        """
        return self._looked(root, z, unit, given, CURVED if curved else SLOPED)

    def scored(
        self, root: Floats, z: Floats, unit: Floats, given: Weights | None = None
    ) -> tuple[float, Curvature]:
        """ℓ, and its derivatives by Γ = λλ' with the weights of classes held."""
        value = self._looked(root, z, unit, given, HELD).value
        room, integrated = self.room, 1.0 if self.ground.restricted else 0.0
        freedom = self.ground.n - integrated * len(room.F)
        return value, Curvature(
            room.D, room.products, room.squares, integrated, freedom, room.score
        )

    def _looked(
        self, root: Floats, z: Floats, unit: Floats, given: Weights | None, much: int
    ) -> Looked:
        n, numbers = len(unit), np.zeros(COUNT)
        z = z if z.flags.writeable else z.copy()  # compiled code may write what a spot has
        slope, information = np.zeros(n), np.zeros((n, n))
        spot, (ground, law, room) = (root, z, slope, information), self.parts
        if given is not None:
            law = (GIVEN, *law[1:])
        weights = tuple(given or NO_WEIGHTS)
        walk(ground, law, room, weights, unit, spot, spot, slope, numbers, much)
        return Looked(float(numbers[AT_END]), slope, information, float(numbers[LOG_DET]))
