"""Models from files: those shipped, by name, and an analyst's own, by path."""

from __future__ import annotations

import os

import pandas as pd

from hierbayes.errors import ModelFileError, PriorError
from hierbayes.estimation.prior_text import read_priors
from hierbayes.frames.catalog import find_model_file
from hierbayes.frames.datasets import load_dataset
from hierbayes.frames.model_file import read_model_file
from hierbayes.model import Model


def load_model(name_or_path: str | os.PathLike[str], data: pd.DataFrame | None = None) -> Model:
    """Make the model that a model file states.

    Parameters
    ----------
    name_or_path : str or path
        A shipped model by name, or a model file by path.
    data : DataFrame, optional
        By default the shipped data set that the file names.

    Raises
    ------
    ModelFileError
        When there is no such file, or something in it is wrong, its priors included.
    DataError
        When the data cannot support the model.

    Examples
    --------
    >>> model = load_model("intercepts_and_slopes_as_outcomes")
    >>> model.reml().loglik
    -6419.694713
    """
    path = find_model_file(name_or_path)
    file = read_model_file(path)
    if data is None:
        if file.dataset is None:
            raise ModelFileError(
                f"{path}, key 'dataset': it is missing and no data are given; name a shipped "
                "data set, or give data"
            )
        data = load_dataset(file.dataset)
    try:
        return Model(file.equations, data=data, priors=read_priors(file.priors))
    except PriorError as error:
        raise ModelFileError(f"{path}, key 'priors': {error}") from error
