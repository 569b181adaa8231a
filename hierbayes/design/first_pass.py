"""Levels of the factors of a formula, which it must know before the first row is used."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from pandas.api.types import is_bool_dtype, is_numeric_dtype

from hierbayes.design.counted_rows import RowReader
from hierbayes.design.levels_seen import LevelsSeen, stated_order
from hierbayes.errors import DataError, in_quotes
from hierbayes.sources.source import Source
from hierbayes.specification.expression import Call, Column, Expression, Operation
from hierbayes.specification.expression_reader import read_expression
from hierbayes.specification.formula import Specification
from hierbayes.specification.known_functions import CODINGS, CONTEXTUAL
from hierbayes.specification.terms import factors_of, is_number

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
        is_coded = isinstance(expression, Call) and expression.function in {"C", *CODINGS}
        names = sorted(set(_names_of_values(expression)))
        found += [name for name in names if is_coded or not _is_number(head[name])]
    return tuple(dict.fromkeys(found))


def _is_number(column: pd.Series) -> bool:
    return is_numeric_dtype(column.dtype) or is_bool_dtype(column.dtype)


def _names_of_values(expression: Expression) -> Iterator[str]:
    """Columns of an expression but those that hold groups of means."""
    match expression:
        case Column(name):
            yield name
        case Call(function=function, values=(x, _)) if function in CONTEXTUAL:
            yield from _names_of_values(x)
        case Operation(parts=parts) | Call(values=parts):
            for part in parts:
                yield from _names_of_values(part)


def levels_of(source: Source, reader: RowReader, labels: Sequence[str]) -> dict[str, pd.Index]:
    """The levels of columns of labels, in order, on complete rows."""
    return {name: one.index(name) for name, one in levels_seen(source, reader, labels).items()}


def levels_seen(source: Source, reader: RowReader, labels: Sequence[str]) -> dict[str, LevelsSeen]:
    """The levels of columns of labels on complete rows, and the order that these state.

    Raises
    ------
    DataError
        When a column has more levels than a factor can have.
    """
    seen = {name: LevelsSeen() for name in labels}
    for batch in source.batches(reader.columns, labels):
        frame = reader.of(batch).frame
        for name in labels if len(frame) else ():
            seen[name].add(_distinct(frame[name], batch.place), stated_order(frame[name]))
            if len(seen[name].found) > _MOST_LEVELS:
                raise DataError(
                    f"{batch.place}: the factor '{name}' has more than {_MOST_LEVELS} levels; "
                    "make it a grouping factor, (1 | ...), or look for a number that is stored as "
                    "text"
                )
    return seen


def _distinct(column: pd.Series, place: str) -> Iterable[Any]:
    try:
        return column.unique()
    except TypeError as error:
        raise DataError(
            f"{place}: '{column.name}' holds values that are no labels; make numbers or texts of "
            "them"
        ) from error


def pilot_rows(head: pd.DataFrame, levels: Mapping[str, pd.Index]) -> pd.DataFrame:
    """A few rows in which every level occurs, from which names and codings are learnt."""
    rows = max([len(head), *map(len, levels.values())])
    pilot = head.iloc[np.arange(rows) % len(head)].reset_index(drop=True)
    changed: dict[str, Any] = {}
    for name, own in levels.items():
        codes = np.arange(rows) % len(own)
        is_category = isinstance(pilot[name].dtype, pd.CategoricalDtype)
        is_number = own.dtype.kind in "iufb" and not is_category
        changed[name] = own.take(codes) if is_number else pd.Categorical.from_codes(codes, own)
    return pilot.assign(**changed)


def coded(frame: pd.DataFrame, levels: Mapping[str, pd.Index]) -> pd.DataFrame:
    """A batch with every column of labels as categories of the levels there are.

    Raises
    ------
    DataError
        When it has another level.
    """
    changed: dict[str, Any] = {}
    for name, known in levels.items():
        if frame[name].dtype.kind in "iufb":
            continue
        codes = known.get_indexer(pd.Index(np.asarray(frame[name])))
        if (codes < 0).any():
            raise DataError(
                f"'{name}' has the level '{frame[name].iloc[int((codes < 0).argmax())]}', which "
                f"is none of its levels {in_quotes(known)}: those were stated, or the data have "
                "changed since they were read"
            )
        changed[name] = pd.Categorical.from_codes(codes, known)
    return frame.assign(**changed) if changed else frame
