"""The design of a specification on data, made or refused."""

from __future__ import annotations

import numpy as np
import pandas as pd

from hierbayes.design.columns import Columns
from hierbayes.design.complete import complete_columns
from hierbayes.design.constant_factors import ConstantFactors
from hierbayes.design.design import Design
from hierbayes.design.family_rows import (
    offset_or_none,
    read_family_rows,
    refuse_counts,
    working_response,
)
from hierbayes.design.group_codes import ALL_ROWS, codes_of_factors
from hierbayes.design.grouping_factor import GroupingFactor
from hierbayes.design.left_out import DROP, combinations_left_out
from hierbayes.design.matrices import columns_needed, made_columns, one_column
from hierbayes.design.predictors import side_by_side
from hierbayes.design.random_columns import random_columns, random_values
from hierbayes.design.row_weights import refuse_bad_weights, root_weights_of
from hierbayes.design.rows import Rows
from hierbayes.design.shared_columns import SharedColumns
from hierbayes.design.usable_columns import (
    refuse_neither_number_nor_factor,
    refuse_non_numeric_response,
    refuse_shared_names,
    refuse_single_levels,
    refuse_unknown_names,
)
from hierbayes.errors import FormulaError
from hierbayes.families.family import ResponseFamily
from hierbayes.frames.arrays import Floats, Integers
from hierbayes.frames.named_columns import require_frame
from hierbayes.frames.seen_columns import DataColumns
from hierbayes.specification.formula import Specification
from hierbayes.specification.formula_parser import parse_formula


def build_design(
    specification: Specification, data: pd.DataFrame, family: ResponseFamily | None = None
) -> Design:
    """Make the design of a specification on data.

    Parameters
    ----------
    specification : Specification
    data : DataFrame
    family : ResponseFamily, optional
        Of the response, where it is not Gaussian.

    Raises
    ------
    DataError
        When the data cannot carry the model; the message names the column.
    FormulaError
        When a term cannot be computed from the data.
    """
    spec = specification
    if not all(spec.random_effects):
        raise FormulaError("the random part has no effects; name at least '1', the intercept")
    used, names = _columns_of_data(spec, data, family)
    frame, kept, dropped = complete_columns(data, names)
    if family is None:
        refuse_non_numeric_response(spec.response, frame)
        refuse_counts(spec)
    of_family = None if family is None else read_family_rows(family, spec, frame)
    refuse_neither_number_nor_factor(used, frame, spec)
    grouped = factors_of_rows(spec)
    found = codes_of_factors(frame, grouped)
    codes_of = tuple(codes for codes, _ in found)
    shared = SharedColumns(frame, names)
    columns, X, made = _columns(spec, frame, shared, codes_of)
    if of_family is not None:
        columns = columns.of_predictors(of_family.family.predictors)
    P = columns.n_predictors
    added = offset_or_none(spec, frame) if of_family is None else None
    response = _response(spec, frame) if of_family is None else np.empty(0)
    response = response if added is None else response - added
    rows = Rows(
        response=response if of_family is None else working_response(of_family),
        X=side_by_side([(k, X) for k in range(P)], P),
        Z=random_values(made, X, columns),
        codes_of=tuple(np.repeat(codes, P) for codes in codes_of) if P > 1 else codes_of,
        index=frame.index,
        kept=kept,
        family=of_family,
        frames=shared,
        added=added,
        root_weights=root_weights_of(spec, frame),
    )
    factors = tuple(map(GroupingFactor, grouped, (labels for _, labels in found)))
    return Design(columns, factors, rows, dropped)


def _columns_of_data(
    spec: Specification, data: pd.DataFrame, family: ResponseFamily | None
) -> tuple[tuple[str, ...], list[str]]:
    """Columns of the data that terms are made of; and with those of groups, errors and weights.

    Raises
    ------
    DataError
        When one is not there, a weight cannot be used, or the data are no frame.
    """
    left = (spec.response,) if spec.trials is None else (spec.response, spec.trials.other)
    further = () if family is None else family.further_terms
    needed = columns_needed(left, spec.offsets, spec.fixed, *spec.random_effects, further)
    if spec.weights or spec.known_sd:  # else refused as they are taken out
        require_frame(data)
        refuse_unknown_names(needed, data)
        refuse_bad_weights(spec, data)
    of_errors = () if spec.residual is None else spec.residual.columns
    beside = (*spec.group_columns, *of_errors, *filter(None, (spec.weights, spec.known_sd)))
    return needed, list(dict.fromkeys((*needed, *beside)))


def _columns(
    spec: Specification, frame: DataColumns, shared: SharedColumns, codes_of: tuple[Integers, ...]
) -> tuple[Columns, Floats, list[Floats]]:
    """What columns are called and how they are made; X, and random ones that it does not have."""
    every, whole = made_columns(parse_formula(spec.fixed_formula), frame, spec.functions)
    left = combinations_left_out(every, whole.names) if spec.aliased == DROP else None
    X, fixed = (every, whole) if left is None else (every[:, left.kept], whole.some(left.kept))
    random, made = random_columns(spec, fixed, frame)
    refuse_single_levels((fixed.spec, *[one.spec for one in random.structures]))
    refuse_shared_names(fixed.factors, *[one.factors for one in random.structures])
    columns = Columns(
        specification=spec,
        terms=fixed.names,
        effects=random.effects,
        term_of=fixed.term_of,
        blocks=random.blocks,
        fixed_spec=fixed.spec,
        random_specs=random.specs,
        between_of=ConstantFactors(spec, shared, every, whole.alone, codes_of),
        left_out=left,
    )
    return columns, X, made


def factors_of_rows(spec: Specification) -> dict[str, tuple[str, ...]]:
    """The columns of every grouping factor; without a random part of that of the errors."""
    return spec.columns_of or _units_of_errors(spec)


def _units_of_errors(spec: Specification) -> dict[str, tuple[str, ...]]:
    """The one factor of a model without a random part, by its columns: that of its errors."""
    correlation = None if spec.residual is None else spec.residual.correlation
    if correlation is None:
        return {ALL_ROWS: ()}
    if correlation.group is None:
        raise FormulaError(
            f"name the group within which errors are correlated, as in {type(correlation).__name__}"
            "(..., group='id'), for the model has no random part"
        )
    return {correlation.group: (correlation.group,)}


def _response(spec: Specification, frame: DataColumns) -> Floats:
    """The response (n,), the model's own: a column as it is, or an expression computed."""
    return np.array(one_column(spec.response, frame, spec.functions, "response"))
