"""Moments under a residual structure of rows that stream.

The rows are read once more, in the basis that they were summed up in.  Errors of a group are
correlated, so that its rows are needed together: where those of each group lie one after the
other, a group is held back until another begins; where they lie scattered, each of a few readings
gathers the rows of some groups, of as many as take a gigabyte.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from hierbayes.design.basis import Basis
from hierbayes.design.batch_columns import BatchColumns, Columned
from hierbayes.design.bound_residual import (
    bind_some,
    group_of_errors,
    innermost,
    refuse_untold,
)
from hierbayes.design.built_design import factors_of_rows
from hierbayes.design.design import Design
from hierbayes.design.group_codes import codes_of_factors
from hierbayes.design.group_readings import GroupReadings
from hierbayes.design.grouping_factor import GroupingFactor
from hierbayes.design.joined_moments import joined_moments
from hierbayes.design.residual_moments import ResidualMoments, residual_moments
from hierbayes.design.rows import Rows
from hierbayes.errors import DataError, ResidualError
from hierbayes.frames.arrays import Integers
from hierbayes.residuals.structure import ResidualStructure
from hierbayes.sources.source import Source

GATHERED = 1 << 30  # bytes of rows that are in memory together, of scattered groups


def streamed_moments(
    source: Source,
    maker: BatchColumns,
    design: Design,
    basis: Basis,
    gathered: int = GATHERED,
    *,
    of_part: bool = False,
) -> ResidualMoments:
    """The moments of all rows of a source, of a design that knows all of them.

    Whether they tell every parameter is not asked of a part of all rows.

    Raises
    ------
    DataError
        When the rows cannot carry the structure, naming the file or the part where it is seen.
    """
    made = _Moments(design, basis)
    readings = GroupReadings(source, maker, made.columns, made.group)
    count = readings_of(design, gathered)
    try:
        parts = [made.of(rows) for rows in readings.in_order()]
    except DataError:  # of whole groups, where these were none, it says how many rows are wrong
        parts = [made.of(rows) for rows in readings.whole(count)]
    if readings.scattered:
        parts = [made.of(rows) for rows in readings.gathered(count)]
    labels = [factor.labels for factor in design.factors]
    moments = joined_moments(parts, labels=labels)
    if not of_part:
        refuse_untold(moments.rows)
    return replace(moments, design=design)


def readings_of(design: Design, gathered: int = GATHERED) -> int:
    """In how many readings scattered groups are gathered, so many bytes of rows at a time."""
    size = 8 * (len(design.terms) + len(design.effects) + 8) * design.n
    return max(-(-size // gathered), 1)


def refuse_fitted_of_streams(structure: ResidualStructure, source: str) -> None:
    """Refuse variances that follow the fitted values of rows that stream.

    Raises
    ------
    ResidualError
    """
    if structure.follows_fitted:
        raise ResidualError(
            f"the variances of {structure.text} follow the fitted values of rows in memory, and "
            f"those of {source} stream: name a column, or give a frame as data"
        )


class _Moments:
    """How moments are made of pieces of rows."""

    def __init__(self, design: Design, basis: Basis) -> None:
        spec = design.specification
        assert spec.residual is not None
        self.design, self.basis = design, basis
        self.structure, self.spec = spec.residual, spec
        self.place = innermost(design.factors)
        self.columns = factors_of_rows(spec)
        self.group = group_of_errors(design)

    def of(self, made: list[Columned]) -> ResidualMoments:
        """The moments of some rows, whole groups where errors are correlated."""
        rows, factors = _rows(made, self.columns, self.group)
        bound = bind_some(self.structure, rows, factors, self.place)
        some = replace(self.design, factors=factors, rows=rows)
        return joined_moments([residual_moments(bound, some, self.basis)])


def _rows(
    made: list[Columned], columns: dict[str, tuple[str, ...]], group: str
) -> tuple[Rows, tuple[GroupingFactor, ...]]:
    """Rows of several batches as those of a frame, and the groups they are in."""
    frame = pd.concat([one.frame for one in made], ignore_index=True)
    at: Integers | slice = slice(None)
    if made[0].times is not None:
        times = np.concatenate([one.times for one in made if one.times is not None])
        at = np.repeat(np.arange(len(frame)), times.astype(np.intp))
        frame = frame.iloc[at].reset_index(drop=True)
    of_groups = {group, *(name for own in columns.values() for name in own)}
    frame = frame.assign(**{  # texts of a batch are categories, of which these rows have some
        name: frame[name].cat.remove_unused_categories()
        for name in of_groups.intersection(frame.columns)
        if isinstance(frame[name].dtype, pd.CategoricalDtype)
    })  # fmt: skip
    coded = codes_of_factors(frame, columns)
    weights = [one.weights for one in made if one.weights is not None]
    X, Z, y = map(np.concatenate, zip(*(one.rows() for one in made), strict=True))
    rows = Rows(
        response=y[at],
        X=X[at],
        Z=Z[at],
        codes_of=tuple(codes for codes, _ in coded),
        index=frame.index,
        kept=np.ones(len(frame), dtype=bool),
        frames=(frame,),
        root_weights=np.sqrt(np.concatenate(weights))[at] if weights else None,
    )
    return rows, tuple(map(GroupingFactor, columns, (labels for _, labels in coded)))
