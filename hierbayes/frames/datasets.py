"""The shipped data sets, each read as its codebook says."""

from __future__ import annotations

import tomllib
from typing import Any

import pandas as pd

from hierbayes.errors import ModelFileError
from hierbayes.frames.shipped import shipped

ONLY_EMPTY_IS_MISSING: Any = {"keep_default_na": False, "na_values": [""]}  # pandas takes NA, too
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
    ['cbpp', 'contraception', 'egsingle', 'grouseticks', 'hs', 'hsfull']
    """
    files = (entry.name for entry in shipped("data").iterdir())
    return sorted(file.removesuffix(".toml") for file in files if file.endswith(".toml"))


def load_dataset(name: str) -> pd.DataFrame:
    """Read a shipped data set.

    Parameters
    ----------
    name : str
        One of `dataset_names`.

    Returns
    -------
    pandas.DataFrame
        The columns of the file, in its order, with the dtypes its codebook states: integers,
        floats, and unordered categoricals of strings. The categories are the levels of the
        codebook, the reference level first; those of group columns are in order of appearance.

    Raises
    ------
    ModelFileError
        If no data set has this name.

    See Also
    --------
    codebook : What each column means.

    Examples
    --------
    >>> hs = load_dataset("hs")
    >>> hs.shape
    (1977, 10)
    >>> list(hs["Sector"].cat.categories)
    ['Catholic', 'Public']
    """
    columns = _read_codebook(name)["columns"]
    dtypes = {column: DTYPES[entry["type"]] for column, entry in columns.items()}
    with shipped("data").joinpath(f"{name}.csv").open("rb") as file:
        frame = pd.read_csv(file, usecols=list(columns), dtype=dtypes, **ONLY_EMPTY_IS_MISSING)
    for column, entry in columns.items():
        if entry["type"] == "category":
            levels = entry.get("levels", list(frame[column].unique()))
            frame[column] = pd.Categorical(frame[column], categories=levels)
    return frame


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
        return tomllib.load(file)
