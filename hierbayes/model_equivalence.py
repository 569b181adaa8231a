"""Whether two models are one: the same columns, and the same fit."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hierbayes.design.blocks import block_slices
from hierbayes.design.design import Design
from hierbayes.frames.arrays import Floats
from hierbayes.model import Model

_SAME = 1e-8


@dataclass(frozen=True, slots=True)
class Equivalence:
    """The proof, or refutation, that two models are the same.

    Parameters
    ----------
    same_rows : bool
        Same response and groups, row by row.
    same_fixed, same_random : bool
        Same columns by value (in any order), and for the random part the same
        blocks of G.
    loglik_difference : float
        REML log-likelihood of the second minus that of the first; nan when the
        rows differ, for then it means nothing.
    """

    same_rows: bool
    same_fixed: bool
    same_random: bool
    loglik_difference: float

    @property
    def holds(self) -> bool:
        """Whether the models are the same."""
        same = self.same_rows and self.same_fixed and self.same_random
        return same and abs(self.loglik_difference) < 1e-7

    def __str__(self) -> str:
        words = {True: "same", False: "different"}
        return (
            f"{'equivalent' if self.holds else 'not equivalent'}: {words[self.same_rows]} rows, "
            f"{words[self.same_fixed]} fixed columns, {words[self.same_random]} random columns, "
            f"REML log-likelihoods differ by {self.loglik_difference:.2g} (priors are not compared)"
        )

    __repr__ = __str__


def equivalence(first: Model, second: Model) -> Equivalence:
    """Compare two models on their data, however each was written.

    Examples
    --------
    >>> import hierbayes as hb
    >>> hs = hb.load_dataset("hs")
    >>> combined = hb.Model("mathach ~ ses * Sector + (1 + ses | school)", data=hs)
    >>> hb.equivalence(combined, hb.Model(combined.multilevel(), data=hs)).holds
    True
    """
    a, b = first.problem.design, second.problem.design
    same_rows = a.n == b.n and np.array_equal(a.rows.y, b.rows.y)
    same_rows = same_rows and np.array_equal(_labels(a), _labels(b))
    if not same_rows:
        return Equivalence(False, False, False, float("nan"))
    blocks = [_match(part, other) for part, other in zip(_blocks(a), _blocks(b), strict=False)]
    return Equivalence(
        same_rows=True,
        same_fixed=_match(a.rows.X, b.rows.X),
        same_random=len(a.blocks) == len(b.blocks) and all(blocks),
        loglik_difference=second.reml().loglik - first.reml().loglik,
    )


def _labels(design: Design) -> np.ndarray:
    return np.asarray(design.groups)[design.rows.codes]


def _blocks(design: Design) -> list[Floats]:
    """Columns of each block of G, blocks in an order that does not depend on writing."""
    parts = [design.rows.Z[:, at] for at in block_slices(design.blocks)]
    return sorted(parts, key=lambda part: (part.shape[1], float((part**2).sum())))


def _match(a: Floats, b: Floats) -> bool:
    """Whether two matrices have the same columns, in any order."""
    if a.shape != b.shape:
        return False
    left = list(range(b.shape[1]))
    for column in a.T:
        scale = max(float(np.abs(column).max(initial=0.0)), 1e-300)
        found = [k for k in left if np.abs(b[:, k] - column).max(initial=0.0) <= _SAME * scale]
        if not found:
            return False
        left.remove(found[0])
    return True
