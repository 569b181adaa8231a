"""Sums over links of rows, and over what is made of them: every loop of `ResidualMoments`."""

from __future__ import annotations

import numpy as np

from hierbayes.compilation import compiled
from hierbayes.frames.arrays import Floats, Integers


def with_sums(F: Floats, atom_of: Integers, sums: Integers) -> tuple[Floats, Integers]:
    """Rows and, after them, their sums; and the atoms of both."""
    many = len(F) + int(sums.max()) + 1
    rows, atoms = np.empty((many, F.shape[1])), np.empty(many, dtype=np.intp)
    _write_sums(F, atom_of, sums, rows, atoms)
    return rows, atoms


def sums(F: Floats, left: Integers, right: Integers, cell_of: Integers, cells: int) -> Floats:
    """Σ over the links of each cell of F_a'F_b, both ways where a ≠ b (cells, d²)."""
    d = F.shape[1]
    total = np.zeros((cells, d, d))
    add_links(np.ascontiguousarray(F), left, right, cell_of, total)
    return total.reshape(cells, d * d)


@compiled()
def add_links(F: Floats, left: Integers, right: Integers, cell_of: Integers, total: Floats) -> None:
    """Add the products of both ends of every link, both ways, to those of its cell.

    They are added up one way, half of them where both ends are one row, and turned at the end.
    """
    d = F.shape[1]
    for i in range(len(left)):
        a, b, cell = left[i], right[i], cell_of[i]
        share = 0.5 if a == b else 1.0
        for k in range(d):
            size = share * F[a, k]
            for h in range(d):
                total[cell, k, h] += size * F[b, h]
    for cell in range(len(total)):
        for k in range(d):
            for h in range(k + 1):
                both = total[cell, k, h] + total[cell, h, k]
                total[cell, k, h] = both
                total[cell, h, k] = both


@compiled()
def class_keys(
    kind: Integers, left: Integers, right: Integers, level: Integers, L: int, keys: Integers
) -> None:
    """Write a number for the kind of each link and for the levels, of L, of its ends."""
    for i in range(len(kind)):
        a, b = level[left[i]], level[right[i]]
        keys[i] = (kind[i] * L + min(a, b)) * L + max(a, b)


@compiled()
def class_table(keys: Integers, L: int, table: Integers) -> None:
    """Write what such numbers (K,) stand for: a kind, and two levels (K, 3)."""
    for c in range(len(keys)):
        table[c, 0] = keys[c] // (L * L)
        table[c, 1], table[c, 2] = keys[c] // L % L, keys[c] % L


@compiled()
def _write_sums(
    F: Floats, atom_of: Integers, sums: Integers, rows: Floats, atoms: Integers
) -> None:
    """Write rows and, after them, the sum to which each is counted, with the atoms of both."""
    n, d = F.shape
    for i in range(n, len(rows)):
        atoms[i] = 0
        for k in range(d):
            rows[i, k] = 0.0
    for i in range(n):
        at = n + sums[i]
        atoms[i] = atoms[at] = atom_of[i]
        for k in range(d):
            rows[i, k] = F[i, k]
            rows[at, k] += F[i, k]


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
