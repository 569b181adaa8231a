"""The columns of a model made of batches of rows, with the names and codings of one design."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pandas as pd
from formulaic import ModelSpec

from hierbayes.design.columns import Columns
from hierbayes.design.counted_rows import RowReader
from hierbayes.design.family_rows import offset_or_none
from hierbayes.design.first_pass import coded
from hierbayes.design.learnt_states import States, remembering
from hierbayes.design.matrices import columns_needed, materialise, one_column
from hierbayes.design.plain_columns import plain_data
from hierbayes.design.row_weights import root_weights_of
from hierbayes.design.usable_columns import floats, refuse_not_finite
from hierbayes.errors import DataError, FormulaError
from hierbayes.frames.arrays import Floats
from hierbayes.sources.source import Batch
from hierbayes.specification.formula import Specification
from hierbayes.specification.formula_parser import parse_formula
from hierbayes.specification.terms import factors_of, is_number


class Columned(NamedTuple):
    """The complete rows of a batch.

    Parameters
    ----------
    X, Z, y : (n, p), (n, q), (n,) float
        y less its offset.
    observed : (n,) float
        The response itself.
    times, weights : (n,) float or None
        How often each row counts, and its precision; None where all are alike.
    parts : tuple of (n, k) float
        What each factor of `BatchColumns.factors` says of the rows.
    frame : DataFrame
    missing : dict
        Missing values by column.
    dropped : int
        Rows that are not complete.
    """

    X: Floats
    Z: Floats
    y: Floats
    observed: Floats
    times: Floats | None
    weights: Floats | None
    parts: tuple[Floats, ...]
    frame: pd.DataFrame
    missing: dict[str, int]
    dropped: int


@dataclass(frozen=True, slots=True, eq=False)
class BatchColumns:
    """How the columns of a design are made of a batch.

    Parameters
    ----------
    columns : Columns
        Those of the design.
    reader : RowReader
    levels : mapping
        From columns of labels to their levels.
    factors : dict
        From factors of terms to the fixed columns they have to themselves, or how to make theirs.
    """

    columns: Columns
    reader: RowReader
    levels: Mapping[str, pd.Index]
    factors: dict[str, tuple[int, ...] | ModelSpec]

    def of(self, batch: Batch) -> Columned:
        """The matrices of the complete rows of a batch, of which there may be none.

        Raises
        ------
        DataError
            When a value cannot be used, naming the file or the part.
        """
        spec = self.columns.specification
        counted = self.reader.of(batch)
        frame = counted.frame
        if not len(frame):
            none, no_rows = np.empty((0, 0)), np.empty(0)
            return Columned(
                none, none, no_rows, no_rows, None, None, (), frame, counted.missing,
                counted.dropped,
            )  # fmt: skip
        try:
            frame = coded(frame, self.levels)
            X = self._made(self.columns.fixed_spec, frame)
            blocks = [
                X[:, part] if isinstance(part, tuple) else self._made(part, frame)
                for part in self.columns.random_specs
            ]
            observed = one_column(spec.response, frame, spec.functions, "response")
            offset = offset_or_none(spec, frame)
            root = root_weights_of(spec, frame)
            parts = tuple(
                X[:, part] if isinstance(part, tuple) else self._made(part, frame)
                for part in self.factors.values()
            )
        except (DataError, FormulaError) as error:
            raise type(error)(f"{batch.place}: {error}") from error
        Z = blocks[0] if len(blocks) == 1 else np.column_stack([np.empty((len(X), 0)), *blocks])
        y = observed if offset is None else observed - offset
        weights = None if root is None else root**2
        return Columned(
            X, Z, y, observed, counted.times, weights, parts, frame, counted.missing,
            counted.dropped,
        )  # fmt: skip

    def _made(self, spec: ModelSpec, frame: pd.DataFrame) -> Floats:
        plain = plain_data(spec.formula, frame)
        if plain is None:
            return floats(materialise(spec, frame, self.columns.specification.functions))
        made = plain.columns(spec)
        refuse_not_finite(made, spec.column_names, frame.index)
        return made


def batch_columns(
    columns: Columns,
    reader: RowReader,
    levels: Mapping[str, pd.Index],
    pilot: pd.DataFrame,
    states: States,
) -> BatchColumns:
    """How to make the columns of a design of batches, learnt from a few rows with every level.

    ``states`` are what its transforms remember of all rows.
    """
    spec = columns.specification
    alone: dict[str, tuple[int, ...]] = {}
    place = 0
    for part in columns.fixed_spec.structure:
        span = tuple(range(place, place := place + len(part.columns)))
        if len(part.term.factors) == 1:
            alone[str(part.term)] = span
    terms = (*spec.fixed, *(term for block in spec.random_effects for term in block))
    found = {f for term in terms for f in factors_of(term) if not is_number(f)}
    factors = {
        one: alone[one] if one in alone else remembering(_spec_of(one, spec, pilot), states)
        for one in sorted(found)
    }
    return BatchColumns(columns, reader, levels, factors)


def _spec_of(factor: str, spec: Specification, pilot: pd.DataFrame) -> ModelSpec:
    made: ModelSpec = materialise(parse_formula(f"0 + {factor}"), pilot, spec.functions).model_spec
    return made


def needed_names(spec: Specification) -> tuple[str, ...]:
    """Names that a specification reads values from, the groups and weights last."""
    left = (spec.response,) if spec.trials is None else (spec.response, spec.trials.other)
    needed = columns_needed(left, spec.offsets, spec.fixed, *spec.random_effects)
    weights = filter(None, [spec.weights, spec.known_sd])
    of_errors = () if spec.residual is None else spec.residual.columns
    return tuple(dict.fromkeys([*needed, *spec.group_columns, *of_errors, *weights]))
