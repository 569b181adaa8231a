"""A problem of rows that stream with the residual structure that it states."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import cast

import pandas as pd

from hierbayes.design.batch_columns import BatchColumns
from hierbayes.design.bound_residual import group_of_errors
from hierbayes.design.group_readings import GroupReadings
from hierbayes.design.problem import Problem
from hierbayes.design.row_parts import whole_row_parts
from hierbayes.design.rows import Rows
from hierbayes.design.streamed_moments import readings_of, streamed_moments
from hierbayes.design.streamed_rows import StreamedRows
from hierbayes.sources.source import Source


def with_errors(
    problem: Problem,
    source: Source,
    maker: BatchColumns,
    factors: Mapping[str, tuple[str, ...]],
    labels: Sequence[pd.Index],
) -> Problem:
    """A problem with the moments of its structure, whose rows are read again in whole groups.

    Parameters
    ----------
    problem : Problem
        Of rows that were summed up, without regard to the structure of their errors.
    source : Source
    maker : BatchColumns
    factors, labels : mapping, sequence of Index
        Of each grouping factor the columns that hold its groups, and their labels.

    Raises
    ------
    DataError
        When the rows cannot carry the structure.
    """
    design = problem.design
    moments = streamed_moments(source, maker, design, problem.products.basis)
    group = group_of_errors(design)
    if group:
        readings = GroupReadings(source, maker, factors, group)
        cases = partial(whole_row_parts, readings, readings_of(design), factors, labels)
        rows = cast(StreamedRows, design.rows).read_by(cases)
        design = replace(design, rows=cast(Rows, rows))
    return replace(problem, design=design, moments=moments)
