"""Residual structures in other systems' code: which each says, and what is refused by name."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import reduce
from operator import mul

from pandas.api.types import is_numeric_dtype

from hierbayes.design.error_columns import ErrorTimes
from hierbayes.errors import FormulaError
from hierbayes.specification.formula import Specification
from hierbayes.specification.random_term import RandomTerm
from hierbayes.translation.columns import Columns
from hierbayes.translation.dialect import Dialect, ModelToWrite


def refuse_unknown_structure(model: ModelToWrite, dialect: Dialect) -> None:
    """Refuse a residual structure that a system does not have, or that is not written for it.

    Raises
    ------
    FormulaError
        Naming the structure and those that are written, or that there is no random part.
    """
    spec = model.specification
    for part in spec.residual.parts if spec.residual is not None else ():
        word = repr(part) if part.follows_fitted else type(part).__name__
        if word not in dialect.structures:
            known = ", ".join(sorted(dialect.structures)) or "independent errors of one variance"
            raise FormulaError(
                f"code for {dialect.name} has no word for the residual structure {part!r}; it is "
                f"written for: {known}"
            )
    if not spec.random and not dialect.without_random:
        raise FormulaError(
            f"code for {dialect.name} needs a random part, and this model has none; add one, or "
            "write it for nlme, whose gls has none"
        )


def are_innermost(columns: Sequence[str], randoms: Sequence[RandomTerm]) -> bool:
    """Whether these columns hold the groups in which errors are correlated by default."""
    sets = {frozenset(term.columns) for term in randoms}
    most = max(map(len, sets), default=0)
    inner = [one for one in sets if len(one) == most]
    return len(inner) == 1 and frozenset(columns) in inner


def with_own_group(found: Specification) -> Specification:
    """A model whose errors name no group where it is that of its random part by default."""
    parts = () if found.residual is None else found.residual.parts
    if not parts or found.residual is None or found.residual.correlation is None:
        return found
    group = found.residual.correlation.group
    if group is None or not are_innermost(group.split(":"), found.random):
        return found
    return replace(found, residual=reduce(mul, (part.without_group for part in parts)))


def refuse_repeated(text: str, by: str, times: ErrorTimes, word: str) -> None:
    """Refuse strata in the place of occasions, where a group has a value of them twice.

    Errors at one occasion of a group would be one error.

    Raises
    ------
    FormulaError
    """
    if by in times.repeated:
        raise FormulaError(
            f"{word} has one row of a group at each value of '{by}', and of {text} some groups "
            "have several; nlme has it"
        )


def are_told_apart(columns: Sequence[str], by: str, groups: Sequence[str]) -> bool:
    """Whether no group has a value of a column twice; so it is where there are no data."""
    data = columns.data if isinstance(columns, Columns) else None
    if data is None or not set(groups) <= set(data.columns):
        return True
    return not data[[*groups, by]].dropna().duplicated().any()


def longest_lag(columns: Sequence[str], time: str | None, groups: Sequence[str]) -> int:
    """That between whole times, or between rows of a group; 0 where no data tell it."""
    data = columns.data if isinstance(columns, Columns) else None
    if data is None:
        return 0
    if time is not None:
        return int(data[time].max() - data[time].min())
    return int(data.groupby(list(groups), observed=True).size().max()) - 1


def are_one_apart(columns: Sequence[str], time: str, groups: Sequence[str]) -> bool:
    """Whether neighbours in time are one apart, within groups or, without, of all rows.

    Where there are no data nothing speaks against it.
    """
    data = columns.data if isinstance(columns, Columns) else None
    if data is None or not is_numeric_dtype(data[time].dtype):
        return data is None
    rows = data[[*groups, time]].dropna().drop_duplicates().sort_values([*groups, time])
    gaps = rows.groupby(list(groups), observed=True)[time].diff() if groups else rows[time].diff()
    return bool((gaps.dropna() == 1.0).all())


def tell_alike(columns: Sequence[str], first: str, second: str) -> bool:
    """Whether two columns tell the same rows apart, as far as data say."""
    data = columns.data if isinstance(columns, Columns) else None
    if data is None:
        return False
    pairs = data[[first, second]].dropna().drop_duplicates()
    return not (pairs[first].duplicated().any() or pairs[second].duplicated().any())
