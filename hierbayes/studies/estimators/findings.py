"""Why the estimates differ, in sentences made from the tables."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from hierbayes.studies.estimators.grouped_rows import GroupedRows
from hierbayes.studies.estimators.method import Method
from hierbayes.studies.estimators.verdicts import ALPHA, p_text, test_text, two_slopes_differ


def findings(
    rows: GroupedRows, methods: Mapping[str, Method], identity: pd.DataFrame, share: pd.DataFrame
) -> tuple[str, ...]:
    """Sentences on mixtures, weights and standard errors, in that order.

    Where a slope lies between two others is said only if these are found to differ.
    """
    levels = identity.index[1:] if rows.L > 1 else identity.index
    return (
        *(_mixture(level, identity.loc[level], methods["6"]) for level in levels),
        _two_slopes(methods["6"]),
        *([_pull(methods, share, rows.levels)] if two_slopes_differ(methods["6"]) else []),
        _weights(methods),
        _generalising(rows, methods),
    )


def _mixture(level: str, row: pd.Series, contextual: Method) -> str:
    where = "" if level == "all" else f"{level}: "
    return (
        f"{where}the pooled slope {row['pooled']:z.3f} is {row['eta2']:.3f} × "
        f"{row['between']:z.3f} (between groups) + {1.0 - row['eta2']:.3f} × "
        f"{row['within']:z.3f} (within), with η², the share of the variation of x between groups, "
        f"as weight; it holds to {_size(row['gap'])}"
        f"{_paradox(row) if two_slopes_differ(contextual) else ''}"
    )


def _paradox(row: pd.Series) -> str:
    """The name of a change of sign, where the two slopes are found to differ."""
    if row["within"] * row["between"] >= 0.0:
        return ""
    if row["within"] * row["pooled"] < 0.0:
        return "; all rows together have another sign than those within groups: Simpson's paradox"
    return (
        "; group means have another sign than rows within groups: Robinson's paradox, the "
        "ecological fallacy where one is read as the other"
    )


def _two_slopes(contextual: Method) -> str:
    test = contextual.tests.iloc[0]
    more = contextual.further["Between less within"].iloc[: len(contextual.lines)]["estimate"]
    by = ", ".join(f"{value:+.3f} for {name}" for name, value in more.items())
    if two_slopes_differ(contextual):
        says = "methods that mix the two slopes estimate neither"
    else:
        says = "not enough to tell the two slopes apart"
    return f"between groups the slope exceeds that within by {by} ({test_text(test)}): {says}"


def _pull(methods: Mapping[str, Method], share: pd.DataFrame, levels: tuple[str, ...]) -> str:
    """How far pooled and hierarchical slopes lie from within to between."""
    pooled, plain = share.loc[methods["1"].label], share.loc[methods["5"].label]
    parts = [
        f"{100 * plain.iloc[k]:.0f}%"
        + (f" in {level}" if level else "")
        + f" (the pooled one at {100 * pooled.iloc[k]:.0f}%)"
        for k, level in enumerate(levels)
    ]
    return (
        "from within (0%) to between (100%), the hierarchical slope without the group mean lies at "
        f"{', '.join(parts)}: it weighs the two by their information"
    )


def _weights(methods: Mapping[str, Method]) -> str:
    alike, by_Sxx = (methods[key].quantities["estimate"] for key in ("2a", "2b"))
    gap = (alike - by_Sxx).abs()
    test = methods["2a"].tests.loc["slopes equal within levels"]
    verdict = (
        "slopes of groups of one level differ, so that weights matter"
        if test["p"] < ALPHA
        else "no more than chance does with slopes that are one in each level"
    )
    return (
        "2a and 2b average the same slopes of groups, with equal weights and with sums of squares "
        f"of x; they differ by up to {gap.max():.3f} ({gap.idxmax()}): {verdict} "
        f"({test_text(test)})"
    )


def _generalising(rows: GroupedRows, methods: Mapping[str, Method]) -> str:
    ratio = methods["3"].quantities["se"] / methods["2a"].quantities["se"]
    name = ratio.index[-1]
    first, second = (p_text(methods[key].quantities.loc[name, "p"]) for key in ("2a", "3"))
    return (
        f"2a and 3 have the same estimates; the standard error of {name} is {ratio.iloc[-1]:.2f} "
        f"times as large in 3 ({second} against {first}), which speaks of all groups and not of "
        f"these {int(rows.sloped.sum())} alone"
    )


def _size(gap: float) -> str:
    return "the last digit" if gap == 0.0 else f"1e{int(np.ceil(np.log10(abs(gap))))}"
