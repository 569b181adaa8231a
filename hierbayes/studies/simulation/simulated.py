"""Simulated data and the truth behind them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from hierbayes.design.design import Design
from hierbayes.design.family_rows import gaussian_only
from hierbayes.design.subject import subject_of
from hierbayes.display.about import about_line
from hierbayes.display.blocks import Table
from hierbayes.display.page import Page, Printed
from hierbayes.errors import FormulaError
from hierbayes.families.family import ResponseFamily
from hierbayes.specification.formula import one_factor_only


@dataclass(frozen=True, slots=True, eq=False)
class Truth:
    """What data were made from.

    Parameters
    ----------
    gamma : Series
        Fixed effects by term.
    G : DataFrame
        Covariance of the random effects.
    dispersion : Series
        σ, or what the family of the response has, by name.
    us : dict
        From each grouping factor to its random effects by group, a DataFrame.
    betas : dict
        The same of the coefficients β_j = W_jγ + u_j, a column for each random effect.
    residuals : Series
        r by row of the data: the response less its expectation given u.
    family : Family or None
        Of the response, where it is not Gaussian.
    """

    gamma: pd.Series
    G: pd.DataFrame
    dispersion: pd.Series
    us: dict[str, pd.DataFrame]
    betas: dict[str, pd.DataFrame]
    residuals: pd.Series
    family: ResponseFamily | None = None

    @property
    def sigma(self) -> float:
        """Residual standard deviation.

        Raises
        ------
        FormulaError
            When the response is not Gaussian.
        """
        if self.family is not None:
            raise FormulaError(gaussian_only(self.family, "sigma"))
        return float(self.dispersion["sigma"])

    @property
    def u(self) -> pd.DataFrame:
        """Random effects by group of the only factor.

        Raises
        ------
        FormulaError
            When there are several.
        """
        return _only(self.us)

    @property
    def beta(self) -> pd.DataFrame:
        """Coefficients by group of the only factor.

        Raises
        ------
        FormulaError
            When there are several.
        """
        return _only(self.betas)


def _only(by_factor: dict[str, pd.DataFrame]) -> pd.DataFrame:
    if len(by_factor) > 1:
        raise FormulaError(one_factor_only(tuple(by_factor)))
    (frame,) = by_factor.values()
    return frame


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
        return f"<data simulated from {self.design.specification}: {self._sizes}, seed {self.seed}>"

    @property
    def _sizes(self) -> str:
        design = self.design
        if len(design.factors) == 1:
            return f"{len(self.data)} rows, {design.J} groups"
        return subject_of(design).data

    def page(self) -> Page:
        """What is shown of it."""
        truth, sizes = self.truth, self._sizes
        if len(truth.us) == 1:
            rows = np.bincount(self.design.rows.codes)
            each = f"{rows[0]}" if rows.min() == rows.max() else f"{rows.min()} to {rows.max()}"
            sizes += f" of {each}"
        about = [
            about_line("Model", str(self.design.specification)),
            about_line("Data", f"{sizes}; seed {self.seed}"),
        ]
        if truth.family is not None:
            about.append(about_line("Family", f"{truth.family.title}, {truth.family.link} link"))
        about += [
            about_line("σ" if name == "sigma" else name, f"{value:.6g}")
            for name, value in truth.dispersion.items()
        ]
        gamma = truth.gamma.to_frame("gamma")
        shown = ["mean", "std", "min", "max"]
        drawn = {factor: u.describe().loc[shown].T for factor, u in truth.us.items()}
        u = pd.concat(drawn) if len(drawn) > 1 else next(iter(drawn.values()))
        blocks = (Table(gamma, "γ"), Table(truth.G, "G"), Table(u, "u that were drawn"))
        return Page("Simulated data", tuple(about), blocks)
