"""What a formula must know of all rows before the first is used: the levels of its factors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from pandas.api.types import is_bool_dtype, is_numeric_dtype

from hierbayes.design.counted_rows import RowReader
from hierbayes.errors import DataError
from hierbayes.sources.source import Source
from hierbayes.specification.expression import Call
from hierbayes.specification.expression_reader import read_expression
from hierbayes.specification.formula import Specification
from hierbayes.specification.known_functions import CODINGS
from hierbayes.specification.terms import factors_of, is_number, names_in

HEAD = 1000  # rows that are looked at first
_MOST_LEVELS = 1000


def first_rows(source: Source, reader: RowReader) -> pd.DataFrame:
    """The first complete rows of a source, up to a thousand.

    Raises
    ------
    DataError
        When there are no rows, or none that is complete.
    """
    missing, rows = dict.fromkeys(reader.names, 0), 0
    for batch in source.batches(reader.columns):
        read = reader.of(batch)
        rows += read.dropped
        for name, count in read.missing.items():
            missing[name] += count
        if len(read.frame):
            return read.frame.iloc[:HEAD]
    if not rows:
        raise DataError(f"the data are empty: there are no rows in {source.text}")
    worst = max(missing, key=lambda name: missing[name])
    raise DataError(f"no row is complete: '{worst}' is missing in {missing[worst]} of {rows} rows")


def columns_of_labels(spec: Specification, head: pd.DataFrame) -> tuple[str, ...]:
    """Columns whose levels a formula needs: of texts, or within ``C(...)``."""
    terms = (*spec.fixed, *(term for block in spec.random_effects for term in block))
    found: list[str] = []
    for factor in dict.fromkeys(f for term in terms for f in factors_of(term)):
        if is_number(factor):
            continue
        expression = read_expression(factor)
        coded = isinstance(expression, Call) and expression.function in {"C", *CODINGS}
        found += [
            name
            for name in sorted(names_in(factor))
            if coded or not (is_numeric_dtype(head[name].dtype) or is_bool_dtype(head[name].dtype))
        ]
    return tuple(dict.fromkeys(found))


def levels_of(source: Source, reader: RowReader, labels: Sequence[str]) -> dict[str, pd.Index]:
    """The levels of columns of labels, in order, on complete rows.

    Raises
    ------
    DataError
        When a column has more levels than a factor can have.
    """
    seen: dict[str, set[Any]] = {name: set() for name in labels}
    for batch in source.batches(reader.columns, labels):
        frame = reader.of(batch).frame
        for name in labels:
            seen[name].update(frame[name].unique())
            if len(seen[name]) > _MOST_LEVELS:
                raise DataError(
                    f"{batch.place}: the factor '{name}' has more than {_MOST_LEVELS} levels; "
                    "make it a grouping factor, (1 | ...), or look for a number that is stored as "
                    "text"
                )
    return {name: pd.Index(sorted(found), name=name) for name, found in seen.items()}


def pilot_rows(head: pd.DataFrame, levels: Mapping[str, pd.Index]) -> pd.DataFrame:
    """A few rows in which every level occurs, from which names and codings are learnt."""
    rows = max([len(head), *map(len, levels.values())])
    pilot = head.iloc[np.arange(rows) % len(head)].reset_index(drop=True)
    changed: dict[str, Any] = {}
    for name, own in levels.items():
        codes = np.arange(rows) % len(own)
        is_number = own.dtype.kind in "iufb"
        changed[name] = own.take(codes) if is_number else pd.Categorical.from_codes(codes, own)
    return pilot.assign(**changed)
