"""A fit as what stands in a file."""

from __future__ import annotations

import platform
from dataclasses import replace
from importlib.metadata import version
from os import PathLike
from typing import TYPE_CHECKING, Any

import numpy as np

from hierbayes.design.problem import Problem
from hierbayes.errors import FamilyError, PriorError, SavedFitError
from hierbayes.families.text import read_text
from hierbayes.fit.fitted import Fitted
from hierbayes.fit.saving.archive import (
    FIT,
    Contents,
    place_of,
    refuse_place,
    write_archive,
)
from hierbayes.fit.saving.own_parts import OwnParts
from hierbayes.fit.saving.plain_values import as_plain
from hierbayes.fit.saving.posed_again import columns_said, pose_again, refuse_other_columns
from hierbayes.fit.saving.row_columns import frame_as_bytes
from hierbayes.fit.saving.streamed_parts import streamed_contents
from hierbayes.frames.arrays import Floats

if TYPE_CHECKING:
    import xarray as xr

_OF_FRAMES = 1  # the format of files that hold rows in memory
_VERSIONS = ("hierbayes", "numpy", "pandas", "formulaic", "pymc", "nutpie")


def save_fit(fit: Fitted, own: OwnParts, path: str | PathLike[str]) -> None:
    """Write a fit as one file, see `Fit.save`.

    The model is posed again from what will be written, so that what cannot be read back is refused
    before anything is.
    """
    place = place_of(path)
    refuse_place(place)
    write_archive(place, contents_of(fit, own))


def contents_of(fit: Fitted, own: OwnParts) -> Contents:
    """What stands in the file of a fit.

    Raises
    ------
    SavedFitError
        When a prior, the family or a column cannot be written; it is named.
    """
    _refuse_priors(fit)
    problem = fit.problem
    spec, rows = problem.design.specification, problem.design.rows
    family = _family_text(problem)
    held = streamed_contents(problem) if rows.streams else _framed(problem, family)
    arrays = {
        "root": fit.theta.root,
        "sigma": fit.theta.sigma,
        "gamma": fit.gamma_draws,
        "prior_mean": fit.gamma_prior.mean,
        "prior_precision": fit.gamma_prior.precision,
    }
    internal = fit.theta.found_in(problem.working.basis)
    if internal is not None:
        arrays |= {"internal_root": internal[0], "internal_sigma": internal[1]}
    arrays |= own.arrays
    stats, of_stats = _stats(own.stats)
    manifest = {
        "what": FIT.what,
        "format": FIT.format if rows.streams else _OF_FRAMES,
        "versions": versions_in_use(),
        "kind": own.kind,
        "model": str(spec),
        "specification": as_plain(replace(spec, functions=())),
        "functions": [name for name, _ in spec.functions],
        "family": family,
        "priors": as_plain(fit.priors),
        "dropped": as_plain(problem.design.dropped),
        "evidence": as_plain(own.plain),
        "stats": stats,
        **held.manifest,
    }
    return Contents(manifest, {**arrays, **of_stats, **held.arrays}, held.rows)


def _framed(problem: Problem, family: str | None) -> Contents:
    """What is written of rows in memory: the rows themselves."""
    spec, rows = problem.design.specification, problem.design.rows
    if not rows.frames:
        raise SavedFitError(
            "this fit is of responses or columns that were computed, not of rows of data, and "
            "cannot be saved; fit a model of data that hold them"
        )
    said = columns_said(problem)
    refuse_other_columns(said, pose_again(spec, rows.frames, family), spec)
    frames = [frame_as_bytes(frame) for frame in rows.frames]
    manifest = {"columns": as_plain(said), "rows": [one for one, _ in frames]}
    return Contents(manifest, {"kept": rows.kept}, tuple(data for _, data in frames))


def versions_in_use() -> dict[str, str]:
    """Of what a file is made with."""
    return {name: version(name) for name in _VERSIONS} | {"python": platform.python_version()}


def _refuse_priors(fit: Fitted) -> None:
    if fit.priors is None or fit.priors.are_built_in:
        return
    table = fit.priors.frame()
    block, name = table.index[table["prior"].str.startswith("PyMC")][0]
    raise SavedFitError(
        f"the prior of {block} '{name}' is a distribution made by PyMC, which a file cannot hold "
        "without running what stands in it; state a prior of hierbayes, or keep the draws with "
        "to_datatree()"
    )


def _family_text(problem: Problem) -> str | None:
    """The family as it prints, where that can be read again."""
    if problem.family is None:
        return None
    text = repr(problem.family)
    try:
        again = read_text(text)
    except (FamilyError, PriorError):
        again = None
    if repr(again) != text:
        raise SavedFitError(
            f"the family {text} is made of functions of your own, which a file cannot hold without "
            "running what stands in it; keep the draws with to_datatree()"
        )
    return text


def _stats(stats: xr.Dataset | None) -> tuple[Any, dict[str, Floats]]:
    """Statistics of a sampler by number, with their names and dimensions."""
    if stats is None:
        return None, {}
    said: dict[str, list[Any]] = {"coords": [], "data": []}
    arrays: dict[str, Floats] = {}
    for where, found in (("coords", stats.coords), ("data", stats.data_vars)):
        for name, values in found.items():
            place = f"stat_{len(arrays)}"
            arrays[place] = np.asarray(values.to_numpy())
            said[where].append([str(name), [str(dim) for dim in values.dims], place])
    return said, arrays
