"""What a climb over λ and the parameters of the errors goes over, and where it is; m = p + 1."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from hierbayes.compilation import compiled, lent
from hierbayes.frames.arrays import Booleans, Floats, Integers
from hierbayes.likelihood.triangular import cholesky_in_place

FACE = 1e-3  # of λ, below which a direction of it is lost
_INSIDE = 1e-6  # of the variance of the noise: by how much a start is inside


class Ground(NamedTuple):
    """What a climb goes over, of one grouping factor.

    Parameters
    ----------
    cells : (cells, numbers) float
        M of group and class, as `upper_triangles` has them.
    groups, class_of : (cells,) int
        The group (ascending) and the class of each.
    rows, columns : (m,) int
        Of the free entries of λ.
    mask : (q, q) bool
        Within blocks.
    sizes : (K,) float
        Of products of y with y by class, without their signs.
    n : float
        Rows.
    restricted : bool
        Whether γ is integrated out.
    """

    cells: Floats
    groups: Integers
    class_of: Integers
    rows: Integers
    columns: Integers
    mask: Booleans
    sizes: Floats
    n: float
    restricted: bool


class Begun(NamedTuple):
    """Where a climb begins: z (k,), and multiples of a λ (q, q), or of the noise of the effects."""

    z: Floats
    size: float
    root: Floats | None = None


class Room(NamedTuple):
    """Room for what is made on the way to a point, written over.

    Parameters
    ----------
    R, T, W : (J, q, q), (J, q, m), (m, m) float
        The weighted cross-products, as `CrossProducts` has them.
    half, turned : (J, q, q), (J, q, m) float
        N_j^-½R_j and N_j^-½T_j.
    changed : (J, k, q, q + m) float
        The rows of Z of every Ṁ_j.
    low : (m, m) float
        The Cholesky factor of S.
    D, score : (q, q), (q, q) float
        Σ_j D̂_j and ∂ℓ/∂Γ.
    moved : (n, m, m) float
        ∂S by the free entries of λ and by coordinates, n together.
    F : (p, p) float
        FF' = S_XX⁻¹.
    gamma : (m,) float
        γ̂, and after it σ̂.
    products, squares : (q², 2, q²), (qm, qm) float
        As `Curvature` has them.
    """

    R: Floats
    T: Floats
    W: Floats
    half: Floats
    turned: Floats
    changed: Floats
    low: Floats
    D: Floats
    score: Floats
    moved: Floats
    F: Floats
    gamma: Floats
    products: Floats
    squares: Floats

    @classmethod
    def of(cls, J: int, q: int, m: int, n: int, k: int) -> Room:
        """For J groups, q effects, m columns of [X y], n entries and coordinates, k of these."""
        return cls(
            np.zeros((J, q, q)), np.empty((J, q, m)), np.empty((m, m)), np.empty((J, q, q)),
            np.empty((J, q, m)), np.empty((J, k, q, q + m)), np.empty((m, m)),
            np.empty((q, q)), np.empty((q, q)),
            np.empty((n, m, m)), np.empty((m - 1, m - 1)), np.empty(m),
            np.empty((q * q, 2, q * q)), np.empty((q * m, q * m)),
        )  # fmt: skip


class Weights(NamedTuple):
    """Weights of classes and after them log|R| (K + 1,), with ∂ (K + 1, k) and ∂² (K + 1, k, k)."""

    values: Floats
    slopes: Floats
    bends: Floats


class Spot(NamedTuple):
    """A point, written over: λ (q, q), z (k,), ∂ℓ (n,) and −∂²ℓ (n, n) in units."""

    root: Floats
    z: Floats
    slope: Floats
    information: Floats

    @classmethod
    def of(cls, q: int, n: int, k: int) -> Spot:
        """Room for one of q effects and n entries and coordinates, k of these."""
        return cls(np.zeros((q, q)), np.zeros(k), np.zeros(n), np.zeros((n, n)))


@lent
def arrive(there: Spot, here: Spot) -> None:
    """Write one point over another."""
    q, n = len(here.root), len(here.slope)
    for i in range(q):
        for j in range(q):
            here.root[i, j] = there.root[i, j]
    for i in range(len(here.z)):
        here.z[i] = there.z[i]
    for i in range(n):
        here.slope[i] = there.slope[i]
        for j in range(n):
            here.information[i, j] = there.information[i, j]


@lent
def move(
    here: Spot, rows: Integers, columns: Integers, unit: Floats, step: Floats, there: Spot
) -> None:
    """Write λ and z where a step leads, its entries of λ in units."""
    m, q = len(rows), len(here.root)
    for i in range(q):
        for j in range(q):
            there.root[i, j] = here.root[i, j]
    for e in range(m):
        there.root[rows[e], columns[e]] += step[e] * unit[e]
    for i in range(len(here.z)):
        there.z[i] = here.z[i] + step[m + i]


@compiled(error_model="numpy", short_loops=True)
def write_start(
    Gamma: Floats, scored: Floats, noise: Floats, rows: Integers, unit: Floats, root: Floats
) -> None:
    """Write λ (q, q) of Γ, a little inside, and the units of its entries, of Γ after scoring.

    Where Γ is not definite, λ is of no use, and ℓ has no value there.
    """
    q = len(noise)
    for i in range(q):
        for j in range(q):
            root[i, j] = Gamma[i, j]
        root[i, i] += _INSIDE * noise[i] * noise[i]
    if not cholesky_in_place(root):
        root[0, 0] = np.nan
    for e in range(len(rows)):
        i = rows[e]
        unit[e] = math.sqrt(scored[i, i]) + noise[i]


@compiled(error_model="numpy", short_loops=True)
def is_inside(root: Floats) -> bool:
    """Whether λ (q, q) lacks no direction, nor nearly; where it says no it may still be so.

    The smallest singular value is the determinant over the others, none above the norm.
    """
    q, det, total = len(root), 1.0, 0.0
    for i in range(q):
        det *= root[i, i]
        for j in range(q):
            total += root[i, j] * root[i, j]
    norm = math.sqrt(total)
    return q == 0 or abs(det) > FACE * (1.0 + norm) * norm ** (q - 1)
