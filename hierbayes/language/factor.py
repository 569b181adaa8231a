"""The factors a column is a product of, as formulaic made them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from formulaic import ModelSpec
from formulaic.parser.types import Factor as ParsedFactor

from hierbayes.specification.terms import bare, factor_text, names_in

_CODED = re.compile(r"C\(\s*(\w+)\s*(,.*)?\)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Factor:
    """One factor of a column: a variable, an expression, or a column of a coding.

    Parameters
    ----------
    expr : str
        As the formula has it, without backticks and braces: ``ses``, ``np.log(x)``, ``Sector``.
    label : str
        What tells its columns apart, ``T.Public`` or ``2``; empty when there is one.
    between : bool
        Whether it is constant within every group (level 2).
    reads : frozenset of str
        Columns of the data it is made of.
    coding : tuple of (str, float)
        The column's value at each level; empty for numbers.
    reference : str
        Under treatment coding the level where all columns are 0; otherwise empty.
    is_every_level : bool
        Whether it is one of indicators of all levels.
    """

    expr: str
    label: str
    between: bool
    reads: frozenset[str] = frozenset()
    coding: tuple[tuple[str, float], ...] = ()
    reference: str = ""
    is_every_level: bool = False

    @property
    def level(self) -> str:
        """The level it is an indicator of; empty when it is none."""
        ones = [level for level, value in self.coding if value == 1.0]
        zeros = [level for level, value in self.coding if value == 0.0]
        return ones[0] if len(ones) == 1 and len(ones) + len(zeros) == len(self.coding) else ""

    @property
    def is_balanced(self) -> bool:
        """Whether a coding's values add up to 0 over the levels."""
        return bool(self.coding) and abs(sum(value for _, value in self.coding)) < 1e-12

    @property
    def is_indicator(self) -> bool:
        """Whether its coefficient is of a level: against the reference, or by itself."""
        return bool(self.reference) or self.is_every_level

    @property
    def variable(self) -> str:
        """The column of the data behind a coding, ``Sector`` of ``C(Sector)``; else `expr`."""
        found = _CODED.fullmatch(self.expr) if self.coding else None
        return found[1] if found else self.expr

    @property
    def name(self) -> str:
        """How equations call it: an indicator by its level, the rest as formulaic does."""
        if self.level:
            return f"{self.variable}[{self.level}]"
        return f"{self.expr}[{self.label}]" if self.label else self.expr


Factors = tuple[Factor, ...]


def read_factors(spec: ModelSpec, between: frozenset[str]) -> Iterator[Factors]:
    """The factors of each column, in the order of the columns.

    Parameters
    ----------
    spec : formulaic.ModelSpec
        Remembers the terms of the columns and their codings.
    between : frozenset of str
        Expressions that are constant within every group, without backticks and braces.
    """
    for term in spec.structure:
        scopes = _scopes(term)
        for column in term.columns:
            scope = next(scope for scope in scopes if column in scope.labels)
            factors = tuple(
                _factor(made, scope.codes(at, label), label, spec, between)
                for at, (made, label) in enumerate(
                    zip(scope.made, scope.labels[column], strict=True)
                )
            )
            yield _scaled(factors, scope.scale)


def _scaled(factors: Factors, scale: float) -> Factors:
    """The same product times a number, as in ``2:x``, said with its first factor."""
    if scale == 1.0 or not factors:
        return factors
    first = factors[0]
    return (replace(first, expr=f"({scale:g}*{first.name})", label="", coding=()), *factors[1:])


def _scopes(term: Any) -> list[_Scope]:
    """The products of a term, each with its columns.

    The longest come first: ``a[x]:b[y]`` may be read as one label of a factor ``a``.
    """
    scopes: list[_Scope] = []
    left = list(term.columns)
    for scoped in sorted(term.scoped_terms, key=lambda scoped: -len(scoped.factors)):
        scopes.append(_Scope(scoped, left))
        left = [column for column in left if column not in scopes[-1].labels]
    return scopes


class _Scope:
    """One product of encoded factors, and the labels of its columns."""

    def __init__(self, scoped: Any, columns: list[str]) -> None:
        self.scale = float(scoped.scale or 1.0)
        self.made = [made for made in scoped.factors if str(made.factor.expr) != "1"]
        names = [str(made.factor.expr) for made in self.made]
        found = ((column, _labels(column, names)) for column in columns)
        self.labels = {column: labels for column, labels in found if labels is not None}

    def codes(self, at: int, label: str) -> int:
        """Which column of a factor's coding a label is: they come in order."""
        seen = dict.fromkeys(labels[at] for labels in self.labels.values())
        return list(seen).index(label)


def _labels(column: str, names: list[str]) -> tuple[str, ...] | None:
    """What follows each name in ``name[label]:name[label]``, or None if it is no such product."""
    if not names:
        return () if column == "Intercept" else None
    head, rest = names[0], names[1:]
    if not column.startswith(head):
        return None
    for end in [*(m.start() for m in re.finditer(":", column)), len(column)]:
        tail = column[len(head) : end]
        bracketed = len(tail) > 2 and tail[0] == "[" and tail[-1] == "]"
        if end < len(head) or not (tail == "" or bracketed) or bool(rest) != (end < len(column)):
            continue
        others = _labels(column[end + 1 :], rest) if rest else ()
        if others is not None:
            return (tail[1:-1], *others)
    return None


def _factor(made: Any, at: int, label: str, spec: ModelSpec, between: frozenset[str]) -> Factor:
    parsed = made.factor.factor
    expr = bare(factor_text(parsed))
    looked_up = parsed.eval_method is ParsedFactor.EvalMethod.LOOKUP
    reads = frozenset({expr}) if looked_up else names_in(str(parsed.expr))
    found = Factor(expr, label, expr in between, reads)
    kind, state = spec.encoder_state[parsed.expr]
    if kind is not ParsedFactor.Kind.CATEGORICAL:
        return found
    contrasts = state["contrasts"]
    coding = np.asarray(contrasts.get_coding_matrix(reduced_rank=made.reduced), dtype=np.float64)
    levels = [str(level) for level in contrasts.levels]
    pairs = tuple(zip(levels, coding[:, at].tolist(), strict=True))
    indicators = np.isin(coding, (0.0, 1.0)).all() and (coding.sum(axis=0) == 1.0).all()
    if not indicators:
        return replace(found, coding=pairs)
    empty = [level for level, row in zip(levels, coding, strict=True) if not row.any()]
    reference = empty[0] if len(empty) == 1 else ""
    return replace(found, coding=pairs, reference=reference, is_every_level=not empty)
