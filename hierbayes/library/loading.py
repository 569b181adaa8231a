"""Models from files, shipped or an analyst's own, and from the code of other systems."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import Any, overload

import pandas as pd

from hierbayes.errors import (
    DataError,
    FamilyError,
    FormulaError,
    ModelFileError,
    PriorError,
    ResidualError,
)
from hierbayes.frames.datasets import load_dataset
from hierbayes.library.model_file import read_model_file
from hierbayes.library.named_models import Catalog, list_models, named_model
from hierbayes.library.shipped_models import find_model_file
from hierbayes.model.model import Model
from hierbayes.priors.text import read_priors
from hierbayes.specification.equations import Multilevel
from hierbayes.translation.columns import columns_of
from hierbayes.translation.registry import read


def load_model(
    name_or_path: str | os.PathLike[str],
    data: pd.DataFrame | None = None,
    *,
    functions: Mapping[str, Callable[..., Any]] | None = None,
) -> Model:
    """Make the model that a model file states.

    Parameters
    ----------
    name_or_path : str or path
        A shipped model by name, or a model file by path.
    data : DataFrame, optional
        By default the shipped data set that the file names.
    functions : mapping, optional
        As for `Model`: functions that the equations call, which a file cannot define.

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
        priors = read_priors(file.priors)
        return Model(
            file.equations, data=data, priors=priors, functions=functions, family=file.family,
            residual=file.residual, **file.of_rows,
        )  # fmt: skip
    except ResidualError as error:
        raise ModelFileError(f"{path}, key 'residual': {error}") from error
    except FamilyError as error:
        raise ModelFileError(f"{path}, key 'family': {error}") from error
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
    stated = read(system, text, columns_of(data))
    spec = stated.specification
    return Model(
        spec.lme4(),
        data=data,
        priors=priors,
        family=stated.family,
        residual=spec.residual,
        weights=spec.weights or None,
        known_sd=spec.known_sd or None,
    )
