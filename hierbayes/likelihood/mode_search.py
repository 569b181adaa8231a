"""Points at which compiled code looks for a mode of random effects, and what it finds there."""

from __future__ import annotations

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
    at : (P, p + q² + d) float
        γ, L row by row, φ.
    start : (P, effects) float
        Spherical effects.
    """

    at: Floats
    start: Floats


def one_point(gamma: Floats, root: Floats, phi: Floats, start: Floats) -> Points:
    """One of them."""
    return Points(np.concatenate((gamma, root.ravel(), phi))[None], start[None])


class Gradients(NamedTuple):
    """Laplace's approximation at points, but for what the responses alone add, and its gradient.

    Parameters
    ----------
    value : (P,) float
    slope : (P, p + q² + d) float
        By γ, L row by row, and φ.
    """

    value: Floats
    slope: Floats


def room_for_gradients(points: Points, wanted: int) -> Gradients:
    """Where compiled code puts them; of no point where none are wanted."""
    P, size = points.at.shape
    P = P if wanted >= GRADIENT else 0
    return Gradients(np.empty(P), np.zeros((P, size)))


def parts_of(flat: Floats, p: int, q: int) -> tuple[Floats, Floats, Floats]:
    """γ (p,), L (q, q) and φ (d,), or what is by these, where they stand in one array."""
    return flat[:p], flat[p : p + q * q].reshape(q, q), flat[p + q * q :]


class Slopes(NamedTuple):
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
