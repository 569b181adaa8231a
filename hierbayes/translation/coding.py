"""How terms become columns: short spellings, and where systems code factors differently."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

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
    """Refuse terms whose factors other systems code by more columns than they span.

    R codes a factor of a term by all its levels where the term without it is absent; with two
    such factors the columns are more than independent ones, and formulaic leaves some out.

    Raises
    ------
    FormulaError
        Naming the term, and the terms to add.
    """
    for terms in (specification.fixed, *specification.random_effects):
        written = {frozenset(factors_of(term)) for term in terms}
        for term in terms:
            factors = factors_of(term)
            absent = [
                one for one in factors
                if is_categorical(one, variables) and frozenset(factors) - {one} not in written
            ]  # fmt: skip
            if len(absent) > 1:
                raise FormulaError(
                    f"{system} codes the factors of '{term}' otherwise where neither "
                    f"{' nor '.join(f"'{name}'" for name in absent)} stands by itself; add them, "
                    f"as in {join_terms((INTERCEPT, *absent, term))}"
                )
