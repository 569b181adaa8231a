"""HLM: the equations of a model, written as the program HLM prints them; two levels here.

Within groups ``y_ij = β_0j + β_1j x_ij + r_ij``, between them ``β_0j = γ_00 + γ_01 w_j + u_0j``,
and the mixed model that follows.  Source: the lecture slides *Mixed Models with R*, and
Raudenbush & Bryk (2002), *Hierarchical Linear Models*.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations, pairwise

from hierbayes.errors import FormulaError, in_quotes
from hierbayes.families.categorical import Categorical
from hierbayes.specification.split_levels import split_levels
from hierbayes.specification.terms import INTERCEPT, factors_of
from hierbayes.translation.dialect import Dialect, ModelToWrite, StatedModel
from hierbayes.translation.hlm.column_names import (
    ColumnNames,
    bracketed,
    grouped,
    mixed_sum,
    numbered,
)
from hierbayes.translation.hlm.crossed_writer import crossed_text
from hierbayes.translation.hlm.families import (
    FAMILIES,
    INSTEAD,
    joined,
    read_response,
    words_of,
)
from hierbayes.translation.hlm.nested_writer import nested_text
from hierbayes.translation.hlm.nominal import nominal_text
from hierbayes.translation.hlm.nominal_reader import read_nominal
from hierbayes.translation.hlm.reader import read_hlm
from hierbayes.translation.nested_levels import outermost_first
from hierbayes.translation.programs.factor_coding import coded_in_full, refuse_unclear_coding


@dataclass(frozen=True, slots=True)
class _Coefficient:
    """A column of the within equation: its factors, and the columns of its own equation.

    Parameters
    ----------
    term : str
        The within term; ``"1"`` is the intercept.
    columns : tuple of str
        Names of the factors that make the column.
    between : tuple of tuple of (term, names)
        The columns of its equation; the intercept has no names.
    """

    term: str
    columns: tuple[str, ...]
    between: tuple[tuple[str, tuple[str, ...]], ...]


def emit_hlm(model: ModelToWrite) -> str:
    """The model as equations at each level, followed by the mixed model.

    Parameters
    ----------
    model : ModelToWrite

    Raises
    ------
    FormulaError
        When a term has several columns that have no names, such as a spline, or there are
        grouping factors that HLM does not have together.
    """
    text = _text_of(model)
    return nominal_text(model, text) if isinstance(model.family, Categorical) else text


def _text_of(model: ModelToWrite) -> str:
    """The equations; of nominal categories those of one."""
    factors = model.specification.factors
    if len(factors) > 1:
        return _text_of_several(model)
    if len(model.specification.group_columns) > 1:
        raise FormulaError(
            f"HLM has one column of groups at two levels (HLM2), and {in_quotes(factors)} is made "
            "of several; make a column of it first"
        )
    return _Equations(model).text()


def _text_of_several(model: ModelToWrite) -> str:
    """The equations of several grouping factors: nested, or two that cross."""
    factors = outermost_first(model.specification.factors, model)[::-1]
    if model.variables.nested.issuperset(pairwise(factors)):
        return nested_text(model, factors)
    if len(factors) == 2:
        if model.family is not None and model.family.has_categories:
            raise FormulaError(
                "HLM has no categories with crossed factors (HCM2), but Bernoulli, binomial and "
                "Poisson responses; equations() writes them all"
            )
        return crossed_text(model)
    raise FormulaError(
        "HLM has nested grouping factors (HLM2 to HLM4), or two that cross (HCM2), and this model "
        f"has {in_quotes(model.specification.factors)}; equations() writes them all"
    )


class _Equations:
    """The equations of one model."""

    def __init__(self, model: ModelToWrite) -> None:
        self.spec = model.specification
        self.between = model.variables.between_of[self.spec.group]
        self.names = ColumnNames(model.variables, {self.spec.group: "j"})
        self.words = words_of(model, "r", "ij")
        refuse_unclear_coding(self.spec.fixed, self.names.is_factor, "HLM")
        self._refuse_two_orders()
        levels = split_levels(self.spec, self.between.__contains__)
        self.coefficients = [
            coefficient for term in levels.coefficients for coefficient in self._coefficients(term)
        ]
        first = int(INTERCEPT not in levels.coefficients)
        self.numbers = dict(enumerate(self.coefficients, first))
        self.random = [
            [k for t in block for k in self._numbers_of(t)] for block in self.spec.random_effects
        ]

    def text(self) -> str:
        """All of it."""
        group = self.spec.group
        lines = ["Level-1 model", *(f"    {line}" for line in self.words.head)]
        lines += [f"    {self.words.left} = {self._within()}", ""]
        lines += [f"Level-2 model ({group})", *self._between(), ""]
        lines += ["Mixed model", f"    {self.words.left} = {self._mixed()}", ""]
        lines += self.words.estimation
        lines += [f"Cov({first}, {second}) = 0" for first, second in self._uncorrelated()]
        return "\n".join([*lines, *self.names.definitions])

    def _refuse_two_orders(self) -> None:
        """A coefficient has one name, which a product in two orders would not have."""
        written: dict[frozenset[str], str] = {}
        effects = [effect for block in self.spec.random_effects for effect in block]
        for term in (*map(self._inner, self.spec.fixed), *effects):
            other = written.setdefault(frozenset(factors_of(term)), term)
            if other != term:
                raise FormulaError(
                    f"HLM cannot say the model: '{other}' and '{term}' are one product; write it "
                    "in one order"
                )

    def _coefficients(self, within: str) -> Iterator[_Coefficient]:
        """The coefficients of a within term: one for each of its columns."""
        terms = [term for term in self.spec.fixed if self._inner(term) == within]
        inner = [f for f in factors_of(within) if self.names.is_factor(f)]
        self._refuse_two_codings(within, terms, inner)
        block = next((b for b in self.spec.random_effects if within in b), ())
        standing = self.spec.fixed if terms else block
        named = terms[0] if terms else within
        seen: dict[tuple[str, ...], None] = {}
        for choice in self.names.choices(named, standing):
            here = [self.names.of(f, lv, "ij") for f, lv in choice if f in factors_of(within)]
            seen[tuple(here)] = None
        equation = tuple((term, names) for term in terms for names in self._outer_columns(term))
        for column in seen:
            yield _Coefficient(within, column, equation)

    def _refuse_two_codings(self, within: str, terms: list[str], inner: list[str]) -> None:
        """A factor has one set of columns in all terms of one coefficient, random ones included."""
        codings = {
            frozenset(coded_in_full(term, self.spec.fixed, self.names.is_factor) & set(inner))
            for term in terms
        }
        for block in self.spec.random_effects:
            if within in block:
                refuse_unclear_coding(block, self.names.is_factor, "HLM")
                codings.add(coded_in_full(within, block, self.names.is_factor))
        if len(codings) > 1:
            raise FormulaError(
                f"HLM cannot say the model: '{within}' has the reference level in one term and "
                "leaves it out in another; write the intercept, or leave it out, in both parts"
            )

    def _is_inner(self, factor: str) -> bool:
        return factor not in self.between

    def _inner(self, term: str) -> str:
        return ":".join(filter(self._is_inner, factors_of(term))) or INTERCEPT

    def _outer_columns(self, term: str) -> list[tuple[str, ...]]:
        """Columns of the level-2 factors of a term; the intercept has one without names."""
        columns = (
            tuple(self.names.of(f, level, "j") for f, level in choice if not self._is_inner(f))
            for choice in self.names.choices(term, self.spec.fixed)
        )
        return list(dict.fromkeys(columns))

    def _numbers_of(self, term: str) -> list[int]:
        return [k for k, coefficient in self.numbers.items() if coefficient.term == term]

    def _within(self) -> str:
        parts = [
            f"β{k}j*{grouped(c.columns)}" if c.columns else f"β{k}j"
            for k, c in self.numbers.items()
        ]
        return " + ".join([*parts, *self.words.residual])

    def _between(self) -> Iterator[str]:
        varying = {k for block in self.random for k in block}
        for k, coefficient in self.numbers.items():
            parts = [
                numbered("γ", (k, place)) + (f"*{grouped(names)}" if names else "")
                for place, names in self._placed(coefficient)
            ]
            parts += [f"u{k}j"] if k in varying else []
            yield f"    β{k}j = {' + '.join(parts)}"

    def _placed(self, coefficient: _Coefficient) -> Iterator[tuple[int, tuple[str, ...]]]:
        """The columns of an equation with their numbers; 0 is the intercept's."""
        place = 0
        for _, names in coefficient.between:
            place += bool(names)
            yield (place if names else 0), names

    def _mixed(self) -> str:
        """The combined form, its terms and their factors in the order of the model."""
        parts: list[str] = []
        for term in self.spec.fixed:
            for k, coefficient in self.numbers.items():
                for (owner, _), (place, names) in zip(
                    coefficient.between, self._placed(coefficient), strict=True
                ):
                    if owner == term:
                        product = self._in_order(term, coefficient.columns, names)
                        parts.append("*".join([numbered("γ", (k, place)), *product]))
        varying = [
            "*".join([f"u{k}j", *map(bracketed, self.numbers[k].columns)])
            for block in self.random
            for k in block
        ]
        return mixed_sum(parts, [*varying, *self.words.residual])

    def _in_order(self, term: str, inner: tuple[str, ...], outer: tuple[str, ...]) -> list[str]:
        """Names of a product in the order of the term's factors."""
        left, right = iter(inner), iter(outer)
        named = [next(left if self._is_inner(f) else right) for f in factors_of(term)]
        return list(map(bracketed, named))

    def _uncorrelated(self) -> Iterator[tuple[str, str]]:
        for first, second in combinations(self.random, 2):
            yield from ((f"u{a}j", f"u{b}j") for a in first for b in second)


def _read(text: str, columns: Sequence[str]) -> StatedModel:
    """The model of equations, whatever its response."""
    nominal = read_nominal(text, columns)
    if nominal is not None:
        return nominal
    equations, response = read_response(text, columns)
    return joined(read_hlm(equations, columns), response)


DIALECT = Dialect(
    "hlm", "HLM: equations at each level", emit_hlm, _read, families=FAMILIES, instead=INSTEAD
)
