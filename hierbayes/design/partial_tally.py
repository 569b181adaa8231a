"""Tallies of parts of the rows, of which some may have no complete row."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import pandas as pd

from hierbayes.design.batch_columns import needed_names
from hierbayes.design.column_kinds import ColumnKinds, kind_of
from hierbayes.design.complete import nothing_complete
from hierbayes.design.counted_rows import RowReader
from hierbayes.design.first_pass import columns_of_labels, first_rows, levels_seen
from hierbayes.design.learnt_states import Learning, Learnt, States, joined_learnt, passed_over
from hierbayes.design.levels_seen import LevelsSeen
from hierbayes.design.tally import Tally, joined_tallies, tally_of
from hierbayes.design.usable_columns import refuse_unknown_names
from hierbayes.errors import DataError
from hierbayes.sources.source import Source
from hierbayes.specification.formula import Specification

type Levels = Mapping[str, pd.Index]
type Known = tuple[States, pd.DataFrame]


@dataclass(frozen=True, slots=True)
class NoRows:
    """A part without a complete row.

    Parameters
    ----------
    dropped : int
        Its rows.
    missing : dict
        Missing values by column.
    """

    dropped: int
    missing: dict[str, int]


class PartLevels(NamedTuple):
    """The levels of columns of labels in a part that has complete rows."""

    place: str
    levels: dict[str, LevelsSeen]


@dataclass(frozen=True, slots=True)
class TallyTask:
    """What is done with each part.

    Parameters
    ----------
    specification : Specification
    counts : str
        As of `tally_of`.
    known : mapping of str to Index
        Levels of columns of labels that were stated.
    """

    specification: Specification
    counts: str
    known: Levels

    @property
    def reader(self) -> RowReader:
        """How rows are read."""
        return RowReader(self.specification, needed_names(self.specification), self.counts)

    def levels(self, source: Source) -> PartLevels | None:
        """The levels in a part of the columns of labels whose levels are not stated."""
        reader = self.reader
        if isinstance(_nothing(source, reader), NoRows):
            return None
        labels = columns_of_labels(self.specification, first_rows(source, reader))
        unread = [name for name in labels if name not in self.known]
        return PartLevels(source.text, levels_seen(source, reader, unread) if unread else {})

    def learnt(self, source: Source, levels: Levels, learning: Learning) -> Learnt | NoRows:
        """What is learnt of a part."""
        nothing = _nothing(source, self.reader)
        return passed_over(source, self.reader, levels, learning) if nothing is None else nothing

    def tally(self, source: Source, levels: Levels, known: Known | None) -> Tally | NoRows:
        """What is kept of a part."""
        nothing = _nothing(source, self.reader)
        if nothing is not None:
            return nothing
        return tally_of(self.specification, source, levels, self.counts, known)


def joined_levels(parts: Sequence[PartLevels | None], known: Levels) -> dict[str, pd.Index]:
    """The levels of all parts, in order, and those that were stated.

    Raises
    ------
    DataError
        When a column holds labels in one part and numbers in another, naming both.
    """
    seen = [part for part in parts if part is not None]
    found: dict[str, LevelsSeen] = {}
    for part in seen:
        for name, own in part.levels.items():
            found.setdefault(name, LevelsSeen()).join(own)
    kinds = ColumnKinds()
    for part in seen:
        for name in found:
            here = part.levels.get(name)
            kind = "numbers" if here is None else kind_of(pd.Series(list(here.found)))
            kinds.refuse_other(kind, name, part.place)
    return {**{name: own.index(name) for name, own in found.items()}, **known}


def joined_learning(*parts: Learnt | NoRows) -> Learnt | NoRows:
    """What was learnt of all parts."""
    seen = [part for part in parts if isinstance(part, Learnt)]
    return joined_learnt(seen) if seen else parts[0]


def joined_parts(*parts: Tally | NoRows) -> Tally | NoRows:
    """Those of all parts together."""
    tallies = [part for part in parts if isinstance(part, Tally)]
    empty = [part for part in parts if isinstance(part, NoRows)]
    missing: Counter[str] = Counter()
    for one in empty:
        missing.update(one.missing)
    dropped = sum(one.dropped for one in empty)
    if not tallies:
        return NoRows(dropped, dict(missing))
    whole = joined_tallies(tallies)
    missing.update(whole.found.missing)
    dropped += whole.found.dropped
    return replace(whole, found=replace(whole.found, missing=dict(missing), dropped=dropped))


def some_rows(whole: Tally | NoRows, text: str) -> Tally:
    """The tally of all parts.

    Raises
    ------
    DataError
        When no part has a complete row.
    """
    if isinstance(whole, Tally):
        return replace(whole, text=text)
    if not whole.dropped:
        raise DataError(f"the data are empty: there are no rows in {text}")
    worst = max(whole.missing, key=lambda name: whole.missing[name])
    raise DataError(nothing_complete(worst, whole.missing[worst], whole.dropped))


def _nothing(source: Source, reader: RowReader) -> NoRows | None:
    """What there is to say of a part without a complete row; None of another."""
    refuse_unknown_names(reader.columns, pd.DataFrame(columns=list(source.columns)))
    missing: Counter[str] = Counter()
    dropped = 0
    for batch in source.batches(reader.columns):
        read = reader.of(batch)
        if len(read.frame):
            return None
        missing.update(read.missing)
        dropped += read.dropped
    return NoRows(dropped, dict(missing))
