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
from hierbayes.likelihood.dispersion import dispersion_at


def latent_intervals(
    fit: Fitted, natural: tuple[Floats, Floats], interval: Interval
) -> pd.DataFrame:
    """Normal limits of γ, and of variance parameters on log sd, atanh ρ and log φ.

    The frame's ``attrs["method"]`` says what the limits are.
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
        frames += _dispersion_frames(fit, [one[q + len(pairs) :] for one in (lower, values, upper)])
    table = pd.concat(frames)
    table.attrs["method"] = (
        f"{interval} Wald intervals from the full Hessian: normal for gamma, on log sd, "
        "log((1 + ρ)/(1 − ρ)) and the logarithm of the dispersion; limits are missing on the "
        "boundary and along directions in which the likelihood does not end"
    )
    return table


def _dispersion_frames(fit: Fitted, free: list[Floats]) -> list[pd.DataFrame]:
    """Lower limit, estimate and upper limit of each dispersion from those of its coordinates."""
    family = fit.problem.family_rows.family
    low, middle, high = (dispersion_at(family, one) for one in free)
    if "ordered" in family.dispersion_kinds:  # coordinates of each rest on those before it
        low, high = np.full_like(low, np.nan), np.full_like(high, np.nan)
    return [
        interval_frame(name, (name,), *(one[k : k + 1] for one in (low, middle, high)))
        for k, name in enumerate(family.dispersion)
    ]
