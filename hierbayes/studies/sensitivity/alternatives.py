"""Alternative priors by name: each a full set of priors that differs from the baseline's.

A grid is stated by block of priors, as in

    {"sd": {"narrow": HalfNormal(1)}, "corr": [LKJ(1), LKJ(10)],
     "several": {"sceptical": dict(gamma=Normal(0, 1), corr=LKJ(10))},
     "cautionary": {"inverse-gamma": dict(sd=InverseGamma(0.001, 0.001))}}

What is listed as cautionary is answered and shown, but no verdict rests on it.  Within a
block an alternative is a prior for all of it, or a mapping from names to priors; what it
leaves unsaid stays as in the baseline.  Of a residual structure ``residual`` is all parameters of
the errors, and ``weights``, as nlme calls it, those of their variances alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from hierbayes.design.problem import Problem
from hierbayes.errors import StudyError, in_quotes
from hierbayes.priors.block_matrices import by_block
from hierbayes.priors.blocks import COVERED, OF_SIGMA, as_prior
from hierbayes.priors.chosen_priors import blocks_of, choose_priors, kind_of
from hierbayes.priors.effect_priors import by_effect, parameter_name
from hierbayes.priors.families import Prior
from hierbayes.priors.foreign_prior import ForeignPrior, refuse_shaped
from hierbayes.priors.prior_set import STATED, PriorSet
from hierbayes.studies.sensitivity.usual_grid import CAUTIONARY, SEVERAL, default_grid

RESERVED = ("baseline",)
WEIGHTS, OF_ERRORS = "weights", "residual"


@dataclass(frozen=True, slots=True, eq=False)
class Alternative:
    """One alternative to the priors of the baseline.

    Parameters
    ----------
    name : str
        Unique in its study.
    block : str
        The block it changes, or ``"several"`` or ``"cautionary"``.
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
        grid = default_grid(problem, baseline)
    if not isinstance(grid, Mapping):
        raise StudyError(
            "alternatives must be a mapping from blocks of priors to named priors, as in "
            f"{{'sd': {{'narrow': hb.HalfNormal(1)}}}}, not {type(grid).__name__}"
        )
    found: list[Alternative] = []
    variances = _variances(problem)
    known = (*blocks_of(problem), *([WEIGHTS] if variances else []), SEVERAL, CAUTIONARY)
    for block, entries in grid.items():
        if block not in known:
            listed = in_quotes(known)
            raise StudyError(f"there is no block of priors called '{block}'; they are: {listed}")
        for name, stated in _named(block, entries, problem, baseline):
            changes = _of_errors(_changes(block, name, stated), variances)
            _refuse_known_sigma(changes, baseline)
            priors = _changed(problem, baseline, changes)
            found.append(Alternative(name, block, priors, _text(changes, problem)))
    if not found:
        raise StudyError("there is no alternative in the grid; leave it out to have the usual ones")
    names = [one.name for one in found]
    for name in names:
        if name in RESERVED:
            raise StudyError(
                f"an alternative cannot be called '{name}'; that is what it is held to"
            )
        if names.count(name) > 1:
            raise StudyError(f"two alternatives are called '{name}'; give each a name of its own")
    return tuple(found)


def _variances(problem: Problem) -> tuple[str, ...]:
    """Parameters of the variances of the errors."""
    parts = () if problem.moments is None else problem.moments.rows.variances
    return tuple(parameter.name for part in parts for parameter in part.parameters)


def _of_errors(changes: dict[str, Any], variances: tuple[str, ...]) -> dict[str, Any]:
    """The same, a prior of `WEIGHTS` stated as one of the parameters of the errors."""
    if WEIGHTS not in changes or not variances:
        return changes
    stated = changes[WEIGHTS]
    named = stated if isinstance(stated, Mapping) else dict.fromkeys(variances, stated)
    others = [name for name in named if name not in variances]
    if others:
        raise StudyError(
            f"'{others[0]}' is no parameter of the variances of the errors, which "
            f"'{WEIGHTS}' is about; they are: {in_quotes(variances)}"
        )
    if OF_ERRORS in changes:
        raise StudyError(
            f"'{WEIGHTS}' is part of '{OF_ERRORS}'; state both by parameter under '{OF_ERRORS}'"
        )
    rest = {block: one for block, one in changes.items() if block != WEIGHTS}
    return {**rest, OF_ERRORS: dict(named)}


def _refuse_known_sigma(changes: Mapping[str, Any], baseline: PriorSet) -> None:
    """Refuse priors that are of σ among others where the variances of all errors are known."""
    for block in OF_SIGMA:
        if baseline.holds_sigma and block in changes:
            raise StudyError(
                f"a prior of '{block}' is of a residual variance that is estimated, and known_sd= "
                "states those of all rows; leave it out"
            )


def _named(block: str, entries: Any, problem: Problem, baseline: PriorSet) -> list[tuple[str, Any]]:
    """Names and statements of the alternatives of one block."""
    if isinstance(entries, Prior) or hasattr(entries, "owner") or hasattr(entries, "to_pymc"):
        entries = [entries]
    if isinstance(entries, Mapping):
        _refuse_parameters_as_names(block, entries, baseline)
        return [(str(name), stated) for name, stated in entries.items()]
    if isinstance(entries, Iterable) and not isinstance(entries, str):
        states = block not in (SEVERAL, CAUTIONARY)
        kind = kind_of(problem, OF_ERRORS if block == WEIGHTS else block)
        priors = [as_prior(one, kind) if states else one for one in entries]
        return [(f"{block} {prior}", prior) for prior in priors]
    raise StudyError(
        f"the alternatives of '{block}' must be a mapping from names to priors or a list of "
        f"priors, not {type(entries).__name__}"
    )


def _refuse_parameters_as_names(block: str, entries: Mapping[str, Any], baseline: PriorSet) -> None:
    """Refuse what looks like one alternative, stated parameter by parameter, without a name."""
    known = {str(name) for of, name in baseline.families if of == block and of != name}
    names = set(map(parameter_name, entries))
    if names and names <= known:
        listed = in_quotes(entries)
        raise StudyError(
            f"the alternatives of '{block}' need names of their own, and {listed} is a parameter; "
            f"write {{'{block}': {{'my name': {{...}}}}}} to state priors of parameters"
        )


def _changes(block: str, name: str, stated: Any) -> dict[str, Any]:
    """What an alternative states, by block."""
    if block not in (SEVERAL, CAUTIONARY):
        if stated is None:
            raise StudyError(f"the alternative '{name}' of '{block}' states no prior")
        return {block: stated}
    if not isinstance(stated, Mapping) or not stated:
        raise StudyError(
            f"the alternative '{name}' of '{block}' must be a mapping from blocks to priors, "
            f"not {stated!r}"
        )
    return dict(stated)


def _changed(problem: Problem, baseline: PriorSet, changes: Mapping[str, Any]) -> PriorSet:
    """The baseline's priors with some replaced; those that are stated must go together."""
    if len(changes) > 1:
        choose_priors(changes, problem)
    stated = baseline.stated()
    for block, change in changes.items():
        before = stated.get(block)
        named = _full_names(block, change, problem) if isinstance(change, Mapping) else None
        if not (named and isinstance(before, Mapping) and set(named) <= set(before)):
            _give_way(stated, block)
        if named is not None and isinstance(before, Mapping):
            kept = before
            if block in ("gamma", "sd"):  # a default follows what is stated of the others
                names = {n for n, _, source in getattr(baseline, block) if source == STATED}
                kept = {n: prior for n, prior in before.items() if n in names}
            stated[block] = {**kept, **named}
        else:
            stated[block] = change
    chosen = choose_priors(stated, problem)
    _refuse_unsuitable(chosen, problem)
    return chosen


def _refuse_unsuitable(priors: PriorSet, problem: Problem) -> None:
    """Refuse PyMC distributions of an sd that have a shape or reach below 0."""
    from hierbayes.priors.density import refuse_negative

    for (block, _), prior in priors.families.items():
        if kind_of(problem, block) in ("sd", "sigma") and isinstance(prior, ForeignPrior):
            refuse_shaped(prior, block)
            refuse_negative(prior, block)


def _give_way(stated: dict[str, Any], block: str) -> None:
    """Take out what a prior of a block cannot stand beside: joint priors, or what they cover."""
    for joint, covered in COVERED.items():
        if block == joint:
            for part in (*covered, *COVERED):
                stated.pop(part, None)
        elif block in covered:
            stated.pop(joint, None)


def _full_names(block: str, change: Mapping[Any, Any], problem: Problem) -> dict[Any, Any]:
    """What is stated by name, as `PriorSet.stated` has the names."""
    if block == "sd":
        return dict(by_effect(block, change, problem.design.effect_names))
    if block == "G":
        return by_block(change, problem.design)
    return {parameter_name(name): prior for name, prior in change.items()}


def _text(changes: Mapping[str, Any], problem: Problem) -> str:
    parts = []
    for block, change in changes.items():
        kind = kind_of(problem, block)
        if isinstance(change, Mapping) and not change:
            parts.append(f"{block}: defaults")
        elif isinstance(change, Mapping):
            inside = ", ".join(f"{name} ~ {as_prior(one, kind)}" for name, one in change.items())
            parts.append(f"{block}: {inside}")
        else:
            parts.append(f"{block} ~ {as_prior(change, kind)}")
    return "; ".join(parts)
