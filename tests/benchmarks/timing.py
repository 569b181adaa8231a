"""Repeated, interleaved wall-clock timing."""

from __future__ import annotations

import resource
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any


def clock(run: Callable[..., Any], *arguments: Any) -> tuple[float, Any]:
    """Time one call.

    Parameters
    ----------
    run : callable
        What is timed.
    *arguments : object
        What it is called with.

    Returns
    -------
    tuple of float and object
        Wall-clock seconds, and what the call returned.
    """
    start = time.perf_counter()
    result = run(*arguments)
    return time.perf_counter() - start, result


def processor_seconds(run: Callable[..., Any], *arguments: Any) -> tuple[float, Any]:
    """Processor time of one call, that of the processes it started and ended included.

    Parameters
    ----------
    run : callable
        What is timed.
    *arguments : object
        What it is called with.

    Returns
    -------
    tuple of float and object
        Seconds of all processors together, and what the call returned.
    """
    before = _used()
    result = run(*arguments)
    return _used() - before, result


def _used() -> float:
    whose = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    return sum(one.ru_utime + one.ru_stime for one in map(resource.getrusage, whose))


def race(
    entries: Mapping[str, Callable[[], float]], *, rounds: int, per_round: int, budget: float
) -> dict[str, list[float]]:
    """Time several contestants in turns, so that a busy moment of the machine hits them all.

    Each entry is called once beforehand, untimed. In each round every entry is then called at
    least once, and again until it has had `per_round` calls or its share of the budget.

    Parameters
    ----------
    entries : mapping of str to callable
        Each returns the seconds of one repetition, its own preparation left out.
    rounds : int
        Number of turns.
    per_round : int
        Most repetitions of one entry in one turn.
    budget : float
        Seconds for one entry over all rounds.

    Returns
    -------
    dict of str to list of float
        All repetitions of each entry, in seconds.
    """
    times: dict[str, list[float]] = {name: [] for name in entries}
    for entry in entries.values():
        entry()
    for _ in range(rounds):
        for name, entry in entries.items():
            deadline = time.perf_counter() + budget / rounds
            for _ in range(per_round):
                times[name].append(entry())
                if time.perf_counter() > deadline:
                    break
    return times


def median(times: Sequence[float]) -> float | None:
    """Median of the repetitions, None without any.

    Parameters
    ----------
    times : sequence of float
        Seconds.

    Returns
    -------
    float or None
        The median.
    """
    return statistics.median(times) if times else None


def ratio(value: float | None, base: float | None) -> float | None:
    """`value` in units of `base`, None where either is missing.

    Parameters
    ----------
    value, base : float or None
        Two medians of the same run.

    Returns
    -------
    float or None
        ``value / base``.
    """
    return None if value is None or not base else value / base
