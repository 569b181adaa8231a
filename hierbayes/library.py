"""Models from files, shipped or an analyst's own, and from the code of other systems."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

import pandas as pd

from hierbayes.dialects.columns import columns_of
from hierbayes.dialects.registry import read
from hierbayes.errors import DataError, ModelFileError, PriorError
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


def read_code(
    system: str, text: str, *, data: pd.DataFrame, priors: Mapping[str, Any] | None = None
) -> Model:
    """Make the model that another system's code states.

    Parameters
    ----------
    system : str
        One of those that ``hierbayes.dialects()`` says are read.
    text : str
        A program, a call or a formula of that system.
    data : DataFrame
        The data; levels of factors are those of its columns, whatever the code does to them.
    priors : mapping, optional
        As for `Model`; priors in the code are not read.

    Raises
    ------
    FormulaError
        When the code cannot be read, or states what models here do not have: the message says
        what and, where it can, points at the place.
    DataError, PriorError
        As for `Model`.

    Examples
    --------
    >>> import hierbayes as hb
    >>> hs = hb.load_dataset("hs")
    >>> code = "fit <- lme(mathach ~ ses, random = ~ 1 + ses | school, data = hs)"
    >>> hb.read_code("nlme", code, data=hs).specification.lme4()
    'mathach ~ 1 + ses + (1 + ses | school)'
    """
    if not isinstance(data, pd.DataFrame):
        raise DataError(f"data must be a pandas DataFrame, not {type(data).__name__}")
    specification = read(system, text, columns_of(data))
    return Model(specification.lme4(), data=data, priors=priors)
