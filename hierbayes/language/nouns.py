"""Names of groups, levels and variables as they stand in a sentence."""

from __future__ import annotations

import re
from collections.abc import Sequence

from hierbayes.language.factor import Factor

_SIBILANT = re.compile(r"(s|x|z|ch|sh)$")
_ANSWERS = {"yes", "true", "false"}  # which describe nothing by themselves
_IRREGULAR = {"child": "children", "mouse": "mice", "person": "people"}
_WORD = re.compile(r"[^\W\d_]{3,}(?:[ -][^\W\d_]+)*")


def singular(group: str) -> str:
    """A group: the name of its column, or ``group`` where that is no word.

    Examples
    --------
    >>> singular("school"), singular("g"), singular("school_id")
    ('school', 'group', 'group')
    """
    return group if re.fullmatch(r"[^\W\d_]{3,}", group) else "group"


def plural(group: str) -> str:
    """The groups in the plural; ``groups`` where the column's name is no word.

    Examples
    --------
    >>> plural("school"), plural("class"), plural("country"), plural("g"), plural("child")
    ('schools', 'classes', 'countries', 'groups', 'children')
    """
    group = singular(group)
    if group in _IRREGULAR:
        return _IRREGULAR[group]
    if group.endswith("s") and not group.endswith("ss"):
        return group
    if re.search(r"[^aeiou]y$", group):
        return f"{group[:-1]}ies"
    return f"{group}es" if _SIBILANT.search(group) else f"{group}s"


def which(levels: Sequence[tuple[str, str]], group: str) -> str:
    """Groups at levels of factors, given as pairs of factor and level.

    Examples
    --------
    >>> which([("Sector", "Public")], "school"), which([("size", "2")], "school")
    ('Public schools', 'schools with size = 2')
    >>> which([("religious", "yes")], "school")
    'schools with religious = yes'
    """
    nouns = plural(group)
    if not levels:
        return nouns
    level = levels[0][1]
    if len(levels) == 1 and _WORD.fullmatch(level) and level.lower() not in _ANSWERS:
        return f"{levels[0][1]} {nouns}"
    return f"{nouns} with {listed([f'{name} = {level}' for name, level in levels])}"


def listed(items: Sequence[str]) -> str:
    """Items joined by commas and a last ``and``."""
    return " and ".join([", ".join(items[:-1]), items[-1]] if len(items) > 1 else items)


def contextual(factor: Factor, group: str) -> tuple[str, str] | None:
    """``("cvar", x)`` of ``cvar(x, group)``, likewise for dvar; None for anything else."""
    found = re.fullmatch(rf"(cvar|dvar)\((.+), {re.escape(group)}\)", factor.expr)
    return (found[1], found[2]) if found else None


def quantity(factor: Factor, group: str) -> str:
    """A number in words: its own name, or what it is of a variable."""
    match contextual(factor, group):
        case ("cvar", x):
            return f"the {singular(group)} mean of {x}"
        case ("dvar", x):
            return f"the deviation of {x} from its {singular(group)} mean"
    return factor.name


def at_zero(factor: Factor, group: str) -> str:
    """That a column is 0, in words."""
    match contextual(factor, group):
        case ("dvar", x):
            return f"{x} is at its {singular(group)} mean"
    if factor.reference:
        return f"{factor.variable} is {factor.reference}"
    if factor.coding:
        return f"{factor.variable} is averaged over its levels with equal weights"
    if factor.label:
        return f"the columns of {factor.expr} are 0"
    return f"{quantity(factor, group)} is 0"
