"""Cross-products by level of one grouping factor."""

from __future__ import annotations

import numpy as np
import pandas as pd

from hierbayes.compilation import compiled
from hierbayes.design.level_labels import Labels, index_of
from hierbayes.frames.arrays import Floats
from hierbayes.value import value


@value()
class LevelProducts:
    """Cross-products by level of one factor with q effects.

    Parameters
    ----------
    held : Index or LevelLabels
        Labels of its J levels.
    A : (J, q, q) float
        Z_j'Z_j.
    B : (J, q, p+1) float
        Z_j'[X_j y_j].
    rows : (J,) float
        Rows of each level.
    """

    held: Labels
    A: Floats
    B: Floats
    rows: Floats

    @property
    def labels(self) -> pd.Index:
        """Of its levels."""
        return index_of(self.held)

    @property
    def J(self) -> int:
        """Number of levels."""
        return len(self.A)

    @property
    def q(self) -> int:
        """Number of effects."""
        return int(self.A.shape[1])

    @property
    def squares(self) -> Floats:
        """Of the squares of each column the sum over all levels and the least of one, (2, q)."""
        found = np.empty((2, self.q))
        _add_squares(self.A, found)
        return found

    def placed(self, labels: pd.Index) -> LevelProducts:
        """The same among all of ``labels``, zero where there were no rows."""
        at = labels.get_indexer(self.labels)
        A, B, rows = (
            np.zeros((len(labels), *one.shape[1:])) for one in (self.A, self.B, self.rows)
        )
        A[at], B[at], rows[at] = self.A, self.B, self.rows
        return LevelProducts(labels, A, B, rows)


@compiled(short_loops=True)
def _add_squares(A: Floats, found: Floats) -> None:
    """Write the sum and the least of the diagonals of A (J, q, q)."""
    for k in range(A.shape[1]):
        found[0, k], found[1, k] = 0.0, np.inf
        for j in range(A.shape[0]):
            found[0, k] += A[j, k, k]
            found[1, k] = min(found[1, k], A[j, k, k])
