"""The catalogue: the model files that come with the package, by name."""

from __future__ import annotations

import os
from difflib import get_close_matches
from importlib.resources.abc import Traversable
from pathlib import Path

import pandas as pd

from hierbayes.errors import ModelFileError
from hierbayes.frames.shipped import shipped
from hierbayes.library.model_file import read_model_file

_SUFFIX = ".toml"


def model_names() -> list[str]:
    """Name the shipped models.

    Returns
    -------
    list of str
        The names, in alphabetical order.

    Examples
    --------
    >>> len(model_names()), model_names()[-1]
    (10, 'random_coefficients')
    """
    files = (entry.name for entry in shipped("models").iterdir())
    return sorted(file.removesuffix(_SUFFIX) for file in files if file.endswith(_SUFFIX))


def catalog_path(name: str) -> Traversable:
    """Find the file of a shipped model.

    Parameters
    ----------
    name : str
        One of `model_names`.

    Raises
    ------
    ModelFileError
        If no model has this name.

    Examples
    --------
    >>> catalog_path("means_as_outcomes").name
    'means_as_outcomes.toml'
    """
    names = model_names()
    if name not in names:
        near = get_close_matches(name, names, n=1)
        meant = f"did you mean '{near[0]}'? Those" if near else "those"
        raise ModelFileError(
            f"no model is called '{name}'; {meant} shipped are: {', '.join(names)} "
            f"(a model of your own is a path that ends in {_SUFFIX})"
        )
    return shipped("models").joinpath(f"{name}{_SUFFIX}")


def find_model_file(name_or_path: str | os.PathLike[str]) -> Traversable:
    """Find a model file by the name of a shipped model, or by its path.

    Parameters
    ----------
    name_or_path : str or path
        A path is what ends in ``.toml``, has a directory in it, or is a file.

    Raises
    ------
    ModelFileError
        If it is no path, and no shipped model has this name.
    """
    path = Path(name_or_path)
    text = os.fspath(name_or_path)
    is_path = path.suffix == _SUFFIX or text != path.name or path.is_file()
    if text not in model_names() and is_path:
        return path
    return catalog_path(text)


def catalog() -> pd.DataFrame:
    """Describe the shipped models.

    Returns
    -------
    pandas.DataFrame
        One row per model, by name: its `title`, what it is `about`, its `dataset`, and its
        `equations` as text.

    Examples
    --------
    >>> print(catalog().loc["means_as_outcomes", "equations"])
    within   mathach = β[1] + r          r ~ N(0, σ²)
    between  β[1] = (1 + Sector)·γ + u[1]          u ~ N(0, G), by school
    """
    files = {name: read_model_file(catalog_path(name)) for name in model_names()}
    rows = [
        {
            "title": file.title,
            "about": file.about,
            "dataset": file.dataset,
            "equations": str(file.equations),
        }
        for file in files.values()
    ]
    return pd.DataFrame(rows, index=pd.Index(files, name="model"))
