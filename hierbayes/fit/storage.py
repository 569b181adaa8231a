"""Draws with their labels, and the whole fit as an ArviZ DataTree."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from importlib.metadata import version
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from pandas.api.types import is_numeric_dtype

from hierbayes.design.design import Design
from hierbayes.design.problem import Problem
from hierbayes.errors import HierbayesError, in_quotes
from hierbayes.estimation.graph_variables import graph_variables
from hierbayes.fit.drawn import Drawn
from hierbayes.fit.effects import population_draws
from hierbayes.fit.evidence import Sampling
from hierbayes.fit.fitted import Fitted
from hierbayes.frames.arrays import Floats

if TYPE_CHECKING:
    import xarray as xr

_DIMS: dict[str, tuple[str, ...]] = {
    "gamma": ("term",),
    "u": ("group", "effect"),
    "beta": ("group", "effect"),
    "sd": ("effect",),
    "corr": ("effect", "effect_bis"),
    "G": ("effect", "effect_bis"),
}
STORED = ("gamma", "u", "sd", "corr", "G")
_BY_GROUP = ("u", "beta")


def labelled_draws(fit: Fitted, name: str, factor: str | None = None) -> xr.DataArray:
    """Draws of one quantity by chain, draw and its own dimensions.

    What is by group is that of one factor, which is named where there are several.

    Raises
    ------
    HierbayesError
        When there is no quantity of that name; the valid ones are listed.
    """
    of_errors = ("residual",) if fit.error_draws[0] else ()
    known = (*_DIMS, *fit.problem.dispersion, *of_errors)
    if not isinstance(name, str) or name not in known:
        listed = in_quotes(known)
        raise HierbayesError(f"there are no draws of '{name}'; valid names are: {listed}")
    if name in of_errors:
        return _of_errors(fit)
    k = fit.design.place_of_factor(factor) if name in _BY_GROUP else 0
    if name == "beta":
        return _labelled(fit, name, k, population_draws(fit, k) + fit.us[k])
    return _labelled(fit, name, k, _values(fit, name, k))


def _of_errors(fit: Drawn) -> xr.DataArray:
    """Draws of the parameters of a residual structure."""
    import xarray as xr  # noqa: PLC0415  # loads slowly

    names, draws = fit.error_draws
    coords = {
        "chain": np.arange(draws.shape[0]),
        "draw": np.arange(draws.shape[1]),
        "residual_parameter": np.array(names, dtype=object),
    }
    return xr.DataArray(draws, dims=tuple(coords), coords=coords, name="residual")


def _labelled(fit: Drawn, name: str, k: int, values: Floats) -> xr.DataArray:
    import xarray as xr  # noqa: PLC0415  # loads slowly

    dims = ("chain", "draw", *_dims(fit, name, k))
    coords = {dim: labels for dim, labels in _coords(fit).items() if dim in dims}
    coords |= {"chain": np.arange(values.shape[0]), "draw": np.arange(values.shape[1])}
    return xr.DataArray(values, dims=dims, coords=coords, name=name)


def observed_variable(design: Design) -> tuple[str, np.ndarray]:
    """What the responses are called in a tree, and their rows."""
    return _variable_name(design.specification.response, "obs"), _storable(design.rows.index)


def to_datatree(
    fit: Fitted,
    sampling: Sampling | None,
    *,
    graph: bool = False,
    further: Mapping[str, xr.Dataset] | None = None,
) -> xr.DataTree:
    """Groups posterior, sample_stats (of a sampler), observed_data, constant_data.

    With ``graph`` the posterior also holds the free variables of the graph of the model;
    ``further`` are more groups by name.  Data of rows that stream are left out.
    """
    import xarray as xr  # noqa: PLC0415  # loads slowly

    design = fit.design
    groups = {"posterior": drawn_quantities(fit)}
    if sampling is not None:
        groups["sample_stats"] = sampling.stats
    if not design.rows.streams:
        groups |= _data_groups(fit)
    if graph and fit.priors is not None:
        free = graph_variables(design, fit.problem.products, fit.priors, fit.theta, fit.gamma_draws)
        variables = {name: (("chain", "draw", *dims), of) for name, (dims, of) in free.items()}
        groups["posterior"] = groups["posterior"].assign(variables)
    of_factor = f"group_{design.factors[0].name}"  # ArviZ has a dimension 'group' of its own
    names = {"group": of_factor, "group_of": f"{of_factor}_of"}
    named = {
        name: one.rename({a: b for a, b in names.items() if a in one.variables})
        if "group" in one.dims else one
        for name, one in (groups | dict(further or {})).items()
    }  # fmt: skip
    tree = xr.DataTree.from_dict(named)
    tree.attrs.update(_attributes(fit, sampling))
    return tree


def _data_groups(fit: Fitted) -> dict[str, xr.Dataset]:
    """observed_data and constant_data: the rows, which are in memory."""
    import xarray as xr  # noqa: PLC0415  # loads slowly

    design, groups = fit.design, dict[str, xr.Dataset]()
    response, index = observed_variable(design)
    obs = {"obs": index}
    groups["observed_data"] = xr.Dataset(
        {
            response: (
                "obs",
                as_stored(fit.problem, observed(fit)),
                {"long_name": design.specification.left},
            )
        },
        coords=obs,
    )
    labels = _storable_labels(fit)
    coords = _coords(fit) | labels
    P = design.columns.n_predictors
    codes = {
        f"{dim}_of": ("obs", one[::P])
        for dim, one in zip(_group_dims(fit), design.rows.codes_of, strict=True)
    }
    row = "obs" if P == 1 else "obs_predictor"  # the linear predictors of each row in turn
    groups["constant_data"] = xr.Dataset(
        {"X": ((row, "term"), design.rows.X), "Z": ((row, "effect"), design.rows.Z)} | codes,
        coords=obs | {dim: coords[dim] for dim in ("term", "effect", *labels)},
    )
    return groups


def drawn_quantities(fit: Drawn) -> xr.Dataset:
    """Everything that a tree keeps of draws, with labels that a file can hold."""
    import xarray as xr  # noqa: PLC0415  # loads slowly

    found = xr.Dataset(dict(_stored(fit))).assign_coords(_storable_labels(fit))
    return found.assign(residual=_of_errors(fit)) if fit.error_draws[0] else found


def _storable_labels(fit: Drawn) -> dict[str, np.ndarray]:
    """Labels of the groups of each factor, by their dimension."""
    factors = zip(_group_dims(fit), fit.design.factors, strict=True)
    return {dim: _storable(factor.labels) for dim, factor in factors}


def _stored(fit: Drawn) -> Iterator[tuple[str, xr.DataArray]]:
    """Everything that is kept of draws; u of several factors has a variable for each."""
    several = len(fit.design.factors) > 1
    for name in (*STORED, *fit.problem.dispersion):
        for k, factor in enumerate(fit.design.factors[: None if name in _BY_GROUP else 1]):
            label = f"{name}_{factor.name}" if several and name in _BY_GROUP else name
            yield label, _labelled(fit, name, k, _values(fit, name, k))


def observed(fit: Fitted) -> Floats:
    """The responses (n,) as they were observed; of trials the successes, categories by number."""
    rows = fit.design.rows
    return rows.observed


def as_stored(problem: Problem, responses: Floats) -> np.ndarray:
    """Responses of any shape, whole ones as integers, by which ArviZ knows counts."""
    rows = problem.design.rows.family
    return responses.astype(np.int64) if rows is not None and rows.is_whole else responses


def _group_dims(fit: Drawn) -> tuple[str, ...]:
    """What the dimension of the groups of each factor is called."""
    factors = fit.design.factors
    if len(factors) == 1:
        return ("group",)
    return tuple(f"group_{factor.name}" for factor in factors)


def _effect_dims(fit: Drawn) -> tuple[str, ...]:
    """What the dimension of the effects of each factor is called."""
    factors = fit.design.factors
    if len(factors) == 1:
        return ("effect",)
    return tuple(f"effect_{factor.name}" for factor in factors)


def _dims(fit: Drawn, name: str, k: int) -> tuple[str, ...]:
    if name in _BY_GROUP:
        return _group_dims(fit)[k], _effect_dims(fit)[k]
    return _DIMS.get(name, ())


def _values(fit: Drawn, name: str, k: int) -> Floats:
    match name:
        case "gamma":
            return fit.gamma_draws
        case "u":
            return fit.us[k]
        case "G":
            return fit.theta.G
    if name in fit.problem.dispersion:
        return fit.phi_draws[..., fit.problem.dispersion.index(name)]
    sd, corr = fit.theta.sd, fit.theta.corr
    return sd if name == "sd" else corr


def _coords(fit: Drawn) -> dict[str, np.ndarray]:
    design = fit.design
    effects = np.array(design.effect_labels, dtype=object)
    coords = {
        "term": np.array(design.terms, dtype=object),
        "effect": effects,
        "effect_bis": effects,
    }
    names = zip(_group_dims(fit), _effect_dims(fit), design.factors, design.spans, strict=True)
    for groups, own, factor, span in names:
        coords[groups] = _plain(factor.labels)
        coords[own] = np.array(design.effects[span], dtype=object)
    return coords


def _plain(index: pd.Index) -> np.ndarray:
    """Labels as an array of one dimension, tuples too."""
    if index.dtype.kind in "iuf":
        return np.asarray(index)
    labels = np.empty(len(index), dtype=object)
    labels[:] = list(index)
    return labels


def _storable(index: pd.Index) -> np.ndarray:
    """Labels that a file can hold: numbers, times without a zone and texts, or else their texts."""
    if isinstance(index.dtype, np.dtype) and index.dtype.kind in "bM":
        return np.asarray(index)
    if is_numeric_dtype(index.dtype):  # pandas' own numbers, too
        return np.asarray(index.to_list())
    labels = _plain(index)
    if all(type(label) is str for label in labels):
        return labels
    texts = [str(label) for label in labels]
    if len(set(texts)) < index.nunique(dropna=False):  # 1 and "1"
        texts = [repr(label) for label in labels]
    return np.array(texts, dtype=object)


def _variable_name(name: str, dimension: str) -> str:
    """The name of a column, where a tree can hold a variable of that name."""
    held = name.strip() == name != dimension and "/" not in name and name.isprintable()
    return name if held and not name.startswith((".", "__")) else "response"


def _attributes(fit: Fitted, sampling: Sampling | None) -> dict[str, str]:
    spec = fit.design.specification
    attributes = {
        "model": str(spec),
        "group": ", ".join(spec.factors),
        "engine": fit.engine,
        "dropped": str(fit.design.dropped),
        "inference_library": "hierbayes",
        "inference_library_version": version("hierbayes"),
    }
    if fit.priors is not None:
        table = fit.priors.frame().reset_index()
        attributes["priors"] = json.dumps(table.to_dict(orient="records"))
    if sampling is not None:
        attributes["sampler"] = sampling.sampler
        attributes["seed"] = json.dumps(sampling.seed)
        attributes["tuning_steps"] = str(sampling.tune)
        attributes["sampling_time"] = f"{sampling.seconds:.3f}"
    versions = {name: version(name) for name in ("pymc", "pytensor", "nutpie", "arviz", "numpy")}
    attributes["versions"] = json.dumps(versions)
    return attributes
