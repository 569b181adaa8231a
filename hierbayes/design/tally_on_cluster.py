"""Rows that are summed up where they are, by the workers of a cluster, and meet as a tree.

A worker that dies costs what it had: the scheduler of the cluster knows of every tally how it was
made, and has it made again.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pandas as pd

from hierbayes.design.first_pass import columns_of_labels, first_rows
from hierbayes.design.learnt_states import calls_that_learn
from hierbayes.design.partial_tally import (
    Levels,
    TallyTask,
    joined_levels,
    joined_parts,
    some_rows,
)
from hierbayes.design.tally import Tally
from hierbayes.design.usable_columns import refuse_unknown_names
from hierbayes.errors import FormulaError, UsageError
from hierbayes.sources.cluster import lost_in_words, refuse_no_client
from hierbayes.sources.dask_frames import DaskSource
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
    for call in calls_that_learn(task.specification, source):
        raise FormulaError(
            f"'{call.text}' is made of all rows at once, and cross-products of some do not know "
            "the others: compute it beforehand as a column"
        )
    with lost_in_words("rows were summed up"):
        levels: Levels = task.known
        if _unread(task, source):
            levels = joined_levels(client.gather(_done(_levels, source, task, client)), levels)
        futures = _done(_tally, source, task, client, levels)
        while len(futures) > 1:
            futures = [
                client.submit(joined_parts, *futures[k : k + _JOINED], pure=False)
                for k in range(0, len(futures), _JOINED)
            ]
        return some_rows(futures[0].result(), source.text)


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

    done = delayed(work, pure=False)
    promised: list[Any] = client.compute(
        [done(part, task, *more) for part in source.parts(task.reader.columns)]
    )
    return promised


def _source(part: pd.DataFrame | str) -> Source:
    if isinstance(part, str):
        return open_files(part)
    return FrameSource(part, "a partition")


def _levels(part: pd.DataFrame | str, task: TallyTask) -> Any:
    return task.levels(_source(part))


def _tally(part: pd.DataFrame | str, task: TallyTask, levels: Levels) -> Any:
    return task.tally(_source(part), levels)
