"""Rows that a family cannot tell apart, as one row each.

Successes and trials of rows with the same η add up to a binomial response, counts of a Poisson
family to one of as many times the mean.  The likelihood is the same, to a constant that is known.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from hierbayes.design.design import Design
from hierbayes.design.family_rows import FamilyRows
from hierbayes.families.family import EXPOSURE, TRIALS
from hierbayes.frames.arrays import Floats, Integers

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
    """The rows of a likelihood: as they are, or merged where that leaves half of them or fewer."""
    kind = _kinds(design, rows) if rows.family.adds_up else None
    if kind is None:
        return as_they_are(rows)
    _, at = np.unique(kind, return_index=True)
    constant = rows.family.log_constant(rows.y, rows.m)
    y = np.bincount(kind, rows.y)
    if rows.family.adds_up == TRIALS:
        return MergedRows(at, y, np.bincount(kind, rows.m), rows.offset[at], constant)
    assert rows.family.adds_up == EXPOSURE
    times = np.log(np.bincount(kind))
    return MergedRows(at, y, rows.m[at], rows.offset[at] + times, constant - float(y @ times))


def as_they_are(rows: FamilyRows) -> MergedRows:
    """All rows."""
    constant = rows.family.log_constant(rows.y, rows.m)
    return MergedRows(np.arange(len(rows.y)), rows.y, rows.m, rows.offset, constant)


def _kinds(design: Design, rows: FamilyRows) -> Integers | None:
    """The kind of each row (n,); None where few rows are alike.

    Kinds are told apart column by column, so that a column of different numbers ends the search.
    """
    n = design.n
    kind = np.zeros(n, dtype=np.int64)
    columns = [*design.rows.codes_of, rows.offset, *design.rows.X.T, *design.rows.Z.T]
    for column in columns:
        codes, values = pd.factorize(column)
        kind = pd.factorize(kind * len(values) + codes)[0]
        if kind.max() + 1 > _WORTH * n:
            return None
    return kind
