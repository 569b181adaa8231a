"""The combined form: one equation with a fixed and a random part.

Two spellings are read.  nlme's keeps the parts apart,
``"y ~ x * w", random="~ 1 + x | g"``; lme4's writes them in one formula,
``"y ~ x * w + (1 + x | g)"``.  Both become a `Specification`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from hierbayes.errors import FormulaError, in_quotes
from hierbayes.specification.known_functions import Functions
from hierbayes.specification.random_term import RandomTerm, random_terms
from hierbayes.specification.term_parser import outside_backticks
from hierbayes.specification.terms import INTERCEPT, as_named, join_terms, read_terms


@dataclass(frozen=True, slots=True)
class Specification:
    """A hierarchical model as written: response, fixed terms, random terms.

    Parameters
    ----------
    response : str
        Left-hand side, a column or an expression of columns.
    fixed : tuple of str
        Terms of the fixed part; the intercept is ``"1"``.
    random : tuple of RandomTerm
        Each a block of G: effects of one term are correlated, effects of different
        terms are independent.
    functions : tuple of (str, callable)
        Functions that the terms call beside those that formulas know.
    """

    response: str
    fixed: tuple[str, ...]
    random: tuple[RandomTerm, ...]
    functions: Functions = ()

    def __post_init__(self) -> None:
        if not self.fixed:
            raise FormulaError("the fixed part has no terms; write at least '1'")
        _refuse_repeated_effects(self.random)

    @property
    def fixed_formula(self) -> str:
        """The fixed part as a one-sided formula."""
        return join_terms(self.fixed)

    @property
    def random_effects(self) -> tuple[tuple[str, ...], ...]:
        """The effects of each random term."""
        return tuple(term.effects for term in self.random)

    @property
    def group(self) -> str:
        """The grouping factor, a column of the data."""
        return self.random[0].factor

    def lme(self) -> tuple[str, str]:
        """Fixed formula and random part as nlme spells them (one block only).

        Raises
        ------
        FormulaError
            When G has several blocks, which this spelling cannot say.
        """
        if len(self.random) > 1:
            raise FormulaError(
                "the spelling random='~ ... | g' has one block of correlated effects; "
                f"this model has {len(self.random)}: use the spelling of lme4"
            )
        fixed = f"{self.response} ~ {self.fixed_formula}"
        return fixed, f"~ {str(self.random[0])[1:-1]}"

    def lme4(self) -> str:
        """The whole model as one formula, as lme4 spells it.

        Examples
        --------
        >>> read_combined("y ~ x", "~ 1 + x | g").lme4()
        'y ~ 1 + x + (1 + x | g)'
        """
        return f"{self.response} ~ {self.fixed_formula} + {' + '.join(map(str, self.random))}"

    def __str__(self) -> str:
        return self.lme4()


def read_combined(formula: str, random: str | None = None) -> Specification:
    """Read the combined form in either spelling.

    Parameters
    ----------
    formula : str
        ``"y ~ fixed"``, or ``"y ~ fixed + (effects | group)"`` with any number of
        parenthesised random terms, ``||`` for uncorrelated effects.
    random : str, optional
        ``"~ effects | group"``; then ``formula`` holds the fixed part only.

    Raises
    ------
    FormulaError
        When the text cannot be read, has no random part or more than one
        grouping factor, or states the random part twice.

    Examples
    --------
    >>> print(*read_combined("y ~ x + (x || g)").random, sep=" + ")
    (1 | g) + (0 + x | g)
    """
    for part, text in (("formula", formula), ("random part", random)):
        if not isinstance(text, str) and (part == "formula" or text is not None):
            raise FormulaError(f"the {part} must be text, not {text!r}")
    left, right = _split_sides(formula)
    fixed_text, inline = _take_random_terms(right)
    if random is None:
        if not inline:
            raise FormulaError(
                f"'{formula}' has no random part; add a term such as (1 | group), "
                "or give random='~ 1 | group'"
            )
        written = inline
    else:
        if inline:
            raise FormulaError(
                f"the random part is stated twice: in the formula, '({inline[0]})', "
                f"and in random='{random}'; keep one"
            )
        written = (random.strip().removeprefix("~"),)
    terms = tuple(term for text in written for term in _read_random_terms(text))
    factors = [term.factor for term in terms]
    if len(set(factors)) > 1:
        raise FormulaError(_several_groups(factors))
    return Specification(left, read_terms(fixed_text, "fixed part"), terms)


def _split_sides(formula: str) -> tuple[str, str]:
    place = outside_backticks(formula).find("~")
    tilde, left, right = place >= 0, formula[:place], formula[place + 1 :].strip()
    if not tilde or not left.strip() or not right.strip():
        raise FormulaError(
            f"cannot read the formula '{formula}': it needs a response, '~' and the fixed part, "
            "as in 'y ~ 1 + x'"
        )
    return read_response(left.strip()), right


def read_response(left: str) -> str:
    """The response of a formula or an equation: one term.

    Raises
    ------
    FormulaError
        When it cannot be read or is not one column or expression.
    """
    response = read_terms(f"0 + {left}", "response")
    if len(response) != 1:
        raise FormulaError(f"the response '{left}' must be one column or one expression")
    return response[0]


def _take_random_terms(right: str) -> tuple[str, tuple[str, ...]]:
    """Split "x + (1 | g)" into "x" and ("1 | g",): parentheses with a bar of their own."""
    fixed = ""
    found: list[str] = []
    marks = outside_backticks(right)
    i = 0
    while i < len(right):
        if marks[i] == "(" and not (fixed and (fixed[-1].isalnum() or fixed[-1] in "_.`")):
            close = _closing(right, i)
            inside = right[i + 1 : close]
            if _bar(inside) is not None:
                found.append(inside.strip())
                fixed = _drop_operator(fixed, right)
                i = close + 1
                continue
        fixed += right[i]
        i += 1
    fixed = fixed.strip().removeprefix("+").strip()
    return fixed, tuple(found)


def _drop_operator(before: str, whole: str) -> str:
    """Remove the '+' that joined a random term to what stands before it."""
    before = before.rstrip()
    if not before or before.endswith("+"):
        return before[:-1] if before else before
    raise FormulaError(
        f"cannot read the formula '{whole.strip()}': a random term is joined by '+', "
        f"not by '{before[-1]}'"
    )


def _closing(text: str, start: int) -> int:
    marks = outside_backticks(text)
    depth = 0
    for i in range(start, len(text)):
        depth += (marks[i] == "(") - (marks[i] == ")")
        if depth == 0:
            return i
    pointer = " " * start + "^"
    raise FormulaError(
        f"cannot read the formula: this parenthesis is never closed\n    {text}\n    {pointer}"
    )


def _bar(text: str) -> int | None:
    """Place of the first '|' outside parentheses."""
    depth = 0
    for i, character in enumerate(outside_backticks(text)):
        depth += (character == "(") - (character == ")")
        if character == "|" and depth == 0:
            return i
    return None


def _read_random_terms(text: str) -> tuple[RandomTerm, ...]:
    """One term of "effects | group", or one for each effect of "effects || group"."""
    bar = _bar(text)
    if bar is None:
        raise FormulaError(
            f"the random part '{text.strip()}' names no group; write '~ effects | group'"
        )
    effects, rest = text[:bar].strip(), text[bar + 1 :]
    uncorrelated = rest.startswith("|")
    group = rest.removeprefix("|").strip()
    if _bar(group) is not None:
        raise FormulaError(f"cannot read the random part '{text.strip()}': it has two bars")
    terms = read_terms(effects, "random part") if effects else ()
    if not terms:
        raise FormulaError(
            f"the random part '({text.strip()})' has no effects; write '1 | {group}'"
        )
    blocks = [(term,) for term in terms] if uncorrelated else [terms]
    return random_terms(_group_column(group), blocks)


def _group_column(group: str) -> str:
    name = group.strip("`")
    if name.isidentifier() or (group.startswith("`") and group.endswith("`")):
        return name
    if any(mark in group for mark in "/:*+"):
        raise FormulaError(_several_groups([part.strip() for part in re.split(r"[/:*+]", group)]))
    raise FormulaError(
        f"the group must be one column, and '{group}' is not; make the column first "
        "(or put an unusual name in backticks)"
    )


def _several_groups(groups: list[str]) -> str:
    names = in_quotes(dict.fromkeys(groups))
    return (
        f"the random part has more than one grouping factor ({names}); models with crossed or "
        "nested factors are not supported: keep one, or make one column of their combination"
    )


def _refuse_repeated_effects(random: tuple[RandomTerm, ...]) -> None:
    seen: list[str] = []
    for term in (effect for part in random for effect in part.effects):
        if as_named(term, seen) in seen:
            name = "the intercept '1'" if term == INTERCEPT else f"the effect '{term}'"
            raise FormulaError(f"{name} stands in two random terms; keep it in one")
        seen.append(term)
