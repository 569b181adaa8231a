"""The coefficients of each group, fit by fit: BLUPs beside posterior means."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import product

import numpy as np
import pandas as pd

from hierbayes.fit.convergence import mcse_of_means
from hierbayes.fit.effects import population_draws
from hierbayes.fit.fit import Fit
from hierbayes.fit.point import PointFit
from hierbayes.fit.posterior import PosteriorFit
from hierbayes.studies.comparison.row_index import ordered_index


def coefficients(fit: Fit) -> pd.DataFrame:
    """β_j by effect and group: estimate, its sd, and the Monte Carlo error of the estimate.

    For a point the BLUP and its prediction error given θ̂ (``blup_sd`` of `Fit.shrinkage`);
    for a posterior mean and sd of β_j.
    """
    groups, effects = fit.design.groups, fit.design.effects
    index = pd.MultiIndex.from_product([groups, effects], names=["group", "effect"])
    if isinstance(fit, PointFit):
        shrunk = fit.shrinkage()
        values, sd = shrunk["blup"].to_numpy(), shrunk["blup_sd"].to_numpy()
        mcse = np.full(len(values), np.nan)
    else:
        draws = population_draws(fit) + fit.u_draws
        draws = draws.reshape(*draws.shape[:2], -1)
        values, sd = draws.mean(axis=(0, 1)), draws.std(axis=(0, 1), ddof=1)
        mcse = mcse_of_means(draws)
    table = pd.DataFrame({"estimate": values, "se": sd, "mcse": mcse}, index=index)
    return table.swaplevel().sort_index(level="effect", sort_remaining=False, kind="stable")


def group_table(fits: Mapping[str, Fit], tables: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
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
    posteriors = [name for name in names if isinstance(fits[name], PosteriorFit)]
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
    effects = dict.fromkeys(effect for fit in fits.values() for effect in fit.design.effects)
    groups = next(iter(fits.values())).design.groups
    levels = ["group", "effect", "fit"]
    rows = ordered_index(product(groups, effects, names), levels)
    stacked = pd.concat(parts, names=["fit", "effect", "group"])
    table = stacked.reorder_levels(levels).reindex(rows).set_axis(rows)
    return table.astype({"rank": "Int64"})
