"""Simulated data and the truth behind them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from hierbayes.design.design import Design
from hierbayes.display.about import about_line
from hierbayes.display.blocks import Table
from hierbayes.display.page import Page, Printed


@dataclass(frozen=True, slots=True, eq=False)
class Truth:
    """What data were made from.

    Parameters
    ----------
    gamma : Series
        Fixed effects by term.
    G : DataFrame
        Covariance of the random effects.
    sigma : float
        Residual standard deviation.
    u : DataFrame
        Random effects by group.
    beta : DataFrame
        Coefficients β_j = W_jγ + u_j by group, a column for each random effect.
    residuals : Series
        r by row of the data.
    """

    gamma: pd.Series
    G: pd.DataFrame
    sigma: float
    u: pd.DataFrame
    beta: pd.DataFrame
    residuals: pd.Series


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Simulated(Printed):
    """Simulated data; prints as the model, the truth and the sizes.

    Parameters
    ----------
    data : DataFrame
        The response, the group and every variable, a row per observation.
    truth : Truth
    design : Design
        Of the model on these data.
    seed : int
        Equal seeds give equal data.
    """

    data: pd.DataFrame
    truth: Truth
    design: Design
    seed: int

    def __repr__(self) -> str:
        sizes = f"{len(self.data)} rows, {self.design.J} groups"
        return f"<data simulated from {self.design.specification}: {sizes}, seed {self.seed}>"

    def page(self) -> Page:
        """What is shown of it."""
        truth, rows = self.truth, np.bincount(self.design.rows.codes)
        each = f"{rows[0]}" if rows.min() == rows.max() else f"{rows.min()} to {rows.max()}"
        sizes = f"{len(self.data)} rows, {self.design.J} groups of {each}"
        about = (
            about_line("Model", str(self.design.specification)),
            about_line("Data", f"{sizes}; seed {self.seed}"),
            about_line("σ", f"{truth.sigma:.6g}"),
        )
        gamma = truth.gamma.to_frame("gamma")
        u = truth.u.describe().loc[["mean", "std", "min", "max"]].T
        blocks = (Table(gamma, "γ"), Table(truth.G, "G"), Table(u, "u that were drawn"))
        return Page("Simulated data", about, blocks)
