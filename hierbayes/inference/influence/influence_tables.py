"""What leaving out each case changes, as tables that print."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
import xarray as xr

from hierbayes.display.blocks import Items, Table
from hierbayes.display.page import Page, Printed
from hierbayes.fit.of_family.dispersion_tables import under_their_titles

_SHOWN = 5  # cases, in print


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Influence(Printed):
    """What each case does to the estimates; a case is a group (level 2) or a row (level 1).

    Parameters
    ----------
    frame : DataFrame
        A row per case: ``n`` (rows of a group) or ``group`` (with several grouping factors a
        column for each, ``group[school]``), ``leverage``, ``studentized``,
        ``deleted_residual`` (y less its prediction without the row, of a row); then ``cook``,
        ``covratio``, ``cook_given_theta``, ``displacement`` (twice the drop of the likelihood
        of all rows at the estimates without the case), ``region`` (the probability of the χ²
        region on whose border these lie), ``singular`` (G without the case), ``method``
        (``"refit"``, ``"given θ̂"``, or ``"none"`` where the case cannot be left out) and
        ``reason`` (why not).  Of a family that is not Gaussian ``"one step"`` stands for
        ``"given θ̂"``, ``cook_one_step`` for ``cook_given_theta``, and of a row ``deviance``, its
        deviance residual, for leverage and the residuals of y.
    dfbetas : DataFrame
        (γ̂ − γ̂ without the case)/its standard error without the case, by case and term.
    gamma, t : DataFrame
        Estimates of γ without the case and their t-values.
    variance : DataFrame
        sd, corr and σ without the case; missing where θ was not estimated anew.
    G : DataArray
        G without the case (case, effect, effect_bis).
    full : DataFrame
        Estimates with all cases: index (block, parameter), column ``estimate``.
    limits : Series
        Of the rules, see `influence_rules`.
    about, findings : tuple of str
    beside : mapping
        Of a family: under which heads its parameters are shown, `names_by_title`.
    """

    frame: pd.DataFrame
    dfbetas: pd.DataFrame
    gamma: pd.DataFrame
    t: pd.DataFrame
    variance: pd.DataFrame
    G: xr.DataArray
    full: pd.DataFrame
    limits: pd.Series
    about: tuple[str, ...]
    findings: tuple[str, ...]
    beside: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def page(self) -> Page:
        """The cases with the largest Cook's distances, and what was found."""
        order = np.argsort(-self.frame["cook"].fillna(-1.0).to_numpy(), kind="stable")[:_SHOWN]
        hidden = ["singular", "reason", "cook_given_theta", "cook_one_step"]
        hidden += ["region"] * ("n" not in self.frame)
        shown = self.frame.drop(columns=hidden, errors="ignore").iloc[order]
        tables: tuple[Table, ...] = (
            Table(shown.dropna(axis="columns", how="all"), "Largest Cook's distances"),
            Table(_rounded(self.dfbetas.iloc[order]), "DFBETAS of these"),
            *(
                Table(one.T, f"{title} without them")
                for title, one in under_their_titles(
                    self.variance.iloc[order].T, "Variance parameters", self.beside
                )
            ),
        )
        kept = (table for table in tables if table.frame.notna().any(axis=None))
        kind = "groups" if "n" in self.frame else "rows"
        findings = Items(self.findings, "Findings")
        return Page(f"Influence of {len(self.frame)} {kind}", self.about, (*kept, findings))


def _rounded(table: pd.DataFrame) -> pd.DataFrame:
    """The table, what is 0 but for rounding made 0."""
    return table.where(~(table.abs() < 1e-10), 0.0)
