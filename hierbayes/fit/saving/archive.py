"""The file of something saved: a zip of a manifest, arrays and rows, written whole or not.

The manifest is JSON, arrays are ``.npy`` without pickled objects, rows are Parquet.
"""

from __future__ import annotations

import json
import os
import time
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from io import BytesIO
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np

from hierbayes.errors import SavedFitError

_MANIFEST = "manifest.json"
_UNFINISHED = ".unfinished"
_ABANDONED = 60.0  # seconds since anything was written
# What zipfile and json raise for files that are not ours; an unknown packing is one of them.
_BROKEN = (OSError, ValueError, EOFError, NotImplementedError, RuntimeError, zlib.error)
_START = b"PK\x03\x04"


@dataclass(frozen=True, slots=True)
class FileKind:
    """What files of one kind hold.

    Parameters
    ----------
    what : str
        As the manifest has it.
    format : int
        The newest that is read here.
    noun, thing, saved : str
        What is saved: this one, one, and what its file is called.
    example : str
        The name of a file.
    """

    what: str
    format: int
    noun: str
    thing: str
    saved: str
    example: str


FIT = FileKind("fit of hierbayes", 2, "the fit", "a fit", "saved fit", "school.fit")


@dataclass(frozen=True, slots=True, eq=False)
class Contents:
    """What stands in the file.

    Parameters
    ----------
    manifest : mapping
        Plain values.
    arrays : mapping of str to ndarray
        By name; names have no dots.
    rows : tuple of bytes
        Parquet files.
    """

    manifest: Mapping[str, Any]
    arrays: Mapping[str, np.ndarray]
    rows: tuple[bytes, ...]


def place_of(path: object, kind: FileKind = FIT) -> Path:
    """A path as it is meant.

    Raises
    ------
    SavedFitError
        When it is none.
    """
    if not isinstance(path, str | PathLike):
        raise SavedFitError(
            f"a {kind.saved} is named by a path, as in '{kind.example}', not by "
            f"{type(path).__name__}"
        )
    return Path(path)


def refuse_place(path: Path, kind: FileKind = FIT) -> None:
    """Refuse a path that cannot take what is to be saved.

    Raises
    ------
    SavedFitError
        When its folder does not exist, it is a folder, or a file of another kind.
    """
    cannot = f"cannot save {kind.noun} as '{path}'"
    if not path.parent.is_dir():
        raise SavedFitError(f"{cannot}: there is no folder '{path.parent}'")
    if path.is_dir():
        raise SavedFitError(f"{cannot}: it is a folder; name a file in it")
    if path.exists():
        try:
            _ = read_manifest(path, kind)
        except SavedFitError:
            raise SavedFitError(
                f"{cannot}: this file is there and is no {kind.saved}; remove it first, or choose "
                "another name"
            ) from None


def write_archive(path: Path, contents: Contents, kind: FileKind = FIT) -> None:
    """Write under another name in the same folder, and move into place.

    What a killed run left of an earlier attempt is removed.

    Raises
    ------
    SavedFitError
        When the folder cannot be written to.
    """
    unfinished = path.with_name(f".{path.name}.{os.getpid()}{_UNFINISHED}")
    try:
        _remove_abandoned(path)
        with unfinished.open("wb") as file:
            with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
                _write_parts(archive, contents)
            file.flush()
            os.fsync(file.fileno())
        unfinished.replace(path)
    except OSError as error:
        raise SavedFitError(f"cannot save {kind.noun} as '{path}': {error.strerror}") from error
    finally:
        unfinished.unlink(missing_ok=True)


def _write_parts(archive: zipfile.ZipFile, contents: Contents) -> None:
    archive.writestr(_MANIFEST, json.dumps(contents.manifest, ensure_ascii=False, indent=1))
    for name, array in contents.arrays.items():
        with archive.open(f"arrays/{name}.npy", "w", force_zip64=True) as part:
            np.lib.format.write_array(part, np.ascontiguousarray(array), allow_pickle=False)
    for k, data in enumerate(contents.rows):
        archive.writestr(f"rows/{k}.parquet", data)


def _remove_abandoned(path: Path) -> None:
    for left in path.parent.iterdir():
        ours = left.name.startswith(f".{path.name}.") and left.name.endswith(_UNFINISHED)
        if ours and time.time() - left.stat().st_mtime > _ABANDONED:
            left.unlink(missing_ok=True)


def read_manifest(path: Path, kind: FileKind = FIT) -> dict[str, Any]:
    """The manifest of a file.

    Raises
    ------
    SavedFitError
        When there is no file, it is another's, cut short, or of a newer format.
    """
    if not path.is_file():
        raise SavedFitError(f"there is no file '{path}'")
    foreign = f"'{path}' is not {kind.thing} that hierbayes saved"
    try:
        with path.open("rb") as file:
            started = file.read(len(_START))
        if started != _START:
            raise SavedFitError(foreign)
        with zipfile.ZipFile(path) as archive:
            if _MANIFEST not in archive.namelist():
                raise SavedFitError(foreign)
            manifest = json.loads(archive.read(_MANIFEST))
    except SavedFitError:
        raise
    except zipfile.BadZipFile as error:
        raise SavedFitError(
            f"'{path}' is cut short or damaged: its end is missing; copy or save it again"
        ) from error
    except _BROKEN as error:
        raise damaged(path, error) from error
    if not isinstance(manifest, dict) or manifest.get("what") != kind.what:
        raise SavedFitError(foreign)
    form = manifest.get("format")
    if not isinstance(form, int) or form > kind.format:
        writer = dict(manifest.get("versions", {})).get("hierbayes", "a newer version")
        raise SavedFitError(
            f"'{path}' is of format {form}, written by hierbayes {writer}, and this version reads "
            f"formats up to {kind.format}; update hierbayes"
        )
    return manifest


def read_archive(path: Path, kind: FileKind = FIT) -> Contents:
    """All of a file.

    Raises
    ------
    SavedFitError
        As `read_manifest`, or when a part is damaged.
    """
    manifest = read_manifest(path, kind)
    arrays, rows = {}, []
    try:
        with zipfile.ZipFile(path) as archive:
            for name in archive.namelist():
                folder, _, part = name.partition("/")
                if folder == "arrays":
                    data = BytesIO(archive.read(name))
                    arrays[part.removesuffix(".npy")] = np.load(data, allow_pickle=False)
                elif folder == "rows":
                    rows.append(archive.read(name))
    except (zipfile.BadZipFile, *_BROKEN) as error:
        raise damaged(path, error) from error
    return Contents(manifest, arrays, tuple(rows))


def damaged(path: Path, error: Exception) -> SavedFitError:
    """The refusal of a file that is one of ours, and not as it was written."""
    said = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    return SavedFitError(f"'{path}' is damaged ({said}); copy or save it again")
