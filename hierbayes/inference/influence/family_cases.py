"""The cases that can be left out of a family's model: groups of a factor, or rows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from hierbayes.estimation.latent_problem import every_row
from hierbayes.fit.of_family.point import FamilyPointFit
from hierbayes.frames.arrays import Integers
from hierbayes.likelihood.latent_rows import LatentRows


@dataclass(frozen=True, slots=True, eq=False)
class Cases:
    """What is left out, one after the other.

    Parameters
    ----------
    kind : str
        What one is called: the grouping factor, or ``"row"``.
    index : Index
        Their labels (m,).
    about : dict
        Columns (m,) of what is known of each beside its changes.
    rows : LatentRows
        All of the rows that they are taken from.
    kept : callable
        From a case to the places of the rows that stay.
    first : (m,) int
        For each the first case that changes the same.
    """

    kind: str
    index: pd.Index
    about: dict[str, Any]
    rows: LatentRows
    kept: Callable[[int], Integers]
    first: Integers

    @property
    def are_rows(self) -> bool:
        """Whether rows are left out, and not groups."""
        return "n" not in self.about


def group_cases(fit: FamilyPointFit, k: int) -> Cases:
    """The groups of factor k."""
    factor, rows = fit.design.factors[k], fit.optimum.mode.rows
    codes = fit.design.rows.codes_of[k][:: fit.design.columns.n_predictors]
    return Cases(
        factor.name,
        pd.Index(factor.labels, name="group"),
        {"n": np.bincount(codes, minlength=factor.J)},
        rows,
        lambda j: np.flatnonzero(rows.codes_of[k] != j),
        np.arange(factor.J),
    )


def row_cases(fit: FamilyPointFit) -> Cases:
    """The rows of the data; of several linear predictors all of a row."""
    design, rows = fit.design, every_row(fit.problem)
    P = design.columns.n_predictors
    of_row = np.arange(rows.n) // P
    columns = [*rows.codes_of, rows.y, rows.m, rows.offset, rows.X, rows.Z]
    wide = np.column_stack([one.reshape(rows.n, -1) for one in columns]).reshape(rows.n // P, -1)
    _, first, kind = np.unique(wide, axis=0, return_index=True, return_inverse=True)
    labels = {
        "group" if len(design.factors) == 1 else f"group[{factor.name}]": np.asarray(factor.labels)[
            codes[::P]
        ]
        for factor, codes in zip(design.factors, design.rows.codes_of, strict=True)
    }
    return Cases(
        "row",
        design.rows.index,
        {**labels, "deviance": fit.residuals(effects="all", kind="deviance").to_numpy()},
        rows,
        lambda i: np.flatnonzero(of_row != i),
        first[kind.ravel()],
    )
