"""What a group's coefficient is, in words: its intercept, a slope, a difference."""

from __future__ import annotations

from hierbayes.language.conditions import conditions_of
from hierbayes.language.factor import Factor, Factors
from hierbayes.language.nouns import contextual, singular
from hierbayes.language.structure import Coefficient, Structure


def coefficient_noun(structure: Structure, beta: Coefficient) -> str:
    """A coefficient as a noun, such as ``intercept`` or ``ses slope``.

    Where other columns of the within equation are made of the same variable, or hold
    indicators of the same factor, it is only ``coefficient of`` its column.
    """
    factors = beta.factors
    if not factors:
        return "intercept" if len(_live(structure)) > 1 else structure.response
    if not _has_words(structure, beta):
        return f"coefficient of {' × '.join(f.name for f in factors)}"
    noun = structure.response
    for place, number in enumerate(f for f in factors if not f.coding):
        noun = f"change in {noun} per unit of {number.name}" if place else _slope(structure, number)
    for factor in (f for f in factors if f.reference):
        inner = f"the {noun}" if "difference" in noun else noun
        noun = f"{factor.level}-minus-{factor.reference} difference in {inner}"
    for factor in (f for f in factors if f.is_every_level):
        noun = f"{noun} where {factor.variable} is {factor.level}"
    return noun


def within_conditions(structure: Structure, beta: Coefficient) -> tuple[str, ...] | None:
    """What holds the other columns of the within equation at 0; None if nothing can."""
    columns = [other.factors for other in _live(structure)]
    found = conditions_of(beta.factors, columns, structure.group)
    return None if found is None else found.zeros


def context_of(structure: Structure, beta: Coefficient, factors: Factors) -> tuple[str, str] | None:
    """What the group mean of x says beside x itself or its deviations: a noun, and what it is.

    With deviations its coefficient is the slope between groups; with x as it is, the
    contextual effect.  Neither where another column is made of x.
    """
    numbers = [f for f in factors if not f.coding]
    if beta.factors or len(numbers) != 1:
        return None
    match contextual(numbers[0], structure.group):
        case ("cvar", x):
            return _context(structure, numbers[0], x)
    return None


def shares_variable(one: Factor, other: Factor, group: str) -> bool:
    """Whether two factors are made of the same variable, one otherwise than the other."""
    return one.expr != other.expr and bool((one.reads & other.reads) - {group})


def _context(structure: Structure, mean: Factor, x: str) -> tuple[str, str] | None:
    group, one = structure.group, singular(structure.group)
    beside = _beside(structure, mean)
    if beside == f"dvar({x}, {group})":
        change = f"the change in mean {structure.response} per unit of the {one} mean of {x}"
        return f"between-{one} {x} slope", f": {change}"
    if beside == x:
        return (
            f"contextual effect of {x}",
            f": its between-{one} slope minus its within-{one} slope",
        )
    return None


def _beside(structure: Structure, mean: Factor) -> str | None:
    """The one other column made of the variable of a group mean, where it stands alone."""
    read = mean.reads - {structure.group}
    related = [
        (beta, f)
        for beta in _live(structure)
        for f in [*beta.factors, *(f for entry in beta.entries for f in entry.factors)]
        if f.reads & read
    ]
    inner = {f.expr for beta, f in related if f in beta.factors}
    alone = all(len(beta.factors) == 1 for beta, f in related if f in beta.factors)
    means = all(f == mean and not beta.factors for beta, f in related if f not in beta.factors)
    return inner.pop() if len(inner) == 1 and alone and means else None


def _slope(structure: Structure, number: Factor) -> str:
    """A slope, said to be within groups where it is: of deviations, or beside the group mean."""
    group, one = structure.group, singular(structure.group)
    match contextual(number, group):
        case ("dvar", x):
            return f"within-{one} {x} slope"
    means = (
        f
        for beta in _live(structure)
        for entry in beta.entries
        for f in entry.factors
        if contextual(f, group) == ("cvar", number.expr)
    )
    mean = next(means, None)
    held = mean is not None and _beside(structure, mean) == number.expr
    return f"within-{one} {number.name} slope" if held else f"{number.name} slope"


def _has_words(structure: Structure, beta: Coefficient) -> bool:
    others = [other for other in _live(structure) if other is not beta]
    for f in beta.factors:
        if not (f.is_indicator if f.coding else not f.label):
            return False
        if any(shares_variable(f, g, structure.group) for o in others for g in o.factors):
            return False
        without = set(beta.factors) - {f}
        if f.is_every_level and any(set(o.factors) == without for o in others):
            return False
    return within_conditions(structure, beta) is not None


def _live(structure: Structure) -> list[Coefficient]:
    """The coefficients whose mean is not 0."""
    return [beta for beta in structure.coefficients if beta.entries]
