"""Standard errors with a variance of its own in each level of the factor, as Welch has them.

Methods 3 and 4 pool one residual covariance over the levels.  Where groups of one level tell
less of themselves, that is too small there and too large elsewhere.  Here every level has its
own; a difference of levels has Satterthwaite's degrees of freedom,

    df = (Σ v_l)² / Σ (v_l²/df_l)

with v_l what level l adds to the variance.

References
----------
Welch (1947), *Biometrika* 34, 28–35.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from hierbayes.frames.arrays import Floats
from hierbayes.studies.estimators.linear_estimate import t_table

TITLE = "Quantities, a variance for each level"


def separate_table(slope: Floats, variance: Floats, df: Floats, index: pd.Index) -> pd.DataFrame:
    """The slope in each of L levels and its differences from the first, with Welch's tests.

    Parameters
    ----------
    slope, variance, df : (L,) float
        Of each level by itself.
    index : Index
        Of the 2L − 1 quantities.
    """
    unit = np.eye(len(slope))
    weights = np.vstack([unit, unit[1:] - unit[0]])
    parts = weights**2 * variance
    total = parts.sum(axis=1)
    free = total**2 / (parts**2 / df).sum(axis=1)
    return t_table(weights @ slope, np.sqrt(total), free, index)
