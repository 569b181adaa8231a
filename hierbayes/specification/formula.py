"""The combined form: one equation with a fixed and a random part.

Two spellings are read.  nlme's keeps the parts apart,
``"y ~ x * w", random="~ 1 + x | g"``; lme4's writes them in one formula,
``"y ~ x * w + (1 + x | g)"``.  Both become a `Specification`.

Any number of grouping factors may stand in it: ``(1 | school) + (1 | pupil)``; a combination of
columns, ``(1 | school:class)``; and ``(1 | school/class)``, short for ``(1 | school) +
(1 | school:class)``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from hierbayes.errors import FormulaError, in_quotes
from hierbayes.residuals.structure import ResidualStructure
from hierbayes.specification.known_functions import Functions
from hierbayes.specification.random_part import (
    read_random_terms,
    refuse_repeated_effects,
    take_random_terms,
    texts_of_argument,
)
from hierbayes.specification.random_term import RandomTerm
from hierbayes.specification.response import ResponseTerm, read_response_term, take_offsets
from hierbayes.specification.term_parser import outside_backticks
from hierbayes.specification.terms import join_terms, read_terms


@dataclass(frozen=True)
class Specification:
    """A hierarchical model as written: response, fixed terms, random terms.

    Parameters
    ----------
    response : str
        Left-hand side, a column or an expression of columns; of counts out of trials, the counts.
    fixed : tuple of str
        Terms of the fixed part; the intercept is ``"1"``.
    random : tuple of RandomTerm
        Each a block of G: effects of one term are correlated, effects of different
        terms are independent.  Terms of one grouping factor stand together.
    functions : tuple of (str, callable)
        Functions that the terms call beside those that formulas know.
    offsets : tuple of str
        Columns or expressions that are added to the fixed part as they are.
    trials : ResponseTerm, optional
        The left-hand side where it states counts out of trials.
    residual : ResidualStructure, optional
        How the errors of the rows vary and are correlated; by default alike and not at all.
    weights : str
        The column w of rows whose errors have the variance σ²/w; empty where all are alike.
    known_sd : str
        The column of the standard deviations of errors, where these are known.
    aliased : str
        What is done with fixed columns that are combinations of others: ``"refuse"``, ``"drop"``.
    """

    response: str
    fixed: tuple[str, ...]
    random: tuple[RandomTerm, ...]
    functions: Functions = ()
    offsets: tuple[str, ...] = ()
    trials: ResponseTerm | None = None
    residual: ResidualStructure | None = None
    weights: str = ""
    known_sd: str = ""
    aliased: str = "refuse"

    def __post_init__(self) -> None:
        if not self.fixed and not self.random:
            raise FormulaError(
                "the model has no fixed and no random effects; write at least '1', or a term such "
                "as (1 | group)"
            )
        order = list(dict.fromkeys(term.factor for term in self.random))
        together = tuple(sorted(self.random, key=lambda term: order.index(term.factor)))
        object.__setattr__(self, "random", together)
        refuse_repeated_effects(self.random)

    @cached_property
    def fixed_formula(self) -> str:
        """The fixed part as a one-sided formula, without offsets."""
        return join_terms(self.fixed)

    def row_equation(self, terms: Sequence[str]) -> str:
        """The equation of a row in these terms, with its offsets."""
        return f"{self.left} ~ {self._with_offsets(terms)}"

    @property
    def left(self) -> str:
        """The left-hand side as it is written."""
        return self.response if self.trials is None else str(self.trials)

    @property
    def right(self) -> str:
        """The fixed part with its offsets."""
        return self._with_offsets(self.fixed)

    def _with_offsets(self, terms: Sequence[str]) -> str:
        offsets = (f"offset({one})" for one in self.offsets)
        return " + ".join([join_terms(tuple(terms)), *offsets])

    @cached_property
    def random_effects(self) -> tuple[tuple[str, ...], ...]:
        """The effects of each random term."""
        return tuple(term.effects for term in self.random)

    @cached_property
    def factors(self) -> tuple[str, ...]:
        """The grouping factors, in order of appearance."""
        return tuple(dict.fromkeys(term.factor for term in self.random))

    @cached_property
    def columns_of(self) -> dict[str, tuple[str, ...]]:
        """By grouping factor the columns that hold its groups."""
        return {term.factor: term.columns for term in self.random}

    @cached_property
    def group_columns(self) -> tuple[str, ...]:
        """Every column that holds groups."""
        return tuple(dict.fromkeys(name for term in self.random for name in term.columns))

    @property
    def group(self) -> str:
        """The only grouping factor.

        Raises
        ------
        FormulaError
            When the model has several, or none.
        """
        if len(self.factors) > 1:
            raise FormulaError(one_factor_only(self.factors))
        self.refuse_no_random_part()
        return self.random[0].factor

    def refuse_several_factors(self, what: str, instead: str = "") -> None:
        """Refuse what has a meaning with one grouping factor alone, as in "hausman() is".

        Parameters
        ----------
        what : str
        instead : str
            What answers the same question with several, if anything does.

        Raises
        ------
        FormulaError
            When the model has several.
        """
        if len(self.factors) > 1:
            remedy = f"; {instead}" if instead else ""
            raise FormulaError(one_factor_only(self.factors, what) + remedy)

    def refuse_no_random_part(self, what: str = "this") -> None:
        """Refuse a model that has fixed effects and errors alone.

        Parameters
        ----------
        what : str
            The function that was called, for the message.

        Raises
        ------
        FormulaError
        """
        if not self.random:
            raise FormulaError(
                f"{what} is made for random effects, and the model has none; add a term such as "
                "(1 | group)"
            )

    def lme(self) -> tuple[str, str]:
        """Fixed formula and random part as nlme spells them (one block only).

        Raises
        ------
        FormulaError
            When G has several blocks, which this spelling cannot say.
        """
        if len(self.random) > 1 or len(self.random[0].columns) > 1:
            raise FormulaError(
                "the spelling random='~ ... | g' has one block of correlated effects; "
                f"this model has {len(self.random)}: use the spelling of lme4"
            )
        fixed = f"{self.left} ~ {self.right}"
        return fixed, f"~ {str(self.random[0])[1:-1]}"

    def lme4(self) -> str:
        """The whole model as one formula, as lme4 spells it.

        Examples
        --------
        >>> read_combined("y ~ x", "~ 1 + x | g").lme4()
        'y ~ 1 + x + (1 + x | g)'
        """
        return f"{self.left} ~ {' + '.join([self.right, *map(str, self.random)])}"

    def __str__(self) -> str:
        residual = "" if self.residual is None else f", residual = {self.residual.text}"
        weights = f", weights = {self.weights}" if self.weights else ""
        known = f", known_sd = {self.known_sd}" if self.known_sd else ""
        return f"{self.lme4()}{residual}{weights}{known}"


def one_factor_only(factors: tuple[str, ...], what: str = "this is") -> str:
    """Words for a request that a model of several grouping factors cannot answer."""
    return f"{what} made for models of one grouping factor, and the model has {in_quotes(factors)}"


def one_factor_instead(what: str, spec: Specification) -> str:
    """Words for what has a meaning with one grouping factor alone, and a model that has one."""
    models = " or ".join(f"'{spec.left} ~ 1 + (1 | {factor})'" for factor in spec.factors)
    return (
        f"{what}: they are those of one grouping factor, whose groups share nothing else, and the "
        f"model has {in_quotes(spec.factors)}; fit {models}"
    )


def read_combined(
    formula: str,
    random: str | Mapping[str, str] | None = None,
    residual: ResidualStructure | None = None,
    *,
    may_be_fixed: bool = False,
) -> Specification:
    """Read the combined form in either spelling.

    Parameters
    ----------
    formula : str
        ``"y ~ fixed"``, or ``"y ~ fixed + (effects | group)"`` with any number of
        parenthesised random terms, ``||`` for uncorrelated effects.
    random : str or mapping, optional
        ``"~ effects | group"``; then ``formula`` holds the fixed part only.  A mapping has the
        effects of nested factors from the outermost to the innermost, as in
        ``{"school": "~ 1 + x", "class": "~ 1"}``.
    residual : ResidualStructure, optional
        Of the errors; with one the random part may be missing.
    may_be_fixed : bool
        Whether it may be missing without one as well: an ordinary regression.

    Raises
    ------
    FormulaError
        When the text cannot be read, has no random part, or states it twice.

    Examples
    --------
    >>> print(*read_combined("y ~ x + (x || g)").random, sep=" + ")
    (1 | g) + (0 + x | g)
    >>> print(*read_combined("y ~ x", "~ 1 | school/class").random, sep=" + ")
    (1 | school) + (1 | school:class)
    """
    if not isinstance(formula, str):
        raise FormulaError(f"the formula must be text, not {formula!r}")
    if random is not None and not isinstance(random, str | Mapping):
        raise FormulaError(f"the random part must be text, not {random!r}")
    left, right = _split_sides(formula)
    fixed_text, inline = take_random_terms(right)
    if random is None:
        if not inline and residual is None and not may_be_fixed:
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
        written = texts_of_argument(random)
    terms = tuple(term for text in written for term in read_random_terms(text))
    fixed_text, offsets = take_offsets(fixed_text)
    return Specification(
        left.counted,
        read_terms(fixed_text, "fixed part"),
        terms,
        offsets=offsets,
        trials=left if left.other else None,
        residual=residual,
    )


def _split_sides(formula: str) -> tuple[ResponseTerm, str]:
    place = outside_backticks(formula).find("~")
    tilde, left, right = place >= 0, formula[:place], formula[place + 1 :].strip()
    if not tilde or not left.strip() or not right.strip():
        raise FormulaError(
            f"cannot read the formula '{formula}': it needs a response, '~' and the fixed part, "
            "as in 'y ~ 1 + x'"
        )
    return read_response_term(left.strip()), right
