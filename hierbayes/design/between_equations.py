"""Between equations, checked: what stands in one is constant within its groups."""

from __future__ import annotations

import re
from collections.abc import Sequence

import pandas as pd

from hierbayes.design.constant_factors import factor_values
from hierbayes.design.design import Design
from hierbayes.errors import DataError, in_quotes
from hierbayes.frames.constancy import columns_vary_within
from hierbayes.specification.equations import Multilevel
from hierbayes.specification.known_functions import Functions
from hierbayes.specification.terms import factors_of, is_number

GROUP_MEAN = re.compile(r"([cl]var\(.+, )(\w+)\)")  # up to the group, and the group


def refuse_varying_between(
    equations: Multilevel,
    data: pd.DataFrame,
    functions: Functions = (),
    constant: Sequence[frozenset[str]] = (),
) -> None:
    """Refuse a between equation with a factor that varies within a group.

    Parameters
    ----------
    equations : Multilevel
    data : DataFrame
    functions : tuple of (str, callable)
        Functions that the caller hands over.
    constant : sequence of frozenset of str
        By level, the lowest first, factors known to be constant within groups; may be empty.

    Raises
    ------
    DataError
        Naming the factor, the equation and one group in which it varies.
    """
    for place, level in enumerate(equations.levels):
        known = constant[place] if constant else frozenset()
        for coefficient in level.equations:
            for term in level.terms(coefficient):
                factors = {f for f in factors_of(term) if not is_number(f)}
                for factor in sorted(factors - known):
                    below = "within equation" if place == 0 else "equation of a lower level"
                    _refuse_varying(factor, coefficient, level.columns, below, data, functions)


def refuse_varying_of_stream(equations: Multilevel, design: Design) -> None:
    """The same of rows that stream, by what is known of all of them.

    Raises
    ------
    DataError
        Naming the factor and the equation.
    """
    for place, (level, known) in enumerate(
        zip(equations.levels, constant_of(design, equations), strict=True)
    ):
        name = ":".join(level.columns)
        for coefficient in level.equations:
            for term in level.terms(coefficient):
                factors = {f for f in factors_of(term) if not is_number(f)}
                for factor in sorted(factors - known):
                    stands = f"'{factor}' stands in the between equation of '{coefficient}'"
                    if name not in design.specification.factors:
                        raise DataError(
                            f"{stands}, and of '{name}', which has no random effects, rows that "
                            "stream do not tell whether it varies within its groups: give a frame "
                            "as data"
                        )
                    below = "within equation" if place == 0 else "equation of a lower level"
                    raise DataError(
                        f"{stands} but varies within groups of '{name}'; "
                        f"{_remedy(factor, level.columns, below)}"
                    )


def constant_of(design: Design, equations: Multilevel) -> list[frozenset[str]]:
    """By level what is constant within its groups; nothing known where it has no random effects."""
    by_factor = dict(zip(design.specification.factors, design.columns.between_of, strict=True))
    names = (":".join(level.columns) for level in equations.levels)
    return [by_factor.get(name, frozenset()) for name in names]


def _refuse_varying(
    factor: str,
    coefficient: str,
    columns: tuple[str, ...],
    below: str,
    data: pd.DataFrame,
    functions: Functions,
) -> None:
    values, codes, groups = factor_values(factor, columns, data, functions)
    varies = columns_vary_within(values, codes, len(groups)).any(axis=1)
    if varies.any():
        j, group = int(varies.argmax()), ":".join(columns)
        remedy = _remedy(factor, columns, below)
        raise DataError(
            f"'{factor}' stands in the between equation of '{coefficient}' but varies within "
            f"groups: {group} {groups[j]} has more than one value "
            f"({int(varies.sum())} of {len(groups)} groups do); {remedy}"
        )


def _remedy(factor: str, columns: tuple[str, ...], below: str) -> str:
    """What to do with a factor that varies within groups and should not."""
    group = columns[-1]
    if len(columns) > 1 and not factor.startswith("dvar("):
        return (
            f"move it to the {below}, or use its group mean, over a column made of "
            f"{in_quotes(columns)} in which each group has a label of its own"
        )
    mean = GROUP_MEAN.fullmatch(factor)
    if mean and mean[2] != group:
        return (
            f"it is a mean over '{mean[2]}', and the groups of this model are '{group}': write "
            f"{mean[1]}{group})"
        )
    if factor.startswith("dvar("):
        return f"a deviation from a group mean belongs to the {below}"
    return f"move it to the {below}, or use its group mean cvar({factor}, {group})"
