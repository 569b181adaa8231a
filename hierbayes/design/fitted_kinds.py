"""New data with factors and numbers where the data of the fit had them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from formulaic import ModelSpec
from formulaic.parser.types import Factor
from pandas.api.types import is_bool_dtype, is_numeric_dtype

from hierbayes.errors import DataError
from hierbayes.frames.named_columns import shown


def as_fitted(data: pd.DataFrame, specs: Sequence[ModelSpec]) -> pd.DataFrame:
    """New data with every factor and number of the same kind as in the data of the fit.

    Parameters
    ----------
    data : DataFrame
        New rows.
    specs : sequence of formulaic.ModelSpec
        What is remembered of the columns of the fit.

    Raises
    ------
    DataError
        When a factor has a level the fit has not seen, or a number is none in the new data.
    """
    changed = {}
    for spec in specs:
        for name in _looked_up(spec):
            if name not in data.columns or name in changed:
                continue
            kind, state = spec.encoder_state[name]
            column = data[name]
            if kind is Factor.Kind.CATEGORICAL:
                levels = pd.Index(state["categories"])
                codes = levels.get_indexer(pd.Index(np.asarray(column)))
                if (codes < 0).any():
                    raise DataError(
                        f"'{name}' has the level '{column.iloc[int((codes < 0).argmax())]}', "
                        f"which the data of the fit do not have; they have: {shown(levels)}"
                    )
                changed[name] = pd.Categorical.from_codes(codes, levels)
            elif not (is_numeric_dtype(column.dtype) or is_bool_dtype(column.dtype)):
                raise DataError(
                    f"'{name}' is of type {column.dtype} in the new data; in the data of the "
                    f"fit it is a number: make it one, data['{name}'].astype(float)"
                )
    return data.assign(**changed)


def _looked_up(spec: ModelSpec) -> set[str]:
    """Columns of the data that stand in terms by themselves."""
    factors = {factor for term in spec.formula for factor in term.factors}
    return {f.expr for f in factors if f.eval_method is Factor.EvalMethod.LOOKUP}
