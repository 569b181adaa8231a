"""Whether equations mean what their combined form does.

A factor of the within equation has a coefficient for each level but the reference, as long as
the term without it stands there too.  Put together with the between equations that holds of each
product by itself: where the equation of ``f`` has ``w`` and that of the intercept has not, the
combined form codes ``f:w`` by every level of f, one column more than the equations have.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from hierbayes.errors import FormulaError
from hierbayes.specification.equations import Multilevel
from hierbayes.specification.level_equations import LevelEquations
from hierbayes.specification.terms import INTERCEPT, factors_of


def refuse_uneven_equations(equations: Multilevel, is_factor: Callable[[str], bool]) -> None:
    """Refuse equations whose combined form has columns that they do not have.

    Parameters
    ----------
    equations : Multilevel
    is_factor : callable
        Says of a factor of a term whether it is coded by columns of its levels.

    Raises
    ------
    FormulaError
        Naming the coefficient of a factor, what its equation or random effect has, and the
        coefficient that must have it as well.
    """
    levels, names = equations.levels, equations.coefficients
    for level in levels:
        for name, factor, other in _coded_beside(names, is_factor):
            _refuse_uneven(level, name, factor, other)
        names = level.products


def _refuse_uneven(level: LevelEquations, name: str, factor: str, other: str) -> None:
    """Refuse what the equation of a factor's coefficient has and that of the one beside has not."""
    stated = {frozenset(factors_of(term)) for term in level.terms(other)}
    for term in level.terms(name):
        if frozenset(factors_of(term)) not in stated:
            raise FormulaError(
                f"the equation of '{name}' has {_said(term)} and that of '{other}' has not, so "
                f"that its columns would be of every level of '{factor}', which is another "
                f"model; add {_said(term)} to the equation of '{other}', or make columns of "
                f"numbers of the levels of '{factor}'"
            )
    for block in level.random:
        if name in block and other not in block:
            raise FormulaError(
                f"'{name}' varies between groups in a block without '{other}', so that its "
                f"effects would be of every level of '{factor}', which is another model; add "
                f"'{other}' to the block, or make columns of numbers of the levels of "
                f"'{factor}'"
            )


def _coded_beside(
    coefficients: tuple[str, ...], is_factor: Callable[[str], bool]
) -> Iterator[tuple[str, str, str]]:
    """Each coefficient, a factor whose reference it leaves out, and the coefficient without it."""
    names = {frozenset(factors_of(name)): name for name in coefficients}
    for factors, name in names.items():
        for factor in factors_of(name):
            other = names.get(factors - {factor})
            if other is not None and is_factor(factor):
                yield name, factor, other


def _said(term: str) -> str:
    return "a constant" if term == INTERCEPT else f"'{term}'"
