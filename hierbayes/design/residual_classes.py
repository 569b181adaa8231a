"""What the links of rows are sorted by: atoms, which share random effects, and classes."""

from __future__ import annotations

import numpy as np

from hierbayes.design.design import Design
from hierbayes.design.residual_rows import ResidualRows
from hierbayes.design.residual_sums import class_keys, class_table
from hierbayes.frames.arrays import Integers
from hierbayes.residuals.row_kernels import distinct_places


def atoms_of(design: Design, counts: tuple[Integers, ...]) -> tuple[Integers, Integers]:
    """The groups (factors, A) of each atom, and the atom of each row (n,)."""
    if not design.effects:
        return np.zeros((len(counts), 1), dtype=np.intp), np.zeros(design.rows.n, dtype=np.intp)
    if len(design.factors) == 1:
        (codes,), (many,) = design.rows.codes_of, counts
        if many.all():  # each group has rows, and is an atom
            return np.arange(len(many))[None], codes
        found, place = distinct_places(codes, len(many))
        return found[None], place
    found, place = np.unique(np.stack(design.rows.codes_of), axis=1, return_inverse=True)
    return found, place.ravel()


def classes_of(rows: ResidualRows) -> tuple[Integers, Integers]:
    """The classes (K, 3) that links have, and that of each link."""
    L, links = len(rows.level_counts), rows.links
    if rows.correlation is None:  # each row with itself
        found, place = distinct_places(rows.levels, L)
        return _table(len(found), 0, found, found), place
    kinds = int(links.kind.max()) + 1
    if L == 1:
        found, place = distinct_places(links.kind, kinds)
        return _table(len(found), found, 0, 0), place
    keys = np.empty(len(links.kind), dtype=np.intp)
    class_keys(links.kind, links.left, links.right, rows.node_levels, L, keys)
    found, place = distinct_places(keys, kinds * L * L)
    table = np.empty((len(found), 3), dtype=np.intp)
    class_table(found, L, table)
    return table, place


def _table(K: int, *columns: Integers | int) -> Integers:
    """Columns (K,) side by side (K, 3), or one number for all of one."""
    table = np.empty((K, len(columns)), dtype=np.intp)
    for k, column in enumerate(columns):
        table[:, k] = column
    return table
