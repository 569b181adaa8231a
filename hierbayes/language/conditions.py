"""What holds the other columns of an equation at zero, in words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from hierbayes.language.factor import Factor, Factors
from hierbayes.language.nouns import at_zero, listed, which


@dataclass(frozen=True, slots=True)
class Conditions:
    """Where a sentence about a mean holds.

    Parameters
    ----------
    levels : tuple of (str, str)
        Factors of level 2 and the level they are at.
    zeros : tuple of str
        Numbers that are 0, in words.
    """

    levels: tuple[tuple[str, str], ...] = ()
    zeros: tuple[str, ...] = ()

    def at(self, indicator: Factor) -> Conditions:
        """The same in groups at one level more."""
        return replace(self, levels=((indicator.variable, indicator.level), *self.levels))

    def after(self, within: Sequence[str], group: str) -> str:
        """As the end of a sentence, conditions on rows before those on groups."""
        zeros = tuple(dict.fromkeys([*within, *self.zeros]))
        when = f" when {listed(zeros)}" if zeros else ""
        where = f" in {which(self.levels, group)}" if self.levels else ""
        return f"{when},{where}" if when and where else f"{when}{where}"


def conditions_of(factors: Factors, columns: Sequence[Factors], group: str) -> Conditions | None:
    """What keeps the columns at 0 that contain these factors and more; None if nothing can.

    A product is 0 where one of its factors is: a number, a factor at its reference, or
    contrasts averaged over all levels.  Indicators of every level never are.
    """
    levels: dict[str, str] = {}
    zeros: dict[str, None] = {}
    for column in columns:
        extra = _extra(factors, column)
        if extra is None:
            return None
        if not extra:
            continue
        chosen = _chosen(extra)
        if chosen is None:
            return None
        if chosen.between and chosen.reference:
            levels[chosen.variable] = chosen.reference
        else:
            zeros[at_zero(chosen, group)] = None
    return Conditions(tuple(levels.items()), tuple(zeros))


def _extra(factors: Factors, column: Factors) -> Factors | None:
    """Factors of a column beyond these; none unless all of these are in it.

    A level against the reference is in a column of either of the two levels, and where
    there is nothing beyond, nothing keeps that column at 0: None.  An indicator among those
    of every level is in every column but those of other levels.
    """
    rest, by_level = list(column), False
    for factor in factors:
        found = next((f for f in rest if f == factor), None)
        if found is None:
            found = next((f for f in rest if _is_side(f, factor)), None)
            by_level = by_level or found is not None
        if found is not None:
            rest.remove(found)
        elif not factor.is_every_level or factor.expr in {f.expr for f in rest}:
            return ()
    return None if by_level and not rest else tuple(rest)


def _is_side(indicator: Factor, difference: Factor) -> bool:
    """Whether it is one of the two levels that a level against the reference compares."""
    if not difference.reference or indicator.expr != difference.expr:
        return False
    sides = (difference.level, difference.reference)
    return indicator.is_every_level and indicator.level in sides


def _chosen(extra: Factors) -> Factor | None:
    """The factor to be held at 0: numbers before factors with a reference, then contrasts."""
    numbers = [f for f in extra if not f.coding]
    referred = [f for f in extra if f.reference]
    contrasts = [f for f in extra if f.is_balanced]
    return next(iter([*numbers, *referred, *contrasts]), None)
