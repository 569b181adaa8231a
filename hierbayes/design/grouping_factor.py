"""A grouping factor: the groups that random effects belong to."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd


@dataclass(frozen=True, slots=True, eq=False)
class GroupingFactor:
    """A column of the data that says which group each row belongs to.

    Parameters
    ----------
    name : str
        The column.
    labels : pandas.Index
        Labels of its J groups, in their order.
    """

    name: str
    labels: pd.Index

    @property
    def J(self) -> int:
        """Number of groups."""
        return len(self.labels)
