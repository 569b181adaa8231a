"""Equations of coefficients, level by level.

At each level every coefficient that varies between its groups has an equation.  A coefficient of
that equation is called by the product of the two terms that it multiplies in the end: that of
``size`` in the equation of ``x`` is ``x:size``, and that of a constant is ``x`` itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from types import MappingProxyType
from typing import Any

from hierbayes.errors import FormulaError, in_quotes
from hierbayes.specification.formula import Specification
from hierbayes.specification.terms import (
    INTERCEPT,
    as_named,
    factors_of,
    is_number,
    join_terms,
    product,
    read_terms,
)


@dataclass(frozen=True, slots=True)
class LevelEquations:
    """The equations of the coefficients that vary between the groups of one level.

    Parameters
    ----------
    columns : tuple of str
        Those that hold the groups; several where a group is nested in others.
    equations : mapping of str to str
        By coefficient the right-hand side of its equation.
    random : tuple of tuple of str
        The coefficients that vary at random, by block of G.
    """

    columns: tuple[str, ...]
    equations: Mapping[str, str]
    random: tuple[tuple[str, ...], ...]

    @property
    def group(self) -> str:
        """The innermost column."""
        return self.columns[-1]

    def terms(self, coefficient: str) -> tuple[str, ...]:
        """The terms of the equation of a coefficient."""
        return read_terms(self.equations[coefficient], f"equation of '{coefficient}'")

    @property
    def products(self) -> tuple[str, ...]:
        """The coefficients of these equations, by their products, each once."""
        found = [product(name, term) for name in self.equations for term in self.terms(name)]
        return tuple(dict.fromkeys(found))


def nested_levels(
    coefficients: tuple[str, ...], groups: Sequence[str], between: Any, random: Any
) -> tuple[LevelEquations, ...]:
    """The equations of nested factors, the lowest level first.

    Parameters
    ----------
    coefficients : tuple of str
        Those of the equation of a row.
    groups : sequence of str
        Columns, the outermost first.
    between : mapping of str to mapping of str to str
        By coefficient and level the right-hand side of its equation; ``"1"`` where there is none.
    random : mapping of str to sequences
        By level the coefficients that vary at random.

    Raises
    ------
    FormulaError
        When an equation is of a level or a coefficient that is not there.
    """
    _refuse_other_keys(groups, between, random)
    known: set[tuple[str, str]] = set()
    levels: list[LevelEquations] = []
    names = coefficients
    for place in reversed(range(len(groups))):
        group = groups[place]
        given = {as_named(one, names): texts[group] for one, texts in between.items()
                 if group in texts}  # fmt: skip
        blocks = tuple(
            tuple(as_named(term, names) for term in block) for block in random.get(group, ())
        )
        for name in [*given, *(term for block in blocks for term in block)]:
            if name not in names:
                raise FormulaError(
                    f"'{name}' has an equation or a random effect at the level of '{group}' but is "
                    f"no coefficient there; its coefficients are: {in_quotes(names)}"
                )
        known |= {(name, group) for name in given}
        equations = MappingProxyType({name: given.get(name, "1") for name in names})
        level = LevelEquations(tuple(groups[: place + 1]), equations, blocks)
        levels.append(level)
        names = level.products
    return tuple(levels)


def _refuse_other_keys(groups: Sequence[str], between: Any, random: Any) -> None:
    if not isinstance(random, Mapping):
        raise FormulaError(
            f"with several groups random is a mapping from {in_quotes(groups)} to coefficients, as "
            f"in {{'{groups[-1]}': ['1']}}, not {random!r}"
        )
    for name, texts in between.items():
        if not isinstance(texts, Mapping):
            raise FormulaError(
                f"with several groups the equations of '{name}' are a mapping from "
                f"{in_quotes(groups)} to equations, as in {{'{groups[-1]}': '1 + w'}}, not "
                f"{texts!r}"
            )
    for level in [*random, *(level for texts in between.values() for level in texts)]:
        if level not in groups:
            raise FormulaError(f"there is no level {level!r}; the levels are: {in_quotes(groups)}")


def split_nested(
    specification: Specification, levels: Sequence[tuple[str, Callable[[str], bool]]]
) -> tuple[str, dict[str, dict[str, str]], dict[str, list[list[str]]]]:
    """The within equation, the between equations and the random part of nested factors.

    Parameters
    ----------
    specification : Specification
        The combined form.
    levels : sequence of (str, callable)
        For each factor, the innermost first, its name in the specification and what says of a
        factor of a term whether it is constant within its groups.
    """
    depth = len(levels)
    root: dict[str, Any] = {}  # by coefficient the terms of its equation, and so on
    for term in specification.fixed:
        _grow(root, _parts(term, [constant for _, constant in levels]))
    names = [name for name, _ in levels]
    columns = [specification.columns_of[name][-1] for name in names]
    random: dict[str, list[list[str]]] = {column: [] for column in columns}
    for one in specification.random:
        at = names.index(one.factor)
        effects = []
        for effect in one.effects:
            parts = _parts(effect, [constant for _, constant in levels[:at]])
            _grow(root, parts)
            effects.append(reduce(product, parts, INTERCEPT))
        random[columns[at]].append(effects)
    between: dict[str, dict[str, str]] = {}
    for path, below in _equations(root):
        if len(path) <= depth:
            name = reduce(product, path, INTERCEPT)
            text = join_terms(tuple(sorted(below, key=lambda term: term != INTERCEPT)))
            between.setdefault(name, {})[columns[len(path) - 1]] = text
    order = sorted(root, key=lambda name: name != INTERCEPT)
    return specification.row_equation(order), between, random


def _parts(term: str, constant: Sequence[Callable[[str], bool]]) -> list[str]:
    """A product by level: what varies within the groups of the first, of the second, ...

    A number that scales a term stands with the first of its parts that is there.
    """
    parts: list[list[str]] = [[] for _ in range(len(constant) + 1)]
    numbers = [factor for factor in factors_of(term) if is_number(factor)]
    for factor in factors_of(term):
        if not is_number(factor):
            above = [at for at, holds in enumerate(constant, 1) if holds(factor)]
            parts[max(above, default=0)].append(factor)
    next((part for part in parts if part), parts[0])[:0] = numbers
    return [reduce(product, part, INTERCEPT) for part in parts]


def _grow(root: dict[str, Any], parts: Sequence[str]) -> None:
    for part in parts:
        root = root.setdefault(as_named(part, root), {})


def _equations(
    root: dict[str, Any], path: tuple[str, ...] = ()
) -> Iterator[tuple[tuple[str, ...], dict[str, Any]]]:
    """Every coefficient by the terms that lead to it, with the terms of its equation."""
    for name, below in root.items():
        yield (*path, name), below
        yield from _equations(below, (*path, name))
