"""Whether a model's columns are among those of another, told by names where rows stream.

Spaces of columns are told of rows; of rows that stream, columns of one name made by one code are
one column.  A model whose columns are combinations of others with other names is not found to be
nested, where the rows in memory would say so.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from hierbayes.design.blocks import block_slices
from hierbayes.fit.point import PointFit
from hierbayes.frames.arrays import Floats


def fixed_by_name(small: PointFit, big: PointFit) -> tuple[Floats | None, str]:
    """Weights (p, p0) of the smaller model's fixed columns, both internal, or what is missing."""
    chosen, missing = _chosen(small.design.terms, big.design.terms)
    if missing:
        return None, f"the fixed column '{missing}'"
    ours, theirs = (fit.problem.holding_sigma.products.basis.x.matrix for fit in (small, big))
    return np.linalg.solve(theirs, chosen @ ours), ""


def random_by_name(small: PointFit, big: PointFit) -> tuple[Floats | None, str]:
    """Weights (q, q0) of the smaller model's random columns, block within block."""
    ours, theirs = (fit.problem.holding_sigma.products.basis.z.matrix for fit in (small, big))
    weights = np.zeros((len(theirs), len(ours)))
    blocks = list(zip(big.design.random_terms, block_slices(big.design.blocks), strict=True))
    mine = zip(small.design.random_terms, block_slices(small.design.blocks), strict=True)
    for term, place in mine:
        for other, inside in blocks:
            chosen, missing = _chosen(small.design.effects[place], big.design.effects[inside])
            if term.factor == other.factor and not missing:
                own = theirs[inside, inside]
                weights[inside, place] = np.linalg.solve(own, chosen @ ours[place, place])
                break
        else:
            return None, f"the random term {term}"
    return weights, ""


def _chosen(wanted: Sequence[str], names: Sequence[str]) -> tuple[Floats, str]:
    """Which of the names are wanted, as a matrix of 0 and 1, and the first that is missing."""
    missing = next((name for name in wanted if name not in names), "")
    return np.array([[float(a == b) for b in wanted] for a in names]), missing
