"""Variances within groups, between groups and in all: of the data, and as a model has them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from hierbayes.design.design import Design
from hierbayes.display.interval import Interval
from hierbayes.fit.fit import Fit
from hierbayes.fit.fitted import Fitted
from hierbayes.fit.variance import between_variance, explained_variance
from hierbayes.frames.arrays import Floats, Integers
from hierbayes.frames.grouping import variance_components


def group_means(columns: Floats, codes: Integers, J: int) -> Floats:
    """Mean of each column in each group, (J, k)."""
    counts = np.bincount(codes, minlength=J)
    sums = [np.bincount(codes, column, minlength=J) for column in columns.T]
    means: Floats = np.array(sums).reshape(len(sums), J).T / counts[:, None]
    return means


def deviations(columns: Floats, codes: Integers, J: int) -> Floats:
    """Columns less their group means (n, k), each centred first so that no digit is lost."""
    centred = columns - columns.mean(axis=0)
    rest: Floats = centred - group_means(centred, codes, J)[codes]
    return rest


def spread_table(design: Design) -> pd.DataFrame:
    """Variance of the response and of every fixed column, split within and between groups.

    Columns ``within``, ``between``, ``total`` (sums of squares over n, so that the first two
    add up to the third), ``share_between`` (η², the correlation ratio) and ``icc``, the
    intraclass correlation by one-way analysis of variance, see
    `hierbayes.frames.grouping.variance_components`; it may be negative.
    """
    kept = np.ptp(design.rows.X, axis=0) > 0.0
    columns = np.column_stack([design.rows.response, design.rows.X[:, kept]])
    names = [design.specification.response]
    names += [term for term, varies in zip(design.terms, kept, strict=True) if varies]
    n, J = len(columns), design.J
    rest = deviations(columns, design.rows.codes, J)
    within = (rest**2).sum(axis=0)
    centred = columns - columns.mean(axis=0)
    total = (centred**2).sum(axis=0)
    between = ((centred - rest) ** 2).sum(axis=0)
    rows = np.bincount(design.rows.codes, minlength=J).astype(np.float64)
    tau2, sigma2 = variance_components(within, between, rows)
    return pd.DataFrame(
        {
            "within": within / n,
            "between": between / n,
            "total": total / n,
            "share_between": between / total,
            "icc": tau2 / (tau2 + sigma2),
        },
        index=pd.Index(names, name="column"),
    )


def fixed_variance(fit: Fitted) -> tuple[Floats, Floats]:
    """Variance over the rows of x'γ within and between groups, both (chains, draws)."""
    design = fit.design
    X = design.rows.X - design.rows.X.mean(axis=0)
    rest = deviations(X, design.rows.codes, design.J)
    return explained_variance(fit.gamma_draws, rest), explained_variance(fit.gamma_draws, X - rest)


def random_variance(fit: Fitted) -> Floats:
    """z'Gz averaged over the rows (chains, draws)."""
    return between_variance(fit.theta.G, fit.design.rows.second_moment)


def spread_in_words(fit: Fit, interval: Interval) -> list[str]:
    """What the columns of `draws_table` are, of a posterior; a point fit has estimates alone."""
    if not fit.sampled:
        return []
    return [f"estimate and sd are the posterior mean and sd, limits enclose {interval}"]


def draws_table(
    draws: Mapping[Any, Floats], name: str | tuple[str, ...], fit: Fit, interval: Interval
) -> pd.DataFrame:
    """Estimate, and for a posterior sd and limits, of quantities (chains, draws) by label.

    ``name`` is that of the index, or names where labels are tuples.
    """
    rows = [
        {"estimate": float(values.mean())} | fit.spread(values, interval)
        for values in draws.values()
    ]
    if isinstance(name, str):
        return pd.DataFrame(rows, index=pd.Index(list(draws), name=name))
    return pd.DataFrame(rows, index=pd.MultiIndex.from_tuples(list(draws), names=name))
