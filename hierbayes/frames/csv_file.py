"""Data from a CSV file, its texts made categories."""

from __future__ import annotations

import os

import pandas as pd

from hierbayes.errors import DataError
from hierbayes.frames.datasets import codebook, dataset_names


def read_csv(path: str | os.PathLike[str], group: str) -> pd.DataFrame:
    """Read a CSV file as data for a model.

    Parameters
    ----------
    path : str or path
        Comma-separated values with the names of the columns in the first line.
    group : str
        The column that names the group of each row.

    Returns
    -------
    pandas.DataFrame
        Numbers as they are. The groups are categories of strings, whatever the file writes
        (so 007 stays as it is), in order of appearance; other texts are categories in
        alphabetical order. Where the columns are those of a shipped data set, the categories
        are those of its codebook.

    Raises
    ------
    DataError
        When the file is not such a table.
    OSError
        When it cannot be opened.
    """
    levels = {}
    try:
        with open(path, encoding="utf-8-sig", newline="") as file:
            levels = _codebook_levels(set(pd.read_csv(file, nrows=0).columns))
            texts = dict.fromkeys({group, *levels}, "str")
            file.seek(0)
            frame = pd.read_csv(file, dtype=texts)
    except (ValueError, pd.errors.ParserError) as error:  # of pandas, or not UTF-8
        raise DataError(f"cannot read {os.fspath(path)} as CSV: {_one_line(error)}") from error
    if frame.empty:
        raise DataError(f"{os.fspath(path)} has no rows of data")
    for column in frame.columns:
        if column == group or pd.api.types.is_string_dtype(frame[column].dtype):
            frame[column] = _categories(frame[column], column == group, levels.get(column, ()))
    return frame


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


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())
