"""Files that have an address (``s3://bucket/rows/*.parquet``), found through fsspec."""

from __future__ import annotations

from typing import Any

from hierbayes.errors import DataError


def is_address(text: str) -> bool:
    """Whether a text names files by an address and not by a path."""
    return "://" in text


def files_at(text: str) -> tuple[Any, list[str]]:
    """The file system of an address, and the addresses of its files, in order of name.

    Raises
    ------
    DataError
        When fsspec, or what it needs for this kind of address, is not installed, or the place
        cannot be reached.
    """
    try:
        from fsspec.core import url_to_fs

        system, place = url_to_fs(text)
        is_folder = not set("*?[") & set(place) and system.isdir(place)
        found = system.find(place) if is_folder else system.glob(place)
    except (ImportError, ValueError) as error:
        raise DataError(
            f"'{text}' is read through fsspec, which says: {error}; pip install "
            '"hierbayes[cluster]" brings it, and s3fs, gcsfs or adlfs know an object storage'
        ) from error
    except OSError as error:
        raise DataError(f"cannot read {text}: {' '.join(str(error).split())}") from error
    return system, [system.unstrip_protocol(one) for one in sorted(found)]
