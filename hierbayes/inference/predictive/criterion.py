"""How well a fit says what it has not seen, case by case: a table that prints."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from hierbayes.display.blocks import Items, Table
from hierbayes.display.page import Page, Printed
from hierbayes.fit.fit import Fit
from hierbayes.inference.predictive.case_totals import CaseTotals

BY_ROW = "conditional, by row"
BY_GROUP = "marginal, by group"
_SHOWN = 5  # cases, in print


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class PredictiveCriterion(Printed):
    """The expected log predictive density of a fit, from each case left out in turn.

    Parameters
    ----------
    criterion : str
        ``"conditional, by row"``, a row given the other rows of its group; or ``"marginal, by
        group"``, a group as a new one.
    frame : DataFrame
        A row per case: ``elpd``, log p(y_case | all other cases); ``p``, by how much that is less
        than with the case; ``k_hat`` of its importance weights, missing where there are none;
        ``method``, how it was computed.  Of groups also ``n``, how many rows each has.  Of rows
        that stream the thousand that are predicted worst, with ``times``, how often a row counts,
        where that is more than once.
    k_hat_limit : float
        Above it a k̂ says that the number cannot be trusted; nan where no weights are needed.
    fit : Fit
    factor : str
        Whose groups are left out; empty where rows are.
    about, notes : tuple of str
        What it is of, and what to beware of.
    totals : CaseTotals, optional
        Sums over all rows that stream, which are not kept.
    """

    criterion: str
    frame: pd.DataFrame
    k_hat_limit: float
    fit: Fit
    factor: str
    about: tuple[str, ...]
    notes: tuple[str, ...]
    totals: CaseTotals | None = None

    @property
    def cases(self) -> int:
        """How many cases there are."""
        return len(self.frame) if self.totals is None else self.totals.cases

    @property
    def elpd(self) -> float:
        """Their sum: the larger, the better; missing where a case could not be left out."""
        if self.totals is not None:
            return self.totals.elpd
        return float(self.frame["elpd"].sum(skipna=False))

    @property
    def se(self) -> float:
        """Standard error of the sum, over cases."""
        if self.totals is not None:
            return float(np.sqrt(self.totals.cases * self.totals.variance))
        return float(np.sqrt(len(self.frame) * self.frame["elpd"].var(ddof=1, skipna=False)))

    @property
    def p(self) -> float:
        """Effective number of parameters: what all cases lose by being left out."""
        return float(self.frame["p"].sum(skipna=False)) if self.totals is None else self.totals.p

    @property
    def bad(self) -> pd.Index:
        """The cases whose k̂ is above the limit."""
        if self.totals is not None:
            return self.totals.bad
        return self.frame.index[(self.frame["k_hat"] > self.k_hat_limit).to_numpy()]

    @property
    def table(self) -> pd.DataFrame:
        """The sums in a line; ``cases`` are those that could be left out."""
        values = {
            "elpd": self.elpd, "se": self.se, "p": self.p,
            "cases": self.cases - int(self.frame["elpd"].isna().sum()),
            "k_hat_above_limit": len(self.bad),
        }  # fmt: skip
        return pd.DataFrame(values, index=pd.Index([self.criterion], name="criterion"))

    def page(self) -> Page:
        """The sums, the cases that are predicted worst, and notes."""
        worst = self.frame.nsmallest(_SHOWN, "elpd").dropna(axis="columns", how="all")
        what = f"groups ({self.factor})" if self.factor else "rows"
        blocks = (
            Table(
                self.table.rename(columns={"p": "parameters"}), "Expected log predictive density"
            ),
            Table(worst, f"Predicted worst, of {self.cases} {what}"),
            Items(self.notes, "Notes"),
        )
        return Page(f"Leaving out each case: {self.criterion}", self.about, blocks)


def in_words(labels: pd.Index, limit: int = 8) -> str:
    """Labels of cases, the first few by name.

    Examples
    --------
    >>> in_words(pd.Index([3, 5, 8]), 2)
    '3, 5 and 1 more'
    """
    first = ", ".join(map(str, labels[:limit]))
    return first if len(labels) <= limit else f"{first} and {len(labels) - limit} more"
