"""Stacking weights: the mixture of models that predicts what was left out best.

References
----------
Yao, Vehtari, Simpson & Gelman (2018), doi:10.1214/17-BA1091.
"""

from __future__ import annotations

import numpy as np

from hierbayes.frames.arrays import Floats

_GAP = 1e-7  # of the mean log score: what another mixture could gain at most
_STEPS = 20_000


def stacking_weights(elpd: Floats) -> Floats:
    """Weights (K,), summing to 1, that maximise Σ log Σ_k w_k exp(elpd_ik).

    By the EM algorithm of mixture weights, until the gradient says that no mixture is better.

    Parameters
    ----------
    elpd : (n, K) float
        Log predictive density of each case under each model.

    Examples
    --------
    >>> stacking_weights(np.array([[-1.0, -9.0], [-2.0, -9.0]])).round(4).tolist()
    [1.0, 0.0]
    """
    density = np.exp(elpd - elpd.max(axis=1, keepdims=True))
    weights = np.full(elpd.shape[1], 1.0 / elpd.shape[1])
    for _ in range(_STEPS):
        gain = (density / (density @ weights)[:, None]).mean(axis=0)
        if gain.max() - 1.0 < _GAP:
            break
        weights = weights * gain
    return weights / weights.sum()
