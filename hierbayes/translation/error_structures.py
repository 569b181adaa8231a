"""Residual structures in other systems' code: which each says, and what is refused by name."""

from __future__ import annotations

from collections.abc import Sequence

from hierbayes.errors import FormulaError
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
        if type(part).__name__ not in dialect.structures:
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


def longest_lag(columns: Sequence[str], time: str | None, groups: Sequence[str]) -> int:
    """That between whole times, or between rows of a group; 0 where no data tell it."""
    data = columns.data if isinstance(columns, Columns) else None
    if data is None:
        return 0
    if time is not None:
        return int(data[time].max() - data[time].min())
    return int(data.groupby(list(groups), observed=True).size().max()) - 1


def tell_alike(columns: Sequence[str], first: str, second: str) -> bool:
    """Whether two columns tell the same rows apart, as far as data say."""
    data = columns.data if isinstance(columns, Columns) else None
    if data is None:
        return False
    pairs = data[[first, second]].dropna().drop_duplicates()
    return not (pairs[first].duplicated().any() or pairs[second].duplicated().any())
