"""Where fits differ by more than Monte Carlo error, and where they agree, in words.

Two estimates differ when their difference is more than `SURE` times its Monte Carlo error and
more than `LARGE` posterior sds: the first, because less may be chance; the second, because less
is of no consequence.  Over the coefficients of J groups the multiple of the Monte Carlo error is
raised so that a false alarm is as improbable as with one.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from scipy.special import ndtr, ndtri

from hierbayes.fit.point import PointFit
from hierbayes.fit.posterior import PosteriorFit
from hierbayes.studies.comparison.fit_pair import FitPair, Side
from hierbayes.studies.comparison.reasons import reasons
from hierbayes.studies.comparison.row_index import ordered_index

SURE = 3.0
LARGE = 0.1
RATIO = 1.1  # of a posterior sd to the standard error given θ̂, from which on it is said

_INDEX = ["first", "second", "block", "parameter"]
_FAMILIES = {
    "gamma": "fixed effects",
    "variance": "variance parameters",
    "beta": "group coefficients",
}


def pairs_to_compare(sides: Mapping[str, Side]) -> list[FitPair]:
    """Every later fit with the first, and every later posterior with the first posterior."""
    names = list(sides)
    posteriors = [name for name in names if sides[name].fit.sampled]
    chosen = [(names[0], name) for name in names[1:]]
    chosen += [(posteriors[0], name) for name in posteriors[1:] if posteriors[0] != names[0]]
    return [FitPair(sides[a], sides[b]) for a, b in chosen]


def difference_table(pairs: list[FitPair], sides: Mapping[str, Side]) -> pd.DataFrame:
    """Every difference of every pair, judged.

    Returns
    -------
    DataFrame
        Index: first, second, block, parameter; the block ``beta`` has the coefficients of the
        groups by effect, each row that of the group where the difference is largest.
        Columns: ``difference`` (second − first), ``mcse`` of it, ``unit``, ``size`` (difference
        in units), ``unit_is`` (``posterior sds``, or ``standard errors`` where no posterior
        has the parameter), ``differs``, ``group`` (of the largest difference), ``groups`` (how
        many groups differ) and ``reasons`` (the rules that apply, where it differs).
    """
    rows, keys = [], []
    for pair in pairs:
        judged = _judged(pair, sides, "estimates")
        judged = judged.assign(group="", groups=pd.NA)
        largest = _largest(_judged(pair, sides, "coefficients"))
        judged = pd.concat([judged, largest]) if len(largest) else judged
        judged["reasons"] = [
            ", ".join(reason.rule for reason in reasons(pair, *key)) if differs else ""
            for key, differs in judged["differs"].items()
        ]
        keys += [(pair.first.name, pair.second.name, *key) for key in judged.index]
        rows.append(judged)
    table = pd.concat(rows).astype({"groups": "Int64"})
    return table.set_axis(ordered_index(keys, _INDEX))


def _of_pair(table: pd.DataFrame, pair: FitPair) -> pd.DataFrame:
    """The rows of one pair, by block and parameter."""
    names = (pair.first.name, pair.second.name)
    chosen = [key[:2] == names for key in table.index]
    return table[chosen].droplevel(["first", "second"])


def _judged(pair: FitPair, sides: Mapping[str, Side], which: str) -> pd.DataFrame:
    """Differences of the estimates both sides have, or of the coefficients of groups."""
    a, b = getattr(pair.first, which), getattr(pair.second, which)
    shared = [key for key in a.index if key in b.index]
    a, b = a.loc[shared], b.loc[shared]
    unit, unit_is = _unit(pair, sides, which, a.index)
    difference = b["estimate"] - a["estimate"]
    mcse = np.hypot(a["mcse"].fillna(0.0), b["mcse"].fillna(0.0))
    size = difference / unit
    sure: pd.Series | float = SURE
    if which == "coefficients":
        J = difference.groupby(level="effect", sort=False).transform("size")
        sure = -ndtri(ndtr(-SURE) / J)
    differs = (difference.abs() > sure * mcse) & (size.abs() > LARGE)
    table = pd.DataFrame(
        {
            "difference": difference,
            "mcse": mcse,
            "unit": unit,
            "size": size,
            "unit_is": unit_is,
            "differs": differs,
        }
    )
    return table[difference.notna()]


def _unit(
    pair: FitPair, sides: Mapping[str, Side], which: str, index: pd.Index
) -> tuple[pd.Series, pd.Series]:
    """The sd of the first posterior that has a parameter, of the pair before others.

    Without one, the first standard error.
    """
    near = [pair.first, pair.second]
    every = near + [side for side in sides.values() if side not in near]
    unit = pd.Series(np.nan, index=index)
    unit_is = pd.Series("", index=index)
    for kind, text in ((PosteriorFit, "posterior sds"), (PointFit, "standard errors")):
        for side in every:
            if isinstance(side.fit, kind):
                unit = unit.fillna(getattr(side, which)["se"].reindex(index))
        unit_is = unit_is.mask(unit.notna() & (unit_is == ""), text)
    return unit.where(unit > 0.0), unit_is


def _largest(judged: pd.DataFrame) -> pd.DataFrame:
    """For each effect the row of the group that differs most, and how many groups differ."""
    rows = {}
    for effect, table in judged.groupby(level="effect", sort=False):
        size = table["size"].abs().fillna(0.0).to_numpy()
        order = np.where(table["differs"], size + size.max() + 1.0, size)
        place = int(order.argmax())
        count = int(table["differs"].sum())
        row = table.iloc[place]
        rows[("beta", effect)] = {**row, "group": table.index[place][1], "groups": count}
    columns = [*judged.columns, "group", "groups"]
    index = ordered_index(rows, ["block", "parameter"])
    return pd.DataFrame(rows.values(), index=index, columns=columns)


def findings(pairs: list[FitPair], table: pd.DataFrame) -> tuple[str, ...]:
    """The differences of every pair, those that have the same reasons in one sentence."""
    sentences = []
    for pair in pairs:
        own = _of_pair(table, pair)
        by_reasons: dict[str, list[str]] = {}
        for (block, parameter), row in own[own["differs"]].iterrows():
            why = " ".join(f"{reason}." for reason in reasons(pair, block, parameter))
            by_reasons.setdefault(why, []).append(_difference_text(pair, block, parameter, row))
        start = f"'{pair.second.name}' against '{pair.first.name}'"
        sentences += [f"{start}: {'; '.join(texts)}. {why}" for why, texts in by_reasons.items()]
    return tuple(sentences)


def _difference_text(pair: FitPair, block: str, parameter: str, row: pd.Series) -> str:
    """Which parameter, both values, and the size of their difference."""
    key = (parameter, row["group"]) if block == "beta" else (block, parameter)
    first, second = (
        float((side.coefficients if block == "beta" else side.estimates).loc[key, "estimate"])
        for side in (pair.first, pair.second)
    )
    noise = f", Monte Carlo error {row['mcse'] / row['unit']:.2f}" if row["mcse"] > 0.0 else ""
    size = f"{row['size']:+.2f} {row['unit_is']}{noise}"
    if block == "beta":
        J = pair.first.J(block, parameter)
        return (
            f"the coefficients of '{parameter}' in {row['groups']} of {J} groups, most in group "
            f"{row['group']}, {second:.4g} against {first:.4g} ({size})"
        )
    return f"{parameter_text(block, parameter)} {second:.4g} against {first:.4g} ({size})"


def parameter_text(block: str, parameter: str) -> str:
    """The name of a parameter in a sentence.

    Examples
    --------
    >>> parameter_text("gamma", "ses"), parameter_text("sd", "ses"), parameter_text("icc", "icc")
    ("'ses'", 'sd(ses)', 'icc')
    """
    if block in ("gamma", "beta"):
        return f"'{parameter}'"
    return parameter if block == parameter else f"{block}({parameter})"


def agreements(pairs: list[FitPair], table: pd.DataFrame) -> tuple[str, ...]:
    """A sentence for every family of parameters of a pair that agrees, or for what is left."""
    sentences = []
    for pair in pairs:
        own = _of_pair(table, pair)
        blocks = own.index.get_level_values("block")
        family = blocks.where(blocks.isin(["gamma", "beta"]), "variance")
        for key, what in _FAMILIES.items():
            part = own[(family == key) & own["size"].notna()]
            same = part[~part["differs"]]
            if len(same):
                other = "" if len(same) == len(part) else "other "
                start = f"'{pair.first.name}' and '{pair.second.name}': the {other}{what}"
                sentences.append(f"{start} {_agreement_text(same)}")
    return tuple(sentences)


def _agreement_text(same: pd.DataFrame) -> str:
    """How closely the rows agree."""
    if (same["size"].abs() < 1e-9).all():
        return "are equal."
    within = (same["difference"].abs() <= SURE * same["mcse"]).all()
    block, parameter = same["size"].abs().idxmax()
    row = same.loc[(block, parameter)]
    where = parameter_text(block, parameter)
    if block == "beta":
        where += f" in group {row['group']}"
    how = "agree within Monte Carlo error" if within else "agree"
    return f"{how}; the largest difference, of {where}, is {row['size']:+.2g} {row['unit_is']}."


def plug_in_sentences(table: pd.DataFrame, plug_ins: Mapping[str, str]) -> list[tuple[bool, str]]:
    """For each posterior with a plug-in fit, what this fit's standard errors leave out.

    Returns
    -------
    list of (bool, str)
        Whether the largest ratio of a posterior sd to a standard error is above `RATIO`, and
        the sentence.
    """
    sentences = []
    for posterior, plug_in in plug_ins.items():
        for block, what in (("gamma", "fixed effects"), ("beta", "group coefficients")):
            chosen = [key[:2] == (posterior, block) for key in table.index]
            rows = table[chosen]
            if rows.empty:  # of groups that a model without a random part has not
                continue
            key = rows["ratio"].idxmax()
            row = rows.loc[key]
            where = parameter_text(block, key[2])
            if block == "beta":
                where += f" in group {row['group']}"
            large = bool(row["ratio"] > RATIO)
            sentences.append(
                (
                    large,
                    f"the standard errors of '{plug_in}' for {what} leave out "
                    f"{'uncertainty of θ' if large else 'little'}: the posterior sd of "
                    f"'{posterior}' is at most {row['ratio']:.3g} times as large, for {where}"
                    f"{_source_text(row) if large else ''}.",
                )
            )
    return sentences


def _source_text(row: pd.Series) -> str:
    """Where a posterior variance above the plug-in one comes from."""
    if np.isnan(row["share"]):
        return ""
    at, given, theta = row["plug_in"] ** 2, row["given_theta"] ** 2, row["from_theta"] ** 2
    return (
        f"; its variance given θ is {at:.3g} at θ̂ and {given:.3g} on average over θ, and the "
        f"uncertainty of θ adds {theta:.3g}"
    )
