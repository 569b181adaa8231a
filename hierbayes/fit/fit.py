"""The Fit: the accessors of a fitted model, the same words for every engine."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pandas as pd

from hierbayes.display.interval import DEFAULT_PROB, Interval
from hierbayes.display.page import Page, Printed
from hierbayes.errors import DataError, in_quotes
from hierbayes.fit import effects, prediction, storage, variance
from hierbayes.fit.brief import brief
from hierbayes.fit.contextual.effects import Asked, ContextualEffects
from hierbayes.fit.diagnosis import Diagnosis
from hierbayes.fit.fitted import Fitted
from hierbayes.fit.simulation import simulate_responses
from hierbayes.fit.summary import Summary
from hierbayes.language.equations import Equations, equations
from hierbayes.language.meanings import Meanings, meanings
from hierbayes.language.script import Estimates

if TYPE_CHECKING:
    import xarray as xr

type ByFactor[Table] = Any  # a Table, or of several factors a dict of them by name


@dataclass(frozen=True, eq=False, repr=False)
class Fit(Fitted, Printed):
    """A fitted hierarchical model: what every engine answers.

    `Model.reml`, `Model.ml` and `Model.map` make a `PointFit`, `Model.sample` a
    `PosteriorFit`; estimates of every engine have the same names and shapes.
    """

    def draws(self, name: str, factor: str | None = None) -> xr.DataArray:
        """Draws of ``gamma``, ``u``, ``beta``, ``sd``, ``corr``, ``G`` or ``sigma``, labelled.

        A point fit has one chain of one draw.  ``u`` and ``beta`` are of one grouping factor,
        which is named where there are several.
        """
        return storage.labelled_draws(self, name, factor)

    def to_datatree(self) -> xr.DataTree:
        """Everything as an ArviZ DataTree: posterior, sample_stats, data, attributes."""
        return storage.to_datatree(self, None)

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
        return self._by_factor(factor, effects.ranef)

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
            factor, lambda fit, k: effects.ranef_cov(fit, k, given_gamma=given_gamma)
        )

    def _by_factor[Table](
        self, factor: str | None, table_of: Callable[[Fitted, int], Table]
    ) -> ByFactor[Table]:
        """The table of one factor, or where there are several and none is named, of each."""
        names = self.design.specification.factors
        if factor is None and len(names) > 1:
            return {name: table_of(self, k) for k, name in enumerate(names)}
        return table_of(self, self.design.place_of_factor(factor))

    def coef(self, factor: str | None = None) -> ByFactor[pd.DataFrame]:
        """Coefficients of each group: fixed effects plus its random effects."""
        return self._by_factor(factor, effects.coef)

    def blue(self, factor: str | None = None) -> ByFactor[pd.DataFrame]:
        """Each group's own least-squares coefficients; missing where not estimable."""
        return self._by_factor(factor, effects.blue)

    def shrinkage(self, factor: str | None = None) -> ByFactor[pd.DataFrame]:
        """Per group and effect: n_j, BLUE, BLUP, population value and shrinkage matrix."""
        return self._by_factor(factor, effects.shrinkage)

    def var_corr(self) -> pd.DataFrame:
        """Variances, standard deviations and correlations of the random effects, and σ."""
        return variance.var_corr(self)

    def icc(self, at: dict[str, float] | None = None, *, scale: str = "latent") -> Any:
        """Share of the unexplained variance that lies between groups.

        Parameters
        ----------
        at : dict, optional
            Values of the random columns, as in ``{"ses": 0}``; the intercept is 1 and
            columns left out are 0.  By default the between variance z'Gz is averaged
            over the rows.
        scale : str
            ``"latent"``, of a family that is not Gaussian that of the response behind the link
            (π²/3 within groups of the logit); or ``"response"``, of its mean and variance
            themselves, averaged over the rows (Goldstein, Browne & Rasbash 2002).  Both are the
            same of a Gaussian response.
        """
        if scale not in variance.SCALES:
            raise DataError(f"scale must be one of {in_quotes(variance.SCALES)}, not {scale!r}")
        return variance.icc(self, at) if scale == "latent" else self._response_icc(at)

    def _response_icc(self, at: dict[str, float] | None) -> Any:
        """The same as that of the latent response."""
        return variance.icc(self, at)

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

    # ---------------------------------------------------------------- predictions

    def predict(
        self,
        data: pd.DataFrame | None = None,
        *,
        effects: str | Sequence[str] = "all",
        new_groups: str = "refuse",
        group_means: str = "remembered",
        scale: str = "response",
        **foreign: Any,
    ) -> prediction.ByPredictor:
        """Expected response of each row; of categories their probabilities.

        Parameters
        ----------
        data : DataFrame, optional
            New rows; by default the rows of the fit.
        effects : str or sequence of str
            ``"all"`` random effects, those of the row's own group, or ``"none"``, for the
            population (fixed part only), or those of the grouping factors named.  Pinheiro and
            Bates call the first two levels 1 and 0; here levels count rows as 1 and groups as 2,
            in `levels`, `influence` and the names of residuals.
        new_groups : str
            What a group that the fit has not seen gets with all effects: ``"refuse"`` or
            ``"population"`` (u = 0).
        group_means : str
            What ``cvar``, ``dvar`` and ``lvar`` take for the mean of a group of the fit:
            ``"remembered"``, its mean in the fit, so that one more student does not change the
            school; or ``"own"``, the mean of its new rows, as for the same school in another
            year.  A group the fit has not seen always gets the mean of its new rows.
        scale : str
            ``"response"``, or ``"linear"`` for the linear predictor η, offsets included; the same
            for a Gaussian response.  Of counts out of trials the response is their share.  It is
            given the random effects that are counted: with none of them it is that of a group
            whose u is 0, not an average over groups.  ``"probability"`` is, of ordered and of
            nominal categories, a column for each with its probability; of nominal ones so is the
            response, and η has a column for each category but the first.
        """
        prediction.refuse_foreign_words(foreign, "predict")
        if scale not in prediction.SCALES:
            raise DataError(
                "scale must be 'response', 'linear' or, of categories, 'probability', not "
                f"{scale!r}"
            )
        eta = prediction.predict(
            self, data, effects=effects, new_groups=new_groups, group_means=group_means
        )
        if scale == "probability":
            return self._probabilities(eta)
        return eta if scale == "linear" else self._expected(eta, data)

    def _expected(
        self, eta: prediction.ByPredictor, data: pd.DataFrame | None
    ) -> prediction.ByPredictor:
        """The mean of the response given its linear predictor, on new rows or those of the fit."""
        return eta

    def simulate(self, n: int = 1, *, groups: str = "new", seed: int | None = None) -> pd.DataFrame:
        """New responses for the rows of the fit.

        A point fit gives those of its estimates; a posterior one draw of its parameters for each,
        so that they are draws from the posterior predictive distribution.

        Parameters
        ----------
        n : int
            How many responses of all rows.
        groups : str
            ``"new"`` groups in the place of those of the fit, their effects drawn from G; or
            ``"kept"``, those of the fit with their own effects: conditional modes or BLUPs, or of a
            posterior their draws.
        seed : int, optional
            Equal seeds give equal responses; by default one is drawn, and is in the ``attrs``.

        Returns
        -------
        DataFrame
            A row for each of the fit and a column for each response: labels where the response has
            labels, successes where it counts trials.

        Raises
        ------
        DataError, EstimationError
            When an argument has no meaning.

        Examples
        --------
        >>> import hierbayes as hb
        >>> hs = hb.load_dataset("hs")
        >>> fit = hb.Model("mathach ~ ses + (1 | school)", data=hs).reml()
        >>> fit.simulate(3, groups="kept", seed=1).shape
        (1977, 3)
        """
        return simulate_responses(self, n, groups, seed)

    def _probabilities(self, eta: prediction.ByPredictor) -> pd.DataFrame:
        """The probability of each category given the linear predictor."""
        raise DataError(
            "scale='probability' is of ordered or nominal categories, and this response is "
            "Gaussian; leave it out"
        )

    def residuals(
        self,
        *,
        effects: str | Sequence[str] = "all",
        standardized: bool = False,
        kind: str = "response",
        seed: int | None = None,
        **foreign: Any,
    ) -> prediction.ByPredictor:
        """Response minus `predict` with these effects; standardized divides by its sd.

        With all effects they are the residuals of level 1; `hb.level1_residuals` has more kinds.

        Parameters
        ----------
        effects : str or sequence of str
            As in `predict`.
        standardized : bool
            Short for ``kind="pearson"``.
        kind : str
            ``"response"``; ``"pearson"``, divided by the standard deviation of the response (σ);
            of families that are not Gaussian also ``"deviance"``, and ``"quantile"``: the normal
            quantiles of P(Y ≤ y), of what is counted at random between P(Y < y) and that
            (Dunn & Smyth 1996, doi:10.1080/10618600.1996.10474708).  They are standard normal where
            the model is right.  Of a posterior these probabilities are averages over draws, each
            with its own random effects, and the name of the series says so.  Of nominal categories
            the others have a column for each, 1 minus its probability where a row has it; their
            deviance is one number a row.
        seed : int, optional
            Of quantile residuals; equal seeds give equal ones.
        """
        prediction.refuse_foreign_words(foreign, "residuals")
        if kind == "quantile" and not standardized:
            return self._quantile_residuals(effects, seed)
        eta = prediction.predict(self, None, effects=effects, new_groups="refuse")
        return self._residuals(eta, "pearson" if standardized else kind)

    def _residuals(self, eta: prediction.ByPredictor, kind: str) -> prediction.ByPredictor:
        """Residuals of one kind given a linear predictor."""
        return prediction.residuals(self, eta, kind)

    def _quantile_residuals(self, effects: str | Sequence[str], seed: int | None) -> pd.Series:
        """Those of a Gaussian response are those of Pearson, and have no name of their own."""
        eta = prediction.predict(self, None, effects=effects, new_groups="refuse")
        return self._residuals(eta, "quantile")

    # ---------------------------------------------------------------- in words and symbols

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

    # ---------------------------------------------------------------- reports

    def summary(self, prob: float = DEFAULT_PROB, *, df: str | None = None) -> Summary:
        """All of it as tables that print: engine, random and fixed effects, residuals.

        Parameters are those of `intervals`; ``df="inner-outer"`` prints what nlme prints.
        """
        return self._summary(Interval(prob), df)

    @abstractmethod
    def diagnose(self) -> Diagnosis:
        """Whether to trust this fit, and why: a verdict with its table."""

    @abstractmethod
    def _intervals(self, interval: Interval, df: str | None) -> pd.DataFrame: ...

    @abstractmethod
    def _contextual(
        self, asked: Asked, df: str | None, interval: Interval
    ) -> ContextualEffects: ...

    @abstractmethod
    def _summary(self, interval: Interval, df: str | None) -> Summary: ...

    def page(self) -> Page:
        """The summary."""
        return self.summary().page()

    def __repr__(self) -> str:
        return brief(self, self._found())

    @abstractmethod
    def _found(self) -> str: ...
