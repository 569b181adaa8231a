"""What compiled steps with several grouping factors go over, where they are and what they learn."""

from __future__ import annotations

from typing import NamedTuple

from hierbayes.compilation import inner, lent
from hierbayes.compiled_arrays import integers_for, room_for
from hierbayes.design.elimination import Elimination
from hierbayes.frames.arrays import Floats, Integers


class Ground(NamedTuple):
    """What a walk goes over.

    Parameters
    ----------
    freedom : float
        N.
    integrated : bool
        Whether γ is integrated out.
    noise : (Q,) float
        Of each effect, against σ.
    ends : (b,) int
        Where the blocks of G end.
    rows, columns : (k,) int
        Entries of Γ.
    least : float
        Least variance in any direction after a step of scoring, of squared noise.
    """

    freedom: float
    integrated: bool
    noise: Floats
    ends: Integers
    rows: Integers
    columns: Integers
    least: float


class Spot(NamedTuple):
    """A point, written over: λ, the rows of its free entries, and what `sparse_point` writes."""

    root: Floats
    at: Integers
    S: Floats
    omega: Floats
    gamma: Floats
    F: Floats
    M: Floats
    average: Floats
    pull: Floats


class Lore(NamedTuple):
    """What steps have told, written over.

    Parameters
    ----------
    root, M, average
        Of the point before.
    C : (k, k) float
        What is added to average information.
    """

    root: Floats
    M: Floats
    average: Floats
    C: Floats


@inner
def another(e: Elimination, here: Spot) -> Spot:
    """Room for another point."""
    return Spot(
        room_for(here.root.shape), integers_for(len(here.at)), room_for(here.S.shape),
        room_for(e.size), room_for(len(here.gamma)), room_for(here.F.shape),
        room_for(here.M.shape), room_for(here.average.shape), room_for(len(here.pull)),
    )  # fmt: skip


@lent
def arrive(there: Spot, here: Spot) -> None:
    """Write one point over another."""
    write_over(there.root, here.root)
    write_over(there.S, here.S)
    write_over(there.F, here.F)
    write_over(there.M, here.M)
    write_over(there.average, here.average)
    for i in range(len(here.at)):
        here.at[i] = there.at[i]
    for i in range(len(here.omega)):
        here.omega[i] = there.omega[i]
    for i in range(len(here.gamma)):
        here.gamma[i] = there.gamma[i]
    for i in range(len(here.pull)):
        here.pull[i] = there.pull[i]


@lent
def write_over(a: Floats, b: Floats) -> None:
    """Write a matrix over another."""
    for i in range(a.shape[0]):
        for j in range(a.shape[1]):
            b[i, j] = a[i, j]
