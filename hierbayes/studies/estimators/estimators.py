"""Six estimators, one table."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from hierbayes.display.blocks import Items, Table
from hierbayes.display.page import Page, Printed
from hierbayes.fit.fit import Fit
from hierbayes.studies.comparison.row_index import ordered_index
from hierbayes.studies.estimators.between_groups import between_groups
from hierbayes.studies.estimators.efficiency import alike_table, efficiency_table
from hierbayes.studies.estimators.findings import findings
from hierbayes.studies.estimators.fixed_effects import averaged, common_slopes
from hierbayes.studies.estimators.grouped_rows import GroupedRows
from hierbayes.studies.estimators.hierarchical import contextual, fit_both, hierarchical
from hierbayes.studies.estimators.linear_estimate import COLUMNS
from hierbayes.studies.estimators.method import Method
from hierbayes.studies.estimators.pooled import pooled
from hierbayes.studies.estimators.reading import read_question
from hierbayes.studies.estimators.slope_identity import identity_table, slope_table
from hierbayes.studies.estimators.two_stage import two_stage
from hierbayes.studies.estimators.verdicts import (
    ROBUST,
    judge,
    printed,
    reason_items,
    reason_table,
    verdict_table,
)


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Estimators(Printed):
    """Six estimators of one slope; everything printed is here as a table or as sentences.

    Parameters
    ----------
    about : tuple of str
        The question, the data, and what was left out.
    table : DataFrame
        Index (quantity, method). The quantities are the slope of x in each level of the factor
        and its difference from that of the first level. Columns: ``estimate``, ``se``, ``df``,
        ``t``, ``p``, and ``reaches``, the groups the standard error speaks of. Pooling has two
        rows, with naive and with cluster-robust (CR2) standard errors.
    verdicts : DataFrame
        Index method: what it ``estimates``, whether it is ``consistent``, ``efficient`` and
        ``honest``, and whom it ``reaches``; see `verdicts` for the rules.
    reasons : DataFrame
        Index method: why, for each of the three.
    methods : mapping
        Each method by its key, ``"1"`` to ``"6"``, with its own tables.
    slopes : DataFrame
        Index (level, estimator): slopes over all rows and in each level by itself, pooled, within
        and between groups, see `slope_identity.slope_table`.
    identity : DataFrame
        pooled = η² between + (1 − η²) within, see `slope_identity.identity_table`.
    share : DataFrame
        Index method, a column per level: how far the slope lies from that within groups (0) to
        that between groups, weighted by rows (1).
    efficiency : DataFrame
        How alike groups are in each level, and what equal weights cost.
    alike : DataFrame
        How alike the levels are, see `efficiency.alike_table`.
    fits : mapping
        The REML fits of methods 5 and 6.
    findings : tuple of str
        Why the estimates differ.
    """

    about: tuple[str, ...]
    table: pd.DataFrame
    verdicts: pd.DataFrame
    reasons: pd.DataFrame
    methods: Mapping[str, Method]
    slopes: pd.DataFrame
    identity: pd.DataFrame
    share: pd.DataFrame
    efficiency: pd.DataFrame
    alike: pd.DataFrame
    fits: Mapping[str, Fit]
    findings: tuple[str, ...]

    def tables(self) -> dict[str, pd.DataFrame]:
        """All tables by name."""
        names = (
            "table",
            "verdicts",
            "reasons",
            "slopes",
            "identity",
            "share",
            "efficiency",
            "alike",
        )
        return {name: getattr(self, name) for name in names}

    def page(self) -> Page:
        """Slopes by all methods, verdicts with reasons, and why the estimates differ."""
        blocks = (
            Table(self.table.drop(columns="reaches"), "Slopes"),
            Table(printed(self.verdicts), "Verdicts"),
            Table(self.efficiency, "Groups in each level, and the efficiency of equal weights"),
            Items(reason_items(self.verdicts, self.reasons), "Reasons"),
            Items(self.findings, "Why they differ"),
        )
        return Page("Six estimators", self.about, blocks)


def estimators(
    formula: str, *, group: str, data: pd.DataFrame, between: str = "equal"
) -> Estimators:
    """Estimate a slope by six methods, from pooling to a hierarchical model with group means.

    1. pooled least squares; 2a. a regression in each group, averaged; 2b. an intercept for each
    group, one slope for each level; 3. a regression in each group, then a linear model of their
    coefficients; 4. a regression of group means; 5. a hierarchical model by REML; 6. the same
    with the group mean of x.

    Parameters
    ----------
    formula : str
        ``"y ~ x"``, or ``"y ~ x * factor"`` with a factor (or True and False) that is constant
        within groups.
    group : str
        Column of groups.
    data : DataFrame
        One row per observation; rows with a missing value are left out and counted. Groups with
        one row or constant x are left out of 2a and 3, and counted.
    between : str
        Weights of the group means in method 4: ``"equal"``, or ``"n"`` for their rows.

    Returns
    -------
    Estimators
        Prints as one table of the slopes by all methods, verdicts with reasons, and why the
        estimates differ.

    Raises
    ------
    FormulaError
        When the formula is not of one of the two forms.
    DataError
        When x does not vary within groups, the factor does, a level has fewer than three groups
        with a slope, or x has the same mean in all groups.
    StudyError
        When `between` is neither.

    Examples
    --------
    >>> import hierbayes as hb
    >>> six = hb.estimators("mathach ~ ses * Sector", group="school", data=hb.load_dataset("hs"))
    >>> print(six.table.loc["ses: Public − Catholic", ["estimate", "se"]].round(2).to_string())
                                     estimate    se
    method
    1 pooled OLS                         1.61  0.38
    1 pooled OLS, CR2                    1.61  0.50
    2a fixed effects, averaged           1.11  0.45
    2b fixed effects, common slopes      1.20  0.44
    3 two-stage                          1.11  0.51
    4 between groups                     2.47  1.39
    5 hierarchical                       1.39  0.44
    6 hierarchical + cvar                1.17  0.49
    """
    specification, rows = read_question(formula, group, data)
    ecological = between_groups(rows, between)
    fits = fit_both(specification, rows, data)
    made = [
        pooled(rows), averaged(rows), common_slopes(rows), two_stage(rows), ecological,
        hierarchical(fits.plain, rows), contextual(fits.contextual, rows),
    ]  # fmt: skip
    methods = {method.key: method for method in made}
    efficiency = efficiency_table(rows, fits.contextual, between)
    alike = alike_table(rows, fits.contextual, between)
    verdicts = judge(methods, fits, efficiency, alike, rows)
    identity = identity_table(rows)
    table = _table(methods, {label: verdict.reaches for label, verdict in verdicts.items()})
    share = _share(table, identity, rows)
    return Estimators(
        about=_about(formula, rows),
        table=table,
        verdicts=verdict_table(verdicts),
        reasons=reason_table(verdicts),
        methods=methods,
        slopes=slope_table(rows),
        identity=identity,
        share=share,
        efficiency=efficiency,
        alike=alike,
        fits={"5": fits.plain, "6": fits.contextual},
        findings=findings(rows, methods, identity, share),
    )


def _table(methods: Mapping[str, Method], reaches: Mapping[str, str]) -> pd.DataFrame:
    """Every quantity by every method."""
    by_label = {method.label: method.quantities for method in methods.values()}
    by_label[ROBUST] = methods["1"].further["Quantities with CR2"]
    quantities = methods["1"].quantities.index
    keys = [(quantity, label) for quantity in quantities for label in reaches]
    values = [by_label[label].loc[quantity].to_numpy() for quantity, label in keys]
    index = ordered_index(keys, ["quantity", "method"])
    table = pd.DataFrame(np.array(values), index=index, columns=COLUMNS)
    return table.assign(reaches=[reaches[label] for _, label in keys])


def _share(table: pd.DataFrame, identity: pd.DataFrame, rows: GroupedRows) -> pd.DataFrame:
    """Where the slopes lie between those within (0) and between groups (1), level by level."""
    levels = identity.loc[list(rows.levels)] if rows.L > 1 else identity
    quantities = table.index.levels[0][: rows.L]
    columns = {}
    for quantity, (level, row) in zip(quantities, levels.iterrows(), strict=True):
        way = row["between"] - row["within"]
        columns[level] = (table.loc[quantity, "estimate"] - row["within"]) / way
    return pd.DataFrame(columns)


def _about(formula: str, rows: GroupedRows) -> tuple[str, ...]:
    levels = ""
    if rows.factor is not None:
        counts = rows.by_level(np.ones(rows.J)).astype(int)
        listed = ", ".join(f"{n} {name}" for name, n in zip(rows.levels, counts, strict=True))
        levels = f"; {rows.factor}: {listed}"
    return (
        f"Question: the slope of {rows.predictor} in {formula}",
        f"Data:     {rows.N} rows, {rows.J} groups ({rows.group}){levels}; {rows.dropped}",
        f"Groups:   {rows.left_out()} of methods 2a and 3",
    )
