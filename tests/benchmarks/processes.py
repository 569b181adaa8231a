"""New processes: what a user of a fresh interpreter waits for."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]


class FailedProcessError(Exception):
    """A process ended with an error; the text is the last line it wrote to stderr."""


def run(command: Sequence[str], limit: float | None = None, /, **extra_environment: str) -> str:
    """Run a command from the root of the checkout and wait for it.

    Parameters
    ----------
    command : sequence of str
        Program and arguments.
    limit : float, optional
        Seconds after which it is ended.
    **extra_environment : str
        Environment variables to add.

    Returns
    -------
    str
        What it wrote to stdout.

    Raises
    ------
    FailedProcessError
        If its exit status is not zero, or the limit has passed.
    """
    try:
        done = subprocess.run(
            command,
            cwd=ROOT,
            env=os.environ | extra_environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=limit,
        )
    except subprocess.TimeoutExpired as late:
        raise FailedProcessError(f"not done in {late.timeout:.0f} s") from late
    if done.returncode:
        last = (done.stderr.strip().splitlines() or [f"exit status {done.returncode}"])[-1]
        raise FailedProcessError(last.replace(str(ROOT), "."))
    return done.stdout


def work(
    module: str,
    job: Mapping[str, Any],
    package: Path | None = None,
    limit: float | None = None,
    /,
    **extra_environment: str,
) -> Any:
    """Have ``python -m module job.json result.json`` do a job in a new interpreter.

    Parameters
    ----------
    module : str
        Name of a module that calls `serve` when run.
    job : mapping
        What to do, in JSON's types.
    package : Path, optional
        A folder to import hierbayes from, instead of this checkout.
    limit : float, optional
        As of `run`.
    **extra_environment : str
        Environment variables to add.

    Returns
    -------
    object
        The result, in JSON's types.
    """
    with tempfile.TemporaryDirectory() as folder:
        task, result = Path(folder) / "job.json", Path(folder) / "result.json"
        task.write_text(json.dumps(job), encoding="utf-8")
        command = [sys.executable, "-m", module, str(task), str(result)]
        if package is not None:
            command.insert(1, "-P")  # the current folder is not searched first
            paths = (str(package), str(ROOT), os.environ.get("PYTHONPATH", ""))
            extra_environment["PYTHONPATH"] = os.pathsep.join(filter(None, paths))
        run(command, limit, **extra_environment)
        return json.loads(result.read_text(encoding="utf-8"))


def caches_in(folder: str) -> dict[str, str]:
    """Environment that sends every cache of compiled code into a folder.

    Parameters
    ----------
    folder : str
        Empty, for a process that finds nothing compiled.

    Returns
    -------
    dict of str to str
        Environment variables to add.
    """
    flags = [os.environ.get("PYTENSOR_FLAGS", ""), f"base_compiledir={folder}/pytensor"]
    return {
        "NUMBA_CACHE_DIR": f"{folder}/numba",
        "XDG_CACHE_HOME": f"{folder}/user",
        "PYTENSOR_FLAGS": ",".join(filter(None, flags)),
    }


def serve(do: Callable[[Any], Any]) -> None:
    """Be the other end of `work`: read the job, do it, write the result.

    Parameters
    ----------
    do : callable
        Job to result.
    """
    task, result = map(Path, sys.argv[1:3])
    answer = do(json.loads(task.read_text(encoding="utf-8")))
    result.write_text(json.dumps(answer), encoding="utf-8")
