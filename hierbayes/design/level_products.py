"""Cross-products by level of one grouping factor."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd

from hierbayes.frames.arrays import Floats


@dataclass(frozen=True, slots=True, eq=False)
class LevelProducts:
    """Cross-products by level of one factor with q effects.

    Parameters
    ----------
    labels : pandas.Index
        Of its J levels.
    A : (J, q, q) float
        Z_j'Z_j.
    B : (J, q, p+1) float
        Z_j'[X_j y_j].
    rows : (J,) float
        Rows of each level.
    """

    labels: pd.Index
    A: Floats
    B: Floats
    rows: Floats

    @property
    def J(self) -> int:
        """Number of levels."""
        return len(self.A)

    @property
    def q(self) -> int:
        """Number of effects."""
        return int(self.A.shape[1])

    @property
    def noise(self) -> list[float]:
        """Error of each effect that one level estimates by itself on average, against σ.

        Infinite where no row says anything of the effect.
        """
        J, information = self.J, self.A.sum(axis=0).diagonal().tolist()
        return [math.sqrt(J / one) if one > 0.0 else math.inf for one in information]

    def placed(self, labels: pd.Index) -> LevelProducts:
        """The same among all of ``labels``, zero where there were no rows."""
        at = labels.get_indexer(self.labels)
        A, B, rows = (
            np.zeros((len(labels), *one.shape[1:])) for one in (self.A, self.B, self.rows)
        )
        A[at], B[at], rows[at] = self.A, self.B, self.rows
        return LevelProducts(labels, A, B, rows)
