"""Whether two models are of the same rows: their responses, their groups, and their errors."""

from __future__ import annotations

import numpy as np
import pandas as pd

from hierbayes.design.design import Design
from hierbayes.design.problem import Problem
from hierbayes.frames.arrays import Integers
from hierbayes.inference.accepted_fits import partition

_DIGITS = 8.0 * float(np.finfo(np.float64).eps)  # of the largest number of a sum of three


def same_responses(a: Design, b: Design) -> bool:
    """Whether responses have one family, with the same trials and offsets.

    Gaussian ones are the same less their offsets, for y − o has the law of y with its mean less o.
    """
    ours, theirs = a.rows.family, b.rows.family
    if ours is None or theirs is None:
        return ours is theirs and _same_less_offsets(a, b)
    pairs = (
        (ours.observed, theirs.observed), (ours.m, theirs.m), (ours.offset, theirs.offset)
    )  # fmt: skip
    return str(ours.family) == str(theirs.family) and all(np.array_equal(*pair) for pair in pairs)


def _same_less_offsets(a: Design, b: Design) -> bool:
    """Whether Gaussian responses less their offsets are equal, but for rounding of the latter."""
    added = [one for one in (a.rows.added, b.rows.added) if one is not None]
    parts = (a.rows.observed, b.rows.observed, *added)
    size = max(float(np.abs(part).max()) for part in parts) if added else 0.0
    apart = float(np.abs(a.rows.response - b.rows.response).max())
    return apart <= _DIGITS * size


def same_groups(a: Design, b: Design) -> bool:
    """Whether rows are grouped alike: by the labels of one factor, or by all of several."""
    if len(a.factors) == len(b.factors) == 1:
        return np.array_equal(_labels(a), _labels(b))
    same = np.array([[np.array_equal(one, other) for other in groupings(b)] for one in
                     groupings(a)])  # fmt: skip
    return bool(same.any(axis=0).all() and same.any(axis=1).all())


def same_errors(first: Problem, second: Problem) -> bool:
    """Whether errors have one structure, and it joins and distinguishes the same rows.

    The order of its parts does not matter, nor what the groups are called in which it joins.
    """
    a, b = first.moments, second.moments
    if a is None or b is None:
        return a is b
    ours, theirs = (
        {part.without_group for part in one.rows.structure.parts} for one in (a, b)
    )  # fmt: skip
    joined, others = (
        (one.rows.links.left, one.rows.links.right, one.rows.links.kind, _numbered(one.rows.levels))
        for one in (a, b)
    )
    return ours == theirs and all(map(np.array_equal, joined, others))


def _numbered(levels: Integers) -> np.ndarray:
    """Levels of variance (n,) in the order in which they appear."""
    return pd.factorize(levels)[0]


def _labels(design: Design) -> np.ndarray:
    return np.asarray(design.groups)[design.rows.codes]


def groupings(design: Design) -> list[np.ndarray]:
    """Which rows each factor puts together."""
    return [partition(design, k) for k in range(len(design.factors))]
