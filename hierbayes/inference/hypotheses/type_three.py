r"""What a formula term says beyond all others, however its factors are coded.

What multiplies a product of numbers (or the 1 of the intercept) is a function f of the levels
of the factors.  Its component for some of the factors is f averaged over the levels of all
others, each level counting the same, and compared between the levels of these: differences
from the first level, and differences of such differences.  A term is tested by the component
of its own factors, so that terms that contain it do not matter (type III).  A component that
no term of its own stands for, such as the mean in ``0 + f``, is tested with the first term of
the formula that holds it.

A factor's coding K (levels × columns) enters by its mean over levels and by its differences
from the first level; a product of codings by the products of these.

References
----------
Kuznetsova, Brockhoff & Christensen (2017), doi:10.18637/jss.v082.i13, whose hypotheses these
are.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce
from itertools import combinations
from typing import Any

import numpy as np

from hierbayes.design.design import Design
from hierbayes.errors import HypothesisError
from hierbayes.frames.arrays import Floats, Integers

type Factors = frozenset[str]


@dataclass(frozen=True, slots=True, eq=False)
class _Part:
    """Columns that are a product of some codings of factors and some numbers.

    Parameters
    ----------
    term : str
    numbers, factors : frozenset of str
        What it is a product of.
    codings : tuple of (str, (levels, columns) float or None)
        In the order of the product, the first running fastest; None for numbers.
    places : (columns,) int
        Of its columns among the fixed ones.
    scale : float
        Of a constant in the product.
    """

    term: str
    numbers: Factors
    factors: Factors
    codings: tuple[tuple[str, Floats | None], ...]
    places: Integers
    scale: float


def term_contrasts(design: Design) -> dict[str, Floats]:
    """The hypothesis L (m, p) of every term but the intercept, in the order of the formula.

    Of several linear predictors a term is tested in all of them together.

    Raises
    ------
    HypothesisError
        When a term is a product of several factors that each make several numbers.
    """
    design.refuse_left_out("a test of each term")
    parts = _parts(design)
    by_term: dict[str, list[_Part]] = {}
    for part in parts:
        by_term.setdefault(part.term, []).append(part)
    contrasts = {}
    predictors = design.columns.n_predictors
    p = len(design.terms) // predictors
    for term, own in by_term.items():
        factors: Factors = frozenset().union(*(part.factors for part in own))
        numbers = own[0].numbers
        if not factors and not numbers:
            continue
        subsets = _answered_for(term, numbers, factors, by_term)
        rows = [_component(numbers, subset, parts, p) for subset in subsets]
        own_rows = _independent(np.vstack(rows))
        contrasts[term] = np.asarray(np.kron(np.eye(predictors), own_rows), dtype=np.float64)
    return contrasts


def _parts(design: Design) -> list[_Part]:
    spec = design.columns.fixed_spec
    parts = []
    start = 0
    for row in spec.structure:
        term, width = str(row.term), len(row.columns)
        shapes = [_codings(scoped, spec.encoder_state) for scoped in row.scoped_terms]
        coded = [_product(K.shape[1] for _, K in shape if K is not None) for shape in shapes]
        numbers = width // max(sum(coded), 1)
        for scoped, shape, columns in zip(row.scoped_terms, shapes, coded, strict=True):
            named = frozenset(name for name, K in shape if K is None)
            if numbers > 1 and len(named) > 1:
                raise HypothesisError(
                    f"the columns of '{term}' cannot be told apart by their factors; leave the "
                    "term out of a table of terms and use wald() with a pattern"
                )
            places = np.arange(start, start + columns * numbers)
            factors = frozenset(name for name, K in shape if K is not None)
            parts.append(_Part(term, named, factors, shape, places, float(scoped.scale)))
            start += len(places)
    return parts


def _codings(scoped: Any, state: Any) -> tuple[tuple[str, Floats | None], ...]:
    """The coding of each factor of a product; None for numbers."""
    found: list[tuple[str, Floats | None]] = []
    for one in scoped.factors:
        name = one.factor.expr
        kept = state[name][1] if name in state else {}
        if "contrasts" not in kept:
            found.append((name, None))
            continue
        levels = kept["categories"]
        coding = kept["contrasts"].contrasts.get_coding_matrix(levels, reduced_rank=one.reduced)
        found.append((name, np.asarray(coding, dtype=np.float64)))
    return tuple(found)


def _product(sizes: Any) -> int:
    return reduce(lambda a, b: a * b, sizes, 1)


def _answered_for(
    term: str, numbers: Factors, factors: Factors, by_term: dict[str, list[_Part]]
) -> list[Factors]:
    """The components a term is tested by: its own, and those no other term stands for."""
    held = {
        other: frozenset[str]().union(*(part.factors for part in own))
        for other, own in by_term.items()
        if own[0].numbers == numbers
    }
    subsets = [factors]
    for size in range(len(factors)):
        for chosen in combinations(sorted(factors), size):
            holders = [other for other, its in held.items() if frozenset(chosen) <= its]
            if frozenset(chosen) not in held.values() and holders[0] == term:
                subsets.append(frozenset(chosen))
    return subsets


def _component(numbers: Factors, subset: Factors, parts: list[_Part], p: int) -> Floats:
    """Rows (m, p) that make one component, with these numbers, from γ."""
    blocks = []
    for part in parts:
        if part.numbers == numbers and subset <= part.factors:
            weights, sizes = _weights(part, subset)
            rows = np.zeros((len(weights), p))
            rows[:, part.places] = part.scale * weights
            blocks.append(_in_order(rows, sizes))
    total: Floats = np.sum(blocks, axis=0) if blocks else np.zeros((0, p))
    return total


def _weights(part: _Part, subset: Factors) -> tuple[Floats, dict[str, int]]:
    """What the columns of a part add to a component (rows, columns), and rows by factor."""
    coded = _product(K.shape[1] for _, K in part.codings if K is not None)
    weights = np.ones((1, 1))
    sizes = {}
    for name, K in part.codings:
        if K is None:
            block = np.eye(len(part.places) // coded)
        elif name in subset:
            block = K[1:] - K[0]
        else:
            block = np.asarray(K.mean(axis=0, keepdims=True), dtype=np.float64)
        sizes[name] = len(block)
        weights = np.asarray(np.kron(block, weights), dtype=np.float64)  # the first runs fastest
    return weights, sizes


def _in_order(rows: Floats, sizes: dict[str, int]) -> Floats:
    """Rows in the same order for every part, whatever the order of its factors."""
    names = list(reversed(sizes))  # the first runs fastest
    if not names:
        return rows
    grid = rows.reshape(*(sizes[name] for name in names), rows.shape[1])
    kept = [name for name in names if sizes[name] > 1]
    order = [names.index(name) for name in sorted(names, key=lambda n: (n not in kept, n))]
    return np.transpose(grid, [*order, len(names)]).reshape(len(rows), -1)


def _independent(rows: Floats) -> Floats:
    """The first rows that are independent of those before them, all of them as a rule."""
    kept: list[int] = []
    for k in range(len(rows)):
        if np.linalg.matrix_rank(rows[[*kept, k]]) > len(kept):
            kept.append(k)
    return rows[kept]
