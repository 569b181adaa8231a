"""Points at which compiled code looks for a mode of random effects, and what it finds there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from hierbayes.frames.arrays import Floats, Integers

DECREMENT = 1e-22  # of half the squared length of a Newton step, beside the log density
MODE, GRADIENT, MOVES = range(3)  # what is wanted, each with what stands before it
_NOTHING = np.zeros((2, 0), dtype=np.int64)


class ModeSearch(NamedTuple):
    """A search for a mode.

    Parameters
    ----------
    wanted : int
        The mode alone, the gradient of Laplace's approximation too, or also how the mode moves.
    lower : (2, m) int
        Rows and columns of the entries of L by which it moves.
    tolerance : float
        Of half the squared length of a Newton step, beside the log density; infinite where the
        start is to be taken as it is.
    """

    wanted: int = MODE
    lower: Integers = _NOTHING
    tolerance: float = DECREMENT


ALONE = ModeSearch()


class Points(NamedTuple):
    """Parameters and where their modes are looked for, as compiled code reads them.

    Parameters
    ----------
    gamma : (P, p) float
    root : (P, q, q) float
    phi : (P, d + 1) float
        One more than there are, so that there is something to point at.
    start : (P, effects) float
        Spherical effects.
    """

    gamma: Floats
    root: Floats
    phi: Floats
    start: Floats


def points_of(gamma: Floats, root: Floats, phi: Floats, start: Floats) -> Points:
    """Points of arrays with a leading axis, φ (P, d)."""
    padded = np.zeros((len(phi), phi.shape[1] + 1))
    padded[:, :-1] = phi
    return Points(gamma, root, padded, start)


class Gradients(NamedTuple):
    """Laplace's approximation at points, but for what the responses alone add, and its gradient.

    Parameters
    ----------
    value : (P,) float
    gamma, root, phi : (P, p), (P, q, q), (P, d) float
    """

    value: Floats
    gamma: Floats
    root: Floats
    phi: Floats


def room_for_gradients(points: Points, wanted: int) -> Gradients:
    """Where compiled code puts them; of no point where none are wanted."""
    P = len(points.gamma) if wanted >= GRADIENT else 0
    shapes = (one.shape[1:] for one in (points.gamma, points.root, points.phi[:, 1:]))
    return Gradients(np.empty(P), *(np.zeros((P, *shape)) for shape in shapes))


@dataclass(frozen=True, slots=True, eq=False)
class Slopes:
    """Laplace's approximation at a mode, and how the mode moves.

    Parameters
    ----------
    at : Gradients
        Of the one point.
    moves : (effects, p + m + d) float
        ∂b by γ, the entries of L that a search names, and φ.
    half : (effects, p + m + d) float
        The same times C', M = CC', so that half'half = R'M⁻¹R with the slopes R of b's own slope.
        Effects may stand in another order.
    """

    at: Gradients
    moves: Floats
    half: Floats
