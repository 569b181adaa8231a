"""A root of rows that stream, where the effects of several grouping factors leave little of y.

Products have not the digits of a residual that is far smaller than the effects; a triangular root
of the rows has (`rows_root`).  It is made in one more reading, a part of the rows at a time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np

from hierbayes.design.basis import Basis
from hierbayes.design.change_of_basis import columns_between
from hierbayes.design.row_parts import RowCases
from hierbayes.design.rows_root import LITTLE_LEFT, MOST_EFFECTS, MUCH_LEFT, root_of_rows, swept
from hierbayes.design.share_left import share_left_of
from hierbayes.design.sparse_products import RowsRoot, SparseProducts
from hierbayes.design.streamed_sums import Pass


def with_root(
    found: Pass, cases: Callable[[], Iterator[RowCases]], sums: Callable[[Basis], Pass]
) -> Pass:
    """What a pass found, with a root of the rows where products may lack digits.

    Parameters
    ----------
    found : Pass
    cases : callable
        Reads the rows once more.
    sums : callable
        Sums them up in another basis.
    """
    cross = found.cross
    if not isinstance(cross, SparseProducts) or sum(cross.sizes) > MOST_EFFECTS:
        return found
    if share_left_of(cross, MOST_EFFECTS) > MUCH_LEFT:
        return found
    root = RowsRoot(root_of_rows(cross, (one.weighed for one in cases())))
    rooted = replace(cross, rows=root)
    share, gamma = swept(rooted)
    if share > LITTLE_LEFT:
        return replace(found, cross=rooted)
    basis = cross.basis.turned(np.eye(len(gamma)), cross.basis.taken + gamma)
    anew = sums(basis)
    assert isinstance(anew.cross, SparseProducts)
    turned = RowsRoot(root.R, columns_between(cross.basis, basis))
    return replace(anew, cross=replace(anew.cross, rows=turned))
