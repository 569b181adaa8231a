"""Rows of files: Parquet, Feather (Arrow IPC) or CSV, one file, a folder of them, or a pattern."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from glob import glob
from os import PathLike, fspath
from pathlib import Path
from typing import Any

from hierbayes.errors import DataError
from hierbayes.sources.arrow_batches import ROWS, frames_of
from hierbayes.sources.object_storage import files_at, is_address
from hierbayes.sources.source import Batch

_FORMATS = {
    ".parquet": "parquet", ".pq": "parquet", ".feather": "feather", ".arrow": "feather",
    ".ipc": "feather", ".csv": "csv", ".tsv": "csv",
}  # fmt: skip
_KINDS = (
    ("number", "int"), ("number", "uint"), ("number", "float"), ("number", "double"),
    ("number", "halffloat"), ("number", "decimal"), ("text", "string"), ("text", "large_string"),
    ("true or false", "bool"), ("date", "date"), ("date", "timestamp"),
)  # fmt: skip
_TOGETHER = 1 << 16  # rows of a CSV file, which come some thousands at a time
_NOTHING = "null"  # of a column without any value


@dataclass(frozen=True, slots=True, eq=False)
class FileSource:
    """Files of one format that hold the same columns.

    Parameters
    ----------
    text : str
        What was asked for.
    paths : tuple of str
        The files, in order of name.
    parts : tuple of pyarrow.dataset.Dataset
        One for each file.
    """

    text: str
    paths: tuple[str, ...]
    parts: tuple[Any, ...]

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the columns of the first file."""
        return tuple(self.parts[0].schema.names)

    @property
    def rows(self) -> int | None:
        """Rows of all files, where the format says so without reading them."""
        if _format(self.paths[0]) == "csv":
            return None
        return sum(int(part.count_rows()) for part in self.parts)

    def batches(self, names: Sequence[str], labels: Sequence[str] = ()) -> Iterator[Batch]:
        """As in `Source`."""
        names, start, blank = list(names), 0, self.rows is None
        for path, part in zip(self.paths, self.parts, strict=True):
            self._refuse_other_columns(path, part, names)
            try:
                for batch in frames_of(_record_batches(part, names), labels, path, start, blank):
                    start = batch.frame.index.stop
                    yield batch
            except (OSError, ValueError, TypeError) as error:
                if isinstance(error, DataError):
                    raise
                raise DataError(f"cannot read {path}: {' '.join(str(error).split())}") from error

    def _refuse_other_columns(self, path: str, part: Any, names: list[str]) -> None:
        """Refuse a file without one of the columns, or with another kind of values in it."""
        for name in names:
            if name not in part.schema.names:
                raise DataError(
                    f"{path} has no column '{name}', which {self.paths[0]} has; a model reads the "
                    "same columns from every file"
                )
            own = part.schema.field(name).type
            other, where = self._first_type(name)
            if own != other and _kind(own) not in (_kind(other), _NOTHING):
                raise DataError(
                    f"'{name}' is {_kind(own)} ({own}) in {path} and {_kind(other)} ({other}) in "
                    f"{where}; write it as the same in every file"
                )

    def _first_type(self, name: str) -> tuple[Any, str]:
        """The type of a column in the first file that has values of it, and which that is."""
        for path, part in zip(self.paths, self.parts, strict=True):
            at = part.schema.get_field_index(name)
            if at >= 0 and _kind(part.schema.field(at).type) != _NOTHING:
                return part.schema.field(at).type, path
        return self.parts[0].schema.field(name).type, self.paths[0]


def _record_batches(part: Any, names: list[str]) -> Iterator[Any]:
    batches: Iterator[Any] = part.to_batches(columns=names, batch_size=ROWS)
    return _together(batches) if part.format.default_extname == "csv" else batches


def _together(batches: Iterator[Any]) -> Iterator[Any]:
    """The rows of small batches in fewer of them: each takes its time."""
    import pyarrow as pa

    waiting: list[Any] = []
    rows = 0
    for batch in batches:
        waiting.append(batch)
        rows += batch.num_rows
        if rows >= _TOGETHER:
            yield from pa.Table.from_batches(waiting).combine_chunks().to_batches()
            waiting, rows = [], 0
    if waiting:
        yield from pa.Table.from_batches(waiting).combine_chunks().to_batches()


def _kind(arrow_type: Any) -> str:
    """What values of a type are to a model."""
    text = str(getattr(arrow_type, "value_type", arrow_type))
    return next((kind for kind, start in _KINDS if text.startswith(start)), text)


def open_files(given: str | PathLike[str] | Sequence[str | PathLike[str]]) -> FileSource:
    """The files of a path, a folder or a pattern, of an address that fsspec knows, or of several.

    Raises
    ------
    DataError
        When there are none, they are of several formats or of none that is read here, or one
        cannot be opened.
    """
    if isinstance(given, str | PathLike):
        text = fspath(given)
        found, system = _found(text)
    else:
        every = [_found(fspath(one)) for one in given]
        found, system = [path for paths, _ in every for path in paths], every[0][1]
        text = found[0] if len(found) == 1 else f"{found[0]} and {len(found) - 1} more files"
    formats = {_format(one) for one in found}
    if None in formats or len(formats) > 1:
        raise DataError(
            f"'{text}' must be files of one format, whose names end in one of "
            f"{', '.join(_FORMATS)}; the first is {found[0]}"
        )
    (kind,) = formats
    return FileSource(text, tuple(found), tuple(_opened(one, str(kind), system) for one in found))


def _found(text: str) -> tuple[list[str], Any]:
    """The files of one path, folder, pattern or address, and their file system, if it is another.

    Raises
    ------
    DataError
        When there are none.
    """
    path, system = Path(text), None
    if is_address(text):
        system, found = files_at(text)
    elif path.is_dir():
        found = sorted(str(one) for one in path.rglob("*") if _format(str(one)) is not None)
    else:
        found = [text] if path.is_file() else sorted(glob(text, recursive=True))
    if not found:
        raise DataError(f"there are no data in '{text}': no such file, folder or pattern of files")
    return found, system


def only_streams(text: str) -> bool:
    """Whether what a text names is read as rows that stream alone, and is no one file of CSV."""
    path, mark = Path(text), _format(text)
    if is_address(text) or path.is_dir() or mark not in ("csv", None) or text.endswith(".gz"):
        return True
    return bool(set("*?[") & set(text)) and not path.is_file()


def _format(path: str) -> str | None:
    """The format that the end of a name says; files of text may be compressed by gzip."""
    name = path.lower()
    kind = _FORMATS.get(Path(name.removesuffix(".gz")).suffix)
    return kind if kind == "csv" or not name.endswith(".gz") else None


def _opened(path: str, kind: str, system: Any = None) -> Any:
    import pyarrow as pa
    import pyarrow.csv as csv
    import pyarrow.dataset as ds

    form: Any = kind
    if kind == "csv":
        mark = "\t" if path.lower().removesuffix(".gz").endswith(".tsv") else ","
        form = ds.CsvFileFormat(
            parse_options=csv.ParseOptions(delimiter=mark),
            convert_options=csv.ConvertOptions(
                null_values=["", "NA", "NaN", "nan"], strings_can_be_null=False
            ),
        )
    try:
        place = path if system is None else system._strip_protocol(path)
        own = ds.dataset(place, format=form, filesystem=system)
        keys = {part.partition("=")[0] for part in Path(path).parts[:-1] if "=" in part}
        if keys and not keys & set(own.schema.names):  # folders say values, as kind=late/
            return ds.dataset(place, format=form, filesystem=system, partitioning="hive")
        return own
    except (OSError, pa.ArrowInvalid) as error:
        raise DataError(f"cannot read {path}: {' '.join(str(error).split())}") from error
