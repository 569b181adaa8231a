"""A maximum over the parameters of a residual structure, and what is known around it."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property

import numpy as np

from hierbayes.design.products import Products
from hierbayes.errors import EstimationError
from hierbayes.estimation.climb import Optimum
from hierbayes.frames.arrays import Floats
from hierbayes.value import value

_NOTHING = 1e-4  # information on a coordinate, whose standard error then is 100
_FLAT = 3e-5  # of an eigenvalue of an information of unit diagonal: it is 0 but for differences


@value()
class AtCoordinates:
    """The maximum over G and σ at coordinates z of a residual structure.

    Parameters
    ----------
    z : (k,) float
    value : float
        ℓ in the internal units of y, with −½ log|R|.
    optimum : Optimum
    products : CrossProducts or SparseProducts
        Weighted.
    """

    z: Floats
    value: float
    optimum: Optimum
    products: Products


type Beside = tuple[tuple[AtCoordinates, AtCoordinates], ...]


@value(slots=False)
class ResidualMaximum:
    """The maximum over all variance parameters.

    Parameters
    ----------
    best : AtCoordinates
    slope : (k,) float
        ∂ℓ/∂z there.
    around : callable
        What `information` and `beside` are; looked at when they are first asked for.
    step : float
    evaluations : int
        How many z were looked at on the way.
    higher : float
        By how much ℓ was seen to be higher elsewhere, where it has no maximum inside.
    """

    best: AtCoordinates
    slope: Floats
    around: Callable[[], tuple[Floats, Beside]]
    step: float
    evaluations: int
    higher: float = 0.0

    @cached_property
    def _around(self) -> tuple[Floats, Beside]:
        return self.around()

    @property
    def information(self) -> Floats:
        """−∂²ℓ/∂z² (k, k) with G, σ and γ maximised."""
        return self._around[0]

    @property
    def beside(self) -> Beside:
        """A step of ``step`` before and after, by coordinate."""
        return self._around[1]

    @property
    def curvature(self) -> Floats:
        """The diagonal (k,) of the information; 0 where there is no ℓ beside the maximum."""
        try:
            return np.diag(self.information)
        except EstimationError:
            return np.zeros(len(self.best.z))

    @property
    def is_told(self) -> bool:
        """Whether the data tell the parameters apart: the information is definite in its units."""
        own = self.curvature
        if not len(own):
            return True
        if own.min() < _NOTHING:
            return False
        size = np.sqrt(own)
        scaled = self.information / np.outer(size, size)
        return bool(np.linalg.eigvalsh(scaled)[0] > _FLAT)


def known(information: Floats, beside: Beside) -> tuple[Floats, Beside]:
    """What is around a maximum where it has been looked at."""
    return information, beside
