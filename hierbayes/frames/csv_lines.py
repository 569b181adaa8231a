"""The lines of a CSV file: their encoding, their fields, and the names of the columns."""

from __future__ import annotations

import csv
import os
from codecs import BOM_UTF16_BE, BOM_UTF16_LE, BOM_UTF32_BE, BOM_UTF32_LE
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from hierbayes.errors import DataError

SEPARATORS = {",": "','", ";": "';'", "\t": "a tab", "|": "'|'"}


@dataclass(frozen=True, slots=True)
class CsvLines:
    """A CSV file whose lines have as many fields as there are columns.

    Parameters
    ----------
    path : Path
    encoding : str
        By its byte order mark; UTF-8 where there is none.
    separator : str
        What stands between two fields.
    names : tuple of str
        Of the columns, without blanks around them; empty for a column without a name.
    rows : int
        Of data.
    """

    path: Path
    encoding: str
    separator: str
    names: tuple[str, ...]
    rows: int

    def line_of(self, row: int) -> int:
        """The line of the file in which a row of data (0, 1, ...) begins."""
        records = _records(self.path, self.encoding, self.separator)
        return next(line for place, (line, _) in enumerate(records, -1) if place == row)


def check_lines(path: str | os.PathLike[str], separator: str) -> CsvLines:
    """Look at every line of a CSV file before anything is read from it.

    Raises
    ------
    DataError
        When the file is empty, not text in UTF-8 or with a byte order mark, has no names of
        columns or one name twice, no rows, or a line with more or fewer fields than columns.
        The message names the line.
    OSError
        When it cannot be opened.
    """
    path = Path(path)
    encoding = _encoding(path)
    records = _records(path, encoding, separator)
    first = next(records, None)
    if first is None:
        raise DataError(f"{path} is empty; its first line must name the columns")
    names = _names(path, first, separator)
    rows = 0
    for line, fields in records:
        if len(fields) != len(names):
            raise DataError(f"{path}, line {line}: {_ragged(first, fields, separator)}")
        rows += 1
    if not rows:
        raise DataError(f"{path} has names of columns but no rows of data")
    return CsvLines(path, encoding, separator, names, rows)


def _encoding(path: Path) -> str:
    with path.open("rb") as file:
        start = file.read(1024)
    if start.startswith((BOM_UTF32_LE, BOM_UTF32_BE)):
        return "utf-32"
    if start.startswith((BOM_UTF16_LE, BOM_UTF16_BE)):
        return "utf-16"
    if b"\0" in start:
        raise DataError(
            f"{path} has bytes of value 0, as UTF-16 without a byte order mark has; save it as "
            "text in UTF-8"
        )
    return "utf-8-sig"


def _records(path: Path, encoding: str, separator: str) -> Iterator[tuple[int, list[str]]]:
    """The line in which each record begins, and its fields; empty lines are passed over."""
    line = 1
    try:
        with path.open(encoding=encoding, newline="") as file:
            reader = csv.reader(file, delimiter=separator, strict=True)
            for fields in reader:
                if fields:
                    yield line, fields
                line = reader.line_num + 1
    except UnicodeError as error:
        place = f", line {_undecoded(path)}" if encoding == "utf-8-sig" else ""
        wanted = "UTF-8" if encoding == "utf-8-sig" else f"{encoding.upper()}, as its mark says"
        raise DataError(f"{path}{place}: this is no {wanted}; save it as text in UTF-8") from error
    except csv.Error as error:
        said = "a quotation mark that is opened here is not closed, or text follows a closed one"
        if "NUL" in str(error):
            said = "there is a byte of value 0 in this record; save it as text in UTF-8"
        raise DataError(f"{path}, line {line}: {said} ({error})") from error


def _undecoded(path: Path) -> int:
    """The first line that is not UTF-8."""
    content = path.read_bytes()
    try:
        content.decode("utf-8")
    except UnicodeDecodeError as error:
        before = content[: error.start].replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        return before.count(b"\n") + 1
    return 1


def _names(path: Path, first: tuple[int, list[str]], separator: str) -> tuple[str, ...]:
    """The names in the first line, refused where they cannot be those of columns."""
    line, fields = first
    names = tuple(field.strip() for field in fields)
    other = _other_separator(fields, separator)
    if other and len(names) == 1:
        raise DataError(
            f"{path}, line {line}: the columns are separated by {SEPARATORS[other]}, not by "
            f"{SEPARATORS.get(separator, repr(separator))}; say so by separator={other!r} (on the "
            f"command line --separator {_spoken(other)})"
        )
    if not any(names) or all(not name or _is_number(name) for name in names):
        raise DataError(f"{path}, line {line}: the first line must name the columns, not {names}")
    twice = [name for name, count in Counter(names).items() if name and count > 1]
    if twice:
        places = [str(place) for place, name in enumerate(names, 1) if name == twice[0]]
        raise DataError(
            f"{path}, line {line}: columns {' and '.join(places)} are both called '{twice[0]}'; "
            "rename one"
        )
    return names


def _ragged(first: tuple[int, list[str]], fields: list[str], separator: str) -> str:
    """What is wrong with a line that has not as many fields as the first."""
    names, found = len(first[1]), len(fields)
    said = f"there are {found} fields, but line {first[0]} names {names} columns"
    other = _other_separator(first[1], separator)
    if other:
        return (
            f"{said}; if the columns are separated by {SEPARATORS[other]}, say separator={other!r}"
        )
    if found > names and not any(fields[names:]):
        return f"{said}; remove the separators at the ends of lines, or add as many to the first"
    if found == names + 1:
        return f"{said}; if lines begin with names of rows, give that column a name, too"
    return f"{said}; give each line a field for each column, and quote those with {separator!r} in"


def _other_separator(fields: list[str], separator: str) -> str | None:
    """Another separator within the names of the columns, if there is one."""
    text = "".join(fields)
    return next((other for other in SEPARATORS if other != separator and other in text), None)


def _spoken(separator: str) -> str:
    return "tab" if separator == "\t" else f"'{separator}'"


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
