"""A problem with further rows, in the same basis: what a fit says once it knows of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from hierbayes.design.bound_residual import bind_residual
from hierbayes.design.crossproducts import cross_products
from hierbayes.design.design import Design
from hierbayes.design.error_law import require_columns
from hierbayes.design.group_codes import ALL_ROWS, group_labels
from hierbayes.design.grouping_factor import GroupingFactor
from hierbayes.design.matrices import columns_needed, one_column
from hierbayes.design.problem import Problem
from hierbayes.design.products import Products
from hierbayes.design.residual_moments import residual_moments
from hierbayes.design.residual_rows import ResidualRows
from hierbayes.design.row_weights import refuse_bad_weights, root_weights_of
from hierbayes.design.rows import Rows
from hierbayes.design.sparse_products import sparse_products
from hierbayes.errors import DataError, FormulaError
from hierbayes.fit.predictions.prediction_rows import (
    PredictionRows,
    placed_groups,
    rows_to_predict,
)
from hierbayes.frames.arrays import Floats, Integers
from hierbayes.frames.named_columns import require_column
from hierbayes.specification.formula import Specification


def with_further_rows(problem: Problem, data: pd.DataFrame) -> Problem:
    """The problem of the rows of a fit and further ones, of known groups or of new ones.

    A group of the fit keeps the group means (``cvar`` and so on) that it had there; a new group
    has those of its rows here, and keeps them.

    Parameters
    ----------
    problem : Problem
        Of a Gaussian response.
    data : DataFrame
        Rows with everything that the model needs, the response included.

    Raises
    ------
    DataError, FormulaError
        When the rows cannot be used, or the response is not Gaussian.
    """
    if not isinstance(data, pd.DataFrame):
        raise DataError(f"the rows that are given must be a DataFrame, not {type(data).__name__}")
    _refuse_what_is_not_linear(problem)
    if problem.moments is not None:
        require_columns(data, problem.moments.rows.structure)
    products, design = problem.holding_sigma.products, problem.design
    for factor in design.specification.factors:
        for name in design.specification.columns_of[factor]:
            require_column(name, data, "rows that are given")
    further = rows_to_predict(design, data, new_groups="sample")
    assert further.data is not None
    y = _response(design.specification, further.data, further.index)
    columns, X, Z = design.columns.learning(further.data)
    codes_of, unseen = further.codes_of, further.unseen
    if not design.specification.factors:
        codes_of, unseen = _groups_without_effects(design, further.data)
    _refuse_rows_of_the_fit(design, further.index, np.column_stack([y, X, *codes_of]))
    factors = tuple(
        GroupingFactor(factor.name, factor.labels.append(labels) if len(labels) else factor.labels)
        for factor, labels in zip(design.factors, unseen, strict=True)
    )
    rows = _joined(design, further, y, X, Z, codes_of)
    larger = replace(design, columns=columns, factors=factors, rows=rows)
    made: Products = (
        cross_products(rows, factors[0].labels, products.basis)
        if len(factors) == 1
        else sparse_products(rows, factors, design.spans, products.basis)
    )
    if problem.moments is None:
        return Problem(larger, made, holds_sigma=problem.holds_sigma)
    moments = residual_moments(_errors_of_all(problem, larger), larger, made.basis)
    of_all = Problem(larger, made, moments)
    return of_all if problem.z is None else of_all.weighted(problem.z)


def _response(spec: Specification, data: pd.DataFrame, index: pd.Index) -> Floats:
    """The response (n,) of the rows that are given, of which none may lack it."""
    absent = [name for name in columns_needed((spec.response,)) if name not in data.columns]
    if absent:
        raise DataError(
            f"the rows that are given have no column '{absent[0]}', the response: without it they "
            "say nothing of their groups"
        )
    y = one_column(spec.response, data, spec.functions, "response")
    if not np.isfinite(y).all():
        row = index[int((~np.isfinite(y)).argmax())]
        raise DataError(
            f"the response '{spec.response}' is missing in the rows that are given, first at row "
            f"label {row}; leave such rows out"
        )
    return y


def _joined(
    design: Design,
    further: PredictionRows,
    y: Floats,
    X: Floats,
    Z: Floats,
    codes_of: tuple[Integers, ...],
) -> Rows:
    """The rows of the fit, and behind them the further ones."""
    seen, data = design.rows, further.data
    assert data is not None
    return replace(
        seen,
        response=np.concatenate([seen.response, y - further.offset]),
        X=np.vstack([seen.X, X]),
        Z=np.vstack([seen.Z, Z]),
        codes_of=tuple(np.concatenate(both) for both in zip(seen.codes_of, codes_of, strict=True)),
        index=seen.index.append(further.index),
        added=None if seen.added is None else np.append(seen.added, further.offset),
        root_weights=_root_weights(seen, design.specification, data),
        kept=np.concatenate([seen.kept, np.ones(len(y), dtype=np.bool_)]),
        frames=_frames_of_all(seen.frames, data),
    )


def _refuse_what_is_not_linear(problem: Problem) -> None:
    """Refuse responses whose u is not Gaussian given θ, and variances that follow the fit."""
    if problem.family is not None:
        raise FormulaError(
            f"given= updates u exactly, without a refit, where the response is Gaussian, and the "
            f"family of this model is {problem.family}; fit the model to these rows and the others "
            "together"
        )
    problem.refuse_fitted_variances("what further rows say of a fit")


def _groups_without_effects(
    design: Design, data: pd.DataFrame
) -> tuple[tuple[Integers, ...], tuple[pd.Index, ...]]:
    """By factor places of the rows and new labels, of groups that only errors are correlated in."""
    codes_of, unseen = [], []
    for factor in design.factors:
        if factor.name == ALL_ROWS:
            codes, labels = np.zeros(len(data), dtype=np.intp), pd.Index([])
        else:
            columns = design.specification.columns_of.get(factor.name, (factor.name,))
            for name in columns:
                require_column(name, data, "rows that are given")
            codes, labels = placed_groups(factor, group_labels(data, columns))
        codes_of.append(codes)
        unseen.append(labels)
    return tuple(codes_of), tuple(unseen)


def _frames_of_all(seen: Sequence[pd.DataFrame], further: pd.DataFrame) -> Sequence[pd.DataFrame]:
    """Columns of the rows of the fit and of further ones, with the same levels in the same order.

    Rows that have not every level of a factor would otherwise bring another order of the levels,
    and with it other parameters of the errors.
    """
    if not seen:
        return seen
    first = seen[0]
    more = further[list(first.columns)]
    types = {}
    for name, column in first.items():
        if isinstance(column.dtype, pd.CategoricalDtype):
            levels = column.cat.categories
            new = pd.Index(more[name].astype(object).unique()).difference(levels, sort=False)
            types[name] = pd.CategoricalDtype(levels.append(new), column.dtype.ordered)
    return tuple(frame.astype(types) for frame in (*seen, more))


def _errors_of_all(problem: Problem, larger: Design) -> ResidualRows:
    """The residual structure on the rows of the fit and further ones, with the same parameters."""
    assert problem.moments is not None
    seen, structure = problem.moments.rows, problem.moments.rows.structure
    found = bind_residual(structure, larger.rows, larger.factors)
    names = [parameter.name for parameter in seen.parameters]
    new = [one.name for one in found.parameters if one.name not in names]
    if new or len(found.parameters) != len(names):
        said = f"'{new[0]}'" if new else "others"
        raise DataError(
            f"the rows that are given would give the errors, {structure.text}, a parameter that "
            f"the fit has not: {said}; give rows of strata and occasions that it has seen"
        )
    return found.with_coordinates_of(seen, problem.z)


def _root_weights(seen: Rows, spec: Specification, data: pd.DataFrame) -> Floats | None:
    """√w of the rows of the fit and of further ones, which need their weights as those do."""
    if seen.root_weights is None:
        return None
    require_column(spec.known_sd or spec.weights, data, "rows that are given")
    refuse_bad_weights(spec, data)
    own = root_weights_of(spec, data)
    return None if own is None else np.append(seen.root_weights, own)


def _refuse_rows_of_the_fit(design: Design, index: pd.Index, values: Floats) -> None:
    """Refuse rows of the fit: of the same labels, response, fixed columns and groups."""
    if not design.rows.index.is_unique:
        return
    places = design.rows.index.get_indexer_for(index)
    known = np.flatnonzero(places >= 0)
    rows = design.rows
    seen = np.column_stack([rows.observed, rows.X, *rows.codes_of])[places[known]]
    same = known[(seen == values[known]).all(axis=1)]
    if len(same) == len(index) and len(same):
        raise DataError(
            f"the rows that are given are rows of the fit, first row label {index[same[0]]}, and "
            "would count twice; give the others only"
        )
