"""What a fit says: in symbols, in words, and as tables that print."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass

import pandas as pd

from hierbayes.display.interval import DEFAULT_PROB, Interval
from hierbayes.display.page import Page
from hierbayes.display.reported import Reported
from hierbayes.fit.brief import brief
from hierbayes.fit.diagnosis import Diagnosis
from hierbayes.fit.paper_table import in_format, paper_page
from hierbayes.fit.predictions.responses import FittedResponses
from hierbayes.fit.summary import Summary
from hierbayes.language.equations import Equations, equations
from hierbayes.language.estimates import Estimates
from hierbayes.language.meanings import Meanings, meanings


@dataclass(frozen=True, eq=False, repr=False)
class FitReports(FittedResponses, Reported):
    """A fit that prints; each kind says what its limits, its summary and its verdict are."""

    def equations(self) -> Equations:
        """`Model.equations` with estimates, or posterior means, in place of γ, G and σ.

        Examples
        --------
        >>> import hierbayes as hb
        >>> hs = hb.load_dataset("hs")
        >>> model = hb.Model("mathach ~ ses * Sector + (1 | school)", data=hs)
        >>> print(model.reml().equations().between)
        β_0j = 13.51 − 1.57 Sector[Public]_j + u_0j
        β_1j = 1.82 + 1.38 Sector[Public]_j
        u_0j ~ N(0, 3.31)    (independent between schools and of errors)
        """
        return equations(self.problem, self._estimates())

    def meanings(self) -> Meanings:
        """`Model.meanings` with the estimates, or posterior means, beside them."""
        return meanings(self.problem, self._estimates())

    def _estimates(self) -> Estimates:
        """γ, G and the dispersion as equations show them."""
        return Estimates(
            gamma=self.gamma,
            G=self.G,
            sigma=float(self.theta.sigma.mean()),
            dispersion=self.phi_draws.mean(axis=(0, 1)),
            what=self.what,
            least_squares=self.reading is not None,
        )

    def intervals(self, prob: float = DEFAULT_PROB, *, df: str | None = None) -> pd.DataFrame:
        """Lower limit, estimate and upper limit of γ, sd, corr and σ.

        Posterior: equal-tailed quantiles.  REML and ML: t limits for γ, and nlme's approximate
        ones on log sd, log((1 + ρ)/(1 − ρ)) and log σ; missing where Ĝ is on the boundary.

        Parameters
        ----------
        prob : float
            Probability inside the limits.
        df : str, optional
            Degrees of freedom of γ, as in `hb.wald`: Satterthwaite's by default, those of nlme
            with ``"inner-outer"``.  A posterior has none.
        """
        return self._intervals(Interval(prob), df)

    def summary(self, prob: float = DEFAULT_PROB, *, df: str | None = None) -> Summary:
        """All of it as tables that print: engine, random and fixed effects, residuals.

        Parameters are those of `intervals`; ``df="inner-outer"`` prints what nlme prints.
        """
        return self._summary(Interval(prob), df)

    def table(self, format: str = "markdown", prob: float = DEFAULT_PROB) -> str:
        """The table for a paper: every parameter with its limits.

        Parameters
        ----------
        format : str
            ``"markdown"``, ``"latex"`` or ``"html"``; the last pastes into a word processor.
        prob : float
            Probability inside the limits, which are those of `intervals`.

        Raises
        ------
        DataError
            When there is no such format.

        Examples
        --------
        >>> import hierbayes as hb
        >>> hs = hb.load_dataset("hs")
        >>> fit = hb.Model("mathach ~ ses + (1 | school)", data=hs).reml()
        >>> print(fit.table().splitlines()[-2])
        | sd(Intercept) | 2.058 |  | 1.565 | 2.707 |
        """
        page = paper_page(self, self.intervals(prob), Interval(prob))
        return in_format(page, format)

    @abstractmethod
    def diagnose(self) -> Diagnosis:
        """Whether to trust this fit, and why: a verdict with its table."""

    @abstractmethod
    def _intervals(self, interval: Interval, df: str | None) -> pd.DataFrame: ...

    @abstractmethod
    def _summary(self, interval: Interval, df: str | None) -> Summary: ...

    def page(self) -> Page:
        """The summary."""
        return self.summary().page()

    def __repr__(self) -> str:
        return brief(self, self._found())

    @abstractmethod
    def _found(self) -> str: ...
