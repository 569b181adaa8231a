"""A fit from its file: the model posed again from the saved rows, the draws put in."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from hierbayes.design.problem import Problem
from hierbayes.errors import HierbayesError, SavedFitError, in_quotes
from hierbayes.estimation.laplace_search import Certificate, LatentOptimum, known
from hierbayes.estimation.latent_problem import curvature_of, latent_rows
from hierbayes.fit.evidence import READINGS, Sampling
from hierbayes.fit.fit import Fit
from hierbayes.fit.known_errors import KnownErrorsFit
from hierbayes.fit.of_family.point import FamilyPointFit
from hierbayes.fit.of_family.posterior import FamilyPosteriorFit
from hierbayes.fit.point import PointFit
from hierbayes.fit.posterior import PosteriorFit
from hierbayes.fit.saving.archive import Contents, damaged, place_of, read_archive
from hierbayes.fit.saving.error_parts import errors_again
from hierbayes.fit.saving.plain_values import from_plain
from hierbayes.fit.saving.posed_again import pose_again, refuse_other_columns
from hierbayes.fit.saving.row_columns import frame_of_bytes
from hierbayes.fit.saving.streamed_parts import holds_streamed, streamed_again
from hierbayes.fit.structured.point import StructuredPointFit
from hierbayes.fit.structured.posterior import StructuredPosteriorFit
from hierbayes.likelihood.conditional import NormalPrior
from hierbayes.likelihood.laplace import LatentPoint, find_mode
from hierbayes.likelihood.reading import NORMAL
from hierbayes.likelihood.theta import Theta
from hierbayes.specification.formula import Specification
from hierbayes.specification.known_functions import read_functions

if TYPE_CHECKING:
    import xarray as xr


def load_fit(
    path: str | PathLike[str], functions: Mapping[str, Callable[..., Any]] | None = None
) -> Fit:
    """The fit that `Fit.save` wrote: its numbers and draws as they were, without its data file.

    Nothing that stands in the file is run.

    Parameters
    ----------
    path : path
    functions : mapping, optional
        The functions that were handed over to the model, by name; no file holds them.

    Raises
    ------
    SavedFitError
        When the file is another's, cut short, damaged or of a newer format, or functions are
        missing or other than those of the fit.

    Examples
    --------
    >>> import tempfile, hierbayes as hb
    >>> fit = hb.Model("mathach ~ ses + (1 | school)", hb.load_dataset("hs")).reml()
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     fit.save(f"{folder}/reml.fit")
    ...     again = hb.load_fit(f"{folder}/reml.fit")
    >>> again.fixef().equals(fit.fixef())
    True
    """
    place = place_of(path)
    contents = read_archive(place)
    try:
        return _fit(contents, _functions(place, contents, functions))
    except HierbayesError:
        raise
    except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
        raise damaged(place, error) from error


def _functions(
    path: Path, contents: Contents, functions: Mapping[str, Callable[..., Any]] | None
) -> Any:
    read = read_functions(functions)
    needed, given = contents.manifest.get("functions", []), [name for name, _ in read]
    absent = [name for name in needed if name not in given]
    if absent:
        raise SavedFitError(
            f"the formula of '{path}' calls {in_quotes(absent)}, which no file holds: hand over "
            f"what the model had, as in hb.load_fit(path, functions={{'{absent[0]}': {absent[0]}}})"
        )
    surplus = [name for name in given if name not in needed]
    if surplus:
        raise SavedFitError(f"the formula of '{path}' calls no function '{surplus[0]}'")
    return read


def _fit(contents: Contents, functions: Any) -> Fit:
    manifest, arrays = contents.manifest, contents.arrays
    problem = _problem(contents, functions)
    internal = None
    if "internal_root" in arrays:
        internal = (arrays["internal_root"], arrays["internal_sigma"])
    common = {
        "problem": problem,
        "theta": Theta.of_both(arrays["root"], arrays["sigma"], problem.working.basis, internal),
        "gamma_draws": arrays["gamma"],
        "gamma_prior": NormalPrior(arrays["prior_mean"], arrays["prior_precision"]),
        "priors": from_plain(manifest["priors"]),
    }
    return _MAKERS[manifest["kind"]](common, from_plain(manifest["evidence"]), contents)


def _problem(contents: Contents, functions: Any) -> Problem:
    """The problem of the saved rows, with what was said of rows that were left out."""
    manifest = contents.manifest
    spec = from_plain(manifest["specification"])
    if not isinstance(spec, Specification):
        raise TypeError("no specification")
    spec = replace(spec, functions=functions)
    if holds_streamed(contents):
        return _weighted(streamed_again(contents, spec).holding_sigma, contents)
    frames = [
        frame_of_bytes(said, data)
        for said, data in zip(manifest["rows"], contents.rows, strict=True)
    ]
    problem = pose_again(spec, frames, manifest["family"])
    refuse_other_columns(from_plain(manifest["columns"]), problem, spec)
    rows = replace(problem.design.rows, kept=contents.arrays["kept"])
    design = replace(problem.design, rows=rows, dropped=from_plain(manifest["dropped"]))
    return _weighted(replace(problem, design=design).holding_sigma, contents)


def _weighted(problem: Problem, contents: Contents) -> Problem:
    """The same weighted as a residual structure of the fit has it, where there is one."""
    if "z" not in contents.arrays:
        return problem
    if "fitted" in contents.arrays:
        problem = problem.following(contents.arrays["fitted"])
    z = contents.arrays["z"]
    return problem.weighted(z.mean(axis=(0, 1)) if z.ndim == 3 else z)


def _point(common: dict[str, Any], plain: Any, contents: Contents) -> Fit:
    return PointFit(**common, evidence=plain)


def _known_errors(common: dict[str, Any], plain: Any, contents: Contents) -> Fit:
    return KnownErrorsFit(**common, evidence=plain)


def _structured_point(common: dict[str, Any], plain: Any, contents: Contents) -> Fit:
    evidence, engine, numbers = plain
    reading = READINGS.get(engine, NORMAL)
    errors = errors_again(common["problem"], reading, contents.arrays, numbers)
    return StructuredPointFit(**common, evidence=evidence, errors=errors)


def _structured_posterior(common: dict[str, Any], plain: Any, contents: Contents) -> Fit:
    return StructuredPosteriorFit(
        **common, evidence=_sampling(plain, contents), z=contents.arrays["z"]
    )


def _family_point(common: dict[str, Any], plain: Any, contents: Contents) -> Fit:
    """A maximum, the mode of u found again from where it was."""
    evidence, (value, gradient, _, evaluations) = plain
    arrays, problem = contents.arrays, common["problem"]
    point = LatentPoint(arrays["point_gamma"], arrays["point_root"], arrays["phi"])
    rows = latent_rows(problem)
    with np.errstate(all="ignore"):
        mode = find_mode(rows, point, arrays["b"], curvature_of(problem, rows))
    if mode is None:
        raise ValueError("the random effects have no mode at the estimates")
    certificate = Certificate(arrays["hessian"], gradient)
    look = partial(known, certificate)
    optimum = LatentOptimum(mode, value, len(certificate.hessian), gradient, evaluations, look)
    return FamilyPointFit(**common, evidence=evidence, phi=arrays["phi"], optimum=optimum)


def _posterior(common: dict[str, Any], plain: Any, contents: Contents) -> Fit:
    return PosteriorFit(**common, evidence=_sampling(plain, contents))


def _family_posterior(common: dict[str, Any], plain: Any, contents: Contents) -> Fit:
    factors = range(len(common["problem"].design.factors))
    us = tuple(contents.arrays[f"u_{k}"] for k in factors)
    return FamilyPosteriorFit(
        **common, evidence=_sampling(plain, contents), phi=contents.arrays["phi"], u_sampled=us
    )


_MAKERS: Mapping[str, Callable[[dict[str, Any], Any, Contents], Fit]] = {
    "PointFit": _point,
    "KnownErrorsFit": _known_errors,
    "StructuredPointFit": _structured_point,
    "StructuredPosteriorFit": _structured_posterior,
    "FamilyPointFit": _family_point,
    "PosteriorFit": _posterior,
    "FamilyPosteriorFit": _family_posterior,
}


def _sampling(plain: Any, contents: Contents) -> Sampling:
    settings, seconds, compile_seconds, k_hat = plain
    return Sampling(_stats(contents), settings, seconds, compile_seconds, k_hat)


def _stats(contents: Contents) -> xr.Dataset:
    import xarray as xr  # noqa: PLC0415  # loads slowly

    said = contents.manifest["stats"]
    data, coords = (
        {name: (dims, contents.arrays[place]) for name, dims, place in said[where]}
        for where in ("data", "coords")
    )
    return xr.Dataset(data, coords=coords)
