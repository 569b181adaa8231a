"""The fits of a comparison: each a fit, each with its own name, all on the same data."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from hierbayes.design.design import Design
from hierbayes.design.grouping_factor import GroupingFactor
from hierbayes.design.streamed_rows import may_have_one_response
from hierbayes.errors import StudyError
from hierbayes.fit.fit import Fit


def name_fits(fits: Sequence[Any], names: Sequence[str] | None) -> dict[str, Fit]:
    """Fits by name, checked to be fits of the same data.

    Parameters
    ----------
    fits : sequence of Fit, or of one mapping
        Fits, or one mapping from names to fits.
    names : sequence of str, optional
        By default the engines, numbered where one occurs more than once.

    Raises
    ------
    StudyError
        When there are fewer than two fits, something is no fit, names are repeated, empty or
        of another number, or the fits are on different data (naming what differs).
    """
    if len(fits) == 1 and isinstance(fits[0], Mapping):
        if names is not None:
            raise StudyError("the mapping names the fits; leave out names=...")
        fits, names = list(fits[0].values()), list(fits[0])
    _refuse_other_than_fits(fits)
    chosen = _default_names(fits) if names is None else _stated_names(names, len(fits))
    named = dict(zip(chosen, fits, strict=True))
    first = chosen[0]
    for name in chosen[1:]:
        _refuse_other_data(first, named[first].design, name, named[name].design)
    return named


def _refuse_other_than_fits(fits: Sequence[Any]) -> None:
    for place, fit in enumerate(fits, 1):
        if not isinstance(fit, Fit):
            raise StudyError(
                f"compare() takes fits, and argument {place} is of type {type(fit).__name__}; "
                "fits are what model.reml(), ml(), map() and sample() return"
            )
    if len(fits) < 2:
        raise StudyError(
            f"a comparison needs at least two fits, not {len(fits)}; "
            "add another, as in compare(model.reml(), model.sample())"
        )


def _default_names(fits: Sequence[Fit]) -> list[str]:
    """The engine of each fit, numbered where it occurs more than once."""
    total = Counter(fit.engine for fit in fits)
    seen: Counter[str] = Counter()
    names = []
    for fit in fits:
        seen[fit.engine] += 1
        number = f" {seen[fit.engine]}" if total[fit.engine] > 1 else ""
        names.append(f"{fit.engine}{number}")
    return names


def _stated_names(names: Any, count: int) -> list[str]:
    stated = [names] if isinstance(names, str) else list(names)
    for name in stated:
        if not isinstance(name, str) or not name.strip():
            raise StudyError(f"a fit's name must be a text that is not empty, not {name!r}")
    if len(stated) != count:
        raise StudyError(f"{count} fits need {count} names, not {len(stated)}")
    repeated = [name for name, times in Counter(stated).items() if times > 1]
    if repeated:
        raise StudyError(f"two fits are named '{repeated[0]}'; give each its own name")
    return stated


def _refuse_other_data(first: str, a: Design, second: str, b: Design) -> None:
    """Refuse designs that differ in rows, response or groups."""
    start = f"'{first}' and '{second}' are fits of different data: "
    if a.n != b.n:
        raise StudyError(
            f"{start}{a.n} rows ({a.dropped}) and {b.n} rows ({b.dropped}); fit both on "
            "the rows that are complete for both"
        )
    ours, theirs = a.rows.family, b.rows.family
    if (ours is None) != (theirs is None):
        raise StudyError(
            f"{start}the response of one is Gaussian and that of the other is not, so that their "
            "numbers are of different scales"
        )
    if a.rows.streams or b.rows.streams:
        _refuse_other_facts(start, a, b)
        return
    differs = np.flatnonzero(_responses(a) != _responses(b))
    if len(differs):
        raise StudyError(
            f"{start}the response ('{a.specification.response}' and '{b.specification.response}') "
            f"differs in {len(differs)} of {a.n} rows, first in row {a.rows.index[differs[0]]}; "
            "fit the same response on rows in the same order"
        )
    only = len(a.factors) == len(b.factors) == 1
    pairs = [(a.factor, b.factor)] if only else _shared_factors(a, b)
    for one, other in pairs:
        if not np.array_equal(_labels(a, one), _labels(b, other)):
            raise StudyError(
                f"{start}the groups differ, '{one.name}' with {one.J} and '{other.name}' with "
                f"{other.J}; compare fits of the same grouping"
            )


def _refuse_other_facts(start: str, a: Design, b: Design) -> None:
    """Refuse designs whose rows, where they stream, cannot be the same by what is known of them."""
    if not may_have_one_response(a.rows, b.rows):
        raise StudyError(
            f"{start}the response ('{a.specification.response}' and '{b.specification.response}') "
            "has another range or size, or rows other weights; fit the same response on the same "
            "rows"
        )
    for one, other in _shared_factors(a, b):
        if set(one.labels) != set(other.labels):
            raise StudyError(
                f"{start}the groups differ, '{one.name}' with {one.J} and {other.J}; compare fits "
                "of the same grouping"
            )


def _responses(design: Design) -> np.ndarray:
    """The responses (n,) as they were observed."""
    return design.rows.observed


def _shared_factors(a: Design, b: Design) -> list[tuple[GroupingFactor, GroupingFactor]]:
    """The grouping factors of one name."""
    theirs = {factor.name: factor for factor in b.factors}
    return [(factor, theirs[factor.name]) for factor in a.factors if factor.name in theirs]


def _labels(design: Design, factor: GroupingFactor) -> np.ndarray:
    """The label of each row's group (n,) in a factor."""
    codes = design.rows.codes_of[design.factors.index(factor)]
    return np.asarray(factor.labels)[codes]
