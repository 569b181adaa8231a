r"""Variance of linear predictors given the estimates of a maximum.

With M_j and C_j of `effect_errors`,

    x'γ + z'u_j  has mean  x'γ̂ + z'û_j  and variance  (x + M_j'z)'Cov(γ̂)(x + M_j'z) + z'C_jz:

the prediction error of a row's own group.  A group that the data do not have has M = 0, and C = G
where its effects are drawn and 0 where they are 0.
"""

from __future__ import annotations

import numpy as np

from hierbayes.fit.fitted import Fitted
from hierbayes.fit.predictions.effect_errors import EffectErrors
from hierbayes.fit.predictions.prediction_rows import PredictionRows
from hierbayes.frames.arrays import Floats

_AT_ONCE = 20_000  # rows


def moved_columns(errors: EffectErrors, rows: PredictionRows) -> Floats:
    """x + M_j'z (n P, p) of each row: how its linear predictor moves with γ̂, û moving too."""
    return _moved(rows, {k: errors.on_gamma(k) for k in rows.counted})


def _moved(rows: PredictionRows, on_gamma: dict[int, Floats]) -> Floats:
    a = rows.X.copy()
    for k, moved in on_gamma.items():
        seen, Z = rows.is_seen(k, len(moved)), rows.Z[:, rows.spans[k]]
        a[seen] += np.einsum("nq,nqp->np", Z[seen], moved[rows.codes_of[k][seen]])
    return np.asarray(a)


def predictor_variance(fit: Fitted, errors: EffectErrors, rows: PredictionRows) -> Floats:
    """Variance (n P,) of linear predictors given θ̂.

    Parameters
    ----------
    fit : Fitted
        With one θ.
    errors : EffectErrors
    rows : PredictionRows
    """
    on_gamma = {k: errors.on_gamma(k) for k in rows.counted}
    G, V, found = fit.theta.G[0, 0], fit.gamma_cov, [np.empty(0)]
    for _, part in rows.parts(_AT_ONCE):
        a, apart = _moved(part, on_gamma), np.zeros(len(part.X))
        for k, moved in on_gamma.items() if part.sampled else ():
            at = part.spans[k]
            seen, Z = part.is_seen(k, len(moved)), part.Z[:, at]
            apart[~seen] += np.einsum("nq,qr,nr->n", Z[~seen], G[at, at], Z[~seen])
        of_gamma = np.einsum("np,pr,nr->n", a, V, a, optimize=True)
        found.append(of_gamma + errors.variance(part) + apart)
    return np.concatenate(found)
