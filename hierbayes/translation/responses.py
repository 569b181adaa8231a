"""Responses of other families as systems spell them: trials, offsets, labels of success."""

from __future__ import annotations

from hierbayes.errors import FormulaError
from hierbayes.specification.response import FAILURES
from hierbayes.translation.dialect import Dialect, ModelToWrite


def refuse_unknown_family(model: ModelToWrite, dialect: Dialect) -> None:
    """Refuse a family that a system does not have, or that is not written for it.

    Raises
    ------
    FormulaError
        Naming the family and those that are written.
    """
    family = model.family
    if family is None or f"{family.name} {family.link}" in dialect.families:
        return
    known = ", ".join(sorted(dialect.families)) or "Gaussian responses alone"
    raise FormulaError(
        f"code for {dialect.name} has no word for the family {family}; it is written for: {known}"
    )


def trials_of(model: ModelToWrite) -> tuple[str, bool]:
    """The second column of a response, and whether it counts failures; empty without."""
    trials = model.specification.trials
    if trials is None:
        return "", False
    other = trials.other
    plain = other[2:-1] if other.startswith("I(") and other.endswith(")") else other
    return plain, trials.kind == FAILURES


def success_of(model: ModelToWrite) -> tuple[str, str]:
    """The column that holds labels, and that of a success; empty where it holds numbers."""
    if not model.outcomes:
        return "", ""
    return model.specification.response.strip("`"), model.outcomes[1]
