"""Alternative priors by name: each a full set of priors that differs from the baseline's.

A grid is stated by block of priors, as in

    {"sd": {"narrow": HalfNormal(1)}, "corr": [LKJ(1), LKJ(10)],
     "several": {"sceptical": dict(gamma=Normal(0, 1), corr=LKJ(10))}}

Within a block an alternative is a prior for all of it, or a mapping from names to
priors; what it leaves unsaid stays as in the baseline.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from hierbayes.design.problem import Problem
from hierbayes.errors import StudyError
from hierbayes.estimation.joint_families import Beta
from hierbayes.estimation.prior_blocks import BLOCKS, COVERED
from hierbayes.estimation.prior_set import PriorSet, choose_priors
from hierbayes.estimation.priors import (
    LKJ,
    Exponential,
    Family,
    Flat,
    Gamma,
    HalfCauchy,
    HalfNormal,
    InverseGamma,
    Normal,
    Uniform,
)

SEVERAL = "several"


@dataclass(frozen=True, slots=True, eq=False)
class Alternative:
    """One alternative to the priors of the baseline.

    Parameters
    ----------
    name : str
        Unique in its study.
    block : str
        The block it changes, or ``"several"``.
    priors : PriorSet
        All priors in force under it.
    changed : str
        What it states, as text.
    """

    name: str
    block: str
    priors: PriorSet
    changed: str


def read_alternatives(grid: Any, problem: Problem, baseline: PriorSet) -> tuple[Alternative, ...]:
    """Alternatives from a grid by block; the default grid when none is stated.

    Raises
    ------
    StudyError
        When the grid is no mapping, has a block that does not exist, or repeats a name.
    PriorError
        When a prior does not suit its block or names a parameter that does not exist.
    """
    if grid is None:
        grid = default_grid(baseline)
    if not isinstance(grid, Mapping):
        raise StudyError(
            "alternatives must be a mapping from blocks of priors to named priors, as in "
            f"{{'sd': {{'narrow': hb.HalfNormal(1)}}}}, not {type(grid).__name__}"
        )
    found: list[Alternative] = []
    for block, entries in grid.items():
        if block not in (*BLOCKS, SEVERAL):
            listed = ", ".join(f"'{one}'" for one in (*BLOCKS, SEVERAL))
            raise StudyError(f"there is no block of priors called '{block}'; they are: {listed}")
        for name, stated in _named(block, entries):
            changes = _changes(block, name, stated)
            found.append(Alternative(
                name, block, _changed(problem, baseline, changes), _text(changes)
            ))  # fmt: skip
    if not found:
        raise StudyError("there is no alternative in the grid; leave it out to have the usual ones")
    names = [one.name for one in found]
    for name in names:
        if names.count(name) > 1:
            raise StudyError(f"two alternatives are called '{name}'; give each a name of its own")
    return tuple(found)


def default_grid(baseline: PriorSet) -> dict[str, dict[str, Any]]:
    """The usual alternatives to a set of priors, block by block, on the baseline's scales."""
    grid: dict[str, dict[str, Any]] = {}
    normal = {n: p.parameters for n, p, _ in baseline.gamma if isinstance(p, Normal)}
    if len(normal) == len(baseline.gamma) and not baseline.explains_gamma:
        grid["gamma"] = {
            "gamma flat": Flat(),
            "gamma half as wide": {n: Normal(p["mu"], p["sigma"] / 2) for n, p in normal.items()},
            "gamma a fifth as wide": {
                n: Normal(p["mu"], p["sigma"] / 5) for n, p in normal.items()
            },
        }
    if baseline.sd:
        scale = {name: _scale(prior) for name, prior, _ in baseline.sd}
        grid["sd"] = {
            "sd half-normal": {n: HalfNormal(s) for n, s in scale.items()},
            "sd half-normal, a quarter as wide": {n: HalfNormal(s / 4) for n, s in scale.items()},
            "sd half-normal, a tenth as wide": {n: HalfNormal(s / 10) for n, s in scale.items()},
            "sd half-Cauchy": {n: HalfCauchy(s) for n, s in scale.items()},
            "sd exponential": {n: Exponential(1 / s) for n, s in scale.items()},
            "sd uniform": {n: Uniform(0, 10 * s) for n, s in scale.items()},
            "sd gamma(2.5), boundary-avoiding": {n: Gamma(2.5, 1e-2 / s) for n, s in scale.items()},
            "sd inverse-gamma(0.001), cautionary": InverseGamma(0.001, 0.001),
        }
    if baseline.corr:
        present = {prior for _, prior, _ in baseline.corr}
        etas = [LKJ(eta) for eta in (1, 2, 4, 10) if {LKJ(eta)} != present]
        grid["corr"] = {f"corr {prior}": prior for prior in etas}
    if baseline.joint:
        grid["sd"] = {"sd and corr by default": {}}
    elif baseline.sd:
        grid["icc"] = {"icc uniform": Beta(1, 1)}
    scale_of_sigma = _scale(baseline.sigma[1])
    grid["sigma"] = {
        "sigma half-normal": HalfNormal(scale_of_sigma),
        "sigma exponential": Exponential(1 / scale_of_sigma),
    }
    return grid


def _scale(prior: Family) -> float:
    """The scale of a prior of a standard deviation: that on which alternatives are put."""
    parameters = prior.parameters
    for name, of in (("sigma", 1), ("beta", 1), ("lam", -1), ("upper", 1)):
        if name in parameters and not isinstance(prior, Gamma | InverseGamma):
            return float(parameters[name] ** of)
    if isinstance(prior, Gamma):
        return prior.alpha / prior.beta
    raise StudyError(
        f"the usual alternatives need a scale, and the prior {prior} has none; state alternatives="
    )


def _named(block: str, entries: Any) -> list[tuple[str, Any]]:
    """Names and statements of the alternatives of one block."""
    if isinstance(entries, Mapping):
        return [(str(name), stated) for name, stated in entries.items()]
    if isinstance(entries, Iterable) and not isinstance(entries, str):
        return [(f"{block} {stated}", stated) for stated in entries]
    if isinstance(entries, Family):
        return [(f"{block} {entries}", entries)]
    raise StudyError(
        f"the alternatives of '{block}' must be a mapping from names to priors or a list of "
        f"priors, not {type(entries).__name__}"
    )


def _changes(block: str, name: str, stated: Any) -> dict[str, Any]:
    """What an alternative states, by block."""
    if block != SEVERAL:
        return {block: stated}
    if not isinstance(stated, Mapping):
        raise StudyError(
            f"the alternative '{name}' of several blocks must be a mapping from blocks to priors, "
            f"not {type(stated).__name__}"
        )
    return dict(stated)


def _changed(problem: Problem, baseline: PriorSet, changes: Mapping[str, Any]) -> PriorSet:
    """The baseline's priors with some replaced."""
    stated = baseline.stated()
    for block, change in changes.items():
        before = stated.get(block)
        named = _full_names(change) if isinstance(change, Mapping) else None
        if not (named and isinstance(before, Mapping) and set(named) <= set(before)):
            _give_way(stated, block)
        if named is not None and isinstance(before, Mapping):
            stated[block] = {**before, **named}
        else:
            stated[block] = change
    return choose_priors(stated, problem.design, problem.cross.basis)


def _give_way(stated: dict[str, Any], block: str) -> None:
    """Take out what a prior of a block cannot stand beside: joint priors, or what they cover."""
    for joint, covered in COVERED.items():
        if block == joint:
            for part in (*covered, *COVERED):
                stated.pop(part, None)
        elif block in covered:
            stated.pop(joint, None)


def _full_names(change: Mapping[str, Any]) -> dict[str, Any]:
    return {{"1": "Intercept"}.get(str(name), str(name)): prior for name, prior in change.items()}


def _text(changes: Mapping[str, Any]) -> str:
    parts = []
    for block, change in changes.items():
        if isinstance(change, Mapping) and not change:
            parts.append(f"{block}: defaults")
        elif isinstance(change, Mapping):
            inside = ", ".join(f"{name} ~ {prior}" for name, prior in change.items())
            parts.append(f"{block}: {inside}")
        else:
            parts.append(f"{block} ~ {change}")
    return "; ".join(parts)
