"""Which factors of a term get a column for every level, and which leave the reference out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import product

from hierbayes.errors import FormulaError
from hierbayes.specification.terms import factors_of

type IsFactor = Callable[[str], bool]


def coded_in_full(term: str, terms: Sequence[str], is_factor: IsFactor) -> frozenset[str]:
    """Factors with labels in a term that need a column for every level.

    A factor leaves its reference level out where the term without it stands in the
    model too: its columns would repeat those of that term.

    Examples
    --------
    >>> sorted(coded_in_full("x:a", ("1", "a", "x:a"), "a".__eq__))
    ['a']
    >>> sorted(coded_in_full("x:a", ("1", "x", "x:a"), "a".__eq__))
    []
    """
    standing = {frozenset(factors_of(other)) for other in terms}
    factors = frozenset(factors_of(term))
    return frozenset(f for f in factors if is_factor(f) and factors - {f} not in standing)


def refuse_unclear_coding(terms: Sequence[str], is_factor: IsFactor, system: str) -> None:
    """Refuse terms whose columns of levels would overlap, where columns are written one by one.

    Raises
    ------
    FormulaError
        When an interaction stands without the terms it is marginal to, other than one term
        that all the others contain.
    """
    groups: dict[frozenset[str], list[frozenset[str]]] = {}
    for term in terms:
        factors = frozenset(factors_of(term))
        labels = frozenset(filter(is_factor, factors))
        groups.setdefault(factors - labels, []).append(labels)
    for term in terms:
        factors = frozenset(factors_of(term))
        labels = frozenset(filter(is_factor, factors))
        group = groups[factors - labels]
        least = min(group, key=len)
        full = coded_in_full(term, terms, is_factor)
        if not full <= least or not all(least <= other for other in group):
            raise FormulaError(
                f"{system} cannot say '{term}' beside the other terms: its columns would overlap "
                "with theirs; write the terms it is marginal to as well, as a * b does"
            )


def level_choices(
    term: str,
    terms: Sequence[str],
    is_factor: IsFactor,
    levels: Callable[[str], tuple[str, ...]],
) -> list[tuple[tuple[str, str, bool], ...]]:
    """The columns of a term, each as its factors with the level they take.

    Returns
    -------
    list of tuple of (factor, level, full)
        One tuple a column; the level of a number is empty.  ``full`` says whether the
        factor has a column for every level.

    Examples
    --------
    >>> level_choices("x:a", ("1", "x", "x:a"), "a".__eq__, lambda _: ("lo", "mid", "hi"))
    [(('x', '', False), ('a', 'mid', False)), (('x', '', False), ('a', 'hi', False))]
    """
    full = coded_in_full(term, terms, is_factor)

    def choices(factor: str) -> list[tuple[str, str, bool]]:
        if not is_factor(factor):
            return [(factor, "", False)]
        used = levels(factor)[0 if factor in full else 1 :]
        return [(factor, level, factor in full) for level in used]

    return list(product(*map(choices, factors_of(term))))
