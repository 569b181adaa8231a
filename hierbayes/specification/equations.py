"""The multilevel form: equations at two levels, to and from the combined form.

A within-group equation, and a between-group equation for each of its coefficients:

    y_ij = β_0j + β_1j x_ij + r_ij                    (within)
    β_0j = γ_00 + γ_01 w_j + u_0j                     (between)
    β_1j = γ_10 + γ_11 w_j + u_1j
    y_ij = γ_00 + γ_10 x_ij + γ_01 w_j + γ_11 x_ij w_j + u_0j + u_1j x_ij + r_ij

Source: the lecture slides *Mixed Models with R*, "From the multilevel model to
the mixed model".
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import reduce
from types import MappingProxyType
from typing import Any

from hierbayes.errors import FormulaError, in_quotes
from hierbayes.specification.formula import Specification, read_response
from hierbayes.specification.notation import current_notation
from hierbayes.specification.random_term import random_terms
from hierbayes.specification.term_parser import outside_backticks
from hierbayes.specification.terms import (
    INTERCEPT,
    as_named,
    factors_of,
    is_number,
    join_terms,
    product,
    read_terms,
)


@dataclass(frozen=True)
class Multilevel:
    """A hierarchical model as equations at two levels.

    Parameters
    ----------
    within : str
        The within-group equation, ``"mathach ~ 1 + ses"``.
    between : mapping of str to str
        For each term of the within equation the right-hand side of the equation
        of its coefficient; ``"1"`` is the intercept.  A term that is left out
        has ``"1"``: one mean for all groups.  ``"0"`` gives it no fixed part.
    group : str
        Column that holds the groups.
    random : sequence of str, or of sequences of str
        The within coefficients that vary between groups.  Several sequences
        make G block-diagonal.

    Raises
    ------
    FormulaError
        When an equation cannot be read, or speaks of a coefficient that the
        within equation does not have.

    Examples
    --------
    >>> m = Multilevel("y ~ 1 + x", {"1": "1 + w", "x": "1 + w"}, group="g", random=["1", "x"])
    >>> print(m)
    within   y = β[1] + β[x]·x + r          r ~ N(0, σ²)
    between  β[1] = (1 + w)·γ + u[1]
             β[x] = (1 + w)·γ + u[x]          u ~ N(0, G), by g
    >>> m.specification().lme4()
    'y ~ 1 + w + x + x:w + (1 + x | g)'
    """

    within: str
    between: Mapping[str, str] = field(default_factory=dict)
    group: str = ""
    random: Sequence[str] | Sequence[Sequence[str]] = (INTERCEPT,)

    def __post_init__(self) -> None:
        if not self.group or not isinstance(self.group, str):
            raise FormulaError("the equations name no group; give group='column'")
        object.__setattr__(self, "group", self.group.strip("`"))
        if not isinstance(self.within, str):
            raise FormulaError(
                "the within equation must be text, as in 'y ~ 1 + x', not "
                f"{type(self.within).__name__}"
            )
        if not isinstance(self.between, Mapping):
            raise FormulaError(
                "the between equations must be a mapping, as in {'1': '1 + w'}, not "
                f"{type(self.between).__name__}"
            )
        read_response(_sides(self.within)[0])
        names = self.coefficients
        given = {as_named(_one_term(key), names): text for key, text in self.between.items()}
        unknown = [key for key in given if key not in names]
        if unknown:
            raise FormulaError(
                f"there is a between equation for '{unknown[0]}', which is no coefficient of the "
                f"within equation '{self.within}'; its coefficients are: {in_quotes(names)}"
            )
        object.__setattr__(self, "between", MappingProxyType({n: given.get(n, "1") for n in names}))
        blocks = tuple(
            tuple(as_named(_one_term(term), names) for term in block)
            for block in _as_blocks(self.random)
        )
        for term in (term for block in blocks for term in block):
            if term not in names:
                raise FormulaError(
                    f"'{term}' is to vary between groups but is no coefficient of the within "
                    f"equation '{self.within}'; its coefficients are: {in_quotes(names)}"
                )
        object.__setattr__(self, "random", blocks)

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.within, dict(self.between), self.group, self.random)

    def __hash__(self) -> int:
        return hash((self.within, tuple(self.between.items()), self.group, self.random))

    @property
    def response(self) -> str:
        """Left-hand side of the within equation."""
        return _sides(self.within)[0]

    @property
    def coefficients(self) -> tuple[str, ...]:
        """Terms of the within equation, one coefficient β each."""
        return read_terms(_sides(self.within)[1], "within equation")

    def specification(self) -> Specification:
        """The combined form: every between equation put into the within equation."""
        fixed = [
            product(coefficient, term)
            for coefficient in self.coefficients
            for term in read_terms(self.between[coefficient], f"equation of '{coefficient}'")
        ]
        combined = read_terms(join_terms(tuple(dict.fromkeys(fixed))), "fixed part")
        return Specification(self.response, combined, random_terms(self.group, self.random))

    def __str__(self) -> str:
        names, said = self.coefficients, current_notation()
        β, γ, u, r, G = said.own, said.fixed, said.random, said.error, said.variance
        varying = {term for block in self.random for term in block}
        sums = " + ".join(f"{β}[1]" if n == INTERCEPT else f"{β}[{n}]·{n}" for n in names)
        lines = [f"within   {self.response} = {sums} + {r}          {r} ~ N(0, σ²)"]
        for i, name in enumerate(names):
            parts = [f"({self.between[name]})·{γ}"] if self.between[name].strip() != "0" else []
            parts += [f"{u}[{name}]"] if name in varying else []
            head = "between  " if i == 0 else " " * 9
            lines.append(f"{head}{β}[{name}] = {' + '.join(parts) or '0'}")
        lines[-1] += f"          {u} ~ N(0, {G}), by {self.group}"
        return "\n".join(lines)


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
        within=f"{specification.response} ~ {join_terms(tuple(order))}",
        between={name: join_terms(tuple(equations[name])) for name in order},
        group=specification.group,
        random=specification.random_effects,
    )


def _split_term(term: str, is_between: Callable[[str], bool]) -> tuple[str, str]:
    """A product of factors as (level-1 part, level-2 part); a number stands with the first."""
    factors = factors_of(term)
    outer = [factor for factor in factors if not is_number(factor) and is_between(factor)]
    inner = [factor for factor in factors if not is_number(factor) and not is_between(factor)]
    (inner or outer)[:0] = filter(is_number, factors)
    return reduce(product, inner, INTERCEPT), reduce(product, outer, INTERCEPT)


def _sides(within: str) -> tuple[str, str]:
    place = outside_backticks(within).find("~")
    tilde, left, right = place >= 0, within[:place], within[place + 1 :].strip()
    if not tilde or not left.strip() or not right.strip():
        raise FormulaError(
            f"cannot read the within equation '{within}': it needs a response, '~' and terms, "
            "as in 'y ~ 1 + x'"
        )
    return left.strip(), right


def _one_term(text: str) -> str:
    if not isinstance(text, str):
        raise FormulaError(f"a coefficient is named by text, as in '1' or 'x', not {text!r}")
    if text.strip() == INTERCEPT:
        return INTERCEPT
    terms = read_terms(f"0 + {text}", "coefficient")
    if len(terms) != 1:
        raise FormulaError(f"'{text}' names {len(terms)} coefficients; name one at a time")
    return terms[0]


def _as_blocks(
    random: Sequence[str] | Sequence[Sequence[str]],
) -> list[Sequence[str]]:
    if isinstance(random, str):
        return [[random]]
    if not isinstance(random, Sequence):
        raise FormulaError(
            f"random must be a list of coefficients, as in ['1', 'x'], not {random!r}"
        )
    flat = [term for term in random if isinstance(term, str)]
    nested = [block for block in random if not isinstance(block, str)]
    if flat and nested:
        raise FormulaError(
            "random mixes single coefficients and lists of them; write a list of lists"
        )
    return [flat] if flat else list(nested)
