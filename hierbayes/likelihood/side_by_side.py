"""Small matrices of groups that stand side by side, (rows, columns, groups), multiplied.

The innermost of all loops is over groups, several at once.
"""

from __future__ import annotations

from functools import partial

from hierbayes.compilation import inner, lent

sums = partial(inner, fastmath={"reassoc"}, lent=True)  # in any order: none waits for another


@lent
def put_side_by_side(of_groups, j, many, out):
    """Write matrices (J, a, b) of the groups from j on."""
    for i in range(out.shape[0]):
        for c in range(out.shape[1]):
            for g in range(many):
                out[i, c, g] = of_groups[j + g, i, c]


@lent
def from_left(C, b, many, out):
    """Cb of one matrix C."""
    for i in range(C.shape[0]):
        for c in range(b.shape[1]):
            for g in range(many):
                out[i, c, g] = 0.0
            for e in range(C.shape[1]):
                if C[i, e] != 0.0:
                    for g in range(many):
                        out[i, c, g] += C[i, e] * b[e, c, g]


@lent
def from_right(a, C, many, out):
    """AC of one matrix C."""
    for i in range(out.shape[0]):
        for c in range(C.shape[1]):
            for g in range(many):
                out[i, c, g] = 0.0
            for e in range(C.shape[0]):
                if C[e, c] != 0.0:
                    for g in range(many):
                        out[i, c, g] += a[i, e, g] * C[e, c]


@lent
def multiply(a, b, many, out):
    """Ab, or of the first columns of a."""
    for i in range(out.shape[0]):
        for c in range(out.shape[1]):
            for g in range(many):
                out[i, c, g] = 0.0
            for e in range(b.shape[0]):
                for g in range(many):
                    out[i, c, g] += a[i, e, g] * b[e, c, g]


@lent
def multiply_turned(a, b, many, out):
    """a'b."""
    for i in range(out.shape[0]):
        for c in range(out.shape[1]):
            for g in range(many):
                out[i, c, g] = 0.0
            for e in range(a.shape[0]):
                for g in range(many):
                    out[i, c, g] += a[e, i, g] * b[e, c, g]


@lent
def multiply_by_turned(a, b, columns, many, out):
    """ab' of so many first columns."""
    for i in range(out.shape[0]):
        for c in range(out.shape[1]):
            for g in range(many):
                out[i, c, g] = 0.0
            for e in range(columns):
                for g in range(many):
                    out[i, c, g] += a[i, e, g] * b[c, e, g]


@sums
def dot(a, b, columns, many):
    """Σ over groups of tr a'b of so many first columns."""
    total = 0.0
    for i in range(a.shape[0]):
        for c in range(columns):
            for g in range(many):
                total += a[i, c, g] * b[i, c, g]
    return total


@sums
def dot_turned(a, b, many):
    """Σ over groups of tr ab of two square matrices."""
    total = 0.0
    for i in range(a.shape[0]):
        for c in range(a.shape[1]):
            for g in range(many):
                total += a[i, c, g] * b[c, i, g]
    return total


@sums
def add_sums(a, size, many, out):
    """Add ``size`` times the sums over groups."""
    for i in range(out.shape[0]):
        for c in range(out.shape[1]):
            total = 0.0
            for g in range(many):
                total += a[i, c, g]
            out[i, c] += size * total
