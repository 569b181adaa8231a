"""A problem with further rows, in the same basis: what a fit says once it knows of them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from hierbayes.design.crossproducts import cross_products
from hierbayes.design.design import Design
from hierbayes.design.grouping_factor import GroupingFactor
from hierbayes.design.matrices import columns_needed, one_column
from hierbayes.design.problem import Problem
from hierbayes.design.row_weights import refuse_bad_weights, root_weights_of
from hierbayes.design.rows import Rows
from hierbayes.design.shared_columns import SharedColumns
from hierbayes.design.sparse_products import sparse_products
from hierbayes.errors import DataError
from hierbayes.fit.predictions.prediction_rows import rows_to_predict
from hierbayes.frames.arrays import Floats
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
    problem.refuse_residual_structure("what further rows say of a fit")
    products, design = problem.products, problem.design
    spec, seen = design.specification, design.rows
    further = rows_to_predict(design, data, new_groups="sample")
    assert further.data is not None
    absent = [name for name in columns_needed((spec.response,)) if name not in data.columns]
    if absent:
        raise DataError(
            f"the rows that are given have no column '{absent[0]}', the response: without it they "
            "say nothing of their groups"
        )
    y = one_column(spec.response, further.data, spec.functions, "response")
    if not np.isfinite(y).all():
        row = further.index[int((~np.isfinite(y)).argmax())]
        raise DataError(
            f"the response '{spec.response}' is missing in the rows that are given, first at row "
            f"label {row}; leave such rows out"
        )
    root_weights = _root_weights(seen, spec, further.data)
    columns, X, Z = design.columns.learning(further.data)
    of_rows = np.column_stack([y, X, *further.codes_of])
    _refuse_rows_of_the_fit(design, further.index, of_rows)
    factors = tuple(
        GroupingFactor(factor.name, factor.labels.append(labels) if len(labels) else factor.labels)
        for factor, labels in zip(design.factors, further.unseen, strict=True)
    )
    rows = replace(
        seen,
        response=np.concatenate([seen.response, y - further.offset]),
        X=np.vstack([seen.X, X]),
        Z=np.vstack([seen.Z, Z]),
        codes_of=tuple(
            np.concatenate(both) for both in zip(seen.codes_of, further.codes_of, strict=True)
        ),
        index=seen.index.append(further.index),
        added=None if seen.added is None else np.append(seen.added, further.offset),
        root_weights=root_weights,
        kept=np.concatenate([seen.kept, np.ones(len(y), dtype=np.bool_)]),
        frames=seen.frames and (*seen.frames, *SharedColumns(further.data, seen.frames[0].columns)),
    )
    larger = replace(design, columns=columns, factors=factors, rows=rows)
    if len(factors) == 1:
        return Problem(larger, cross_products(rows, factors[0].labels, products.basis))
    return Problem(larger, sparse_products(rows, factors, design.spans, products.basis))


def _root_weights(seen: Rows, spec: Specification, data: pd.DataFrame) -> Floats | None:
    """√w of the rows of the fit and of further ones, which need their weights as those do."""
    if seen.root_weights is None:
        return None
    require_column(spec.weights, data, "rows that are given")
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
