r"""Families of responses on rows that stream: rows that are alike are counted, and kept once.

Successes and trials of rows with the same η add up, and so do counts of a Poisson family; all that
a fit needs are the distinct rows and how often each occurs (`distinct_rows`).  These are summed up
as rows that stream are, each as often as it occurs, with what stands for its response.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, cast

import numpy as np
import pandas as pd

from hierbayes.design.batch_columns import needed_names
from hierbayes.design.column_refusals import refuse_columns
from hierbayes.design.complete import Dropped, nothing_complete
from hierbayes.design.counted_rows import RowReader
from hierbayes.design.design import Design
from hierbayes.design.distinct_rows import TIMES, distinct_rows
from hierbayes.design.family_rows import FamilyRows, read_family_rows, working_response
from hierbayes.design.first_pass import HEAD
from hierbayes.design.group_codes import group_labels
from hierbayes.design.learnt_states import calls_that_learn
from hierbayes.design.merged_rows import merged
from hierbayes.design.problem import Problem
from hierbayes.design.row_parts import RowCases
from hierbayes.design.row_refusals import refuse_rows
from hierbayes.design.rows import Rows
from hierbayes.design.source_at_hand import SourceAtHand
from hierbayes.design.streamed_problem import streamed_design, summed_source
from hierbayes.design.streamed_rows import StreamedRows, refuse_to_hold
from hierbayes.design.usable_columns import refuse_unknown_names
from hierbayes.errors import DataError, FormulaError
from hierbayes.families.family import ResponseFamily
from hierbayes.frames.arrays import Floats
from hierbayes.sources.frames import FrameSource
from hierbayes.sources.source import Source
from hierbayes.specification.formula import Specification

_WORKING = "(working)"  # the column of what stands for responses


@dataclass(frozen=True, slots=True, eq=False)
class StreamedFamily:
    """What is known of the responses of rows that stream; answers as `FamilyRows` where it can.

    Parameters
    ----------
    family : ResponseFamily
    of_trials : bool
    outcomes : tuple of str
    first : float
        The response of the first row.
    source : str
        What the source is called.
    """

    family: ResponseFamily
    of_trials: bool
    outcomes: tuple[str, ...]
    first: float
    source: str

    further = None

    @property
    def is_whole(self) -> bool:
        """Whether responses are whole numbers."""
        return self.family.is_whole

    def __getattr__(self, name: str) -> Any:
        """Refuse what only rows in memory have."""
        if name.startswith("_"):
            raise AttributeError(name)
        refuse_to_hold(self.source)


def pose_streamed_family(
    specification: Specification, source: Source, family: ResponseFamily, counts: str = ""
) -> Problem:
    """Make and check the design of a family's model on the rows of a source, and count them.

    Parameters
    ----------
    specification : Specification
    source : Source
    family : ResponseFamily
        Whose rows add up.
    counts : str
        The column that says how often each row counts; empty where all count once.

    Raises
    ------
    DataError, FormulaError
        When the data cannot carry the model, or there are too many distinct rows.
    """
    spec = specification
    _refuse_unmergeable(family, source)
    reader = RowReader(spec, needed_names(spec), counts)
    refuse_unknown_names(reader.columns, pd.DataFrame(columns=list(source.columns)))
    calls_that_learn(spec, source)
    table, dropped = distinct_rows(source, reader, spec.group_columns)
    _refuse_nothing(table, dropped, source)
    rows = read_family_rows(family, spec, table)
    times = table[TIMES].to_numpy(dtype=np.float64)
    table = table.assign(**{_WORKING: working_response(rows, times)})
    stand_in = replace(spec, response=f"`{_WORKING}`", trials=None, offsets=())
    small = FrameSource(table, source.text)
    design, _, found = summed_source(stand_in, small, counts=TIMES)
    design = streamed_design(design, found, source.text, SourceAtHand(source, counts))
    design = _of_family(design, spec, table, rows, times)
    problem = Problem(replace(design, dropped=dropped), found.cross)
    refuse_rows(problem.design)
    refuse_columns(problem.design, found.cross)
    return problem


def _refuse_unmergeable(family: ResponseFamily, source: Source) -> None:
    if not family.adds_up or family.predictors or family.further_terms:
        raise FormulaError(
            f"the family {family} needs the rows in memory, and those of {source.text} stream: "
            "rows of Bernoulli, Binomial and Poisson that are alike add up, and so can stream; "
            "give a frame as data"
        )


def _refuse_nothing(table: pd.DataFrame, dropped: Dropped, source: Source) -> None:
    if len(table):
        return
    if not dropped.rows:
        raise DataError(f"the data are empty: there are no rows in {source.text}")
    worst = max(dropped.by_column, key=lambda name: dropped.by_column[name])
    raise DataError(nothing_complete(worst, dropped.by_column[worst], dropped.rows))


def distinct_cases(design: Design) -> RowCases:
    """The distinct rows of a family that streamed, and how often each of them occurs.

    They are numbered in the order in which they were first seen.
    """
    streamed, spec = cast(StreamedRows, design.rows), design.specification
    table = streamed.distinct
    assert table is not None
    assert streamed.family is not None
    rows = read_family_rows(streamed.family.family, spec, table)
    times = table[TIMES].to_numpy(dtype=np.float64)
    return RowCases(replace(_rows_of(design, spec, table, rows, times), family=rows), times)


def _rows_of(
    design: Design, spec: Specification, table: pd.DataFrame, rows: FamilyRows, times: Floats
) -> Rows:
    """The distinct rows as those of a frame, with what stands for their responses."""
    X, Z = design.columns.new_matrices(table, random=True)
    codes_of = tuple(
        factor.find(group_labels(table, spec.columns_of[factor.name])) for factor in design.factors
    )
    return Rows(
        working_response(rows, times), X, Z, codes_of, table.index, np.ones(len(table), np.bool_)
    )


def _of_family(
    design: Design, spec: Specification, table: pd.DataFrame, rows: FamilyRows, times: Floats
) -> Design:
    """The design of the working responses, made that of the family's."""
    columns = replace(design.columns, specification=spec)
    streamed = cast(StreamedRows, design.rows)
    every = _rows_of(design, spec, table, rows, times)
    kinds = merged(every, rows, times)
    small = every.chosen(kinds.at, tuple(codes[kinds.at] for codes in every.codes_of))
    known = replace(kinds, at=np.arange(len(kinds.at)))
    family = StreamedFamily(
        rows.family, rows.of_trials, rows.outcomes, float(rows.y[0]), streamed.source
    )
    made = replace(
        streamed,
        facts=replace(streamed.facts, has_offset=bool(spec.offsets)),
        head=replace(streamed.head, frames=(table.head(HEAD).drop(columns=[TIMES, _WORKING]),)),
        family=cast(FamilyRows, family),
        merged=known,
        kinds=small,
        summed=None,
        distinct=table.drop(columns=_WORKING).reset_index(drop=True),
    )
    return replace(design, columns=columns, rows=cast(Rows, made))
