"""Tables of pairs of residuals within groups, by how far they are apart."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass

import pandas as pd

from hierbayes.display.blocks import Items, Table
from hierbayes.display.page import Page, Printed


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class ByDistance(Printed):
    """A table with a row for each distance, and what was found in it.

    Parameters
    ----------
    table : DataFrame
        ``attrs`` say which ``kind`` of residuals, within which ``group``, in order of which
        ``time`` (empty where rows are counted), and ``prob``.
    about, findings : tuple of str
    objection : str
        Why the draws of a posterior should not be used; otherwise empty.
    """

    table: pd.DataFrame
    about: tuple[str, ...]
    findings: tuple[str, ...]
    objection: str

    @property
    @abstractmethod
    def _title(self) -> str: ...

    def page(self) -> Page:
        """The table, and what was found."""
        blocks = (Table(self.table, index=False), Items(self.findings, "Findings"))
        return Page(self._title, self.about, blocks)
