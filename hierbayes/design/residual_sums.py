"""Sums over links of rows, and over what is made of them: every loop of `ResidualMoments`."""

from __future__ import annotations

import numpy as np

from hierbayes.compilation import compiled
from hierbayes.frames.arrays import Floats, Integers

_DENSE = 4  # times as many numbers as there are: they are counted and not sorted


def with_sums(F: Floats, atom_of: Integers, sums: Integers) -> tuple[Floats, Integers]:
    """Rows and, after them, their sums; and the atoms of both."""
    m = int(sums.max()) + 1
    total = np.zeros((m, F.shape[1]))
    combine(F, sums, np.ones(len(F)), total)
    atoms = np.zeros(m, dtype=np.intp)
    atoms[sums] = atom_of
    return np.concatenate([F, total]), np.concatenate([atom_of, atoms])


def distinct(keys: Integers) -> tuple[Integers, Integers]:
    """Distinct whole numbers, ascending, and the place of each among them: unsorted if dense."""
    size = int(keys.max()) + 1
    if size > _DENSE * len(keys):
        found, place = np.unique(keys, return_inverse=True)
        return found, place
    there = np.zeros(size, dtype=bool)
    there[keys] = True
    found = np.flatnonzero(there)
    places = np.zeros(size, dtype=np.intp)
    places[found] = np.arange(len(found))
    return found, places[keys]


def sums(F: Floats, left: Integers, right: Integers, cell_of: Integers, cells: int) -> Floats:
    """Σ over the links of each cell of F_a'F_b, both ways where a ≠ b (cells, d²)."""
    d = F.shape[1]
    total = np.zeros((cells, d, d))
    add_links(np.ascontiguousarray(F), left, right, cell_of, total)
    return total.reshape(cells, d * d)


@compiled()
def add_links(F: Floats, left: Integers, right: Integers, cell_of: Integers, total: Floats) -> None:
    """Add the products of both ends of every link to those of its cell."""
    d = F.shape[1]
    for i in range(len(left)):
        a, b, cell = left[i], right[i], cell_of[i]
        both = a != b
        for k in range(d):
            for h in range(d):
                product = F[a, k] * F[b, h]
                if both:
                    product += F[b, k] * F[a, h]
                total[cell, k, h] += product


@compiled()
def combine(cells: Floats, atoms: Integers, weights: Floats, M: Floats) -> None:
    """Add every cell, times its weight, to its atom."""
    for c in range(len(cells)):
        for k in range(cells.shape[1]):
            M[atoms[c], k] += weights[c] * cells[c, k]


@compiled()
def add_traces(
    cells: Floats, atoms: Integers, class_of: Integers, E: Floats, totals: Floats
) -> None:
    """Add tr(M E) of every cell to the total of its class."""
    d = cells.shape[1]
    for c in range(len(cells)):
        j = atoms[c]
        trace = 0.0
        for k in range(d):
            trace += cells[c, k] * E[j, k]
        totals[class_of[c]] += trace
