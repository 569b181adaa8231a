"""Which cases matter, and for what: fixed rules over the tables of an influence study.

Of m cases and p fixed columns:

==================== =====================================================================
Cook's distance      above 4/m
DFBETAS              beyond ±2/√m (Belsley, Kuh & Welsch 1980)
COVRATIO             off 1 by more than 3p/m (the same)
a variance parameter an sd or σ changed by more than 10 %, a correlation by more than 0.1
a conclusion         a t-value that crosses ±2, or G singular only with, or only without
==================== =====================================================================

They point to what deserves a look; none is a test.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

T_LIMIT = 2.0
RELATIVE_LIMIT = 0.10
CORR_LIMIT = 0.1
_NAMED = 5  # cases, in sentences


@dataclass(frozen=True, slots=True, eq=False)
class InfluenceTables:
    """What the rules read.

    Parameters
    ----------
    kind : str
        What a case is called: the grouping factor, or ``"row"``.
    frame, dfbetas, t, variance : DataFrame
        A row per case, as in `influence.Influence`; ``t`` holds the t-values without it.
    full_t, full_variance : Series
        With all cases.
    full_singular : bool
    """

    kind: str
    frame: pd.DataFrame
    dfbetas: pd.DataFrame
    t: pd.DataFrame
    variance: pd.DataFrame
    full_t: pd.Series
    full_variance: pd.Series
    full_singular: bool


def limits(m: int, p: int) -> pd.Series:
    """The limits of the rules for m cases and p fixed columns."""
    return pd.Series(
        {
            "cook": 4.0 / m,
            "dfbetas": 2.0 / np.sqrt(m),
            "covratio": 3.0 * p / m,
            "relative": RELATIVE_LIMIT,
            "corr": CORR_LIMIT,
            "t": T_LIMIT,
        },
        name="limit",
    )


def findings(tables: InfluenceTables, limit: pd.Series) -> tuple[str, ...]:
    """The rules applied, in words."""
    return (
        *_for_gamma(tables, limit),
        *_for_variances(tables),
        *_for_conclusions(tables),
        *_left_in(tables),
    )


def _for_gamma(tables: InfluenceTables, limit: pd.Series) -> list[str]:
    frame, kind, m = tables.frame, tables.kind, len(tables.frame)
    far = frame["cook"] > limit["cook"]
    wide = (frame["covratio"] - 1.0).abs() > limit["covratio"]
    found = [
        f"{int(far.sum())} of {m} cases ({kind}) {'has' if far.sum() == 1 else 'have'} a Cook's "
        f"distance above 4/{m} = {limit['cook']:.2g}"
    ]
    if frame["covratio"].notna().any():
        found[0] += (
            f", {int(wide.sum())} a COVRATIO off 1 by more than 3p/{m} = {limit['covratio']:.2g}"
        )
    order = np.argsort(-frame["cook"].where(far).to_numpy(), kind="stable")[: int(far.sum())]
    for i in order[:_NAMED]:
        moved = tables.dfbetas.iloc[i]
        beyond = moved[moved.abs() > limit["dfbetas"]].sort_values(key=abs, ascending=False)
        parts = ", ".join(f"'{term}' by {value:+.2f}" for term, value in beyond.items())
        what = f"it moves {parts} standard errors" if parts else "no coefficient alone moves far"
        found.append(
            f"{kind} {frame.index[i]} matters for γ: Cook's distance {frame['cook'].iloc[i]:.3f}; "
            f"{what}"
        )
    if len(order) > _NAMED:
        found.append(f"and {len(order) - _NAMED} more, see frame")
    return found


def _for_variances(tables: InfluenceTables) -> list[str]:
    """The case that moves each variance parameter most, where it moves it far."""
    found = []
    for name, full in tables.full_variance.items():
        without = tables.variance[name].dropna()
        if without.empty or not np.isfinite(full):
            continue
        is_corr = str(name).startswith("corr")
        limit = CORR_LIMIT if is_corr else RELATIVE_LIMIT * abs(full)
        change = (without - full).abs().to_numpy()
        if change.max() <= max(limit, 1e-12):
            continue
        i = int(change.argmax())
        share = "" if is_corr or full == 0.0 else f" ({(without.iloc[i] / full - 1.0):+.0%})"
        many = int((change > limit).sum())
        others = f"; {many} cases move it beyond the limit" if many > 1 else ""
        found.append(
            f"{name} answers most to {tables.kind} {without.index[i]}: {full:.4f} with it, "
            f"{without.iloc[i]:.4f} without{share}{others}"
        )
    return found


def _for_conclusions(tables: InfluenceTables) -> list[str]:
    found = []
    for term in tables.t:
        full, without = float(tables.full_t[term]), tables.t[term].dropna()
        large = abs(full) > T_LIMIT
        other = without[((without.abs() > T_LIMIT) != large) | (without * full < 0.0) & large]
        if len(other):
            shown = ", ".join(
                f"{case} ({value:+.2f})" for case, value in list(other.items())[:_NAMED]
            )
            more = f" and {len(other) - _NAMED} more" if len(other) > _NAMED else ""
            found.append(
                f"the t-value of '{term}', {full:+.2f}, crosses {T_LIMIT:g} without "
                f"{tables.kind} {shown}{more}"
            )
    refitted = tables.frame["method"] == "refit"
    singular = tables.frame.loc[refitted, "singular"].astype(bool)
    other = singular[singular != tables.full_singular]
    if len(other):
        shown = ", ".join(str(case) for case in other.index[:_NAMED])
        more = f" and {len(other) - _NAMED} more" if len(other) > _NAMED else ""
        now = "is singular, and is not without" if tables.full_singular else "is singular without"
        found.append(f"G {now} {tables.kind} {shown}{more}")
    return found


def _left_in(tables: InfluenceTables) -> list[str]:
    reasons = tables.frame["reason"]
    found = []
    for reason, cases in reasons[reasons != ""].groupby(reasons, sort=False):
        shown = ", ".join(str(case) for case in cases.index[:_NAMED])
        more = f" and {len(cases) - _NAMED} more" if len(cases) > _NAMED else ""
        found.append(f"{tables.kind} {shown}{more} cannot be left out: {reason}")
    return found
