"""Clients of a Dask cluster: what is none is refused, and a lost cluster said in words."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from hierbayes.errors import EstimationError, UsageError


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
