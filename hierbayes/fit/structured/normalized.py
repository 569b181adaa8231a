"""Residuals without the variances and the correlation of their errors."""

from __future__ import annotations

import numpy as np
import pandas as pd

from hierbayes.design.residual_blocks import normalised
from hierbayes.fit.fit import Fit
from hierbayes.frames.arrays import Floats


def normalized_residuals(fit: Fit, rest: pd.Series, z: Floats) -> pd.Series:
    """R^(−1/2) of residuals (n,) over σ, at coordinates z (k,) of the structure of the errors."""
    assert fit.problem.moments is not None
    scaled = np.asarray(rest, dtype=np.float64) / (fit.sigma * fit.design.rows.row_sd)
    values = normalised(fit.problem.moments.rows, z, scaled)
    return pd.Series(values, rest.index, name="residual")
