"""A method: what it did, its estimates, and how it prints."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from html import escape

import pandas as pd

from hierbayes.display.table_text import items_text, table_cells, table_text, with_degrees


@dataclass(frozen=True, slots=True, eq=False)
class Method:
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

    def __str__(self) -> str:
        parts = [f"Method {self.label}\n{items_text(self.about)}"]
        parts += [
            f"{title}:\n\n{table_text(with_degrees(table), width=100)}"
            for title, table in self._tables()
        ]
        return "\n\n".join(parts)

    __repr__ = __str__

    def _repr_html_(self) -> str:
        body = "".join(
            f"<h4>{escape(title)}</h4>{table_cells(with_degrees(table)).to_html()}"
            for title, table in self._tables()
        )
        about = "<br>".join(escape(line) for line in self.about)
        return f"<h3>Method {escape(self.label)}</h3><p>{about}</p>{body}"

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
