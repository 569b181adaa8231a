"""The model files that come with the package, by name."""

from __future__ import annotations

import os
from difflib import get_close_matches
from importlib.resources.abc import Traversable
from pathlib import Path

from hierbayes.errors import ModelFileError
from hierbayes.frames.shipped import shipped

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
    (16, 'ticks_on_grouse')
    """
    files = (entry.name for entry in shipped("models").iterdir())
    return sorted(file.removesuffix(_SUFFIX) for file in files if file.endswith(_SUFFIX))


def shipped_model(name: str) -> Traversable:
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
    >>> shipped_model("means_as_outcomes").name
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
    return shipped_model(text)
