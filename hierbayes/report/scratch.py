"""A folder to work in beside a result, cleared by the next run if its own was killed."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from uuid import uuid4

from hierbayes.errors import ResultFolderError

NEW, OLD, TARGET = "new", "old", "target"  # what is in such a folder, and nothing else
_PREFIX = ".hierbayes-"
_LOCK = ".lock"


@contextmanager
def scratch(target: Path) -> Iterator[Path]:
    """A hidden folder beside `target`, removed at the end.

    A lock on a file beside it says that its run goes on: the system lifts the lock when the process
    ends, however it ends.  Folders without one are those of killed runs, and are cleared first; if
    one holds the previous result of a target that is gone, that is put back.

    Raises
    ------
    ResultFolderError
        When nothing can be written there.
    """
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        clear_killed(target.parent)
        folder, lock = _locked_folder(target.parent)
        (folder / TARGET).write_text(target.name, encoding="utf-8")
    except OSError as error:
        raise ResultFolderError(
            f"cannot write in {target.parent}: {error.strerror}; choose another folder for the "
            "result"
        ) from error
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        _unlock(folder, lock)


def clear_killed(parent: Path) -> None:
    """Remove the folders of runs that were killed; those of runs that go on stay."""
    if find_spec("fcntl") is None:  # Windows: who goes on cannot be told
        return
    for folder in parent.glob(f"{_PREFIX}*"):
        if folder.suffix == _LOCK or not folder.is_dir():
            continue
        if {path.name for path in folder.iterdir()} - {NEW, OLD, TARGET}:
            continue  # not ours
        lock = _lock(folder)
        if lock is not None:
            _put_back(folder)
            shutil.rmtree(folder, ignore_errors=True)
            _unlock(folder, lock)
    for path in parent.glob(f"{_PREFIX}*{_LOCK}"):
        folder = path.with_suffix("")
        if path.is_file() and not folder.exists() and (lock := _lock(folder)) is not None:
            _unlock(folder, lock)


def _put_back(folder: Path) -> None:
    """The previous result, if its run was killed between moving it away and the new one in."""
    if (folder / OLD).exists() and (folder / TARGET).exists():
        target = folder.parent / Path((folder / TARGET).read_text(encoding="utf-8")).name
        if not target.exists():
            (folder / OLD).rename(target)


def _locked_folder(parent: Path) -> tuple[Path, int]:
    """An empty folder whose lock is held from before it is there."""
    while True:
        folder = parent / f"{_PREFIX}{uuid4().hex[:8]}"
        if not folder.exists() and (lock := _lock(folder)) is not None:
            folder.mkdir()
            return folder, lock


def _lock(folder: Path) -> int | None:
    """Lock the file beside a folder; None where another run holds it or has just removed it."""
    path = folder.with_name(folder.name + _LOCK)
    number = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    if find_spec("fcntl") is None:
        return number
    fcntl: Any = import_module("fcntl")
    try:
        fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if os.path.samestat(os.fstat(number), path.stat()):
            return number
    except OSError:
        pass
    os.close(number)
    return None


def _unlock(folder: Path, lock: int) -> None:
    folder.with_name(folder.name + _LOCK).unlink(missing_ok=True)
    os.close(lock)
