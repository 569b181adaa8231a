"""Rows that are summed up where they are, by the workers of a cluster, and meet as a tree.

A worker that dies costs what it had: the scheduler of the cluster knows of every tally how it was
made, and has it made again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass
from functools import partial
from typing import Any

import pandas as pd

from hierbayes.design.first_pass import columns_of_labels, first_rows
from hierbayes.design.learnt_states import Learning, Learnt, calls_that_learn, learnt_by
from hierbayes.design.partial_tally import (
    Known,
    Levels,
    TallyTask,
    joined_learning,
    joined_levels,
    joined_parts,
    some_rows,
)
from hierbayes.design.tally import Tally
from hierbayes.design.usable_columns import refuse_unknown_names
from hierbayes.errors import DataError, HierbayesError, UsageError
from hierbayes.sources.cluster import lost_in_words, refuse_no_client
from hierbayes.sources.dask_frames import DaskSource, refuse_other_columns
from hierbayes.sources.files import FileSource, open_files
from hierbayes.sources.frames import FrameSource
from hierbayes.sources.source import Source

_JOINED = 8  # parts that meet at a node of the tree


def tally_on_cluster(task: TallyTask, source: Source, client: Any) -> Tally:
    """Sum up the rows of a source on a cluster.

    Parameters
    ----------
    task : TallyTask
    source : DaskSource or FileSource
        Its partitions or files are the parts.
    client : distributed.Client

    Raises
    ------
    UsageError
        When the client is none, or the source has no parts.
    EstimationError
        When the cluster is lost.
    DataError, FormulaError
        As of `tally_of`.
    """
    refuse_no_client(client)
    _refuse_no_parts(source)
    calls = calls_that_learn(task.specification, source)
    with lost_in_words("rows were summed up"), _read_in_words(source.text):
        levels: Levels = task.known
        if _unread(task, source):
            levels = joined_levels(client.gather(_done(_levels, source, task, client)), levels)
        known = None
        if calls:
            known = learnt_by(calls, partial(_passed_over, source, task, client, levels))
        parts = _done(_tally, source, task, client, levels, known)
        return some_rows(_joined(joined_parts, parts, client), source.text)


@contextmanager
def _read_in_words(text: str) -> Iterator[None]:
    """Says that a part cannot be read, where the work behind it fails.

    Raises
    ------
    DataError
    """
    try:
        yield
    except (HierbayesError, ConnectionError, TimeoutError):
        raise
    except Exception as error:  # whatever the work behind a partition raises
        if type(error).__module__.partition(".")[0] == "distributed":
            raise
        said = " ".join(str(error).split())
        raise DataError(f"cannot read a part of {text}: {type(error).__name__}: {said}") from error


def _joined(join: Callable[..., Any], parts: list[Any], client: Any) -> Any:
    """What meets as a tree."""
    while len(parts) > 1:
        parts = [
            client.submit(join, *parts[k : k + _JOINED], pure=False)
            for k in range(0, len(parts), _JOINED)
        ]
    return parts[0].result()


def _passed_over(
    source: Source, task: TallyTask, client: Any, levels: Levels, learning: Learning
) -> Learnt:
    """A pass over all parts, in each of which copies of the learners see its rows."""
    found = _joined(joined_learning, _done(_learnt, source, task, client, levels, learning), client)
    if isinstance(found, Learnt):
        return found
    parts = _joined(joined_parts, _done(_tally, source, task, client, levels, None), client)
    some_rows(parts, source.text)  # refuses
    raise AssertionError


def _refuse_no_parts(source: Source) -> None:
    if not isinstance(source, DaskSource | FileSource):
        raise UsageError(
            f"client= sums up partitions of a Dask dataframe or files, and {source.text} is neither"
        )


def _unread(task: TallyTask, source: Source) -> list[str]:
    """Columns of labels whose levels have to be read before anything is summed up."""
    reader = task.reader
    refuse_unknown_names(reader.columns, pd.DataFrame(columns=list(source.columns)))
    few = source.kinds if isinstance(source, DaskSource) else first_rows(source, reader)
    return [name for name in columns_of_labels(task.specification, few) if name not in task.known]


def _done(
    work: Callable[..., Any], source: Source, task: TallyTask, client: Any, *more: Any
) -> list[Any]:
    """Futures of something done with every part, whose rows are let go of after that."""
    if isinstance(source, FileSource):
        found: list[Any] = client.map(work, source.paths, *([one] * len(source.paths)
                                      for one in (task, *more)), pure=False)  # fmt: skip
        return found
    assert isinstance(source, DaskSource)
    from dask import delayed

    done, named = delayed(work, pure=False), delayed(Part, pure=False)
    names = task.reader.columns
    promised: list[Any] = client.compute(
        [
            done(named(part, f"partition {k} of {source.text}", names), task, *more)
            for k, part in enumerate(source.parts(names))
        ]
    )
    return promised


@dataclass(frozen=True, slots=True)
class Part:
    """A partition, what it is called, and the columns that are read."""

    rows: Any
    place: str
    names: tuple[str, ...]


def _source(part: Part | str) -> Source:
    if isinstance(part, str):
        return open_files(part)
    refuse_other_columns(part.rows, part.names, part.place)
    return FrameSource(part.rows, part.place)


def _levels(part: Part | str, task: TallyTask) -> Any:
    return task.levels(_source(part))


def _learnt(part: Part | str, task: TallyTask, levels: Levels, learning: Learning) -> Any:
    return task.learnt(_source(part), levels, deepcopy(learning))  # workers may be threads


def _tally(part: Part | str, task: TallyTask, levels: Levels, known: Known | None) -> Any:
    return task.tally(_source(part), levels, known)
