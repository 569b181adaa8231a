"""The file of a long run: a line that says what is run, then one for each finished replication.

Each line is appended by a single write, so that a run that is killed leaves whole lines and at most
a part of one, which the next run takes away.  A run that goes on holds a lock on the file.
"""

from __future__ import annotations

import json
import os
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from hierbayes.errors import StudyError
from hierbayes.studies.calibration.workers import Place

type Records = dict[tuple[str, int], dict[str, Any]]
"""What was found, by design and number."""

_FORMAT = 1


class RunFile:
    """An open file of a run.

    Parameters
    ----------
    path : Path or None
        Without one nothing is kept.
    identity : mapping of str to str
        What is run, by name: a file of another run is refused, and says in what it differs.

    Raises
    ------
    StudyError
        When the file is of something else, is damaged, in use, or cannot be written.
    """

    def __init__(self, path: Any, identity: dict[str, Any]) -> None:
        self.path = None if path is None else Path(path)
        self.identity = identity
        self.found: Records = {}
        self._number: int | None = None

    def __enter__(self) -> Self:
        if self.path is None:
            return self
        try:
            self._number = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o644)
        except OSError as error:
            raise StudyError(
                f"cannot write {self.path}: {error.strerror}; choose another file"
            ) from error
        try:
            self._lock()
            self._read()
        except BaseException:
            self._close()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._close()

    def append(self, name: str, place: Place, found: dict[str, Any]) -> None:
        """Keep a finished replication of a design."""
        self.found[name, place[1]] = found
        if self._number is not None:
            self._write({"design": name, "i": place[1], "found": found})

    def _write(self, record: dict[str, Any]) -> None:
        assert self._number is not None
        line = (json.dumps(record, ensure_ascii=False) + "\n").encode()
        if os.write(self._number, line) != len(line):
            raise StudyError(f"{self.path} cannot be written on: the disk is full")

    def _read(self) -> None:
        assert self._number is not None and self.path is not None
        content = self.path.read_bytes()
        if not content:
            self._write({"made_by": "hierbayes", "format": _FORMAT, "run": self.identity})
            return
        head, *records = content.split(b"\n")
        self._refuse_other(head)
        rest = records.pop() if records else b""
        if rest:  # of a line that was being written
            os.ftruncate(self._number, len(content) - len(rest))
        for k, line in enumerate(records, 2):
            try:
                record = json.loads(line)
                self.found[record["design"], int(record["i"])] = record["found"]
            except (ValueError, KeyError, TypeError) as error:
                raise StudyError(
                    f"{self.path} is damaged at line {k}; move it away, or take that line out"
                ) from error

    def _refuse_other(self, head: bytes) -> None:
        stated = read_head(head)
        if stated is None:
            raise StudyError(f"{self.path} is no file of such a run; choose another file")
        if stated.get("format") != _FORMAT:
            raise StudyError(f"{self.path} is of another version; choose another file")
        for name, value in self.identity.items():
            if stated["run"].get(name) != value:
                raise StudyError(
                    f"{self.path} is of another run: its {name} is not the same; choose another "
                    "file, or ask what it was made for"
                )

    def _lock(self) -> None:
        if find_spec("fcntl") is None:  # Windows
            return
        fcntl: Any = import_module("fcntl")
        assert self._number is not None
        try:
            fcntl.flock(self._number, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise StudyError(f"{self.path} is in use by a run that goes on") from error

    def _close(self) -> None:
        if self._number is not None:
            os.close(self._number)
            self._number = None


def read_head(line: bytes) -> dict[str, Any] | None:
    """The first line of a file of a run; None where it is none."""
    try:
        head = json.loads(line)
    except ValueError:
        return None
    ours = isinstance(head, dict) and head.get("made_by") == "hierbayes"
    return head if ours and isinstance(head.get("run"), dict) else None


def seed_of(path: Any) -> int | None:
    """The seed of a run that has begun; None where there is none."""
    if path is None or not Path(path).is_file():
        return None
    with Path(path).open("rb") as file:
        head = read_head(file.readline())
    return None if head is None else head["run"].get("seed")
