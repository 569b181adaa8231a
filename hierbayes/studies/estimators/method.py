"""A method: what it did, its estimates, and how it prints."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd

from hierbayes.display.blocks import Items, Table
from hierbayes.display.page import Page, Printed


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Method(Printed):
    """One method of estimation and what it says.

    Parameters
    ----------
    key : str
        ``"1"``, ``"2a"``, ``"2b"``, ``"3"``, ``"4"``, ``"5"`` or ``"6"``.
    name : str
        In a few words.
    about : tuple of str
        What was fitted, to how many rows and groups, what was left out, σ.
    coefficients : DataFrame
        In the terms of the formula: ``estimate``, ``se``, ``df``, ``t``, ``p``.
    lines : DataFrame
        The same of intercept (at x = 0) and slope in each level, index (coefficient, level); no
        intercepts where the method has none.
    lines_cov : DataFrame
        Covariance of these.
    quantities : DataFrame
        The same of the quantities that all methods share: the slope of x in each level, and its
        difference from that of the first level.
    tests : DataFrame
        F tests, a row each: ``F``, ``df1``, ``df2``, ``p``.
    sigma : float
        Residual standard deviation; of the group means for method 4, missing for method 3.
    further : mapping
        Other tables of the method, by title.
    """

    key: str
    name: str
    about: tuple[str, ...]
    coefficients: pd.DataFrame
    lines: pd.DataFrame
    lines_cov: pd.DataFrame
    quantities: pd.DataFrame
    tests: pd.DataFrame
    sigma: float
    further: Mapping[str, pd.DataFrame]

    @property
    def label(self) -> str:
        """Key and name."""
        return f"{self.key} {self.name}"

    def page(self) -> Page:
        """What was done, the coefficients, and further tables."""
        tables = (Table(frame, title) for title, frame in self._tables())
        return Page(f"Method {self.label}", blocks=(Items(self.about), *tables))

    def _tables(self) -> list[tuple[str, pd.DataFrame]]:
        tables = [("Coefficients", self.coefficients)]
        if len(self.lines) > 2:
            tables.append(("Lines", self.lines))
        tables += [("Tests", self.tests)] * (len(self.tests) > 0)
        return tables + list(self.further.items())


def tests_table(tests: Mapping[str, pd.Series]) -> pd.DataFrame:
    """F tests by name."""
    if not tests:
        return pd.DataFrame(columns=["F", "df1", "df2", "p"], index=pd.Index([], name="test"))
    return pd.DataFrame(tests).T.rename_axis("test")
