"""Estimates with a covariance, and tables of linear combinations of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.special import fdtrc, stdtr

from hierbayes.frames.arrays import Floats

COLUMNS = ["estimate", "se", "df", "t", "p"]


@dataclass(frozen=True, slots=True, eq=False)
class LinearEstimate:
    """Estimates, their covariance and degrees of freedom.

    Parameters
    ----------
    value : (k,) float
    cov : (k, k) float
    df : (k,) float
        Of each estimate; a combination has the fewest of those it is made of.
    """

    value: Floats
    cov: Floats
    df: Floats

    def combined(self, weights: Floats) -> LinearEstimate:
        """Linear combinations, (m, k) weights."""
        df = np.array([self.df[row != 0.0].min(initial=np.inf) for row in weights])
        return LinearEstimate(weights @ self.value, weights @ self.cov @ weights.T, df)

    def table(self, index: pd.Index) -> pd.DataFrame:
        """Estimate, standard error, degrees of freedom, t and two-sided p."""
        return t_table(self.value, np.sqrt(np.diag(self.cov)), self.df, index)

    def covariance(self, index: pd.Index) -> pd.DataFrame:
        """Covariance of the estimates."""
        return pd.DataFrame(self.cov, index=index, columns=index)

    def joint(self, weights: Floats) -> pd.Series:
        """F test that all combinations are zero: F, df1, df2 and p."""
        tested = self.combined(weights)
        F = tested.value @ np.linalg.solve(tested.cov, tested.value) / len(weights)
        return f_test(float(F), float(len(weights)), float(tested.df.min()))


def t_table(value: Floats, se: Floats, df: Floats, index: pd.Index) -> pd.DataFrame:
    """A table of t tests that each value is zero."""
    t = value / se
    p = 2.0 * stdtr(df, -np.abs(t))
    return pd.DataFrame(np.column_stack([value, se, df, t, p]), index=index, columns=COLUMNS)


def f_test(F: float, df1: float, df2: float) -> pd.Series:
    """An F statistic with its degrees of freedom and p."""
    return pd.Series({"F": F, "df1": df1, "df2": df2, "p": float(fdtrc(df1, df2, F))})


@dataclass(frozen=True, slots=True, eq=False)
class LeastSquares:
    """A least-squares fit by QR.

    Parameters
    ----------
    estimate : LinearEstimate
        Of the k coefficients.
    sigma : float
        Residual standard deviation.
    residuals : (n,) float
    basis : (n, k) float
        Orthonormal columns Q of X = QR.
    to_beta : (k, k) float
        R⁻¹: coefficients of the columns of X from those of Q.
    """

    estimate: LinearEstimate
    sigma: float
    residuals: Floats
    basis: Floats
    to_beta: Floats


def least_squares(X: Floats, y: Floats, weights: Floats | None = None) -> LeastSquares:
    """Ordinary or weighted least squares of y (n,) on the columns of X (n, k)."""
    root = np.ones(len(y)) if weights is None else np.sqrt(weights)
    Q, R = np.linalg.qr(X * root[:, None])
    to_beta = np.linalg.inv(R)
    scores = Q.T @ (root * y)
    residuals = root * y - Q @ scores
    df = len(y) - X.shape[1]
    sigma = float(np.sqrt(residuals @ residuals / df)) if df else np.nan
    cov = sigma**2 * to_beta @ to_beta.T
    value = to_beta @ scores
    estimate = LinearEstimate(value, cov, np.full(len(value), float(df)))
    return LeastSquares(estimate, sigma, residuals, Q, to_beta)


def rows_of(names: Sequence[str], name: str) -> pd.Index:
    """An index of row labels."""
    return pd.Index(list(names), name=name)
