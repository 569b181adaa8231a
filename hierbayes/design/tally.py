"""Rows that were summed up, with all that makes a problem of them: they add up."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import cast

import numpy as np
import pandas as pd

from hierbayes.design.batch_columns import needed_names
from hierbayes.design.bound_residual import refuse_untold
from hierbayes.design.built_design import build_design, factors_of_rows
from hierbayes.design.change_of_basis import RandomColumns
from hierbayes.design.common_basis import rows_that_stand_for
from hierbayes.design.design import Design
from hierbayes.design.joined_moments import joined_moments
from hierbayes.design.joined_passes import in_one_basis, joined_passes
from hierbayes.design.learnt_states import States, same_states, states_of, with_states
from hierbayes.design.one_pass import Pass
from hierbayes.design.problem import Problem
from hierbayes.design.recorded_columns import (
    LabelColumn,
    NumberColumn,
    RecordedColumn,
    pilot_of,
    record_columns,
)
from hierbayes.design.residual_moments import ResidualMoments
from hierbayes.design.rows import Rows
from hierbayes.design.streamed_moments import streamed_moments
from hierbayes.design.streamed_problem import problem_of, streamed_design, summed_source
from hierbayes.design.streamed_rows import StreamedRows
from hierbayes.errors import DataError, ResidualError, in_quotes
from hierbayes.sources.source import Source
from hierbayes.specification.formula import Specification


@dataclass(frozen=True, slots=True, eq=False)
class Tally:
    """What a pass over rows found, and what makes the design of them again.

    Parameters
    ----------
    specification : Specification
    columns : mapping of str to NumberColumn or LabelColumn
        Those that were read, but for the groups.
    terms, effects : tuple of str
        Names of the fixed and the random columns.
    random : RandomColumns
    found : Pass
        Without rows.
    text : str
        What the rows are called.
    states : mapping
        What transforms that see all rows remember, by the text of the call.
    moments : ResidualMoments, optional
        Of a residual structure, in the basis of what was found.
    """

    specification: Specification
    columns: Mapping[str, RecordedColumn]
    terms: tuple[str, ...]
    effects: tuple[str, ...]
    random: RandomColumns
    found: Pass
    text: str
    states: States = field(default_factory=dict)
    moments: ResidualMoments | None = None

    @property
    def levels(self) -> dict[str, pd.Index]:
        """The levels of each column of labels."""
        return {
            name: one.index for name, one in self.columns.items() if isinstance(one, LabelColumn)
        }

    @property
    def effect_labels(self) -> tuple[str, ...]:
        """The random effects, of several factors each with its own."""
        factors = self.specification.factors
        if len(factors) < 2:
            return self.effects
        spans = zip(factors, self.random.spans, strict=True)
        return tuple(f"{one}|{name}" for name, span in spans for one in self.effects[span])

    def problem(self) -> Problem:
        """The problem of these rows.

        Raises
        ------
        DataError, FormulaError
            When they cannot carry the model.
        """
        design = self.design
        if self.states:
            design = replace(design, columns=with_states(design.columns, self.states))
        rows = replace(design.rows, X=rows_that_stand_for(self.found))
        problem = problem_of(replace(design, rows=rows), self.found, self.text)
        streamed = replace(cast(StreamedRows, problem.design.rows), recorded=self.columns)
        design = replace(problem.design, rows=cast(Rows, streamed))
        if self.moments is None:
            return replace(problem, design=design)
        refuse_untold(self.moments.rows)
        return replace(problem, design=design, moments=replace(self.moments, design=design))

    @property
    def design(self) -> Design:
        """That of a few rows which stand for all."""
        pilot = pilot_of(self.columns, needed_names(self.specification))
        return build_design(self.specification, pilot)


def tally_of(
    specification: Specification,
    source: Source,
    levels: Mapping[str, pd.Index] | None = None,
    counts: str = "",
    known: tuple[States, pd.DataFrame] | None = None,
) -> Tally:
    """Sum up the rows of a source; whether they can carry the model is not asked.

    Parameters
    ----------
    specification : Specification
    source : Source
    levels : mapping of str to Index, optional
        Those of columns of labels, where they are known.
    counts : str
        As of `pose_streamed`.
    known : tuple, optional
        What transforms remember of these and of other rows, and a few of these.

    Raises
    ------
    DataError, FormulaError
        When the rows cannot be read, or what the model has does not add up.
    """
    structure = specification.residual
    if structure is not None and structure.follows_fitted:
        raise ResidualError(
            f"the variances of {structure.text} follow the fitted values of single rows, which "
            "cross-products do not have: name a column for them, or give the rows to the model"
        )
    design, maker, found = summed_source(specification, source, levels, counts, known)
    made = _tally(design, found, source.text)
    if structure is None:
        return made
    whole = streamed_design(design, made.found, source.text, None)
    basis = made.found.cross.basis
    moments = streamed_moments(source, maker, whole, basis, of_part=True)
    return replace(made, moments=moments)


def tally_of_problem(problem: Problem) -> Tally:
    """The tally of a problem of Gaussian rows that stream."""
    rows = cast(StreamedRows, problem.design.rows)
    assert rows.summed is not None
    design = replace(problem.design, rows=rows.head)
    made = _tally(design, rows.summed, rows.source, rows.recorded)
    return replace(made, moments=problem.moments)


def _tally(
    design: Design,
    found: Pass,
    text: str,
    recorded: Mapping[str, RecordedColumn] | None = None,
) -> Tally:
    """What a pass found, with what is remembered of the few rows that made its design."""
    spec, names = design.specification, design.columns
    if recorded is None:
        (pilot,) = design.rows.frames
        recorded = record_columns(spec, pilot)
    none = tuple(np.empty((0, *one.shape[1:])) for one in found.sample)
    kept = replace(in_one_basis(found), sample=(none[0], none[1], none[2]))
    return Tally(
        spec,
        recorded,
        names.terms,
        names.effects,
        RandomColumns(names.blocks, names.spans),
        kept,
        text,
        states_of(names),
    )


def joined_tallies(parts: Sequence[Tally]) -> Tally:
    """All rows of several parts; groups of one label are one group.

    Raises
    ------
    DataError
        When the parts are not of one design; it says what differs.
    """
    first, *others = parts
    for other in others:
        refuse_other_design(first, other)
    found = joined_passes(
        [part.found for part in parts],
        first.random,
        tuple(factors_of_rows(first.specification)),
        [part.text for part in parts],
    )
    columns = dict(first.columns)
    for other in others:
        for name, one in other.columns.items():
            mine = columns[name]
            if isinstance(one, NumberColumn) and isinstance(mine, NumberColumn):
                columns[name] = mine.joined(one)
    names = list(dict.fromkeys(part.text for part in parts))
    text = " and ".join(names) if len(names) < 3 else f"{names[0]} and {len(names) - 1} more"
    moments = [part.moments for part in parts if part.moments is not None]
    labels = [factor.cross.groups for factor in found.factors]
    joined = joined_moments(moments, found.cross.basis, labels) if moments else None
    return replace(first, columns=columns, found=found, text=text, moments=joined)


def refuse_other_design(one: Tally, other: Tally) -> None:
    """Refuse rows that make other columns.

    Raises
    ------
    DataError
        Naming what differs: the formula, a column, or a level.
    """
    if one.text == other.text:
        one, other = replace(one, text="the first"), replace(other, text="the second")
    if one.specification != other.specification:
        raise DataError(
            f"cross-products of '{one.specification}' ({one.text}) and of "
            f"'{other.specification}' ({other.text}) do not add up: make both with one formula"
        )
    learnt = same_states(one.states, other.states)
    if learnt:
        raise DataError(
            f"'{learnt}' is made of all rows at once, and was learnt of others in {one.text} than "
            f"in {other.text}: compute it beforehand as a column"
        )
    for name, mine in one.columns.items():
        theirs = other.columns[name]
        if isinstance(mine, LabelColumn) and isinstance(theirs, LabelColumn):
            _refuse_other_levels(name, (one.text, mine), (other.text, theirs))
        elif mine.kind != theirs.kind:
            raise DataError(
                f"'{name}' is {mine.kind} in {one.text} and {theirs.kind} in {other.text}; make it "
                "the same everywhere"
            )
    if (one.terms, one.effects) != (other.terms, other.effects):
        listed = [", ".join((*part.terms, *part.effects)) for part in (one, other)]
        raise DataError(
            f"the columns of {one.text} are {listed[0]}, and those of {other.text} {listed[1]}: "
            "they do not add up"
        )


def _refuse_other_levels(
    name: str, one: tuple[str, LabelColumn], other: tuple[str, LabelColumn]
) -> None:
    if one[1].levels == other[1].levels:
        return
    for (text, mine), (elsewhere, theirs) in ((one, other), (other, one)):
        lacking = [level for level in mine.levels if level not in theirs.levels]
        if lacking:
            raise DataError(
                f"'{name}' has the level '{lacking[0]}' in {text} and not in {elsewhere}, so that "
                f"their columns differ; make both with all levels, as in levels={{'{name}': [...]}}"
            )
    raise DataError(
        f"the levels of '{name}' are in the order {in_quotes(one[1].levels)} in {one[0]} and "
        f"{in_quotes(other[1].levels)} in {other[0]}, so that they are coded by other columns; "
        f"state one order for both, as in levels={{'{name}': [...]}}"
    )
