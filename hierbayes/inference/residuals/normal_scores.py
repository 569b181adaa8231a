"""Normal scores: where the values of a sample would lie if they were normal."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy.special import ndtri

from hierbayes.frames.arrays import Floats


def normal_scores(values: Floats) -> Floats:
    """Blom's scores Φ⁻¹((r − 3/8)/(m + 1/4)) of the ranks r of m values (n,).

    Equal values share their mean rank; missing values have no score and do not count.

    References
    ----------
    Blom (1958), *Statistical Estimates and Transformed Beta-Variables*.

    Examples
    --------
    >>> normal_scores(np.array([3.0, 1.0, 2.0])).round(3) + 0.0
    array([ 0.869, -0.869,  0.   ])
    """
    ranks = pd.Series(values).rank().to_numpy(dtype=np.float64)
    count = int(np.isfinite(values).sum())
    scores: Floats = ndtri((ranks - 0.375) / (count + 0.25))
    return scores
