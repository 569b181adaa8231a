"""Rows of a design with other numbers of levels of each of several grouping factors.

Levels of a factor that is nested in no other are drawn, each as often as every other or once more,
with all their rows; of one that is nested, levels within each level of what it is nested in.  Where
factors cross, a new cell has the rows of the cell that its levels were drawn from: so the pattern
of cells is that of the data, and with twice the levels of both there are four times the cells.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from hierbayes.design.design import Design
from hierbayes.errors import StudyError
from hierbayes.frames.arrays import Integers


def as_often(there: int, wanted: int, rng: np.random.Generator) -> Integers:
    """Places of so many things out of others, each as often as every other or once more."""
    whole, rest = divmod(wanted, there)
    places = np.concatenate([np.tile(np.arange(there), whole), rng.permutation(there)[:rest]])
    return np.sort(places).astype(np.intp)


def drawn_levels(
    design: Design, groups: Mapping[str, int], rows: int | None, rng: np.random.Generator
) -> tuple[Integers, dict[str, Integers]]:
    """Places of rows, and the new levels of each.

    Parameters
    ----------
    design : Design
    groups : mapping
        From factors to numbers of levels, of a nested one within each level of the others.
    rows : int, optional
        Of each cell, which is a combination of levels that has any; by default all it has.
    rng : Generator

    Returns
    -------
    (n',) int, mapping from factors to (n',) int
        Factors that are combinations of others have no levels of their own.
    """
    names = [factor.name for factor in design.factors]
    codes = dict(zip(names, design.rows.codes_of, strict=True))
    parents = parents_of(names, codes)
    for name in groups:
        if name not in parents:
            raise StudyError(
                f"groups: the levels of '{name}' are the combinations of other grouping factors, "
                "and so is their number; leave it out"
            )
    at = np.arange(design.n)
    found: dict[str, Integers] = {}
    for name, above in parents.items():
        outer = _combined([found[one] for one in above], len(at))
        at, found = _drawn(at, found, (name, codes[name][at], outer), groups.get(name), rng)
    cells = _combined(list(found.values()), len(at))
    if rows is not None:
        kept = np.concatenate([
            mine[as_often(len(mine), rows, rng)] for mine in _members(cells)
        ])  # fmt: skip
        at, found = at[kept], {name: one[kept] for name, one in found.items()}
    return at, found


def parents_of(names: list[str], codes: Mapping[str, Integers]) -> dict[str, tuple[str, ...]]:
    """From each factor with levels of its own to those it is nested in, the outermost first.

    A factor is nested in another where each of its levels lies in one of the other's.  One that
    two which cross tell completely, as ``a:b`` beside ``a`` and ``b``, is left out.
    """
    order = sorted(names, key=lambda name: int(codes[name].max()))
    found: dict[str, tuple[str, ...]] = {}
    for k, name in enumerate(order):
        above = tuple(one for one in order[:k] if one in found and _lies_in(codes, name, one))
        told = _combined([codes[one] for one in above], len(codes[name]))
        if above and len(above) > 1 and _is_constant(codes[name], told):
            continue
        found[name] = above
    return found


def _lies_in(codes: Mapping[str, Integers], inner: str, outer: str) -> bool:
    return _is_constant(codes[outer], codes[inner])


def _is_constant(values: Integers, groups: Integers) -> bool:
    """Whether values are the same within every group."""
    pairs = groups.astype(np.int64) * (int(values.max()) + 1) + values
    return len(np.unique(pairs)) == len(np.unique(groups))


def _combined(codes: list[Integers], n: int) -> Integers:
    """Combinations (n,) of codes, numbered from 0."""
    total = np.zeros(n, dtype=np.int64)
    for one in codes:
        total = np.unique(total * (int(one.max()) + 1) + one, return_inverse=True)[1]
    return total.astype(np.intp)


def _members(codes: Integers) -> list[Integers]:
    """Places of the rows of each code."""
    order = np.argsort(codes, kind="stable")
    return np.split(order, np.flatnonzero(np.diff(codes[order])) + 1)


def _drawn(
    at: Integers,
    found: Mapping[str, Integers],
    one: tuple[str, Integers, Integers],
    wanted: int | None,
    rng: np.random.Generator,
) -> tuple[Integers, dict[str, Integers]]:
    """Rows with the levels of one factor drawn within each combination of those above it."""
    name, levels, outer = one
    parts, labels, label = [], [], 0
    for within in _members(outer):
        of_level = [within[mine] for mine in _members(levels[within])]
        for k in as_often(len(of_level), wanted or len(of_level), rng):
            parts.append(of_level[k])
            labels.append(np.full(len(of_level[k]), label, dtype=np.intp))
            label += 1
    places = np.concatenate(parts)
    before = {other: new[places] for other, new in found.items()}
    return at[places], before | {name: np.concatenate(labels)}


def relabelled(frame: pd.DataFrame, design: Design, levels: Mapping[str, Integers]) -> pd.DataFrame:
    """Rows whose grouping columns have labels of the new levels, from 1."""
    shared = [name for factor in design.factors for name in factor.name.split(":")[:-1]]
    columns = {}
    for name, codes in levels.items():
        *outer, last = name.split(":")
        columns[last] = codes + 1
        lost = [one for one in outer if one not in levels and one in shared]
        columns |= {one: codes + 1 for one in lost}
    return frame.assign(**columns)
