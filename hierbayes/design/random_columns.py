"""The random columns of a model: columns of X where they stand there, or made by themselves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from formulaic import ModelSpec

from hierbayes.design.column_structure import ColumnStructure
from hierbayes.design.columns import Columns
from hierbayes.design.matrices import made_columns
from hierbayes.design.predictors import side_by_side
from hierbayes.frames.arrays import Floats
from hierbayes.frames.seen_columns import DataColumns
from hierbayes.specification.formula import Specification
from hierbayes.specification.formula_parser import parse_formula
from hierbayes.specification.terms import INTERCEPT, bare_term, join_terms


@dataclass(frozen=True, slots=True, eq=False)
class RandomColumns:
    """Random columns by term, without their values.

    Parameters
    ----------
    effects : tuple of str
        Names of all columns.
    blocks : tuple of int
        How many each term has.
    specs : tuple
        How those of each term are made: a ModelSpec, or the places of its columns in X.
    structures : tuple of ColumnStructure
        Of the terms that have columns of their own.
    """

    effects: tuple[str, ...]
    blocks: tuple[int, ...]
    specs: tuple[ModelSpec | tuple[int, ...], ...]
    structures: tuple[ColumnStructure, ...]


def random_columns(
    spec: Specification, fixed: ColumnStructure, frame: DataColumns
) -> tuple[RandomColumns, list[Floats]]:
    """What the random columns are, and those (n, k) of every term that X does not have.

    Terms that are one fixed column already each (a number or an expression of numbers; the
    columns of a factor have other names) are taken from there.
    """
    placed = _placed(fixed, spec.random_effects)
    if placed is not None:
        return placed, []
    parts: list[tuple[tuple[str, ...], ModelSpec | tuple[int, ...]]] = []
    structures, made = [], []
    for block in spec.random_effects:
        alone = _placed(fixed, (block,))
        if alone is not None:
            parts.append((alone.effects, alone.specs[0]))
            continue
        Z, structure = made_columns(parse_formula(join_terms(block)), frame, spec.functions)
        parts.append((structure.names, structure.spec))
        structures.append(structure)
        made.append(Z)
    effects = tuple([name for names, _ in parts for name in names])
    blocks = tuple([len(names) for names, _ in parts])
    return RandomColumns(effects, blocks, tuple([of for _, of in parts]), tuple(structures)), made


@lru_cache(maxsize=256)
def _placed(fixed: ColumnStructure, blocks: tuple[tuple[str, ...], ...]) -> RandomColumns | None:
    """The random columns of terms, where all stand among the fixed ones."""
    places, terms = fixed.places, [term for block in blocks for term in block]
    if not all(term in places for term in terms):
        return None
    names = ["Intercept" if term == INTERCEPT else bare_term(term) for term in terms]
    specs = tuple([tuple([places[term] for term in block]) for block in blocks])
    return RandomColumns(tuple(names), tuple(map(len, blocks)), specs, ())


def random_values(made: Sequence[Floats], X: Floats, columns: Columns) -> Floats:
    """Z (n P, q), from the columns (n, k) of those terms that X (n, p) does not have."""
    P, specs = columns.n_predictors, columns.random_specs
    if not specs:
        return np.empty((len(X) * P, 0))
    if P == 1 and not made:
        return X.take(sum(specs, ()), axis=1)
    own = iter(made)
    Zs = [X.take(spec, axis=1) if isinstance(spec, tuple) else next(own) for spec in specs]
    return side_by_side([(k, Zs[term]) for k, term in columns.owners], P)
