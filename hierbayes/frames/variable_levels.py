"""The level of each variable: within groups, between them, or derived from the one at the other."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from hierbayes.display.blocks import Items, Table
from hierbayes.display.cell import significant
from hierbayes.display.page import Page, Printed
from hierbayes.errors import DataError
from hierbayes.frames.constancy import (
    NUMBER,
    as_floats,
    partly_missing,
    varies_within,
)
from hierbayes.frames.factor_levels import FactorLevels, factor_levels, words_of
from hierbayes.frames.grouping import Groups, group_rows
from hierbayes.frames.named_columns import shown
from hierbayes.frames.native_numbers import native_numbers
from hierbayes.frames.variable_rows import (
    CENTRED,
    DERIVED,
    LEVEL1,
    LEVEL2,
    kind_and_variances,
    levels_and_sources,
)

_FEW = 0.05  # of the groups: a variable that varies in no more is suspected of wrong entries
_ENOUGH = 5  # groups from which on it can be suspected
_COLUMNS = ("level", "source", "kind", "categories", "missing", "varies_in", "within", "between",
            "icc")  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Levels(Printed):
    """The level of each variable of data in groups.

    Parameters
    ----------
    table : DataFrame
        A row per variable. ``level``: "1" varies within groups (elsewhere micro, or inner); "1,
        centred" is the deviation of a level-1 variable from its group mean; "2" is constant within
        groups (macro, or outer); "2, derived" is, too, and is a statistic of a level-1 variable, so
        that another sample of the group would change it; "constant" has one value in all, "all
        missing" none. ``source``: what it is derived from. ``kind``: number, true/false, date or
        factor; ``categories``: how many levels a factor has in use. ``missing``: rows without a
        value. ``varies_in``: groups in which it varies. ``within``, ``between``: variances by
        one-way analysis of variance (the moment estimator, unbiased; the one between may be
        negative), of the last of two categories as 0 and 1, missing where there are more; ``icc``:
        the share of the one between in both.
    title : str
        What the data are.
    groups : int
        How many groups there are; of several factors, how many the first one has.
    notes : tuple of str
    factors : DataFrame
        A row per grouping factor, the lowest first: its ``level``, its ``groups``, the factors that
        it is ``nested in`` and those that it is ``crossed with``.

    Notes
    -----
    Of several factors ``level`` counts on: "3" is constant within the groups of a factor in which
    others are nested. ``of`` is the factor whose groups the variable belongs to, the highest one;
    ``varies_in`` and ``icc`` have a column for each factor, as in ``icc|school``, each as if it
    were the only one: the icc is the correlation of two rows of one of its groups.
    """

    table: pd.DataFrame
    title: str
    groups: int
    notes: tuple[str, ...]
    factors: pd.DataFrame

    @property
    def level1(self) -> tuple[str, ...]:
        """Variables that vary within groups."""
        return self.of_level(1)

    @property
    def level2(self) -> tuple[str, ...]:
        """Variables that are constant within groups and vary between them."""
        return self.of_level(2)

    def of_level(self, level: int) -> tuple[str, ...]:
        """Variables of one level, derived ones included."""
        first = self.table["level"].str.split(",").str[0]
        return tuple(self.table.index[first == str(level)])

    @property
    def derived(self) -> tuple[str, ...]:
        """Variables that are made from others, at either level."""
        return tuple(self.table.index[self.table["level"].str.contains(",")])

    def page(self) -> Page:
        """The table, and what to look into."""
        shown = (Table(_cells(self)), Items(self.notes))
        factors = (Table(self.factors, "Factors"),) if len(self.factors) > 1 else ()
        return Page(self.title, blocks=(*factors, *shown))


def levels(df: pd.DataFrame, group: str | Sequence[str]) -> Levels:
    """Say for each variable at which level it is, and how its variance splits.

    Parameters
    ----------
    df : DataFrame
    group : str or list of str
        The column that names the group of each row; several columns are as many grouping factors,
        nested or crossed.

    Returns
    -------
    Levels
        Prints as a table; ``table`` has the numbers.

    Raises
    ------
    DataError
        When there is one group, or each row is one of its own.

    Notes
    -----
    A variable is derived when it equals, in every group to 1e-8 of its range, the mean or the
    standard deviation of a level-1 variable, the share of one level of a factor (of up to 20
    levels), or the number of rows; or when it says no more than whether such a share is none, some
    or all of the group. A school mean that was published, rounded or of another sample is none of
    these and counts as a characteristic of the group. Where groups are few, a characteristic may
    equal such a statistic by coincidence. Missing values are left out, variable by variable.

    Source: the slides "Types of variables in multilevel models".

    Examples
    --------
    >>> import hierbayes as hb
    >>> hs = hb.load_dataset("hs")
    >>> hs["ses.m"] = hb.cvar(hs["ses"], hs["school"])
    >>> found = hb.levels(hs[["school", "mathach", "ses", "ses.m", "Sex", "Sector"]], "school")
    >>> print(found)
    Levels of 5 variables: 1977 rows in 40 groups of school (29 to 66 rows)
    <BLANKLINE>
                  level        kind missing varies in  within  between     icc derived from
    mathach           1      number       0  40 of 40   39.64    7.299  0.1555
    ses               1      number       0  40 of 40  0.4138   0.1561  0.2739
    ses.m    2, derived      number       0   0 of 40       0   0.1645       1  mean of ses
    Sex               1  factor (2)       0  29 of 40  0.1691  0.08124  0.3245
    Sector            2  factor (2)       0   0 of 40       0   0.2503       1
    """
    df = native_numbers(df)
    groups = group_rows(df, group)
    if len(groups.names) == 1:
        return _levels(df, groups)
    found = factor_levels(df, groups.names)
    named = [name for name in df.columns if name not in groups.names]
    by_factor = {name: _levels(df[[*named, *one.names]], one) for name, one in found.groups.items()}
    return _joined(by_factor, found, len(df))


def _levels(df: pd.DataFrame, groups: Groups) -> Levels:
    """Those of the groups of one factor."""
    _refuse_no_levels(groups)
    columns = {name: df[name] for name in df.columns if name not in groups.names}
    varies = {name: varies_within(column, groups) for name, column in columns.items()}
    inner = {name: columns[name] for name, found in varies.items() if found.any()}
    where = levels_and_sources(columns, inner, groups)
    rows = {
        name: (*where[name], *kind_and_variances(columns[name], varies[name], groups))
        for name in columns
    }
    table = pd.DataFrame.from_dict(rows, orient="index", columns=list(_COLUMNS))
    table = table.rename_axis("variable").astype({"categories": "Int64"})
    notes = tuple(_notes(columns, table, groups))
    factors = pd.DataFrame(
        {"level": 2, "groups": groups.J}, index=pd.Index([groups.name], name="factor")
    )
    return Levels(table, _title(table, groups), groups.J, notes, factors)


def _joined(by_factor: Mapping[str, Levels], found: FactorLevels, rows: int) -> Levels:
    """The levels of several factors, each variable with the highest factor it belongs to."""
    first = next(iter(by_factor.values())).table
    table = first[["level", "source", "kind", "categories", "missing"]].copy()
    table.insert(1, "of", "")
    table["level"] = table["level"].mask(table["level"].isin([LEVEL2, DERIVED]), LEVEL1)
    for name, levels in by_factor.items():  # from the lowest to the highest
        one, level = levels.table, found.table.at[name, "level"]
        above = one["level"].isin([LEVEL2, DERIVED])
        equal = above & (table["level"].str.split(",").str[0] == str(level))
        table["of"] = table["of"].mask(above, name).mask(equal, table["of"] + ", " + name)
        said = one["level"].str.replace(LEVEL2, str(level))
        table["level"] = table["level"].mask(above, said)
        centred = (one["level"] == CENTRED) & (table["of"] == "")
        table["level"] = table["level"].mask(centred, CENTRED)
        table["source"] = table["source"].mask(above, one["source"])
        of = one["source"] + " (" + name + ")"
        table["source"] = table["source"].mask(centred, of)
        table[f"varies_in|{name}"] = one["varies_in"]
    for name, levels in by_factor.items():
        table[f"icc|{name}"] = levels.table["icc"]
    notes = [f"{name}: {note}" for name, levels in by_factor.items() for note in levels.notes]
    counts = ", ".join(f"{count} groups of {name}" for name, count in found.table["groups"].items())
    title = f"Levels of {len(table)} variables: {rows} rows in {counts}"
    lowest = int(found.table["groups"].iloc[0])
    return Levels(table, title, lowest, (*words_of(found), *notes), found.table)


def _refuse_no_levels(groups: Groups) -> None:
    if groups.J < 2:
        raise DataError(
            f"'{groups.name}' has one group ('{groups.label_text(0)}'); levels need two or more"
        )
    if groups.sizes.max() == 1:
        raise DataError(
            f"every row is a group of its own by '{groups.name}'; nothing can vary within groups"
        )


def _title(table: pd.DataFrame, groups: Groups) -> str:
    low, high = groups.sizes.min(), groups.sizes.max()
    rows = f"{low} rows" if low == high else f"{low} to {high} rows"
    return (
        f"Levels of {len(table)} variables: {groups.sizes.sum()} rows in {groups.J} groups of "
        f"{groups.name} ({rows})"
    )


def _notes(columns: dict[str, pd.Series], table: pd.DataFrame, groups: Groups) -> Iterator[str]:
    if groups.without_group:
        yield f"left out: {groups.without_group} rows in which '{groups.name}' is missing"
    for name in table.index[table["level"].isin([LEVEL2, DERIVED])]:
        partly = int(partly_missing(columns[name], groups).sum())
        if partly:
            yield (
                f"'{name}' has one known value a group but is missing in some rows of {partly} "
                "groups; up() and to_levels() take it for one that varies until it is filled"
            )
    for name in table.index[table["kind"] == NUMBER]:
        infinite = int(np.isinf(as_floats(columns[name])).sum())
        if infinite:
            yield f"'{name}' is infinite in {infinite} rows, which its variances leave out"
    few = table["varies_in"].between(1, max(1.0, _FEW * groups.J)) & (groups.J >= _ENOUGH)
    for name in table.index[few]:
        where = varies_within(columns[name], groups).nonzero()[0].tolist()
        yield (
            f"'{name}' varies in {len(where)} of {groups.J} groups only "
            f"({shown(map(groups.label_text, where))}); if it is a variable of level 2, its values "
            "there disagree"
        )
    alike = table.index[(table["level"] == LEVEL1) & (table["between"] < 0.0)]
    if len(alike):
        yield (
            f"the variance between groups of {shown(alike)} is estimated below 0: no sign that the "
            "groups differ"
        )


def _cells(levels: Levels) -> pd.DataFrame:
    """The table as the text that is shown."""
    table = levels.table
    cells = pd.DataFrame(index=table.index.rename(None))
    cells["level"] = table["level"]
    if "of" in table:
        cells["of"] = table["of"]
    factors = table["categories"].notna()
    counts = [f"{kind} ({k})" if factor else kind for kind, k, factor in
              zip(table["kind"], table["categories"], factors, strict=True)]  # fmt: skip
    cells["kind"] = counts
    cells["missing"] = table["missing"]
    if "of" not in table:
        cells["varies in"] = [f"{varying} of {levels.groups}" for varying in table["varies_in"]]
    for name in table.columns[table.columns.str.match(r"within|between|icc")]:
        cells[name] = table[name].map(significant)
    if table["source"].any():
        cells["derived from"] = table["source"]
    return cells
