"""The columns of a model made of batches of rows, with the names and codings of one design."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

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
from hierbayes.frames.arrays import Booleans, Floats, Integers
from hierbayes.frames.seen_columns import SeenColumns
from hierbayes.sources.source import Batch
from hierbayes.specification.formula import Specification
from hierbayes.specification.formula_parser import parse_formula
from hierbayes.specification.terms import factors_of, is_number


@dataclass(frozen=True, slots=True, eq=False)
class Columned:
    """The complete rows of a batch.

    Parameters
    ----------
    table : sequence of (n,) float
        The d columns of X, y less its offset, and those random columns that are not in X; they may
        be the data's own.
    p : int
        How many columns X has.
    z_at : (q,) int
        Where the random columns stand in the table.
    observed : (n,) float
        The response itself.
    times, weights : (n,) float or None
        How often each row counts, and its precision; None where all are alike.
    parts : dict of str to (n, k) float
        What those factors of `BatchColumns.factors` say of the rows that have no fixed columns to
        themselves.
    frame : DataFrame
    missing : dict
        Missing values by column.
    dropped : int
        Rows that are not complete.
    """

    table: Sequence[Floats]
    p: int
    z_at: Integers
    observed: Floats
    times: Floats | None
    weights: Floats | None
    parts: dict[str, Floats]
    frame: pd.DataFrame
    missing: dict[str, int]
    dropped: int

    def rows(self, at: slice = slice(None)) -> tuple[Floats, Floats, Floats]:
        """X (n, p), Z (n, q) and y (n,) of some rows."""
        y = self.y[at].copy()
        X, Z = (
            np.array([self.table[k][at] for k in places]).reshape(len(places), len(y)).T.copy()
            for places in (range(self.p), self.z_at)
        )
        return X, Z, y

    def some(self, at: Booleans | Integers) -> Columned:
        """Some of the rows (n,)."""
        times, weights = (None if one is None else one[at] for one in (self.times, self.weights))
        return replace(
            self, table=[one[at] for one in self.table], observed=self.observed[at], times=times,
            weights=weights, parts={name: one[at] for name, one in self.parts.items()},
            frame=self.frame.iloc[at],
        )  # fmt: skip

    @classmethod
    def joined(cls, made: Sequence[Columned]) -> Columned:
        """The rows of several batches, of each of which one is as often as it counts."""
        first = made[0]
        weights = [one.weights for one in made if one.weights is not None]
        table: Any = np.concatenate([one.table for one in made], axis=1)
        found = replace(
            first,
            table=table,
            observed=np.concatenate([one.observed for one in made]),
            weights=np.concatenate(weights) if weights else None,
            times=None,
            parts={name: np.concatenate([one.parts[name] for one in made]) for name in first.parts},
            frame=pd.concat([one.frame for one in made]),
        )
        if first.times is None:
            return found
        times = np.concatenate([one.times for one in made if one.times is not None])
        return found.some(np.repeat(np.arange(len(times)), times.astype(np.intp)))

    @property
    def fixed(self) -> Sequence[Floats]:
        """The p + 1 columns (n,) of X and y."""
        return self.table[: self.p + 1]

    @property
    def y(self) -> Floats:
        """The response (n,) less its offset."""
        return self.table[self.p]


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
        columns, frame = counted.columns, counted.frame
        p = len(self.columns.terms)
        if not len(frame):
            none = np.empty(0)
            return Columned(
                [none] * self.height, p, self.z_at, none, None, None, {}, frame, counted.missing,
                counted.dropped,
            )  # fmt: skip
        try:
            if self.levels:
                frame = coded(frame, self.levels)
                columns = SeenColumns(frame, {})
            X = self._made(self.columns.fixed_spec, columns)
            apart = [column for part in self._apart for column in self._made(part, columns)]
            observed = one_column(spec.response, columns, spec.functions, "response")
            offset = offset_or_none(spec, columns)
            root = root_weights_of(spec, columns)
            parts = {
                name: np.array(self._made(part, columns)).T
                for name, part in self.factors.items()
                if not isinstance(part, tuple)
            }
        except (DataError, FormulaError) as error:
            raise type(error)(f"{batch.place}: {error}") from error
        y = observed if offset is None else observed - offset
        weights = None if root is None else root**2
        return Columned(
            [*X, y, *apart], p, self.z_at, observed, counted.times, weights, parts, frame,
            counted.missing, counted.dropped,
        )  # fmt: skip

    @property
    def _apart(self) -> list[ModelSpec]:
        """How those random columns are made that are not all in X."""
        return [one for one in self.columns.random_specs if not isinstance(one, tuple)]

    @property
    def height(self) -> int:
        """Columns of a table of rows."""
        apart = (len(one.column_names) for one in self._apart)
        return len(self.columns.terms) + 1 + sum(apart)

    @property
    def z_at(self) -> Integers:
        """Where the random columns (q,) stand in a table of rows."""
        at: list[int] = []
        end = len(self.columns.terms) + 1
        for part in self.columns.random_specs:
            if isinstance(part, tuple):
                at += part
            else:
                at += range(end, end := end + len(part.column_names))
        return np.array(at, dtype=np.intp)

    def _made(self, spec: ModelSpec, frame: SeenColumns) -> list[Floats]:
        """The columns (n,) that a specification makes."""
        plain = plain_data(spec.formula, frame)
        if plain is None:
            return list(floats(materialise(spec, frame, self.columns.specification.functions)).T)
        made = plain.each(plain.sketch.products(spec))
        for (column, is_computed), name in zip(made, spec.column_names, strict=True):
            if is_computed:  # the data's own are finite
                refuse_not_finite(column[:, None], (name,), frame.index)
        return [column for column, _ in made]


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
