"""Models from files: those shipped, by name, and an analyst's own, by path."""

from __future__ import annotations

import os
from typing import overload

import pandas as pd

from hierbayes.errors import FormulaError, ModelFileError, PriorError
from hierbayes.estimation.prior_text import read_priors
from hierbayes.frames.catalog import find_model_file
from hierbayes.frames.datasets import load_dataset
from hierbayes.frames.model_file import read_model_file
from hierbayes.frames.named_models import Catalog, list_models, named_model
from hierbayes.model import Model
from hierbayes.specification.equations import Multilevel


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


@overload
def catalog() -> Catalog: ...


@overload
def catalog(
    name: str,
    *,
    y: str | None = None,
    x: str | None = None,
    w: str | None = None,
    group: str | None = None,
) -> Multilevel: ...


@overload
def catalog(
    name: str,
    *,
    y: str | None = None,
    x: str | None = None,
    w: str | None = None,
    group: str | None = None,
    data: pd.DataFrame,
) -> Model: ...


def catalog(
    name: str | None = None,
    *,
    y: str | None = None,
    x: str | None = None,
    w: str | None = None,
    group: str | None = None,
    data: pd.DataFrame | None = None,
) -> Catalog | Multilevel | Model:
    """The ten named models of the slides, or one of them on one's own variables.

    Parameters
    ----------
    name : str, optional
        Traditional name, or name or title of a shipped model file; capitals, spaces, hyphens
        and underscores do not matter.  By default all models are listed.
    y, x, w, group : str, optional
        Columns: the response, a variable that varies within groups, a variable of groups, and
        the groups; those that the model has.
    data : DataFrame, optional
        Then the model on these data is returned, and not the equations alone.

    Returns
    -------
    Catalog, Multilevel or Model

    Raises
    ------
    ModelFileError
        When no model has this name; the nearest names are suggested.
    FormulaError
        When a variable is missing, or the model has no place for one.
    DataError
        When the data cannot support the model.

    Examples
    --------
    >>> catalog().table["fixed"].iloc[3]
    'Y ~ 1 + X'
    >>> print(catalog("random coefficients", y="mathach", x="ses", group="school"))
    within   mathach = β[1] + β[ses]·ses + r          r ~ N(0, σ²)
    between  β[1] = (1)·γ + u[1]
             β[ses] = (1)·γ + u[ses]          u ~ N(0, G), by school
    """
    variables = {"y": y, "x": x, "w": w, "group": group}
    if name is None:
        given = [role for role, column in variables.items() if column is not None]
        if given or data is not None:
            raise FormulaError(
                "catalog() lists the models; to make one, give its name first, as in "
                "catalog('Random coefficients', y='mathach', x='ses', group='school')"
            )
        return list_models()
    equations = named_model(name, variables)
    return equations if data is None else Model(equations, data=data)
