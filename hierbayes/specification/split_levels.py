"""The multilevel form of a combined model: its terms split into the equations of levels."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import reduce

from hierbayes.specification.equations import Multilevel
from hierbayes.specification.formula import Specification
from hierbayes.specification.level_equations import split_nested
from hierbayes.specification.terms import (
    INTERCEPT,
    as_named,
    factors_of,
    is_number,
    join_terms,
    product,
)


def split_levels(specification: Specification, is_between: Callable[[str], bool]) -> Multilevel:
    """The multilevel form of a combined model.

    Parameters
    ----------
    specification : Specification
        The combined form.
    is_between : callable
        Says of a factor (a column or an expression of columns) whether it is
        constant within every group.

    Returns
    -------
    Multilevel
        Each fixed term, a product of factors, is split: its level-1 factors name
        the within coefficient, its level-2 factors the term of that coefficient's
        equation.  A random effect without a fixed part gets the equation ``0``.
    """
    equations: dict[str, list[str]] = {}
    for term in specification.fixed:
        inner, outer = _split_term(term, is_between)
        equations.setdefault(as_named(inner, equations), []).append(outer)
    for effect in (effect for term in specification.random for effect in term.effects):
        equations.setdefault(as_named(effect, equations), [])
    order = sorted(equations, key=lambda name: name != INTERCEPT)
    return Multilevel(
        within=specification.row_equation(order),
        between={name: join_terms(tuple(equations[name])) for name in order},
        group=specification.group,
        random=specification.random_effects,
    )


def split_nested_levels(
    specification: Specification, levels: Sequence[tuple[str, Callable[[str], bool]]]
) -> Multilevel:
    """The multilevel form of a combined model of nested factors.

    Parameters
    ----------
    specification : Specification
        The combined form.
    levels : sequence of (str, callable)
        For each factor, the innermost first, its name and what says of a factor of a term whether
        it is constant within every of its groups.
    """
    within, between, random = split_nested(specification, levels)
    groups = tuple(specification.columns_of[name][-1] for name, _ in reversed(levels))
    return Multilevel(within, between, groups, random)


def _split_term(term: str, is_between: Callable[[str], bool]) -> tuple[str, str]:
    """A product of factors as (level-1 part, level-2 part); a number stands with the first."""
    factors = factors_of(term)
    outer = [factor for factor in factors if not is_number(factor) and is_between(factor)]
    inner = [factor for factor in factors if not is_number(factor) and not is_between(factor)]
    (inner or outer)[:0] = filter(is_number, factors)
    return reduce(product, inner, INTERCEPT), reduce(product, outer, INTERCEPT)
