"""Estimates of each fit in one frame: γ, sd, corr, σ and the intraclass correlation."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from hierbayes.display.interval import Interval
from hierbayes.fit.convergence import mcse_of_means, scalar_draws
from hierbayes.fit.degrees_of_freedom.source import METHODS, usual_or_stated
from hierbayes.fit.fit import Fit
from hierbayes.fit.of_family.point import FamilyPointFit
from hierbayes.fit.point import PointFit
from hierbayes.fit.posterior import PosteriorFit
from hierbayes.fit.variance import shares_by_factor
from hierbayes.frames.arrays import Floats
from hierbayes.likelihood.covariance import correlated_pairs
from hierbayes.studies.comparison.effect_labels import EffectLabels
from hierbayes.studies.comparison.row_index import ordered_index

COLUMNS = ["estimate", "se", "lower", "upper", "median", "mcse"]
BLOCKS = ("gamma", "sd", "corr", "sigma", "residual", "icc")

WALD_T = "Wald t given θ̂, df "
WALD_NORMAL = "Wald normal given θ̂"
WALD_NATURAL = "Wald on natural scale"
WALD_HESSIAN = "Wald from the full Hessian"
EQUAL_TAILED = "posterior equal-tailed"


def estimates(fit: Fit, labels: EffectLabels, interval: Interval) -> pd.DataFrame:
    """Estimate, standard error, limits, median and Monte Carlo error by block and parameter.

    Returns
    -------
    DataFrame
        Of a posterior: mean, sd, equal-tailed limits, median, and the Monte Carlo error of the
        mean. Of a point: the estimate, `standard_errors`, and the limits of `Fit.intervals`;
        a correlation that is not in the likelihood is missing, and so are the limits of
        the intraclass correlation, for which there is no approximation.
    """
    _, draws = scalar_draws(fit, random_effects=False)
    index = _parameters(fit, labels)
    shares = shares_by_factor(fit, None) if labels.shares else ()
    draws = np.concatenate([draws, *(share[..., None] for share in shares)], axis=-1)
    table = pd.DataFrame(np.nan, index=index, columns=COLUMNS)
    if isinstance(fit, PointFit):
        _fill_point(table, fit, draws.mean(axis=(0, 1)), interval)
    else:
        table["estimate"] = draws.mean(axis=(0, 1))
        table["se"] = draws.std(axis=(0, 1), ddof=1)
        table["lower"], table["upper"] = interval.of_draws(draws)
        table["median"] = np.median(draws, axis=(0, 1))
        table["mcse"] = mcse_of_means(draws)
    known = bool(fit.design.specification.known_sd)  # σ is 1, of errors divided by their sd
    return table.drop(index=("sigma", "sigma")) if known else table


def _parameters(fit: Fit, labels: EffectLabels) -> pd.MultiIndex:
    """The scalar parameters by block and name, in the order of their draws."""
    effects = labels.effects
    rows, columns = correlated_pairs(fit.design.blocks)
    keys = [("gamma", term) for term in fit.design.terms] + [("sd", effect) for effect in effects]
    keys += [("corr", f"{effects[c]}, {effects[r]}") for r, c in zip(rows, columns, strict=True)]
    keys += [(name, name) for name in fit.problem.dispersion]
    keys += [("residual", name) for name in fit.error_draws[0]]
    keys += [("icc", name) for name in labels.shares]
    return pd.MultiIndex.from_tuples(keys, names=["block", "parameter"])


def _fill_point(table: pd.DataFrame, fit: PointFit, values: Floats, interval: Interval) -> None:
    table["estimate"] = values
    errors, limits = standard_errors(fit), fit.intervals(interval.prob)
    table.loc[table.index[: len(errors)], "se"] = errors
    own = table.index[: len(limits)]  # all but the shares between groups
    table.loc[own, ["lower", "upper"]] = limits[["lower", "upper"]].to_numpy()
    rows, columns = correlated_pairs(fit.design.blocks)
    absent = fit.unknown_corr()[rows, columns]
    table.iloc[np.flatnonzero(table.index.get_level_values(0) == "corr")[absent]] = np.nan


def standard_errors(fit: PointFit) -> Floats:
    """Standard errors of γ, sd, corr, σ and the errors of a point fit, in the order of the table.

    Returns
    -------
    (k,) float
        That of γ is given θ̂. Those of variance parameters are missing for MAP, where Ĝ is singular
        and where errors are known; elsewhere they come by the delta method from the covariance of
        (log sd, η, log σ) with η = log((1 + ρ)/(1 − ρ)):
        se(sd) = sd·se(log sd), se(ρ) = se(η)·(1 − ρ²)/2, se(σ) = σ·se(log σ), and those of the
        parameters of a residual structure from that of their coordinates.  Of families that
        are not Gaussian all are from the full Hessian: half the widths of their limits on the
        scales where those are normal.
    """
    if isinstance(fit, FamilyPointFit):
        return np.concatenate([np.sqrt(np.diagonal(fit.vcov())), fit.variance_errors])
    of_gamma = np.sqrt(np.diagonal(fit.vcov()))
    _, values = scalar_draws(fit, random_effects=False)
    of_errors = fit.error_se
    variances = values.ravel()[len(of_gamma) : values.size - len(of_errors)]  # of the one θ
    if fit.reading is None or fit.singular:
        return np.concatenate([of_gamma, np.full(len(variances), np.nan), of_errors])
    natural = fit.natural_parameters(fit.reading)
    slope = variances.copy()
    corr = slice(len(fit.design.effects), -1)
    slope[corr] = (1.0 - variances[corr] ** 2) / 2.0
    errors = np.sqrt(np.diagonal(natural.covariance))
    known = np.full(len(slope) - len(errors), np.nan)  # σ, where the variances of errors are
    of_variances = slope * np.append(errors, known)
    return np.concatenate([of_gamma, of_variances, of_errors])


def stack_estimates(tables: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """The tables of all fits below each other, a row per parameter and fit.

    Parameters come block by block in the order of their first appearance; what a model has
    not is missing.
    """
    found = {key: None for table in tables.values() for key in table.index}
    keys = sorted(found, key=lambda key: BLOCKS.index(key[0] if key[0] in BLOCKS else "sigma"))
    names = ["block", "parameter", "fit"]
    rows = ordered_index([(*key, name) for key in keys for name in tables], names)
    stacked = pd.concat(tables, names=["fit", "block", "parameter"])
    return stacked.reorder_levels(names).reindex(rows).set_axis(rows)


def interval_table(fits: Mapping[str, Fit], stacked: pd.DataFrame) -> pd.DataFrame:
    """Limits by parameter, fit and method, a row for each kind of interval at hand.

    Returns
    -------
    DataFrame
        Index (block, parameter, fit, method), columns lower, estimate, upper. Limits that a
        method cannot give (a singular Ĝ) are missing.
    """
    table = stacked.loc[stacked["estimate"].notna(), ["lower", "estimate", "upper"]].reset_index()
    pairs = zip(table["block"], table["fit"], strict=True)
    methods = [_method(fits[name], block) for block, name in pairs]
    table.insert(3, "method", methods)
    kept = table[table["method"] != ""]
    names = ["block", "parameter", "fit", "method"]
    rows = ordered_index(kept[names].itertuples(index=False, name=None), names)
    return kept[["lower", "estimate", "upper"]].set_axis(rows)


def _method(fit: Fit, block: str) -> str:
    if isinstance(fit, PosteriorFit):
        return EQUAL_TAILED
    if isinstance(fit, FamilyPointFit):
        return WALD_HESSIAN if block != "icc" else ""
    if block == "gamma":
        method = usual_or_stated(fit, None).method
        return WALD_NORMAL if method == "none" else WALD_T + METHODS[method]
    return WALD_NATURAL if block != "icc" and fit.reading is not None else ""
