"""Where the files that come with the package are: data sets and worked models."""

from __future__ import annotations

from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Literal

from hierbayes.errors import ModelFileError


def shipped(kind: Literal["data", "models"]) -> Traversable:
    """Find the folder of the shipped data sets or of the shipped model files.

    Parameters
    ----------
    kind : {"data", "models"}
        Which folder.

    Returns
    -------
    importlib.resources.abc.Traversable
        ``hierbayes/_data`` or ``hierbayes/_models`` in an installed wheel; in a checkout, the
        folder called `kind` beside the package.

    Raises
    ------
    ModelFileError
        If there is neither.
    """
    package = resources.files("hierbayes")
    inside = package.joinpath(f"_{kind}")
    if inside.is_dir():
        return inside
    beside = Path(str(package)).parent / kind
    if beside.is_dir():
        return beside
    raise ModelFileError(
        f"this installation of hierbayes has no folder of shipped {kind}; reinstall the package"
    )
