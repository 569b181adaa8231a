"""Points at which compiled code looks for a mode of random effects, and what it finds there."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple, Self

import numpy as np

from hierbayes.frames.arrays import Floats, Integers

DECREMENT = 1e-22  # of half the squared length of a Newton step, beside the log density
LAST, MOST_AT_LAST = 1e-14, 1e-9  # gain of ℓ by the last step of a search, beside its size; at most
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
AS_THEY_ARE = ModeSearch(GRADIENT, tolerance=np.inf)  # of points whose modes are near enough


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


class Coordinates(NamedTuple):
    """Where what a search moves stands among γ, L row by row, and φ; not to be written to.

    Parameters
    ----------
    lower : (2, m) int
        Rows and columns of the free entries of L.
    places : (k,) int
        Of γ, these entries, and φ.
    """

    lower: Integers
    places: Integers


@lru_cache(maxsize=64)
def coordinates_of(
    p: int, q: int, d: int, rows: tuple[int, ...], columns: tuple[int, ...]
) -> Coordinates:
    """Those of p, q² and d numbers, of which entries of L are free in these rows and columns."""
    lower = np.array((rows, columns), dtype=np.intp)
    entries = p + q * lower[0] + lower[1]
    return Coordinates(lower, np.r_[:p, entries, p + q * q : p + q * q + d])


VALUE, GAIN, SHARE, VISITS, WITHOUT = range(5)  # of the state of a climb
AROUND = -1.0  # visits of what does not climb and looks around


class Climb(NamedTuple):
    """A climb to a maximum from the first of some points; the others are for those aside of it.

    Parameters
    ----------
    free : (k,) int
        Places of the coordinates, γ and the free entries of L, among γ and L row by row; of no
        climb none.
    steps : (h,) float
        Of differences by the free entries of L; of all coordinates (k,) where one looks around.
    hessian : (k, k) float
        Of −ℓ where the climb ends, as far as it is known, its lower triangle; of ℓ, whole, where
        one looks around.  Written over.
    state : (5,) float
        Value; gain that the last step promised, and what share of it was made; visits so far;
        whether random effects are left out yet.  Written over.
    """

    free: Integers
    steps: Floats
    hessian: Floats
    state: Floats

    @classmethod
    def of(cls, free: Integers, steps: Floats, *, without: bool) -> Climb:
        """One that is to begin, ``without`` random effects at first."""
        state = np.zeros(5)
        state[GAIN], state[WITHOUT] = np.inf, without
        return cls(free, steps, np.empty((len(free), len(free))), state)

    @classmethod
    def around(cls, free: Integers, steps: Floats) -> Self:
        """A look around the first of 2k points, for which the others are room."""
        return cls(free, steps, np.empty((len(free), len(free))), _AROUND)


_AROUND = np.array([0.0, np.inf, 0.0, AROUND, 0.0])  # not written to
NO_CLIMB = Climb.of(np.zeros(0, np.intp), np.zeros(0), without=False)


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
