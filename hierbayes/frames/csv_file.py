"""Data from a CSV file: which fields are missing, which columns are numbers, which are texts."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from hierbayes.errors import DataError
from hierbayes.frames.arrays import Booleans
from hierbayes.frames.csv_lines import CsvLines, check_lines
from hierbayes.frames.datasets import ONLY_EMPTY_IS_MISSING, codebook, dataset_names
from hierbayes.frames.named_columns import column_names

NOT_A_NUMBER = ("NA", "NaN", "nan")  # a missing number, as R, pandas and NumPy write it
_WORDS = (*NOT_A_NUMBER, "N/A", "n/a", "#N/A", "<NA>", "NAN", "NULL", "Null", "null", "None",
          "none", ".", "-", "--", "?", "*")  # fmt: skip
_LOGICAL = {
    "True": True,
    "TRUE": True,
    "true": True,
    "False": False,
    "FALSE": False,
    "false": False,
}
_COMMAS = re.compile(r"[+-]?(\d*,\d+|\d{1,3}(,\d{3})+\.\d+)([eE][+-]?\d+)?")
_POINTS = re.compile(r"[+-]?(\d*\.\d+|\d{1,3}(\.\d{3})+,\d+)([eE][+-]?\d+)?")

MISSING_NUMBERS = "missing_numbers"  # keys of attrs: what was read as missing ...
NA_LABELS = "na_labels"  # ... and what was not


def read_csv(
    path: str | os.PathLike[str],
    group: str | Sequence[str] = (),
    *,
    missing: str | Sequence[str] = (),
    texts: str | Sequence[str] = (),
    separator: str = ",",
    decimal: str = ".",
) -> pd.DataFrame:
    """Read a CSV file as data for a model.

    A field is missing when it is empty or blank, or says what `missing` lists; in a column of
    numbers, or of true and false, also when it is NA, NaN or nan.  In a column of texts these are
    labels like any other, as are None, null and the rest.

    Parameters
    ----------
    path : str or path
        Names of the columns in the first line; UTF-8, or UTF-16 with a byte order mark.
    group : str or list of str, optional
        Columns that name the group of each row.
    missing : str or list of str, optional
        What else is a missing value, in any column, as in ``missing=["-999", "None"]``.
    texts : str or list of str, optional
        Columns whose values are labels even where they look like numbers.
    separator, decimal : str
        What stands between two fields, and within a number.

    Returns
    -------
    pandas.DataFrame
        Numbers as they are. Groups are categories of strings, whatever the file writes (so 007
        stays as it is), in order of appearance; other texts are categories in alphabetical
        order. Where the columns are those of a shipped data set, the categories are those of its
        codebook. A column without a name is left out.  ``attrs`` says which words were read as
        missing numbers, and where NA is a label; a model's page repeats it.

    Raises
    ------
    DataError
        When the file is not such a table: a line has more or fewer fields than there are columns
        (the message names it), a name stands twice, the separator or the decimal mark is another
        one, or numbers stand beside a word that may mean a missing one.
    OSError
        When it cannot be opened.

    Examples
    --------
    >>> from pathlib import Path
    >>> from tempfile import mkdtemp
    >>> path = Path(mkdtemp(), "trial.csv")
    >>> lines = ["clinic,dose,y", "01,None,2.5", "01,high,NA", "02,None,-999"]
    >>> _ = path.write_text(chr(10).join(lines))
    >>> frame = read_csv(path, "clinic", missing="-999")
    >>> frame["dose"].tolist(), frame["y"].tolist(), frame.attrs["missing_numbers"]
    (['None', 'high', 'None'], [2.5, nan, nan], {'y': ['NA']})
    """
    _refuse_bad_marks(separator, decimal)
    groups, labels = (_listed(given, role) for given, role in ((group, "group"), (texts, "texts")))
    lines = check_lines(path, separator)
    for name in labels:
        if name not in lines.names:
            raise DataError(f"{lines.path} has no column '{name}', which texts names")
    levels = _codebook_levels({name for name in lines.names if name})
    known = {*groups, *labels, *levels}
    frame = _parsed(lines, known & set(lines.names), _words(missing), decimal)
    frame.attrs = {MISSING_NUMBERS: {}, NA_LABELS: {}}
    for name in frame.columns:
        if pd.api.types.is_string_dtype(frame[name].dtype):
            column = _blank_is_missing(frame[name])
            if name not in known:
                column = _numbers(column, lines, decimal, frame.attrs)
            if pd.api.types.is_string_dtype(column.dtype):
                column = _categories(column, name in groups, levels.get(name, ()))
                _note_labels(column, frame.attrs)
            frame[name] = column
    return frame


def _refuse_bad_marks(separator: object, decimal: object) -> None:
    if not isinstance(separator, str) or len(separator) != 1 or separator in "\n\r\"'":
        raise DataError(f"separator must be one character, as ',' or ';', not {separator!r}")
    if decimal not in (".", ","):
        raise DataError(f"decimal must be '.' or ',', not {decimal!r}")
    if separator == decimal:
        raise DataError(f"separator and decimal are both {decimal!r}; they must be different")


def _listed(given: str | Sequence[str], role: str) -> tuple[str, ...]:
    return column_names(given, role) if isinstance(given, str) or len(given) else ()


def _words(missing: str | Iterable[str]) -> list[str]:
    words = [missing] if isinstance(missing, str) else list(missing)
    for word in words:
        if not isinstance(word, str):
            raise DataError(
                f"missing must be texts as the file writes them, as in missing='-999', not {word!r}"
            )
    return words


def _parsed(lines: CsvLines, texts: set[str], missing: list[str], decimal: str) -> pd.DataFrame:
    """The columns that have a name, as numbers where all their values are numbers."""
    places = [place for place, name in enumerate(lines.names) if name]
    rules: dict[str, Any] = {**ONLY_EMPTY_IS_MISSING, "na_values": ["", *missing]}
    try:
        frame = pd.read_csv(
            lines.path, sep=lines.separator, decimal=decimal, encoding=lines.encoding, header=0,
            names=range(len(lines.names)), usecols=places, index_col=False, low_memory=False,
            dtype={lines.names.index(name): "str" for name in texts}, **rules,
        )  # fmt: skip
    except (ValueError, pd.errors.ParserError) as error:
        said = " ".join(str(error).split())
        raise DataError(f"cannot read {lines.path} as CSV: {said}") from error
    if len(frame) != lines.rows:
        raise DataError(f"cannot read {lines.path} as CSV: its rows cannot be told apart")
    return frame.set_axis([lines.names[place] for place in places], axis="columns")


def _blank_is_missing(column: pd.Series) -> pd.Series:
    return column.mask(column.str.strip().eq("").fillna(value=False).astype(np.bool_))


def _numbers(
    column: pd.Series, lines: CsvLines, decimal: str, notes: Mapping[Any, dict[str, Any]]
) -> pd.Series:
    """A column as numbers or as true and false, if it is that but for missing ones."""
    present = column.dropna()
    distinct = pd.Series(present.unique(), dtype="str")
    words = distinct.isin(NOT_A_NUMBER)
    rest = distinct[~words]
    if not len(rest):
        return column
    if rest.isin(list(_LOGICAL)).all():
        made = column.map(_LOGICAL).astype(object)
    else:
        numbers = rest.map(_number(decimal))
        if numbers.isna().any():
            _refuse_other_marks(column, rest, lines, decimal)
            _refuse_words(column, rest[numbers.isna()], numbers.notna().any(), lines)
            return column
        made = column.map(dict(zip(rest, numbers, strict=True))).astype(np.float64)
    if words.any():
        notes[MISSING_NUMBERS][str(column.name)] = sorted(distinct[words])
    return made


def _number(decimal: str) -> Any:
    def read(text: str) -> float:
        plain = text.strip()
        if decimal == ",":
            plain = plain.replace(".", "x").replace(",", ".")
        try:
            return np.nan if "_" in plain else float(plain)
        except ValueError:
            return np.nan

    return read


def _refuse_other_marks(
    column: pd.Series, values: pd.Series, lines: CsvLines, decimal: str
) -> None:
    """Refuse texts that all are numbers with the other decimal mark, or with thousands apart."""
    other, pattern = (",", _COMMAS) if decimal == "." else (".", _POINTS)
    marked = values.str.strip().str.fullmatch(pattern)
    whole = values.str.strip().str.fullmatch(
        r"[+-]?\d+(\.\d*)?" if decimal == "." else r"[+-]?\d+(,\d*)?"
    )
    if not marked.any() or not (marked | whole).all():
        return
    value = values[marked].iloc[0]
    raise DataError(
        f"{_place(column, value, lines)} '{column.name}' is '{value}', with {other!r} in a number; "
        f"if that is the decimal mark, say decimal={other!r} (--decimal {other}), if it sets "
        f"thousands apart, take it out, and if the column is no number, say texts='{column.name}' "
        f"(--texts {column.name})"
    )


def _refuse_words(column: pd.Series, others: pd.Series, has_numbers: bool, lines: CsvLines) -> None:
    """Refuse numbers beside words that mean missing values elsewhere, but are not stated."""
    if not has_numbers or not others.str.strip().isin(_WORDS).all():
        return
    value = others.iloc[0]
    raise DataError(
        f"{_place(column, value, lines)} '{column.name}' is '{value}' where others are numbers; if "
        f"that is a missing value, say missing='{value}' (--missing '{value}'), and if it is a "
        f"label, say texts='{column.name}' (--texts '{column.name}')"
    )


def _place(column: pd.Series, value: str, lines: CsvLines) -> str:
    row = int(np.argmax(column.eq(value).fillna(value=False).to_numpy(dtype=np.bool_)))
    return f"{lines.path}, line {lines.line_of(row)}:"


def _note_labels(column: pd.Series, notes: Mapping[Any, dict[str, Any]]) -> None:
    found = [word for word in NOT_A_NUMBER if word in column.cat.categories]
    if found:
        counts: Booleans = column.isin(found).to_numpy()
        notes[NA_LABELS][str(column.name)] = [found[0], int(counts.sum())]


def _codebook_levels(columns: set[str]) -> dict[str, tuple[str, ...]]:
    """Levels of the categories of a shipped data set that has just these columns."""
    for name in dataset_names():
        book = codebook(name)
        if columns == set(book.index):
            categories = book.loc[book["type"] == "category", "levels"]
            return dict(categories.items())
    return {}


def _categories(values: pd.Series, is_group: bool, levels: tuple[str, ...]) -> pd.Series:
    present = values.dropna().unique()
    if not set(present) <= set(levels):
        levels = tuple(present if is_group else sorted(present))
    return values.astype(pd.CategoricalDtype(list(levels)))
