"""The coefficients of each group, fit by fit: BLUPs beside posterior means."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import chain, product

import numpy as np
import pandas as pd

from hierbayes.fit.convergence import mcse_of_means
from hierbayes.fit.effects import population_draws
from hierbayes.fit.fit import Fit
from hierbayes.studies.comparison.effect_labels import EffectLabels
from hierbayes.studies.comparison.row_index import ordered_index


def coefficients(fit: Fit, labels: EffectLabels) -> pd.DataFrame:
    """β_j by effect and group: estimate, its sd, and the Monte Carlo error of the estimate.

    For a point the BLUP and its prediction error given θ̂ (``blup_sd`` of `Fit.shrinkage`);
    for a posterior mean and sd of β_j.  Of several grouping factors one after the other.
    """
    parts = [_of_factor(fit, k, labels.effects[span]) for k, span in enumerate(fit.design.spans)]
    return parts[0] if len(parts) == 1 else pd.concat(parts)


def _of_factor(fit: Fit, k: int, effects: tuple[str, ...]) -> pd.DataFrame:
    """The coefficients of the groups of one factor."""
    groups = fit.design.factors[k].labels
    index = pd.MultiIndex.from_product([groups, effects], names=["group", "effect"])
    draws = population_draws(fit, k) + fit.us[k]
    draws = draws.reshape(*draws.shape[:2], -1)
    values, sd = draws.mean(axis=(0, 1)), fit.group_sd(k).ravel()
    mcse = mcse_of_means(draws) if fit.sampled else np.full(len(values), np.nan)
    table = pd.DataFrame({"estimate": values, "se": sd, "mcse": mcse}, index=index)
    return table.swaplevel().sort_index(level="effect", sort_remaining=False, kind="stable")


def group_table(
    fits: Mapping[str, Fit],
    tables: Mapping[str, pd.DataFrame],
    by_factor: Mapping[str, tuple[tuple[str, ...], pd.Index]],
) -> pd.DataFrame:
    """The coefficients of all fits, a row per group, effect and fit.

    Returns
    -------
    DataFrame
        Columns ``value``, ``sd``, ``mcse``; ``rank`` of the group among all (1 is the largest);
        ``difference`` from the first fit in sds of the first posterior that has the effect, or
        without one in sds of the first fit. Effects that a model has not are missing.
    """
    names = list(tables)
    first = tables[names[0]]
    posteriors = [name for name in names if fits[name].sampled]
    unit = pd.concat([*(tables[name]["se"] for name in posteriors), first["se"]])
    unit = unit[~unit.index.duplicated()]  # labels need not have an order, as alignment wants
    parts = {}
    for name, table in tables.items():
        rank = table["estimate"].groupby(level="effect").rank(ascending=False, method="min")
        same, scale = first["estimate"].reindex(table.index), unit.reindex(table.index)
        difference = (table["estimate"] - same) / scale
        if name == names[0]:
            difference[:] = np.nan
        parts[name] = pd.DataFrame(
            {
                "value": table["estimate"],
                "sd": table["se"],
                "mcse": table["mcse"],
                "rank": rank,
                "difference": difference,
            }
        )
    levels = ["group", "effect", "fit"]
    keys = (product(groups, effects, names) for effects, groups in by_factor.values())
    rows = ordered_index(chain.from_iterable(keys), levels)
    stacked = pd.concat(parts, names=["fit", "effect", "group"])
    table = stacked.reorder_levels(levels).reindex(rows).set_axis(rows)
    return table.astype({"rank": "Int64"})
