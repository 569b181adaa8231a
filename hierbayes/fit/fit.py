"""The Fit: the accessors of a fitted model, the same words for every engine."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from os import PathLike
from typing import TYPE_CHECKING, Any

import pandas as pd

from hierbayes.display.interval import DEFAULT_PROB, Interval
from hierbayes.errors import DataError, in_quotes
from hierbayes.fit import effects, storage, variance
from hierbayes.fit.contextual.effects import Asked, ContextualEffects
from hierbayes.fit.fitted import Fitted
from hierbayes.fit.icc_of_rows import icc_of_rows
from hierbayes.fit.reports import FitReports
from hierbayes.fit.saving.own_parts import OwnParts
from hierbayes.fit.saving.written_fit import save_fit

if TYPE_CHECKING:
    import xarray as xr

type ByFactor[Table] = Any  # a Table, or of several factors a dict of them by name


@dataclass(frozen=True, eq=False, repr=False)
class Fit(FitReports):
    """A fitted hierarchical model: what every engine answers.

    `Model.reml`, `Model.ml` and `Model.map` make a `PointFit`, `Model.sample` a
    `PosteriorFit`; estimates of every engine have the same names and shapes.
    """

    def draws(self, name: str, factor: str | None = None) -> xr.DataArray:
        """Draws of ``gamma``, ``u``, ``beta``, ``sd``, ``corr``, ``G`` or ``sigma``, labelled.

        With a residual structure also ``residual``, its parameters.

        A point fit has one chain of one draw.  ``u`` and ``beta`` are of one grouping factor,
        which is named where there are several.
        """
        return storage.labelled_draws(self, name, factor)

    def to_datatree(self) -> xr.DataTree:
        """Everything as an ArviZ DataTree: posterior, sample_stats, data, attributes."""
        return storage.to_datatree(self, None)

    def save(self, path: str | PathLike[str]) -> None:
        """Write everything as one file, which `hierbayes.load_fit` reads in any process.

        It holds the model, its priors, the rows that it uses, θ, γ and the statistics of a sampler,
        and nothing that would be run; of rows that stream their sums, or the distinct ones of a
        family.  The file is there whole or not at all; one that was there
        and is a saved fit is replaced.

        Raises
        ------
        SavedFitError
            When the path cannot take it, or a prior made by PyMC, a family or a column cannot be
            written; it is named, and nothing is written.
        """
        save_fit(self, self._own_parts(), path)

    @abstractmethod
    def _own_parts(self) -> OwnParts: ...

    # ---------------------------------------------------------------- accessors

    def fixef(self) -> pd.Series:
        """Fixed effects γ by term: the estimate, or the posterior mean."""
        return effects.fixef(self)

    def vcov(self) -> pd.DataFrame:
        """Covariance of γ: given θ̂ for a point fit, of the posterior otherwise."""
        return effects.vcov(self)

    def ranef(self, factor: str | None = None) -> ByFactor[pd.DataFrame]:
        """Random effects u by group and effect: BLUPs, or posterior means.

        Parameters
        ----------
        factor : str, optional
            The grouping factor.  A model of one factor needs no name; of several, and none named,
            the answer is a mapping from factor to frame.  So it is in all that is by group.

        Raises
        ------
        DataError
            When the model has no such factor; those it has are listed.
        """
        return self._by_factor(factor, effects.ranef, "ranef()")

    def ranef_cov(
        self, factor: str | None = None, *, given_gamma: bool = True
    ) -> ByFactor[xr.DataArray]:
        """Covariance of each u_j (group, effect, effect_bis).

        Parameters
        ----------
        factor : str, optional
            As in `ranef`.
        given_gamma : bool
            For a point fit: conditional on γ̂ as well as θ̂ (lme4's conditional
            variance), or with the uncertainty of γ (prediction-error variance).
            A posterior's covariance includes everything and ignores this.
        """
        return self._by_factor(
            factor,
            lambda fit, k: effects.ranef_cov(fit, k, given_gamma=given_gamma),
            "ranef_cov()",
        )

    def _by_factor[Table](
        self, factor: str | None, table_of: Callable[[Fitted, int], Table], what: str
    ) -> ByFactor[Table]:
        """The table of one factor, or where there are several and none is named, of each."""
        self.design.specification.refuse_no_random_part(what)
        names = self.design.specification.factors
        if factor is None and len(names) > 1:
            return {name: table_of(self, k) for k, name in enumerate(names)}
        return table_of(self, self.design.place_of_factor(factor))

    def coef(self, factor: str | None = None) -> ByFactor[pd.DataFrame]:
        """Coefficients of each group: fixed effects plus its random effects."""
        return self._by_factor(factor, effects.coef, "coef()")

    def blue(self, factor: str | None = None) -> ByFactor[pd.DataFrame]:
        """Each group's own least-squares coefficients; missing where not estimable."""
        self.problem.refuse_other_families("blue()")
        return self._by_factor(factor, effects.blue, "blue()")

    def shrinkage(self, factor: str | None = None) -> ByFactor[pd.DataFrame]:
        """Per group and effect: n_j, BLUE, BLUP, population value and shrinkage matrix."""
        self.problem.refuse_other_families("shrinkage()")
        return self._by_factor(factor, effects.shrinkage, "shrinkage()")

    def var_corr(self) -> pd.DataFrame:
        """Variances, standard deviations and correlations of the random effects, and σ."""
        return variance.var_corr(self)

    def icc(
        self,
        at: dict[str, float] | None = None,
        *,
        factor: str | None = None,
        scale: str = "latent",
        by: str | Sequence[str] | None = None,
        data: pd.DataFrame | None = None,
    ) -> Any:
        """Share of the unexplained variance that lies between groups.

        Parameters
        ----------
        at : dict, optional
            Values of the random columns, as in ``{"ses": 0}``; the intercept is 1 and
            columns left out are 0.  By default the between variance z'Gz is averaged
            over the rows, and so are the variances of errors of a residual structure; with
            precision weights σ² is that of weight 1.
        factor : str, optional
            The grouping factor whose share it is; by default a row for each of several.
        scale : str
            ``"latent"``, of a family that is not Gaussian that of the response behind the link
            (π²/3 within groups of the logit); or ``"response"``, of its mean and variance
            themselves, averaged over the rows (Goldstein, Browne & Rasbash 2002).  Both are the
            same of a Gaussian response.
        by : str or sequence of str, optional
            Columns of ``data``: a row for each value, averaged over the rows that have it.
        data : DataFrame, optional
            The rows that it is of, their own weights and variances of errors included: those of
            the fit, or others.

        Raises
        ------
        DataError
            When an argument has no meaning, or rows lack a column.
        FormulaError
            When the model has no random part.
        EstimationError
            When the variances of errors are known, and no rows are stated.

        Examples
        --------
        >>> import hierbayes as hb
        >>> teeth = hb.load_dataset("orthodont")
        >>> errors = hb.residuals.Strata("Sex")
        >>> fit = hb.Model("distance ~ age + (1 | Subject)", teeth, residual=errors).reml()
        >>> fit.icc(by="Sex", data=teeth)["icc"].round(2).to_dict()
        {'Male': 0.6, 'Female': 0.88}
        """
        if scale not in variance.SCALES:
            raise DataError(f"scale must be one of {in_quotes(variance.SCALES)}, not {scale!r}")
        of_rows = by is not None or data is not None
        if of_rows and scale != "latent" and self.problem.family is not None:
            raise DataError("scale='response' is of the rows of the fit: leave by= and data= out")
        if of_rows:
            return variance.of_factor(self, icc_of_rows(self, data, at, by), factor)
        found = variance.icc(self, at) if scale == "latent" else self._response_icc(at)
        return variance.of_factor(self, found, factor)

    def _response_icc(self, at: dict[str, float] | None) -> Any:
        """The same as that of the latent response."""
        return variance.icc(self, at)

    def contextual(
        self,
        x: str,
        factor: str | None = None,
        *,
        at: Mapping[str, Any] | None = None,
        df: str | None = None,
        prob: float = DEFAULT_PROB,
    ) -> ContextualEffects:
        """Slopes of x within and between groups, and the contextual effect, their difference.

        The parametrisation does not matter: raw x or ``dvar(x, g)`` beside ``cvar(x, g)``, raw
        x beside ``dvar(x, g)``; raw x beside ``lvar(x, g)``, the latent group mean, is named
        approximate.

        Parameters
        ----------
        x : str
            The variable as it stands in the formula, as in ``"ses"``.
        factor : str, optional
            Whose groups are meant, where there are several grouping factors.  Means of x over a
            factor around it (over schools, of classes) are held.
        at : mapping, optional
            Where the slopes are wanted if they depend on other variables: a value or a list of
            values by column, as in ``{"Size": [500, 1500]}``.  By default every level of a
            factor and the mean of a number over the rows.  Where they depend on x itself (as
            with ``ses:cvar(ses, school)``), they are those of a row at the mean of its group.
        df : str, optional
            Degrees of freedom, as in `hb.wald`: Satterthwaite's by default; ``"inner-outer"``
            takes those within groups for the slope within, and those between groups for the
            others, however the columns are coded.  A posterior has none.
        prob : float
            Probability inside the limits.

        Raises
        ------
        DataError
            When the model cannot tell the two slopes apart, or ``at`` cannot be used.

        Examples
        --------
        >>> import hierbayes as hb
        >>> hs = hb.load_dataset("hs")
        >>> formula = "mathach ~ ses + cvar(ses, school) + (1 | school)"
        >>> effects = hb.Model(formula, data=hs).reml().contextual("ses")
        >>> print(effects.table[["estimate", "se", "df"]].round(4))
                    estimate      se         df
        slope
        within        2.2232  0.2167  1935.4585
        between       5.7064  0.6970    38.5214
        contextual    3.4832  0.7299    46.3163
        """
        return self._contextual(Asked(x, at, factor), df, Interval(prob))

    @abstractmethod
    def _contextual(
        self, asked: Asked, df: str | None, interval: Interval
    ) -> ContextualEffects: ...
