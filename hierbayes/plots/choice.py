"""What is to be shown of a fit: two random effects, and some of the groups."""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Integral
from typing import Any

import numpy as np

from hierbayes.design.design import Design
from hierbayes.design.grouping_factor import GroupingFactor
from hierbayes.errors import StudyError, in_quotes
from hierbayes.fit.fitted import Fitted
from hierbayes.fit.posterior import PosteriorFit
from hierbayes.frames.arrays import Floats, Integers

ENGINES = "model.reml(), ml(), map() or sample()"  # make fits


def owner_of_effects(design: Design, k: int) -> str:
    """Whose the random effects of factor k are, for messages."""
    return "the model" if len(design.factors) == 1 else f"'{design.factors[k].name}'"


def two_effects(
    names: Sequence[str], stated: Sequence[str] | None, owner: str = "the model"
) -> tuple[int, int]:
    """Positions of the two random effects that span beta space; by default the first two.

    Parameters
    ----------
    names : sequence of str
        Random effects, those of `owner`.
    stated : two names, optional
    owner : str

    Raises
    ------
    StudyError
        When there is one random effect, or a name is none of them.
    """
    if len(names) < 2:
        raise StudyError(
            f"{owner} has one random effect ('{names[0]}'), and beta space needs two; "
            "shrinkage of one effect is shown by plot_shrinkage()"
        )
    if stated is None:
        return 0, 1
    if isinstance(stated, str) or len(stated) != 2 or stated[0] == stated[1]:
        raise StudyError(f"effects must name two random effects, not {stated!r}")
    first, second = (one_effect(names, name) for name in stated)
    return first, second


def one_effect(names: Sequence[str], stated: str | None) -> int:
    """Position of a random effect; by default the first.

    Raises
    ------
    StudyError
        When the name is none of them.
    """
    if stated is None:
        return 0
    if stated not in names:
        listed = in_quotes(names)
        raise StudyError(f"'{stated}' is no random effect of this model; they are: {listed}")
    return list(names).index(stated)


def chosen_groups(
    fit: Fitted, groups: Sequence[Any] | None, max_groups: int | None, k: int | None = None
) -> Integers:
    """Positions of the groups to show, in the order of the fit.

    Parameters
    ----------
    fit : Fitted
    groups : sequence, optional
        Labels.
    max_groups : int, optional
        At most so many, evenly spread over the groups ordered by their number of rows.
    k : int, optional
        Which grouping factor's; by default those of the only one.

    Raises
    ------
    StudyError
        When a label is no group, or both are stated.
    """
    factor = fit.design.factor if k is None else fit.design.factors[k]
    return choose(factor, fit.problem.working.levels[k or 0].rows, groups, max_groups)


def choose(
    factor: GroupingFactor, rows: Floats, groups: Sequence[Any] | None, max_groups: int | None
) -> Integers:
    """Positions of chosen labels, in their order, see `chosen_groups`.

    Parameters
    ----------
    factor : GroupingFactor
        Of J groups.
    rows : (J,) float
        How many rows each has.
    groups, max_groups : optional
        As in `chosen_groups`.
    """
    J = factor.J
    if groups is not None and max_groups is not None:
        raise StudyError("groups= and max_groups= are both stated; keep one")
    if groups is not None:
        listed = [] if isinstance(groups, str) or not hasattr(groups, "__iter__") else list(groups)
        if not listed:
            raise StudyError(f"groups must be a list of group labels, not {groups!r}")
        found = factor.find(listed)
        if (found < 0).any():
            raise StudyError(factor.no_group(listed[int((found < 0).argmax())]))
        return np.unique(found)
    if max_groups is None:
        return np.arange(J)
    if not isinstance(max_groups, Integral) or isinstance(max_groups, bool) or max_groups < 1:
        raise StudyError(f"max_groups must be a whole number of at least 1, not {max_groups!r}")
    if max_groups >= J:
        return np.arange(J)
    by_size = np.argsort(rows, kind="stable")
    kept = by_size[np.linspace(0, J - 1, max_groups).round().astype(np.intp)]
    return np.sort(kept).astype(np.intp)


def refuse_point(verb: str, fit: object) -> None:
    """Refuse what has no draws.

    Parameters
    ----------
    verb : str
        The function that was called, for the message.
    fit : object

    Raises
    ------
    StudyError
        When it is no fit, or one with a single θ.
    """
    if not isinstance(fit, Fitted):
        raise StudyError(
            f"{verb}() takes a posterior, model.sample(), not an object of type "
            f"{type(fit).__name__}"
        )
    if not isinstance(fit, PosteriorFit):
        raise StudyError(
            f"{verb}() shows a posterior, model.sample(); a fit by {fit.engine} has one θ and no "
            "draws"
        )


def refuse_other_than(verb: str, value: object, kind: type, remedy: str) -> None:
    """Refuse an argument of another type than a picture is of.

    Raises
    ------
    StudyError
        Saying what makes the right one.
    """
    if not isinstance(value, kind):
        raise StudyError(
            f"{verb}() takes what {remedy} returns, not an object of type {type(value).__name__}"
        )
