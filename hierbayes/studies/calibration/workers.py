"""Replications on several processors, each in a process of its own.

The processes are started with nothing but the task, so that a script needs no guard around its
main part.  What a replication finds depends on its number alone: not on how many processes there
are, nor on the order in which they end.
"""

from __future__ import annotations

import json
import os
import queue
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from functools import partial
from importlib import import_module
from typing import Any

from hierbayes.display.steps import steps
from hierbayes.errors import StudyError
from hierbayes.sources.cluster import done_by_workers
from hierbayes.studies.calibration.tasks import Task

type Place = tuple[int, int]
"""Design and number of a replication."""

_WORTH = 8.0  # seconds of work below which no process is started
_CODE = "import json, sys; sys.path[:] = json.loads(sys.argv[1]); " \
    "from hierbayes.studies.calibration.worker import serve; serve()"  # fmt: skip
_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")


def do_all(
    task: Task,
    todo: Sequence[Place],
    keep: Callable[[Place, dict[str, Any]], None],
    *,
    cores: int | None,
    what: str,
    progress: bool,
    client: Any = None,
) -> None:
    """Do replications and keep each as soon as it is there.

    Parameters
    ----------
    task : Task
    todo : sequence of (cell, i)
    keep : callable
        Takes a place and what was found.
    cores : int, optional
        Processes; by default as many as there are processors.
    what : str
        What is counted, for the bar.
    progress : bool
    client : distributed.Client, optional
        Of a cluster, whose workers take the place of processes here.

    Raises
    ------
    StudyError
        When a process ends with an error.
    EstimationError
        When the cluster is lost.
    """
    if not todo:
        return
    cores = os.cpu_count() or 1 if cores is None else cores
    with steps(len(todo), what, progress=progress) as shown:
        bar = iter(shown)
        if client is not None:
            _on_cluster(task, todo, keep, bar, client)
            next(bar, None)
            return
        rest = _first_ones(task, todo, keep, bar, alone=cores == 1 or not sys.executable)
        if rest:
            _in_processes(task, rest, keep, bar, min(cores, len(rest)))
        next(bar, None)


def _on_cluster(
    task: Task,
    todo: Sequence[Place],
    keep: Callable[[Place, dict[str, Any]], None],
    bar: Any,
    client: Any,
) -> None:
    """Have the workers of a cluster do them, a few at a time."""
    found = done_by_workers(client, partial(_done, task=task), todo, "replications were done")
    for place, one in zip(todo, found, strict=True):
        next(bar, None)
        keep(place, one)


def _done(part: Sequence[Place], task: Task) -> list[dict[str, Any]]:
    return [task.run(*place) for place in part]


def _first_ones(
    task: Task,
    todo: Sequence[Place],
    keep: Callable[[Place, dict[str, Any]], None],
    bar: Any,
    *,
    alone: bool,
) -> Sequence[Place]:
    """Do replications here until it is clear that the rest is worth processes; the rest.

    The first compiles what has to be, and is not timed.
    """
    began = time.perf_counter()
    for done, place in enumerate(todo, 1):
        next(bar, None)
        keep(place, task.run(*place))
        if done == 1:
            began = time.perf_counter()
        elif not alone and done >= 3:
            each = (time.perf_counter() - began) / (done - 1)
            if each * (len(todo) - done) > _WORTH:
                return todo[done:]
    return ()


def _in_processes(
    task: Task,
    todo: Sequence[Place],
    keep: Callable[[Place, dict[str, Any]], None],
    bar: Any,
    cores: int,
) -> None:
    lines: queue.Queue[str | None] = queue.Queue()
    processes = [_start(task, todo[k::cores], lines) for k in range(cores)]
    try:
        running = cores
        left = len(todo)
        while running:
            line = lines.get()
            if line is None:
                running -= 1
                continue
            record = json.loads(line)
            if "error" in record:
                raise StudyError(f"a replication ended with an error:\n{record['error']}")
            next(bar, None)
            keep((record["cell"], record["i"]), record["found"])
            left -= 1
        if left:
            raise StudyError(
                f"a process ended before its work was done, and {left} replications are missing; "
                "with file= those that are done are kept, and the same call does the rest"
            )
    finally:
        for process, reader in processes:
            process.kill()
            process.wait()
            reader.join()


def _start(
    task: Task, todo: Sequence[Place], lines: queue.Queue[str | None]
) -> tuple[subprocess.Popen[bytes], threading.Thread]:
    """A process that does some of the work, and a thread that reads what it writes."""
    quiet = {name: "1" for name in _THREADS}
    process = subprocess.Popen(
        [sys.executable, "-c", _CODE, json.dumps([path or os.getcwd() for path in sys.path])],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=os.environ | quiet,
    )

    def read() -> None:
        assert process.stdin is not None and process.stdout is not None
        try:
            # PyMC's own way to send models: functions of a script go along
            process.stdin.write(import_module("cloudpickle").dumps((task, list(todo))))
            process.stdin.close()
            for line in process.stdout:
                if line.endswith(b"\n"):
                    lines.put(line.decode())
        except (BrokenPipeError, ValueError):
            pass
        finally:
            process.stdout.close()
            lines.put(None)

    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    return process, reader
