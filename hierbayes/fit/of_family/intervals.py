"""Wald intervals of an approximate maximum."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy.special import ndtri

from hierbayes.display.interval import Interval
from hierbayes.fit.fitted import Fitted
from hierbayes.fit.intervals import interval_frame, pair_names
from hierbayes.frames.arrays import Floats
from hierbayes.likelihood.covariance import sd_corr
from hierbayes.likelihood.dispersion import dispersion_of_natural


def latent_intervals(
    fit: Fitted, natural: tuple[Floats, Floats], interval: Interval, threshold_errors: Floats
) -> pd.DataFrame:
    """Normal limits of γ, and of variance parameters on log sd, atanh ρ and log φ.

    The frame's ``attrs["method"]`` says what the limits are.

    Parameters
    ----------
    fit : Fitted
    natural : (values, errors)
        As `natural_variances` has them.
    interval : Interval
    threshold_errors : (d,) float
        Standard errors of thresholds; empty where the family has none.
    """
    wide = float(ndtri(interval.tails[1]))
    gamma, half = fit.gamma, wide * np.sqrt(np.diagonal(fit.gamma_cov))
    frames = [interval_frame("gamma", fit.design.terms, gamma - half, gamma, gamma + half)]
    values, errors = natural
    lower, upper = values - wide * errors, values + wide * errors
    q, pairs = len(fit.design.effects), pair_names(fit)
    sd = sd_corr(fit.G)[0]
    with np.errstate(over="ignore"):
        at = slice(0, q)
        frames.append(
            interval_frame("sd", fit.design.effect_labels, np.exp(lower[at]), sd, np.exp(upper[at]))
        )
        if pairs:
            at = slice(q, q + len(pairs))
            limits = np.tanh(lower[at]), np.tanh(values[at]), np.tanh(upper[at])
            frames.append(interval_frame("corr", pairs, *limits))
        if len(threshold_errors):
            found = fit.phi_draws[0, 0]
            half = wide * threshold_errors
            dispersion: tuple[Floats, ...] = (found - half, found, found + half)
        else:
            free = (one[q + len(pairs) :] for one in (lower, values, upper))
            dispersion = tuple(
                dispersion_of_natural(fit.problem.family_rows.family, one) for one in free
            )
    for k, name in enumerate(fit.problem.dispersion):
        frames.append(interval_frame(name, (name,), *(one[k : k + 1] for one in dispersion)))
    table = pd.concat(frames)
    of_what = " of the log posterior" if fit.engine == "MAP" else ""
    table.attrs["method"] = (
        f"{interval} Wald intervals from the full Hessian{of_what}: normal for gamma, on log sd, "
        "log((1 + ρ)/(1 − ρ)) and the logarithm of the dispersion (thresholds as they are); limits "
        "are missing on the boundary and along directions in which the likelihood does not end"
    )
    return table
