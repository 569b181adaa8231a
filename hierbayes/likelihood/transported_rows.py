"""The array that stands for the rows of a family in `transported`: its parts, and the whole."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from hierbayes.frames.arrays import Floats, Integers
from hierbayes.likelihood.native import bits_of

# At the head of the array; after it (q, J, first effect, first z) of each factor, then the arrays.
LENGTH, FACTORS, DISPERSION, ANCHORED, ROWS_ADDRESS, CONSTANT, WIDTH, HEAD = range(8)


@dataclass(frozen=True, slots=True, eq=False)
class Panels:
    """The rows and the pseudo-data of one grouping factor.

    Parameters
    ----------
    Z : (n, q) float
    codes : (n,) int
        The group of each row.
    A, B : (J, q, q), (J, q, p+1) float
        See `panel_map`.
    weights : (n,) float
        κ, with which effects of factors mapped before count: e = Z'(κ ∘ their part of η).
    """

    Z: Floats
    codes: Integers
    A: Floats
    B: Floats
    weights: Floats


def family_rows(
    family: tuple[int, int, bool, float], y: Floats, m: Floats, offset: Floats, X: Floats,
    panels: Sequence[Panels], order: Sequence[int],
) -> Floats:  # fmt: skip
    """The array that stands in the place of R.

    Parameters
    ----------
    family : (address, d, anchored, constant)
        Of the C function of its rows (`ResponseFamily.rows_address`); how many dispersion
        parameters there are: the first stands in the place of σ, the others behind γ°; whether
        they are the distances of thresholds, the first of which is 0; what Σ ℓ leaves out.
    y, m, offset : (n,) float
        Response, its size, and what is added to η; m may have further columns, (n, w).
    X : (n, p) float
        Fixed columns of γ°.
    panels : sequence of Panels
        One for each grouping factor.
    order : sequence of int
        In which the factors are mapped.
    """
    address, d, anchored, constant = family
    rows = np.lexsort([panels[k].codes for k in reversed(order)])  # those of a group together
    q, J = (np.array([one.A.shape[axis] for one in panels]) for axis in (1, 0))
    sizes = np.column_stack([q, J, np.cumsum(q) - q, np.cumsum(q * J) - q * J])[list(order)]
    width = 1 if np.ndim(m) < 2 else np.shape(m)[1]
    head = [len(y), len(panels), d, anchored, bits_of(address), constant, width]
    parts = [np.array(head), sizes, np.broadcast_to(y, len(y))[rows]]
    shape = (len(y), width) if width > 1 else len(y)
    parts += [np.broadcast_to(m, shape)[rows], np.broadcast_to(offset, len(y))[rows]]
    parts += [X[rows].T]
    for one in (panels[k] for k in order):
        parts += [one.Z[rows].T, one.codes[rows], one.weights[rows], one.A, one.B]
    return np.concatenate([np.ravel(part).astype(np.float64) for part in parts])
