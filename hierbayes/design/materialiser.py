"""Formulaic's maker of matrices, with values from our own evaluation: it runs no code."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from formulaic import ModelSpec
from formulaic.materializers import PandasMaterializer
from formulaic.materializers.types import FactorValues

from hierbayes.design.evaluation import Evaluation, as_numbers
from hierbayes.specification.expression_reader import read_expression
from hierbayes.specification.known_functions import Functions


class Materialiser(PandasMaterializer):
    """Codes and multiplies factors as formulaic does; looks up and computes them as we do.

    Parameters
    ----------
    data : DataFrame
        n rows.
    functions : tuple of (str, callable)
        Functions that the caller hands over.
    """

    def __init__(self, data: pd.DataFrame, functions: Functions = ()) -> None:
        super().__init__(data)
        self.functions = functions

    @PandasMaterializer.override
    def _lookup(self, name: str) -> tuple[Any, set[Any]]:
        return self.data[name], set()

    @PandasMaterializer.override
    def _evaluate(self, expr: str, metadata: Any, spec: ModelSpec) -> tuple[Any, set[Any]]:
        evaluation = Evaluation(self.data, spec.transform_state, self.functions)
        return evaluation.value(read_expression(expr)), set()

    @PandasMaterializer.override
    def _encode_numerical(
        self, values: Any, metadata: Any, encoder_state: Any, spec: ModelSpec, drop_rows: Any
    ) -> Any:
        """Numbers as float64, so that no product of them wraps around."""
        plain = values.__wrapped__ if isinstance(values, FactorValues) else values
        if getattr(getattr(plain, "dtype", None), "kind", "") == "c":
            return plain
        numbers = as_numbers(plain, "")
        return np.full(self.nrows, numbers) if np.ndim(numbers) == 0 else numbers
