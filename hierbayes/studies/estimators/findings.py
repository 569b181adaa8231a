"""Why the estimates differ, in sentences made from the tables."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from hierbayes.studies.estimators.grouped_rows import GroupedRows
from hierbayes.studies.estimators.method import Method
from hierbayes.studies.estimators.verdicts import ALPHA, probability_text


def findings(
    rows: GroupedRows, methods: Mapping[str, Method], identity: pd.DataFrame, share: pd.DataFrame
) -> tuple[str, ...]:
    """Sentences on mixtures, weights and standard errors, in that order."""
    levels = identity.index[1:] if rows.L > 1 else identity.index
    return (
        *(_mixture(level, identity.loc[level]) for level in levels),
        _two_slopes(methods["6"]),
        _pull(methods, share, rows.levels),
        _weights(methods),
        _generalising(rows, methods),
    )


def _mixture(level: str, row: pd.Series) -> str:
    where = "" if level == "all" else f"{level}: "
    return (
        f"{where}the pooled slope {row['pooled']:.3f} is {row['eta2']:.3f} × {row['between']:.3f} "
        f"(between groups) + {1.0 - row['eta2']:.3f} × {row['within']:.3f} (within), with η², the "
        f"share of the variation of x between groups, as weight; it holds to {_size(row['gap'])}"
    )


def _two_slopes(contextual: Method) -> str:
    test = contextual.tests.iloc[0]
    more = contextual.further["Between less within"].iloc[: len(contextual.lines)]["estimate"]
    by = ", ".join(f"{value:+.3f} for {name}" for name, value in more.items())
    if test["p"] < ALPHA:
        says = "methods that mix the two slopes estimate neither"
    else:
        says = "not enough to tell the two slopes apart"
    return (
        f"between groups the slope exceeds that within by {by} ({probability_text(test)}): {says}"
    )


def _pull(methods: Mapping[str, Method], share: pd.DataFrame, levels: tuple[str, ...]) -> str:
    """How far pooled and hierarchical slopes lie from within to between."""
    pooled, plain = share.loc[methods["1"].label], share.loc[methods["5"].label]
    parts = [
        f"{100 * plain.iloc[k]:.0f}% of the way from within to between"
        + (f" in {level}" if level else "")
        + f" (pooled {100 * pooled.iloc[k]:.0f}%)"
        for k, level in enumerate(levels)
    ]
    return (
        f"the hierarchical slope without the group mean lies {', '.join(parts)}: it weighs the "
        "slope between groups by the little that group means tell beside rows"
    )


def _weights(methods: Mapping[str, Method]) -> str:
    alike, by_Sxx = (methods[key].quantities["estimate"] for key in ("2a", "2b"))
    gap = (alike - by_Sxx).abs()
    test = methods["2a"].tests.loc["slopes equal within levels"]
    return (
        "2a and 2b average the same slopes of groups with other weights, equal ones and sums of "
        f"squares of x; they differ by up to {gap.max():.3f} ({gap.idxmax()}), and the slopes of "
        f"groups of one level by more than chance would have it: {probability_text(test)}"
        if test["p"] < ALPHA
        else "2a and 2b average the same slopes of groups with other weights, equal ones and sums "
        f"of squares of x; they differ by up to {gap.max():.3f} ({gap.idxmax()}), no more than "
        f"slopes that are one slope would let them: {probability_text(test)}"
    )


def _generalising(rows: GroupedRows, methods: Mapping[str, Method]) -> str:
    ratio = methods["3"].quantities["se"] / methods["2a"].quantities["se"]
    name = ratio.index[-1]
    p = [methods[key].quantities.loc[name, "p"] for key in ("2a", "3")]
    return (
        f"2a and 3 have the same estimates; the standard error of {name} is {ratio.iloc[-1]:.2f} "
        f"times as large in 3 (p {p[1]:.4f} against {p[0]:.4f}), which speaks of all groups and "
        f"not of these {int(rows.sloped.sum())}"
    )


def _size(gap: float) -> str:
    return "the last digit" if gap == 0.0 else f"1e{int(np.ceil(np.log10(abs(gap))))}"
