"""The shipped data sets, each read as its codebook says."""

from __future__ import annotations

import tomllib
from typing import Any

import numpy as np
import pandas as pd

from hierbayes.errors import ModelFileError
from hierbayes.frames.shipped import shipped

ONLY_EMPTY_IS_MISSING: Any = {"keep_default_na": False, "na_values": [""]}  # pandas takes NA, too
_NOT_OF_COLUMNS = ("part_of", "part", "codes")  # how a data set is made of another
DTYPES = {"category": "str", "integer": "int64", "real": "float64"}  # as read from the file


def dataset_names() -> list[str]:
    """Name the shipped data sets.

    Returns
    -------
    list of str
        The names, in alphabetical order.

    Examples
    --------
    >>> dataset_names()[:6]
    ['cbpp', 'contraception', 'egsingle', 'grouseticks', 'hs', 'hs1']
    """
    files = (entry.name for entry in shipped("data").iterdir())
    return sorted(file.removesuffix(".toml") for file in files if file.endswith(".toml"))


def load_dataset(name: str, *, codes: bool = False) -> pd.DataFrame:
    """Read a shipped data set.

    Parameters
    ----------
    name : str
        One of `dataset_names`.
    codes : bool
        Of the schools: whether to add the columns in which lecture slides have as numbers what
        others have as words, ``sector`` (1 is Catholic) and ``female``, and ``X``, the number of
        the row in ``hsfull``, from 1.

    Returns
    -------
    pandas.DataFrame
        The columns of the file, in its order, with the dtypes its codebook states: integers,
        floats, and unordered categoricals of strings. The categories are the levels of the
        codebook, the reference level first; those of group columns are in order of appearance.

    Raises
    ------
    ModelFileError
        If no data set has this name, or it has no such codes.

    See Also
    --------
    codebook : What each column means.

    Notes
    -----
    ``hs1`` and ``hs2`` are halves of ``hsfull``: of the Catholic schools, in the order of the
    file, the odd and the even ones, and of the Public ones likewise.  The slides have halves of
    these names and do not say which schools they hold.

    Examples
    --------
    >>> hs = load_dataset("hs")
    >>> hs.shape
    (1977, 10)
    >>> list(hs["Sector"].cat.categories)
    ['Catholic', 'Public']
    >>> load_dataset("hs", codes=True)["X"].head(2).tolist()
    [141, 142]
    """
    book = _read_codebook(name)
    whole = book.get("part_of", name)
    frame = _read_part(whole, book) if "part" in book else _read_file(name, book["columns"])
    return _with_codes(frame, name, whole, book["group"]) if codes else frame


def _read_file(name: str, columns: dict[str, Any]) -> pd.DataFrame:
    """The columns of a file, as its codebook says."""
    dtypes = {column: DTYPES[entry["type"]] for column, entry in columns.items()}
    with shipped("data").joinpath(f"{name}.csv").open("rb") as file:
        frame = pd.read_csv(file, usecols=list(columns), dtype=dtypes, **ONLY_EMPTY_IS_MISSING)
    for column, entry in columns.items():
        if entry["type"] == "category":
            levels = entry.get("levels", list(frame[column].unique()))
            frame[column] = pd.Categorical(frame[column], categories=levels)
    return frame


def _read_part(whole: str, book: dict[str, Any]) -> pd.DataFrame:
    """Every so many groups of another data set, counted apart in each level of a column."""
    frame, group, part = _read_file(whole, book["columns"]), book["group"], book["part"]
    groups = frame.drop_duplicates(group)
    place = groups.groupby(part["by"], observed=True).cumcount()
    kept = groups.loc[place % part["step"] == part["from"], group]
    found = frame[frame[group].isin(kept)].reset_index(drop=True)
    found[group] = found[group].cat.remove_unused_categories()
    return found


def _with_codes(frame: pd.DataFrame, name: str, whole: str, group: str) -> pd.DataFrame:
    """A data set with the columns of numbers that the codebook of its whole states."""
    book = _read_codebook(whole)
    if "codes" not in book:
        raise ModelFileError(f"the data set {name!r} has no codes; leave codes=True out")
    added = frame.copy()
    for code, rule in book["codes"].items():
        if rule == "row":
            labels = _read_file(whole, book["columns"])[group]
            added[code] = np.flatnonzero(labels.isin(frame[group].cat.categories)) + 1
        else:
            added[code] = (frame[rule["of"]] == rule["is"]).astype("int64")
    return added


def codebook(name: str) -> pd.DataFrame:
    """Describe the columns of a shipped data set.

    Parameters
    ----------
    name : str
        One of `dataset_names`.

    Returns
    -------
    pandas.DataFrame
        One row per column of the data set, in the same order, with its `meaning`, its `level`
        (1 varies within groups, 2 is constant within them, 3 within groups that these are nested
        in), its `units` (empty if it has none), its `type` (category, integer or real) and its
        `levels` (a tuple, empty if the codebook lists none). What holds of the whole data set
        (`title`, `source`, `rows`, `groups` and `group`; the last two are lists where there are
        several grouping factors) is in ``attrs``.

    Raises
    ------
    ModelFileError
        If no data set has this name.

    Examples
    --------
    >>> book = codebook("hs")
    >>> book.loc["Sector", ["level", "levels"]].to_dict()
    {'level': 2, 'levels': ('Catholic', 'Public')}
    >>> book.attrs["groups"]
    40
    """
    content = _read_codebook(name)
    columns = content.pop("columns")
    for key in _NOT_OF_COLUMNS:
        content.pop(key, None)
    rows = [{**entry, "levels": tuple(entry.get("levels", ()))} for entry in columns.values()]
    frame = pd.DataFrame(
        rows,
        index=pd.Index(columns, name="column"),
        columns=["meaning", "level", "units", "type", "levels"],
    )
    frame.attrs.update(content)
    return frame


def _read_codebook(name: str) -> dict[str, Any]:
    names = dataset_names()
    if name not in names:
        raise ModelFileError(
            f"no data set is called {name!r}; those shipped are: {', '.join(names)}"
        )
    with shipped("data").joinpath(f"{name}.toml").open("rb") as file:
        book = tomllib.load(file)
    if "part" in book:
        book["columns"] = _read_codebook(book["part_of"])["columns"]
    return book
