r"""A specification posed on rows that stream: the same design and cross-products, made in batches.

The basis is that of the first batch.  Where it turns out not to fit the rest (a column whose mean
or spread is another one later on), the rows are read again in the basis of rows from all over the
source; and again where X and the groups' own columns leave so little of y that it is taken out
first, as in `sums`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import cast

import numpy as np
import pandas as pd

from hierbayes.design.basis import Basis, choose_basis
from hierbayes.design.batch_columns import BatchColumns, batch_columns, needed_names
from hierbayes.design.built_design import build_design, factors_of_rows
from hierbayes.design.column_moments import Moments
from hierbayes.design.column_refusals import refuse_columns
from hierbayes.design.common_basis import with_own_parts
from hierbayes.design.complete import Dropped
from hierbayes.design.counted_rows import RowReader
from hierbayes.design.design import Design
from hierbayes.design.factor_watch import FactorFound
from hierbayes.design.first_pass import columns_of_labels, first_rows, levels_of, pilot_rows
from hierbayes.design.group_design_of_roots import ColumnRoots
from hierbayes.design.grouping_factor import GroupingFactor
from hierbayes.design.learnt_states import (
    States,
    calls_that_learn,
    learnt_by,
    passed_over,
    with_states,
)
from hierbayes.design.one_pass import Pass
from hierbayes.design.problem import Problem
from hierbayes.design.row_facts import RowFacts
from hierbayes.design.row_parts import row_parts
from hierbayes.design.row_refusals import refuse_rows
from hierbayes.design.rows import Rows
from hierbayes.design.source_at_hand import SourceAtHand
from hierbayes.design.streamed_errors import with_errors
from hierbayes.design.streamed_moments import refuse_fitted_of_streams
from hierbayes.design.streamed_root import with_root
from hierbayes.design.streamed_rows import StreamedRows
from hierbayes.design.streamed_sums import summed_stream
from hierbayes.design.sums import little_is_left, without_fixed
from hierbayes.design.usable_columns import refuse_neither_number_nor_factor, refuse_unknown_names
from hierbayes.errors import DataError
from hierbayes.frames.arrays import Floats
from hierbayes.sources.source import Source
from hierbayes.specification.formula import Specification


def pose_streamed(specification: Specification, source: Source, counts: str = "") -> Problem:
    """Make and check the design of a specification on the rows of a source, and sum them up.

    Parameters
    ----------
    specification : Specification
        Of a Gaussian response.
    source : Source
    counts : str
        The column that says how often each row counts; empty where all count once.

    Raises
    ------
    DataError, FormulaError
        When the data cannot carry the model, or the model needs the rows in memory.
    """
    at_hand, structure = SourceAtHand(source, counts), specification.residual
    if structure is not None:
        refuse_fitted_of_streams(structure, source.text)
    design, maker = _columns_of(specification, source, {}, counts)
    found = _in_fitting_basis(source, maker, design)
    factors = factors_of_rows(specification)
    labels = [one.cross.groups for one in found.factors]
    cases = partial(row_parts, source, maker, factors, labels)
    at_hand = replace(at_hand, cases=cases)
    found = with_root(found, cases, partial(summed_stream, source, maker, factors=factors))
    problem = problem_of(design, found, source.text, at_hand)
    if structure is None:
        return problem
    return with_errors(problem, source, maker, factors, labels)


def summed_source(
    specification: Specification,
    source: Source,
    levels: Mapping[str, pd.Index] | None = None,
    counts: str = "",
    known: tuple[States, pd.DataFrame] | None = None,
) -> tuple[Design, BatchColumns, Pass]:
    """The design of a few rows of a source, how its columns are made, and what all rows have.

    ``levels`` are those of columns of labels that are known beforehand, and ``known`` what was
    learnt of these and of other rows, with a few of them.  Other parameters and errors are those of
    `pose_streamed`; whether all rows can carry the model is not asked.
    """
    design, maker = _columns_of(specification, source, levels or {}, counts, known)
    return design, maker, _in_fitting_basis(source, maker, design)


def _columns_of(
    spec: Specification,
    source: Source,
    levels: Mapping[str, pd.Index],
    counts: str,
    known: tuple[States, pd.DataFrame] | None = None,
) -> tuple[Design, BatchColumns]:
    """The design that a few rows make, and how its columns are made of all others."""
    reader = RowReader(spec, needed_names(spec), counts)
    refuse_unknown_names(reader.columns, pd.DataFrame(columns=list(source.columns)))
    calls = calls_that_learn(spec, source)
    head = first_rows(source, reader)
    refuse_neither_number_nor_factor(list(reader.names), head, spec)
    levels = _all_levels(source, reader, columns_of_labels(spec, head), levels)
    states: States = {}
    if known is not None:
        states, head = known[0], pd.concat([head, known[1]])
    elif calls:
        states, head = learnt_by(calls, partial(passed_over, source, reader, levels))
    pilot = pilot_rows(head, levels)
    design = _made_of(build_design(spec, pilot), pilot, states)
    return design, batch_columns(design.columns, reader, levels, pilot, states)


def _all_levels(
    source: Source, reader: RowReader, labels: Sequence[str], known: Mapping[str, pd.Index]
) -> dict[str, pd.Index]:
    """The levels of columns of labels: those known, and the others read."""
    for name in known:
        if name not in labels:
            raise DataError(
                f"levels= names '{name}', and the columns of labels of this model are: "
                f"{', '.join(labels) or 'none'}"
            )
    unread = [name for name in labels if name not in known]
    read = levels_of(source, reader, unread) if unread else {}
    return {name: known[name] if name in known else read[name] for name in labels}


def problem_of(
    design: Design, found: Pass, text: str, at_hand: SourceAtHand | None = None
) -> Problem:
    """The problem of rows that were summed up, with the names and codings of a design.

    Parameters
    ----------
    design : Design
        Of a few rows.
    found : Pass
        What was found in all of them.
    text : str
        What their source is called.
    at_hand : SourceAtHand, optional
        The source, where there is one to be read again.

    Raises
    ------
    DataError, FormulaError
        When they cannot carry the model.
    """
    problem = Problem(streamed_design(design, found, text, at_hand), found.cross)
    refuse_rows(problem.design)
    refuse_columns(problem.design, found.cross)
    return problem


def _made_of(design: Design, pilot: pd.DataFrame, states: States) -> Design:
    """The design of a few rows, whose transforms remember all rows."""
    if not states:
        return design
    columns = with_states(design.columns, states)
    X, Z = columns.new_matrices(pilot, random=True)
    return replace(design, columns=columns, rows=replace(design.rows, X=X, Z=Z))


def _in_fitting_basis(source: Source, maker: BatchColumns, design: Design) -> Pass:
    """Passes over the rows until they are summed in a basis that fits them."""
    factors = factors_of_rows(design.specification)
    first = next(
        made
        for batch in source.batches(maker.reader.columns, tuple(maker.levels))
        if len((made := maker.of(batch)).y)
    )
    basis = _basis_of(first.rows(), design)
    found = summed_stream(source, maker, basis, factors)
    if not _fits(found, basis):
        basis = _basis_of(found.sample, design)
        found = summed_stream(source, maker, basis, factors)
    basis = with_own_parts(basis, found.moments, design.blocks)
    found = _of_all_responses(replace(found, cross=replace(found.cross, basis=basis)))
    if little_is_left(found.cross):
        for _ in range(2):  # the second time from sums that have their digits
            basis = without_fixed(found.cross)
            found = summed_stream(source, maker, basis, factors)
    return found


def _of_all_responses(found: Pass) -> Pass:
    """The same in a basis centred and scaled by the responses of all rows, as priors are."""
    basis, moments = found.cross.basis, found.moments
    mean = moments.mean[-1] if basis.constant.any() else 0.0
    spread = float(np.sqrt(max(moments.fixed[-1, -1] - mean**2, 0.0)))
    if spread == 0.0:
        return found
    M = np.eye(len(moments.mean))
    M[:-1, -1] = -mean / spread * np.linalg.solve(basis.x.matrix, basis.constant)
    M[-1, -1] = 1.0 / spread
    center, scale = basis.center + basis.scale * mean, basis.scale * spread
    turned = replace(found.cross.turned(M), basis=replace(basis, center=center, scale=scale))
    return replace(found, cross=turned, moments=moments.turned(M))


def _basis_of(rows: tuple[Floats, Floats, Floats], design: Design) -> Basis:
    """The basis of some rows X, Z and y, whose responses may all be the same."""
    basis = choose_basis(*rows, design.blocks)
    return basis if basis.scale > 0.0 else replace(basis, scale=1.0)


def _fits(found: Pass, basis: Basis) -> bool:
    """Whether all rows are centred and scaled by a basis that some of them chose."""
    if basis.constant.any() and not _is_constant(found, basis):
        return False
    return found.moments.are_centred_and_scaled(basis.constant)


def _is_constant(found: Pass, basis: Basis) -> bool:
    """Whether X e is 1 in all rows, as it was in those that chose the basis."""
    used = basis.constant != 0.0
    if used.sum() == 1:
        return bool((found.low[:-1] == found.high[:-1])[used].all())
    X = found.sample[0]
    return bool(np.abs(X @ basis.constant - 1.0).max() < 1e-10)


def streamed_design(design: Design, found: Pass, text: str, at_hand: SourceAtHand | None) -> Design:
    """The design of a few rows, made that of all."""
    cross, basis, moments = found.cross, found.cross.basis, found.moments
    spec = design.specification
    columns = replace(design.columns, between_of=tuple(one.between for one in found.factors))
    inverse = np.linalg.inv(basis.z.matrix)
    size = basis.scale * np.sqrt(moments.fixed[-1, -1])
    squares = _products(moments, basis, about=np.zeros(len(basis.taken)))
    largest = np.maximum(np.abs(found.low), np.abs(found.high))[:-1]
    facts = RowFacts(
        n=int(cross.n),
        low=found.low,
        high=found.high,
        covariance=_products(moments, basis, about=moments.mean[:-1]),
        column_sizes=np.sqrt(np.maximum(np.diag(squares), 0.0)),
        second_moment=inverse.T @ moments.random @ inverse,
        response_size=float(np.hypot(size, basis.center)),
        two_valued=found.two_valued,
        log_root_weights=found.log_root_weights,
        has_weights=bool(spec.weights or spec.known_sd),
        has_offset=bool(spec.offsets),
        sizes_of=tuple(one.cross.rows.astype(np.intp) for one in found.factors),
        roots_of=tuple(
            _column_roots(factor, basis.z.matrix[span, span], largest)
            for factor, span in zip(found.factors, columns.spans, strict=True)
        ),
    )
    groups = (factor.cross.groups for factor in found.factors)
    factors = tuple(map(GroupingFactor, factors_of_rows(spec), groups))
    rows = StreamedRows(text, facts, design.rows, at_hand, _some(found), summed=found)
    # answers as Rows do where it can, and refuses the rest
    return Design(columns, factors, cast(Rows, rows), Dropped(found.dropped, found.missing))


def _some(found: Pass) -> Rows | None:
    """The rows of a sample; None where there are none."""
    X, Z, y = found.sample
    index = pd.RangeIndex(len(y))
    return Rows(y, X, Z, (), index, np.ones(len(y), dtype=bool)) if len(y) else None


def _products(moments: Moments, basis: Basis, about: Floats) -> Floats:
    """Mean products (p, p) of the fixed columns about internal ones (p,), in the user's units."""
    inverse = np.linalg.inv(basis.x.matrix)
    products: Floats = inverse.T @ (moments.fixed[:-1, :-1] - np.outer(about, about)) @ inverse
    return products


def _column_roots(factor: FactorFound, T_z: Floats, largest: Floats) -> ColumnRoots:
    """What stands for the columns of each group of a factor, in the user's units."""
    own = factor.cross
    to_x, to_z = np.linalg.inv(own.basis.x.matrix), np.linalg.inv(T_z)
    left = np.einsum("ac,ab,bc->c", to_x, own.W[:-1, :-1], to_x)
    outside = np.sqrt(np.maximum(left, 0.0) / factor.weights.sum())
    return ColumnRoots(own.R @ to_z, own.T[:, :, :-1] @ to_x, outside, factor.weights, largest)
