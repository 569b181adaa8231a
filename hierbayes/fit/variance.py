"""Variances of a fit: G, σ, and the share of the variance between groups."""

from __future__ import annotations

from collections.abc import Mapping
from numbers import Real

import numpy as np
import pandas as pd

from hierbayes.design.design import Design
from hierbayes.design.identification import blind_directions
from hierbayes.design.problem import Problem
from hierbayes.errors import DataError, in_quotes
from hierbayes.fit.fitted import Fitted
from hierbayes.frames.arrays import Booleans, Floats
from hierbayes.likelihood.covariance import block_mask

RESIDUAL = "Residual"
SCALES = ("latent", "response")


def var_corr(fit: Fitted) -> pd.DataFrame:
    """Variance, sd and correlations, a row per effect and one for the residual.

    Columns ``corr[e]`` hold the correlation with an earlier effect e of the same block, missing
    elsewhere and, as a variance is, for a point fit where the likelihood does not contain it.
    Of several grouping factors the rows are by factor and effect.  For a posterior each entry is
    the posterior mean of that very quantity (the sd's mean is not the root of the variance's).
    """
    effects = list(fit.design.effects)
    sd, corr = fit.theta.sd, fit.theta.corr
    variances = np.diagonal(fit.theta.G, axis1=-2, axis2=-1)
    table = pd.DataFrame(
        {
            "variance": [*variances.mean(axis=(0, 1)), (fit.theta.sigma**2).mean()],
            "sd": [*sd.mean(axis=(0, 1)), fit.theta.sigma.mean()],
        },
        index=_row_names(fit),
    )
    known = bool(fit.design.specification.known_sd)
    table = table.iloc[:-1].copy() if known or fit.problem.family is not None else table
    shown = np.tril(block_mask(fit.design.blocks), -1)
    means, unknown = np.where(shown, mean_corr(corr), np.nan), fit.unknown_corr()
    means[unknown] = np.nan
    table.iloc[np.flatnonzero(np.diag(unknown)), :2] = np.nan
    for effect in dict.fromkeys(effects):
        own = [k for k, name in enumerate(effects) if name == effect]
        if shown[:, own].any():
            values = np.where(shown[:, own], means[:, own], np.nan)
            table[f"corr[{effect}]"] = [*_first_known(values), np.nan][: len(table)]
    return table


def _row_names(fit: Fitted) -> pd.Index:
    design = fit.design
    if len(design.factors) == 1:
        return pd.Index([*design.effects, RESIDUAL], name="effect")
    names = [(name.factor, name.effect) for name in design.effect_names]
    return pd.MultiIndex.from_tuples([*names, (RESIDUAL, "")], names=["factor", "effect"])


def _first_known(values: Floats) -> Floats:
    """The one entry that is known in each row (q, k), which holds no more; missing without."""
    known = np.isfinite(values)
    picked: Floats = values[np.arange(len(values)), known.argmax(axis=1)]
    return picked


def undetermined(problem: Problem) -> Booleans:
    """Variances and correlations (q, q) that are not in the likelihood by themselves."""
    blind = blind_directions(problem.working, problem.design.blocks)
    if problem.design.specification.known_sd and blind.residual:  # σ² is not to be told apart
        return np.zeros_like(blind.entries)
    entries = blind.entries
    alone = np.diag(entries)
    unknown: Booleans = (entries | alone[:, None] | alone) & block_mask(problem.design.blocks)
    np.fill_diagonal(unknown, alone)
    return unknown


def mean_corr(corr: Floats) -> Floats:
    """Mean over draws of correlations (q, q); missing where none exists."""
    exists = np.isfinite(corr)
    count = exists.sum(axis=(0, 1))
    total = np.where(exists, corr, 0.0).sum(axis=(0, 1))
    return np.divide(total, count, out=np.full(count.shape, np.nan), where=count > 0)


def icc_draws(fit: Fitted, at: dict[str, float] | None) -> Floats:
    """z'Gz/(z'Gz + σ²) (chains, draws) of the only factor, z given or averaged over the rows.

    Variances of errors that are unequal are averaged over the rows, too.
    """
    _ = fit.design.factor  # refuses several
    return shares_by_factor(fit, at)[0]


def shares_by_factor(fit: Fitted, at: dict[str, float] | None) -> tuple[Floats, ...]:
    """Each factor's share z_k'G_kz_k/(Σ_l z_l'G_lz_l + σ²) of the unexplained variance."""
    design = fit.design
    second = design.rows.second_moment if at is None else moment_at(design, at)
    return shares_of(fit.theta.G, fit.residual_variance, second, design.spans)


def shares_of(
    G: Floats, residual: Floats, second: Floats, spans: tuple[slice, ...]
) -> tuple[Floats, ...]:
    """Each factor's share (...) of what G (..., q, q) and the residual variance (...) make.

    ``second`` is E[zz'] (q, q), z the random columns of all factors.
    """
    parts = [between_variance(G[..., span, span], second[span, span]) for span in spans]
    total = sum(parts) + residual
    return tuple(part / total for part in parts)


def moment_at(design: Design, at: dict[str, float]) -> Floats:
    """zz' (q, q) at stated values of random columns, 0 where none is stated."""
    if not isinstance(at, Mapping) or not all(isinstance(v, Real) for v in at.values()):
        raise DataError(f"at must map random columns to numbers, as in {{'x': 0}}, not {at!r}")
    unknown = [name for name in at if name not in design.effects]
    if unknown:
        listed = in_quotes(dict.fromkeys(design.effects))
        raise DataError(f"'{unknown[0]}' is no random column of this model; they are: {listed}")
    for name, value in at.items():
        if not np.isfinite(value):
            raise DataError(f"at must be finite, and '{name}' is {value:g}; give it a number")
    default = {"Intercept": 1.0} | at
    z = np.array([default.get(name, 0.0) for name in design.effects])
    return np.outer(z, z)


def between_variance(G: Floats, second: Floats) -> Floats:
    """z'Gz (...) of G (..., q, q), averaged over z of the second moment E[zz'] (q, q)."""
    between: Floats = np.einsum("...kl,kl->...", G, second)
    return between


def explained_variance(gamma: Floats, X: Floats) -> Floats:
    """Variance of x'γ over the rows (...) for γ (..., p) and centred columns X (n, p).

    A sum of squares over n − 1, as the reference programs of Nakagawa and Schielzeth's R² have it.
    """
    return variance_of_sums(gamma, X.T @ X / (len(X) - 1))


def variance_of_sums(gamma: Floats, covariance: Floats) -> Floats:
    """γ'Cγ (...) for γ (..., p) and a covariance C (p, p) of columns."""
    variance: Floats = np.einsum("...p,pr,...r->...", gamma, covariance, gamma)
    return variance


def icc(fit: Fitted, at: dict[str, float] | None) -> pd.Series | pd.DataFrame:
    """Intraclass correlation: the estimate, and for a posterior its sd; a row for each factor."""
    fit.design.specification.refuse_no_random_part("icc()")
    return shares_table(fit, shares_by_factor(fit, at))


def shares_table(fit: Fitted, shares: tuple[Floats, ...]) -> pd.Series | pd.DataFrame:
    """Shares (chains, draws) of each factor: the estimate, and for a posterior its sd."""
    rows = [{"icc": float(draws.mean())} | fit.spread(draws) for draws in shares]
    if len(rows) == 1:
        return pd.Series(rows[0], name="icc")
    return pd.DataFrame(rows, index=pd.Index(fit.design.specification.factors, name="factor"))


def of_factor(
    fit: Fitted, shares: pd.Series | pd.DataFrame, factor: str | None
) -> pd.Series | pd.DataFrame:
    """What `icc` found of one grouping factor; all of it where none is named.

    Raises
    ------
    DataError
        When the model has no such factor.
    """
    if factor is None:
        return shares
    name = fit.design.specification.factors[fit.design.place_of_factor(factor)]
    if len(fit.design.factors) == 1:
        return shares
    if shares.index.nlevels > 1:
        return shares.xs(name, level="factor")
    return shares.loc[name].rename("icc")
