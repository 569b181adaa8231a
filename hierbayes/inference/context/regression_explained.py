"""R² of an ordinary regression, whose rows are in no groups."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from hierbayes.design.subject import subject_of
from hierbayes.display.blocks import Items, Table
from hierbayes.display.interval import Interval
from hierbayes.display.page import Page, Printed
from hierbayes.fit.fit import Fit
from hierbayes.fit.variance import explained_variance
from hierbayes.frames.arrays import Floats
from hierbayes.inference.context.spread import draws_table


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class RegressionExplained(Printed):
    """R² of a model without random effects.

    Parameters
    ----------
    shares : DataFrame
        ``R2 marginal``, the share of the fixed part in its variance over the rows and σ², as of any
        model; of least squares also ``R2``, 1 − RSS/TSS, and ``R2 adjusted``,
        1 − (RSS/(n − p))/(TSS/(n − 1)).
    components : DataFrame
        Variance of the response as the model has it: fixed part, residual, total.
    about, notes : tuple of str
    """

    shares: pd.DataFrame
    components: pd.DataFrame
    about: tuple[str, ...]
    notes: tuple[str, ...]

    def page(self) -> Page:
        """Both tables, and how to read them."""
        blocks = (
            Table(self.shares, "Shares of variance"),
            Table(self.components, "Variance of the response in the model"),
            Items(self.notes, "Notes"),
        )
        return Page("Variance explained", self.about, blocks)


def regression_explained(fit: Fit, interval: Interval) -> RegressionExplained:
    """How much of the variance a regression explains."""
    X = fit.design.rows.X
    fixed = explained_variance(fit.gamma_draws, X - X.mean(axis=0))
    residual = fit.residual_variance
    shares = {"R2 marginal": fixed / (fixed + residual), **_of_least_squares(fit)}
    components = {"fixed part": fixed, "residual": residual, "total": fixed + residual}
    return RegressionExplained(
        shares=draws_table(shares, "share", fit, interval),
        components=draws_table(components, "part", fit, interval),
        about=subject_of(fit.design).lines(),
        notes=(
            "rows are taken for independent; were they in groups, what the groups share would be "
            "in the residual",
        ),
    )


def _of_least_squares(fit: Fit) -> dict[str, Floats]:
    """R² and adjusted R², where γ is estimated by least squares."""
    if fit.reading is None or not fit.problem.has_like_rows:
        return {}
    y, (n, p) = fit.design.rows.response, fit.design.rows.X.shape
    rest = y - fit.design.rows.X @ fit.gamma
    lost = float((rest**2).sum() / ((y - y.mean()) ** 2).sum())
    values = {"R2": 1.0 - lost, "R2 adjusted": 1.0 - lost * (n - 1) / (n - p)}
    return {name: np.full((1, 1), value) for name, value in values.items()}
