"""Columns that a response depends on beside its linear predictor, as of a probability of zeros."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from formulaic import ModelSpec

from hierbayes.design.complete import complete_rows
from hierbayes.design.matrices import columns_needed, materialise
from hierbayes.design.usable_columns import floats, refuse_single_levels
from hierbayes.errors import DataError
from hierbayes.frames.arrays import Floats
from hierbayes.specification.formula_parser import parse_formula
from hierbayes.specification.known_functions import Functions
from hierbayes.specification.terms import join_terms

_OWN = 1e-10  # of a column's size: what is its own beside those before it


@dataclass(frozen=True, slots=True, eq=False)
class FurtherColumns:
    """The columns Z of the terms, and how they are made of any data.

    Parameters
    ----------
    needed : tuple of str
        Columns of the data that they are made of.
    names : tuple of str
        Of the k columns.
    spec : formulaic.ModelSpec
    functions : tuple of (str, callable)
        Functions that the caller hands over.
    turn : (k, k) float
        T, upper triangular, with T'Z'ZT = n I: coefficients are T times those of ZT.
    """

    needed: tuple[str, ...]
    names: tuple[str, ...]
    spec: ModelSpec
    functions: Functions
    turn: Floats

    def beside(self, sizes: Floats, frame: pd.DataFrame) -> Floats:
        """Sizes (n,) and the columns of the complete rows of a frame, (n, 1 + k)."""
        columns = floats(materialise(self.spec, frame, self.functions))
        return np.column_stack([sizes, columns])

    def of_new_rows(self, sizes: Floats, data: pd.DataFrame) -> Floats:
        """The same of new rows.

        Raises
        ------
        DataError
            When a column is not there, or has gaps.
        """
        frame, _, dropped = complete_rows(data, self.needed)
        if dropped.rows:
            worst = next(iter(dropped.by_column))
            raise DataError(
                f"'{worst}' is missing in {dropped.by_column[worst]} of the new rows; predictions "
                "need complete rows"
            )
        return self.beside(sizes, frame)


def further_columns(
    terms: tuple[str, ...], frame: pd.DataFrame, functions: Functions
) -> FurtherColumns:
    """The columns of terms on complete rows.

    Raises
    ------
    DataError
        When a column is a combination of those before it.
    """
    made = materialise(parse_formula(join_terms(terms)), frame, functions)
    columns, spec = floats(made), made.model_spec
    refuse_single_levels((spec,))
    names = tuple(spec.column_names)
    size = np.linalg.norm(columns, axis=0)
    R = np.linalg.qr(columns / np.where(size > 0.0, size, 1.0), mode="r")
    own = np.abs(np.diagonal(R))
    if len(own) < len(names) or own.min() < _OWN or not size.all():
        at = int(own.argmin()) if len(own) == len(names) else len(own)
        raise DataError(
            f"the zeros cannot depend on '{names[at]}': it is 0, or a combination of the columns "
            "before it; leave it out"
        )
    turn = np.linalg.inv(R * np.sign(np.diagonal(R))[:, None]) * np.sqrt(len(frame))
    needed = tuple(name for name in columns_needed(terms) if name in frame.columns)
    return FurtherColumns(needed, names, spec, functions, turn / size[:, None])
