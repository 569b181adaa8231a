"""HLM: the equations of a model at two levels, written as the program HLM prints them.

Within groups ``y_ij = β_0j + β_1j x_ij + r_ij``, between them ``β_0j = γ_00 + γ_01 w_j + u_0j``,
and the mixed model that follows.  Source: the lecture slides *Mixed Models with R*, and
Raudenbush & Bryk (2002), *Hierarchical Linear Models*.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations

from hierbayes.errors import FormulaError, in_quotes
from hierbayes.specification.split_levels import split_levels
from hierbayes.specification.terms import INTERCEPT, factors_of
from hierbayes.translation.dialect import Dialect, ModelToWrite
from hierbayes.translation.expression import factor_tree
from hierbayes.translation.hlm.reader import read_hlm
from hierbayes.translation.programs.factor_coding import (
    coded_in_full,
    level_choices,
    refuse_unclear_coding,
)
from hierbayes.translation.programs.factor_trees import (
    CONTEXTUAL,
    called,
    tree_text,
)

_MANY = frozenset({"bs", "cc", "cr", "cs", "poly", "hashed", "C"})  # of several columns each


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
    """The model as equations at two levels, followed by the mixed model.

    Parameters
    ----------
    model : ModelToWrite

    Raises
    ------
    FormulaError
        When a term has several columns that have no names, such as a spline, or there are more
        levels than two.
    """
    factors = model.specification.factors
    if len(factors) > 1 or len(model.specification.group_columns) > 1:
        raise FormulaError(
            "HLM's equations are written at two levels (HLM2), with one column of groups, and this "
            f"model has the grouping factors {in_quotes(factors)}; equations() writes them all"
        )
    return _Equations(model).text()


class _Equations:
    """The equations of one model.

    Columns of factors are named by level, as in ``Sector[Public]``; group means and
    deviations from them by ``MEAN_x``, which is defined beneath the equations.
    """

    def __init__(self, model: ModelToWrite) -> None:
        self.spec = model.specification
        self.variables = model.variables
        self.between = self.variables.between_of[self.spec.group]
        self.ml = model.ml
        self.means: dict[str, str] = {}
        refuse_unclear_coding(self.spec.fixed, self._is_factor, "HLM")
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
        lines = ["Level-1 model", f"    {self._response()} = {self._within()}", ""]
        lines += [f"Level-2 model ({group})", *self._between(), ""]
        lines += ["Mixed model", f"    {self._response()} = {self._mixed()}", ""]
        lines += [f"Estimation: {'maximum' if self.ml else 'restricted maximum'} likelihood"]
        lines += [f"Cov({first}, {second}) = 0" for first, second in self._uncorrelated()]
        lines += [f"{name} = mean of {of} in {group}" for of, name in self.means.items()]
        return "\n".join(lines)

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

    def _is_factor(self, factor: str) -> bool:
        column = self.variables.columns.get(factor.strip("`"))
        return column is not None and column.is_factor

    def _levels(self, factor: str) -> tuple[str, ...]:
        return self.variables.columns[factor.strip("`")].levels

    def _coefficients(self, within: str) -> Iterator[_Coefficient]:
        """The coefficients of a within term: one for each of its columns."""
        terms = [term for term in self.spec.fixed if self._inner(term) == within]
        inner = [f for f in factors_of(within) if self._is_factor(f)]
        self._refuse_two_codings(within, terms, inner)
        block = next((b for b in self.spec.random_effects if within in b), ())
        standing = self.spec.fixed if terms else block
        named = terms[0] if terms else within
        seen: dict[tuple[str, ...], None] = {}
        for choice in level_choices(named, standing, self._is_factor, self._levels):
            named_here = [self._name(f, lv) for f, lv, _ in choice if f in factors_of(within)]
            seen[tuple(named_here)] = None
        equation = tuple((term, names) for term in terms for names in self._outer_columns(term))
        for column in seen:
            yield _Coefficient(within, column, equation)

    def _refuse_two_codings(self, within: str, terms: list[str], inner: list[str]) -> None:
        """A factor has one set of columns in all terms of one coefficient, random ones included."""
        codings = {
            frozenset(coded_in_full(term, self.spec.fixed, self._is_factor) & set(inner))
            for term in terms
        }
        for block in self.spec.random_effects:
            if within in block:
                refuse_unclear_coding(block, self._is_factor, "HLM")
                codings.add(coded_in_full(within, block, self._is_factor))
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
        choices = level_choices(term, self.spec.fixed, self._is_factor, self._levels)
        columns = (
            tuple(self._name(f, level, "j") for f, level, _ in choice if not self._is_inner(f))
            for choice in choices
        )
        return list(dict.fromkeys(columns))

    def _name(self, factor: str, level: str, subscript: str = "ij") -> str:
        """A column as the equations name it."""
        tree = factor_tree(factor)
        if any(mark in level for mark in "[]=;\n"):
            raise FormulaError(f"HLM cannot name the level '{level}' of '{factor}'; rename it")
        if level:
            return f"{tree_text(tree)}[{level}]{subscript}"
        if called(tree) in _MANY:
            raise FormulaError(
                f"HLM cannot say '{factor}': it makes several columns that have no names; make "
                "columns of the data from it first"
            )
        if called(tree) in CONTEXTUAL and isinstance(tree, ast.Call):
            of = tree_text(tree.args[0])
            by = tree_text(tree.args[1])
            if by == self.spec.group and by.isidentifier() and of.isidentifier():
                name = self.means.setdefault(of, f"MEAN_{of}")
                return f"{name}j" if called(tree) == "cvar" else f"{of}ij - {name}j"
        return f"{tree_text(tree)}{subscript}"

    def _response(self) -> str:
        return f"{self.spec.response}ij"

    def _numbers_of(self, term: str) -> list[int]:
        return [k for k, coefficient in self.numbers.items() if coefficient.term == term]

    def _within(self) -> str:
        parts = [
            f"β{k}j*({'*'.join(_grouped(c.columns))})" if c.columns else f"β{k}j"
            for k, c in self.numbers.items()
        ]
        return " + ".join([*parts, "rij"])

    def _between(self) -> Iterator[str]:
        varying = {k for block in self.random for k in block}
        for k, coefficient in self.numbers.items():
            parts = [
                _gamma(k, place) + (f"*({'*'.join(_grouped(names))})" if names else "")
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
                        parts.append("*".join([_gamma(k, place), *product]))
        varying = [
            "*".join([f"u{k}j", *map(_bracketed, self.numbers[k].columns)])
            for block in self.random
            for k in block
        ]
        random = " + ".join([*varying, "rij"])
        return f"{' + '.join(parts)}\n        + {random}"

    def _in_order(self, term: str, inner: tuple[str, ...], outer: tuple[str, ...]) -> list[str]:
        """Names of a product in the order of the term's factors."""
        left, right = iter(inner), iter(outer)
        named = [next(left if self._is_inner(f) else right) for f in factors_of(term)]
        return list(map(_bracketed, named))

    def _uncorrelated(self) -> Iterator[tuple[str, str]]:
        for first, second in combinations(self.random, 2):
            yield from ((f"u{a}j", f"u{b}j") for a in first for b in second)


def _gamma(k: int, place: int) -> str:
    comma = "," if max(k, place) > 9 else ""
    return f"γ{k}{comma}{place}"


def _grouped(names: tuple[str, ...]) -> list[str]:
    """Names of a product; a difference among several in parentheses."""
    return list(names) if len(names) == 1 else list(map(_bracketed, names))


def _bracketed(name: str) -> str:
    return f"({name})" if " - " in name else name


DIALECT = Dialect("hlm", "HLM: equations at two levels", emit_hlm, read_hlm)
