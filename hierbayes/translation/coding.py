"""How terms become columns: short spellings, and where systems code factors differently."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from itertools import chain, combinations

from hierbayes.design.variables import Variable, Variables
from hierbayes.errors import FormulaError
from hierbayes.specification.formula import Specification
from hierbayes.specification.terms import (
    INTERCEPT,
    bare,
    factors_of,
    join_terms,
    names_in,
    read_terms,
)
from hierbayes.translation.dialect import ModelToWrite
from hierbayes.translation.expression import called, parse_factor

_LEVEL = re.compile(r"(?P<factor>.*?)\[(?:T\.)?(?P<level>[^\[\]]*)\]")
_APART = re.compile(r":(?![^(\[]*[)\]])")


def all_factors(specification: Specification) -> tuple[str, ...]:
    """Every factor of a model: of the response, offsets, the fixed terms and the random terms."""
    random = sum(specification.random_effects, ())
    left = (specification.response, *beside_of(specification))
    terms = (*left, *specification.fixed, *random)
    return tuple(dict.fromkeys(factor for term in terms for factor in factors_of(term)))


def beside_of(specification: Specification) -> tuple[str, ...]:
    """What a response is read with: the trials or failures, and offsets."""
    trials = specification.trials
    return (*((trials.other,) if trials is not None else ()), *specification.offsets)


def compact(terms: tuple[str, ...], write: Callable[[str], str] = str) -> str:
    """The shortest usual spelling of terms: ``a * b`` for two terms and their product.

    Parameters
    ----------
    terms : tuple of str
    write : callable
        How a single term is written.

    Examples
    --------
    >>> compact(("1", "ses", "Sector", "ses:Sector")), compact(("1", "ses")), compact(("1",))
    ('ses * Sector', 'ses', '1')
    """
    varying = tuple(term for term in terms if term != INTERCEPT)
    parts: list[tuple[str, ...]] = [(term,) for term in varying]
    for term in [term for term in varying if len(factors_of(term)) == 2]:
        first, second = factors_of(term)
        if (first,) in parts and (second,) in parts:
            shorter = [part for part in parts if part not in ((second,), (term,))]
            shorter[shorter.index((first,))] = (first, second)
            if read_terms(_joined(shorter, str)) == (INTERCEPT, *varying):
                parts = shorter
    if INTERCEPT not in terms:
        return " + ".join(["0", *([_joined(parts, write)] if parts else [])])
    return _joined(parts, write) or INTERCEPT


def _joined(parts: Sequence[tuple[str, ...]], write: Callable[[str], str]) -> str:
    return " + ".join(" * ".join(map(write, part)) for part in parts)


def is_categorical(factor: str, variables: Variables) -> bool:
    """Whether a factor of a term is coded by columns of its levels."""
    return factor.strip("`") in variables.factors or called(parse_factor(factor)) == "C"


def column_parts(column: str, variables: Variables) -> tuple[tuple[str, str], ...]:
    """Factor and level of each part of a column's name; the level of a number is empty.

    Examples
    --------
    >>> from hierbayes.design.variables import Variable, Variables
    >>> column_parts("ses:Sector[T.Public]", Variables({}))
    (('ses', ''), ('Sector', 'Public'))
    """
    if column == "Intercept":
        return ()
    found = []
    for piece in [column] if column in variables.columns else _APART.split(column):
        coded = _LEVEL.fullmatch(piece)
        found.append((coded["factor"], coded["level"]) if coded else (piece, ""))
    return tuple(found)


def term_of_column(column: str, specification: Specification, variables: Variables) -> str:
    """The fixed term that a column belongs to, by its name."""
    parts = {bare(factor) for factor, _ in column_parts(column, variables)}
    for term in specification.fixed:
        if set(map(bare, factors_of(term))) == parts:
            return term
    raise FormulaError(f"the column '{column}' belongs to no term that can be told by its name")


def coded_variables(specification: Specification, variables: Variables) -> tuple[Variable, ...]:
    """The columns whose labels become columns of the design, in order of appearance."""
    coded = [f for f in all_factors(specification) if is_categorical(f, variables)]
    names = dict.fromkeys(name for factor in coded for name in sorted(names_in(factor)))
    return tuple(variables.columns[name] for name in names if name in variables.factors)


def booleans_used(model: ModelToWrite) -> frozenset[str]:
    """Columns of truth values in a model, which systems that code them must have as numbers."""
    names = (name for factor in all_factors(model.specification) for name in names_in(factor))
    return model.variables.booleans & frozenset(names)


def is_one_column(block: tuple[str, ...], variables: Variables) -> bool:
    """Whether a block of random effects is one column: the intercept, or a number."""
    if len(block) != 1:
        return False
    return not any(
        is_categorical(factor, variables) or called(parse_factor(factor)) == "poly"
        for factor in factors_of(block[0])
    )


def refuse_other_coding(specification: Specification, variables: Variables, system: str) -> None:
    """Refuse terms that R makes other columns of than formulaic.

    R codes a factor of a term by all its levels where no term before holds the rest of it, and a
    term so coded spans the terms without any of these factors too. formulaic has columns of just
    what no term before spans: fewer, or more, where the two are not the same.

    Raises
    ------
    FormulaError
        Naming the term, and the terms to add.
    """
    for terms in (specification.fixed, *specification.random_effects):
        before: list[frozenset[str]] = []
        spanned: set[frozenset[str]] = set()
        for term in sorted(terms, key=lambda one: len(factors_of(one))):
            factors = frozenset(factors_of(term))
            labels = [one for one in factors_of(term) if is_categorical(one, variables)]
            first = factors == {*labels} and len(labels) == 1
            full = [one for one in labels if not _held(factors - {one}, before)]
            needed = _without_any(factors, labels) - spanned
            if _without_any(factors, full) != needed:
                raise FormulaError(_otherwise(term, terms, labels, system))
            spanned |= needed
            before += [frozenset[str]()] * first + [factors]


def _held(rest: frozenset[str], before: list[frozenset[str]]) -> bool:
    """Whether R finds the rest of a term in one before, of nothing in the intercept."""
    return rest in before if not rest else any(rest <= other for other in before)


def _without_any(factors: frozenset[str], some: Sequence[str]) -> set[frozenset[str]]:
    """A term, and those without one or more of some of its factors."""
    left_out = chain.from_iterable(combinations(some, k) for k in range(len(some) + 1))
    return {factors - set(one) for one in left_out}


def _otherwise(term: str, terms: Sequence[str], labels: Sequence[str], system: str) -> str:
    """Words for a term that a system codes otherwise, and what to write for it."""
    written = {frozenset(factors_of(one)) for one in terms}
    factors = frozenset(factors_of(term))
    alone = [one for one in labels if factors - {one} not in written]
    if len(alone) > 1:
        where = f"neither {' nor '.join(f"'{name}'" for name in alone)} stands by itself; add them"
    else:
        rest = [other for other in factors_of(term) if other not in alone]
        alone = [":".join(rest)] if rest else alone
        where = f"'{alone[0]}' does not stand by itself; add it"
    return (
        f"{system} codes the factors of '{term}' otherwise where {where}, as in "
        f"{join_terms((INTERCEPT, *alone, term))}"
    )
