"""Interval estimates of every parameter, from draws or from nlme's approximations."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy.special import ndtri

from hierbayes.display.interval import Interval
from hierbayes.fit.degrees_of_freedom.source import METHODS, DfSource
from hierbayes.fit.degrees_of_freedom.tails import t_quantile
from hierbayes.fit.evidence import Maximum
from hierbayes.fit.fitted import Fitted
from hierbayes.fit.variance import mean_corr
from hierbayes.frames.arrays import Floats
from hierbayes.likelihood.covariance import correlated_pairs, sd_corr

_COLUMNS = ["lower", "estimate", "upper"]


def posterior_intervals(fit: Fitted, interval: Interval) -> pd.DataFrame:
    """Equal-tailed limits about posterior means, by block and parameter.

    The frame's ``attrs["method"]`` says what the limits are.
    """
    parts = {
        "gamma": (fit.design.terms, fit.gamma_draws, fit.gamma),
        "sd": (fit.design.effect_labels, *_sd_draws(fit)),
        "corr": (pair_names(fit), *_corr_draws(fit)),
    }
    known = bool(fit.design.specification.known_sd)  # σ is 1, of errors divided by their sd
    for k, name in enumerate(() if known else fit.problem.dispersion):
        draws = fit.phi_draws[..., k : k + 1]
        parts[name] = ((name,), draws, draws.mean(axis=(0, 1)))
    errors, draws = fit.error_draws
    parts["residual"] = (errors, draws, draws.mean(axis=(0, 1)))
    frames = []
    for block, (names, draws, mean) in parts.items():
        if len(names):
            frames.append(interval_frame(block, names, *_limits(draws, mean, interval)))
    table = pd.concat(frames)
    table.attrs["method"] = f"{interval} posterior intervals; estimates are posterior means"
    return table


def _limits(draws: Floats, mean: Floats, interval: Interval) -> tuple[Floats, Floats, Floats]:
    lower, upper = interval.of_draws(draws)
    return lower, mean, upper


def _sd_draws(fit: Fitted) -> tuple[Floats, Floats]:
    sd = fit.theta.sd
    return sd, sd.mean(axis=(0, 1))


def _corr_draws(fit: Fitted) -> tuple[Floats, Floats]:
    corr = fit.theta.corr
    rows, columns = correlated_pairs(fit.design.blocks)
    return corr[..., rows, columns], mean_corr(corr)[rows, columns]


def approximate_intervals(
    fit: Fitted, evidence: Maximum, source: DfSource, interval: Interval
) -> pd.DataFrame:
    """t limits of γ, nlme's Wald limits of variance parameters on their natural scale.

    The frame's ``attrs["method"]`` says what the limits are.
    """
    gamma, se = fit.gamma, np.sqrt(np.diagonal(source.gamma_cov))
    half = t_quantile(source.of_each(), interval.tails[1]) * se
    frames = [interval_frame("gamma", fit.design.terms, gamma - half, gamma, gamma + half)]
    frames.extend(variance_frames(fit, evidence, interval))
    frames.extend(fit.error_intervals(interval))
    table = pd.concat(frames)
    df = "; ".join((METHODS[source.method], *source.notes))
    table.attrs["method"] = (
        f"{interval} approximate intervals given θ̂: t for gamma, degrees of freedom: "
        f"{df}; Wald on log sd, log((1 + ρ)/(1 − ρ)) and log σ; limits are "
        "missing where Ĝ is singular or its Hessian is not definite"
    )
    return table


def variance_frames(fit: Fitted, evidence: Maximum, interval: Interval) -> list[pd.DataFrame]:
    """nlme's Wald limits of sd, corr and σ, a frame of each; of σ where it is estimated."""
    known = bool(fit.design.specification.known_sd)
    rows, columns = correlated_pairs(fit.design.blocks)
    sd, corr = sd_corr(fit.G)
    estimate = np.concatenate([sd, corr[rows, columns], [] if known else [fit.sigma]])
    lower = upper = np.full(len(estimate), np.nan)
    q, k, c = len(sd), len(estimate), len(sd) + len(rows)
    if evidence.reading is not None and not evidence.singular:
        natural = fit.natural_parameters(evidence.reading)
        half = ndtri(interval.tails[1]) * np.sqrt(np.diagonal(natural.covariance))
        lower = _from_natural(natural.values[:k] - half, q, c)
        upper = _from_natural(natural.values[:k] + half, q, c)
    cuts = {"sd": slice(0, q), "corr": slice(q, c), "sigma": slice(c, k)}
    names = {"sd": fit.design.effect_labels, "corr": pair_names(fit)}
    names["sigma"] = () if known else ("sigma",)
    return [
        interval_frame(block, names[block], lower[cut], estimate[cut], upper[cut])
        for block, cut in cuts.items()
        if len(names[block])
    ]


def _from_natural(values: Floats, q: int, c: int) -> Floats:
    """Of q log sds, logs of ratios up to place c, and log σ behind them."""
    with np.errstate(over="ignore"):  # without an upper limit
        return np.concatenate([np.exp(values[:q]), np.tanh(values[q:c] / 2.0), np.exp(values[c:])])


def pair_names(fit: Fitted) -> tuple[str, ...]:
    """Names of the correlations: the earlier effect, then the later."""
    effects = fit.design.effect_labels
    pairs = zip(*correlated_pairs(fit.design.blocks), strict=True)
    return tuple(f"{effects[c]}, {effects[r]}" for r, c in pairs)


def interval_frame(
    block: str, names: tuple[str, ...], lower: Floats, estimate: Floats, upper: Floats
) -> pd.DataFrame:
    """Limits and estimates (k,) of the parameters of one block."""
    index = pd.MultiIndex.from_product([[block], names], names=["block", "parameter"])
    return pd.DataFrame(np.column_stack([lower, estimate, upper]), index=index, columns=_COLUMNS)
