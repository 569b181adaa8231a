"""Randomised quantile residuals.

r = Φ⁻¹(a + v(b − a)), a = P(Y < y), b = P(Y ≤ y), v uniform: standard normal where the model is
right, whatever the response is.

References
----------
Dunn & Smyth (1996), doi:10.1080/10618600.1996.10474708.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy.special import ndtri

from hierbayes.fit.fitted import Fitted
from hierbayes.fit.predictions.law_of_rows import law_of, observed_responses
from hierbayes.fit.predictions.prediction_rows import rows_to_predict
from hierbayes.specification.counts import refuse_bad_seed

_MOST_DRAWS = 500  # of a posterior, spread evenly over its chains


def quantile_residuals(fit: Fitted, effects: str | Sequence[str], seed: int | None) -> pd.Series:
    """Quantile residuals of the rows of a fit.

    Parameters
    ----------
    fit : Fitted
    effects : str or sequence of str
        Which random effects are counted, as in `Fit.predict`.
    seed : int, optional

    Raises
    ------
    DataError
        When there are no such effects.
    FamilyError
        When the family states no distribution function.
    EstimationError
        When seed is no whole number in its range.
    """
    seed = int(np.random.default_rng().integers(2**31)) if seed is None else seed
    refuse_bad_seed(seed)
    rows = rows_to_predict(fit.design, None, effects=effects)
    law, y, phi = law_of(fit.problem, rows), observed_responses(fit.problem), fit.response_phi
    places = _places(fit)
    below, upto = np.zeros(fit.design.n), np.zeros(fit.design.n)
    for at in places:
        eta = rows.linear(fit.gamma_draws[at], [part[at] for part in fit.us])
        found = law.below(y, eta, phi[at])
        below, upto = below + found[0] / len(places), upto + found[1] / len(places)
    v = np.random.default_rng(seed).random(len(below))
    inside = np.clip(below + v * (upto - below), 1e-300, 1.0 - 1e-16)
    rest = np.where(np.asarray(law.sizes) > 0.0, ndtri(inside), 0.0)  # no trials say nothing
    name = "quantile residual" + (", averaged over draws" if len(places) > 1 else "")
    found_all = pd.Series(rest, index=fit.design.rows.index, name=name)
    found_all.attrs["seed"] = seed
    return found_all


def _places(fit: Fitted) -> list[tuple[int, int]]:
    """The draws (chain, draw) that are averaged over."""
    chains, draws = fit.theta.shape
    total = chains * draws
    chosen = np.unique(np.linspace(0, total - 1, min(total, _MOST_DRAWS)).round().astype(int))
    return [(int(one) // draws, int(one) % draws) for one in chosen]
