"""Clients of a Dask cluster: what is none is refused, and a lost cluster said in words."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from hierbayes.errors import EstimationError, UsageError

_PARTS = 8  # of the work, for each thread of a cluster


def refuse_no_client(client: Any) -> None:
    """Refuse what is not a client of a cluster.

    Raises
    ------
    UsageError
    """
    if not all(hasattr(client, name) for name in ("submit", "map", "gather", "scheduler_info")):
        raise UsageError(
            "client= is a client of a Dask cluster, as in distributed.Client('tcp://...'), not "
            f"{type(client).__name__}"
        )


@contextmanager
def lost_in_words(when: str) -> Iterator[None]:
    """Says that a cluster was lost, in place of what its parts say of each other.

    Raises
    ------
    EstimationError
    """
    try:
        yield
    except Exception as error:
        home = type(error).__module__.partition(".")[0]
        if home != "distributed" and not isinstance(error, ConnectionError | TimeoutError):
            raise
        said = " ".join(str(error).split())
        raise EstimationError(
            f"the cluster was lost while {when} ({type(error).__name__}: {said}): see its workers' "
            "logs and memory, start it again, and run the same line"
        ) from error


def done_by_workers[T](
    client: Any, work: Callable[[Sequence[Any]], Sequence[T]], todo: Sequence[Any], when: str
) -> Iterator[T]:
    """What the workers of a cluster find, in order; they are given a few things at a time.

    Parameters
    ----------
    client : distributed.Client
    work : callable
        From some of the things to what is found of each.
    todo : sequence
        What is to be done.
    when : str
        What is being done, for the message.

    Raises
    ------
    UsageError
        When the client is none.
    EstimationError
        When the cluster is lost.
    """
    refuse_no_client(client)
    with lost_in_words(when):
        workers = sum(client.nthreads().values()) or 1
        size = max(len(todo) // (_PARTS * workers), 1)
        parts = [todo[k : k + size] for k in range(0, len(todo), size)]
        for done in client.map(work, parts, pure=False):
            yield from done.result()
