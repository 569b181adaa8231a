"""Another process that compiles, while this one compiles something else.

Numba compiles one function at a time in a process.  What both leave on disk is loaded, so that it
makes no difference who compiled it: where there is no other process, where it fails, or where
nothing can be kept, this one compiles all.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_CODE = (
    "import json, sys; from importlib import import_module; "
    "sys.path[:] = json.loads(sys.argv[1]); import_module(sys.argv[2]).provide()"
)


@contextmanager
def provided_beside(module: str) -> Iterator[None]:
    """Have another process run ``provide()`` of a module; at the end of the block it is done.

    Parameters
    ----------
    module : str
        Name of a module of the package, whose ``provide()`` compiles a function that is kept.
    """
    process = _started(module)
    try:
        yield
    except BaseException:
        if process:
            process.kill()
        raise
    finally:
        if process:
            process.wait()


def _started(module: str) -> subprocess.Popen[bytes] | None:
    """The process; None with one processor, and where Python is part of another program."""
    program = Path(sys.executable or "")
    if (os.cpu_count() or 1) < 2 or not program.stem.lower().startswith("python"):
        return None
    paths = json.dumps([path or os.getcwd() for path in sys.path])
    quiet = subprocess.DEVNULL
    with suppress(OSError):
        return subprocess.Popen(
            [program, "-c", _CODE, paths, module], stdin=quiet, stdout=quiet, stderr=quiet
        )
    return None
