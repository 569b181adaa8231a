"""Loops over rows and effects of several grouping factors, compiled.

Effects stand in the order of elimination, flat; L is block-diagonal over the factors.
"""

from __future__ import annotations

from typing import NamedTuple

from hierbayes.compilation import inner
from hierbayes.design.elimination import AT, COLUMN, DIAGONAL, LEADING, PRODUCTS, ROW
from hierbayes.frames.arrays import Floats, Integers


class FactorRows(NamedTuple):
    """Which effects each row has, and how weights of rows become products, as arrays.

    Parameters
    ----------
    place : (n, Q) int
        Of each column of Z the effect of the row's level.
    column, begin, end : (effects,) int
        Of each effect the column of Z, and where the columns of its factor begin and end.
    values, indices, indptr : (entries,), (entries,), (products + 1,)
        The sparse matrix that takes weights of rows to products, row by row.
    """

    place: Integers
    column: Integers
    begin: Integers
    end: Integers
    values: Floats
    indices: Integers
    indptr: Integers


@inner
def raised(places, root, b, u):
    """L times b, over u."""
    for t in range(u.shape[0]):
        own, total = places.column[t], 0.0
        for c in range(places.begin[t], places.end[t]):
            total += root[own, c] * b[t + c - own]
        u[t] = total


@inner
def lowered(places, root, u, out, at):
    """L' times u, over a column of ``out``."""
    for t in range(u.shape[0]):
        own, total = places.column[t], 0.0
        for c in range(places.begin[t], places.end[t]):
            total += root[c, own] * u[t + c - own]
        out[t, at] = total


@inner
def gather(Z, places, weights, u):
    """Z' times weights (n,) of rows, over u."""
    for t in range(u.shape[0]):
        u[t] = 0.0
    for i in range(weights.shape[0]):
        for c in range(Z.shape[1]):
            u[places.place[i, c]] += Z[i, c] * weights[i]


@inner
def row_effects(Z, places, u, i):
    """z_i'u."""
    total = 0.0
    for c in range(Z.shape[1]):
        total += Z[i, c] * u[places.place[i, c]]
    return total


@inner
def weigh(places, e, second):
    """The products of rows with weights −ℓ″, over those of ``e``."""
    for entry in range(e.products.shape[0]):
        total = 0.0
        for at in range(places.indptr[entry], places.indptr[entry + 1]):
            total -= places.values[at] * second[places.indices[at]]
        e.products[entry] = total


@inner
def pull_log_det(places, e, root, bar, half, h, d_root):
    """From M⁻¹ where M has entries: h_i = z_i'LM⁻¹L'z_i of rows, and −½∂log|M|/∂L on the diagonal.

    Both are added.  A block off the diagonal is in M twice; ``half`` (Q, Q) is room.
    """
    for b in range(e.blocks.shape[0]):
        row, k, first = e.blocks[b, ROW], e.blocks[b, COLUMN], e.blocks[b, PRODUCTS]
        if row < 0:
            continue
        at, leading, diagonal = e.blocks[b, AT], e.blocks[b, LEADING], e.blocks[b, DIAGONAL] != 0
        r0, c0, a, q = e.start[row], e.start[k], e.q[row], e.q[k]
        for i in range(a):  # λ_row Ω̄_b
            for c in range(q):
                total = 0.0
                for g in range(a):
                    turned = diagonal and g < c  # the lower triangle is kept
                    spot = at + c * leading + g if turned else at + g * leading + c
                    total += root[r0 + i, r0 + g] * bar[spot]
                half[i, c] = total
        for i in range(a):
            for c in range(q):
                weight, entry = 0.0, first + i * q + c
                for g in range(q):
                    weight += half[i, g] * root[c0 + c, c0 + g]
                    d_root[c0 + c, c0 + g] -= e.products[entry] * half[i, g]
                weight *= 1.0 if diagonal else 2.0
                for one in range(places.indptr[entry], places.indptr[entry + 1]):
                    h[places.indices[one]] += weight * places.values[one]
        if diagonal:
            continue
        for i in range(a):  # P_b (Ω̄_b λ_k')'
            for c in range(a):
                for g in range(q):
                    for f in range(q):
                        d_root[r0 + i, r0 + c] -= (
                            e.products[first + i * q + g]
                            * root[c0 + g, c0 + f]
                            * bar[at + c * leading + f]
                        )
