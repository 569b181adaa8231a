"""Functions compiled by numba, their machine code kept on disk where that can be written to."""

from __future__ import annotations

import atexit
import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from tempfile import gettempdir
from typing import Any
from uuid import uuid4

from numba import cfunc, njit
from numba.core.caching import FunctionCache
from numba.core.registry import cpu_target


def compiled(**options: Any) -> Callable[[Callable[..., Any]], Any]:
    """``numba.njit`` that caches where it can, and releases Python's lock.

    Numba keeps machine code beside the source, or in the user's cache folder; where neither can be
    written to (an image that is read only, an account without a home), it refuses the function.
    Then it is compiled without a cache: in each process anew.

    What it keeps of a function is outdated by a change of the function's own file alone.  After a
    change to a compiled function that others call from other files, ``make clean`` removes theirs.
    """

    def decorate(function: Callable[..., Any]) -> Any:
        return _cached(lambda cache: njit(cache=cache, nogil=True, **options)(function))

    return decorate


def inner(function: Callable[..., Any], name: str = "") -> Any:
    """``numba.njit`` of what only compiled code calls.

    It needs no way in from Python, which takes as long to compile as the function.  What is made
    inside another function, several times, takes a ``name`` of its own each time: compiled code
    finds functions by name, also code that another process compiled.
    """
    if name:
        function.__qualname__ = name
    options = {"no_cpython_wrapper": True, "no_cfunc_wrapper": True}
    return njit(nogil=True, error_model="numpy", **options)(function)


def callback(signature: Any) -> Callable[[Callable[..., Any]], Any]:
    """``numba.cfunc`` that caches where it can, as `compiled`."""

    def decorate(function: Callable[..., Any]) -> Any:
        return _cached(lambda cache: cfunc(signature, cache=cache)(function))

    return decorate


def is_on_disk(function: Callable[..., Any], signature: Any) -> bool:
    """Whether the machine code of a function is there to be loaded."""
    try:
        stored = FunctionCache(function).load_overload(signature, cpu_target.target_context)
    except RuntimeError as error:
        _refuse_other(error)
        return False
    return stored is not None


def _cached(compile_with: Callable[[bool], Any]) -> Any:
    try:
        return compile_with(True)
    except RuntimeError as error:
        _refuse_other(error)
        return compile_with(False)


def _refuse_other(error: RuntimeError) -> None:
    if "cannot cache function" not in str(error):
        raise error


def _let_pytensor_write() -> None:
    """Give PyTensor a temporary folder where it could not even be imported for want of its own.

    It keeps compiled code in a folder of the user's home, unless its flags name another, and makes
    it when it is imported. The temporary one is made then, too, and removed at the end.
    """
    flags = os.environ.get("PYTENSOR_FLAGS", "")
    if "compiledir" in flags or "pytensor" in sys.modules or _can_write(Path("~/.pytensor")):
        return
    try:
        folder = Path(gettempdir(), f"hierbayes-{uuid4().hex}")
    except OSError:  # no temporary folder either: what needs PyTensor will say so
        return
    stated = f"base_compiledir={folder}"
    os.environ["PYTENSOR_FLAGS"] = f"{flags},{stated}" if flags else stated
    atexit.register(shutil.rmtree, folder, ignore_errors=True)


def _can_write(folder: Path) -> bool:
    """Whether a folder can be written to, or made."""
    try:
        folder = folder.expanduser()
    except RuntimeError:  # nobody's home is known
        return False
    there = next(path for path in (folder, *folder.parents) if path.exists())
    return there.is_dir() and os.access(there, os.W_OK | os.X_OK)


_let_pytensor_write()
