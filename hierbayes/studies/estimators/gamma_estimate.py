"""Linear combinations of the fixed effects of a hierarchical fit, with Satterthwaite's df."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from hierbayes.fit.degrees_of_freedom.source import DfSource, usual_or_stated
from hierbayes.fit.effects import fixef
from hierbayes.fit.fit import Fit
from hierbayes.frames.arrays import Floats
from hierbayes.studies.estimators.linear_estimate import f_test, t_table


@dataclass(frozen=True, slots=True, eq=False)
class GammaEstimate:
    """Lγ̂ with the covariance and the degrees of freedom of a fit.

    Parameters
    ----------
    gamma : (p,) float
    L : (m, p) float
    source : DfSource
        Degrees of freedom of any combination.
    """

    gamma: Floats
    L: Floats
    source: DfSource

    def combined(self, weights: Floats) -> GammaEstimate:
        """Linear combinations, (k, m) weights."""
        return GammaEstimate(self.gamma, weights @ self.L, self.source)

    def table(self, index: pd.Index) -> pd.DataFrame:
        """Estimate, standard error, degrees of freedom, t and two-sided p."""
        se = np.sqrt(np.einsum("mp,pr,mr->m", self.L, self.source.gamma_cov, self.L))
        df = np.array([self.source.of(row[None]).rows[0] for row in self.L])
        return t_table(self.L @ self.gamma, se, df, index)

    def covariance(self, index: pd.Index) -> pd.DataFrame:
        """Covariance of the combinations."""
        return pd.DataFrame(self.L @ self.source.gamma_cov @ self.L.T, index=index, columns=index)

    def joint(self, weights: Floats) -> pd.Series:
        """F test that all combinations are zero: F, df1, df2 and p."""
        L = weights @ self.L
        value, df = L @ self.gamma, self.source.of(L)
        F = value @ np.linalg.solve(L @ self.source.gamma_cov @ L.T, value) / len(L)
        return f_test(float(F * df.scaling), float(len(L)), df.joint)


def gamma_estimate(fit: Fit, terms: tuple[str, ...]) -> GammaEstimate:
    """The fixed effects of a REML fit, in the order of terms.

    Degrees of freedom are Satterthwaite's; nlme's inner–outer ones where the information
    on the variance parameters is not definite.
    """
    unit = np.eye(len(fit.design.terms))
    L = unit[[fit.design.terms.index(term) for term in terms]]
    return GammaEstimate(fixef(fit).to_numpy(), L, usual_or_stated(fit, None))
