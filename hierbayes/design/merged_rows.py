"""Rows that a family cannot tell apart, as one row each.

Successes and trials of rows with the same η add up to a binomial response, counts of a Poisson
family to one of as many times the mean.  The likelihood is the same, to a constant that is known.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import pandas as pd

from hierbayes.design.design import Design
from hierbayes.design.family_rows import FamilyRows
from hierbayes.design.rows import Rows
from hierbayes.families.family import EXPOSURE, TRIALS
from hierbayes.frames.arrays import Floats, Integers

_FEW = 1000  # rows of which a sum is quicker than a look at every column
_WORTH = 0.5  # merged where no more than this share of the rows remains


@dataclass(frozen=True, slots=True, eq=False)
class MergedRows:
    """The rows of a likelihood.

    Parameters
    ----------
    at : (r,) int
        For each the first row of the data that is like it.
    y, m, offset : (r,) float
        Responses, their sizes, and what is added to η.
    log_constant : float
        What of the log density of all rows depends on the data alone.
    """

    at: Integers
    y: Floats
    m: Floats
    offset: Floats
    log_constant: float


def merged_rows(design: Design, rows: FamilyRows) -> MergedRows:
    """The rows of a likelihood: as they are, or merged where that leaves half of them or fewer.

    Those of rows that stream are merged already.
    """
    if design.rows.merged is not None:
        return design.rows.merged
    return merged(design.rows, rows) if rows.family.adds_up else as_they_are(rows)


def merged(design_rows: Rows, rows: FamilyRows, times: Floats | None = None) -> MergedRows:
    """Rows of a family that add up, merged.

    Parameters
    ----------
    design_rows : Rows
    rows : FamilyRows
    times : (n,) float, optional
        How often each row counts; by default once, and rows stay as they are where few are alike.
    """
    kind = _kinds(design_rows, rows.offset, _WORTH if times is None else 1.0)
    if kind is None:
        return as_they_are(rows)
    _, at = np.unique(kind, return_index=True)
    each = np.ones(len(kind)) if times is None else times
    constant = float(each @ rows.family.log_constants(rows.y, rows.m))
    y = np.bincount(kind, each * rows.y)
    if rows.family.adds_up == TRIALS:
        m = np.bincount(kind, each * rows.m)
        return MergedRows(at, y, m, rows.offset[at], constant)
    assert rows.family.adds_up == EXPOSURE
    exposure = np.log(np.bincount(kind, each))
    return MergedRows(at, y, rows.m[at], rows.offset[at] + exposure, constant - float(y @ exposure))


def as_they_are(rows: FamilyRows) -> MergedRows:
    """All rows."""
    constant = rows.family.log_constant(rows.y, rows.m)
    return MergedRows(np.arange(len(rows.y)), rows.y, rows.m, rows.offset, constant)


def _kinds(rows: Rows, offset: Floats, worth: float) -> Integers | None:
    """The kind of each row (n,); None where more than this share of the rows are kinds.

    Kinds are told apart column by column, so that a column of different numbers ends the search.
    """
    n = len(offset)
    if n <= _FEW and _least(rows, offset) > worth * n:
        return None
    kind = np.zeros(n, dtype=np.int64)
    for column in (*rows.X.T, *rows.Z.T, offset, *rows.codes_of):
        if not np.ptp(column) > 0.0:  # the same in all rows
            continue
        codes, values = pd.factorize(column)
        if len(values) > worth * n:
            return None
        kind = pd.factorize(kind * len(values) + codes)[0]
        if kind.max() + 1 > worth * n:
            return None
    return kind


def _least(rows: Rows, offset: Floats) -> int:
    """How many kinds rows are at least: equal rows have one sum of their columns, weighted."""
    p, q = rows.X.shape[1], rows.Z.shape[1]
    weights = _weights(p + q + len(rows.codes_of))
    total = offset + (rows.X * weights[:p]).sum(axis=1)
    total += (rows.Z * weights[p : p + q]).sum(axis=1)
    for weight, codes in zip(weights[p + q :].tolist(), rows.codes_of, strict=True):
        total += weight * codes
    total.sort()
    return 1 + int(np.count_nonzero(total[1:] > total[:-1]))


@lru_cache(maxsize=64)
def _weights(count: int) -> Floats:
    """Weights of columns, in no simple ratio: sums of rows that differ are seldom equal."""
    return np.sqrt(np.arange(2.0, 2.0 + count))
