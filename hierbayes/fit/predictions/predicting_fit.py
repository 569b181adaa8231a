"""What a fit predicts: expected responses of rows, with limits, and joint draws of new ones."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import pandas as pd

from hierbayes.design.problem import Problem
from hierbayes.display.interval import Interval
from hierbayes.errors import ResidualError
from hierbayes.fit.fitted import Fitted
from hierbayes.fit.predictions.correlated_draws import correlated_responses
from hierbayes.fit.predictions.expected import (
    ByPredictor,
    point_prediction,
    refuse_foreign_words,
)
from hierbayes.fit.predictions.further_rows import with_further_rows
from hierbayes.fit.predictions.kinds import (
    asked_kind,
    kind_of,
    refuse_uncertainty,
    refuse_unknown_errors,
)
from hierbayes.fit.predictions.labelled import labelled, labelled_predictions
from hierbayes.fit.predictions.law_of_rows import law_of
from hierbayes.fit.predictions.limits import Limits, LimitsRequest
from hierbayes.fit.predictions.parameter_draws import ParameterDraws
from hierbayes.fit.predictions.predicted_variances import (
    said_of_variances,
    with_predicted_means,
)
from hierbayes.fit.predictions.prediction_rows import PredictionRows, rows_to_predict
from hierbayes.fit.predictions.response_law import ResponseLaw
from hierbayes.specification.counts import refuse_bad_seed

if TYPE_CHECKING:
    import xarray as xr


@dataclass(frozen=True, eq=False, repr=False)
class PredictingFit(Fitted):
    """The part of a fit that says what to expect of rows, old and new."""

    def predict(
        self,
        data: pd.DataFrame | None = None,
        *,
        effects: str | Sequence[str] = "all",
        new_groups: str = "refuse",
        group_means: str = "remembered",
        scale: str = "response",
        kind: str | None = None,
        prob: float | None = None,
        uncertainty: str | None = None,
        given: pd.DataFrame | None = None,
        errors: str = "new",
        seed: int | None = None,
        **foreign: Any,
    ) -> ByPredictor:
        """Expected response of each row, of categories their probabilities; with limits if asked.

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
            What a group that the fit has not seen gets with all effects: ``"refuse"``;
            ``"population"`` (u = 0, for certain); or ``"sample"``, u from N(0, G), one and the same
            for all rows of such a group, and its own for each such group.  The expected response is
            then an average over u, and limits include its spread.
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
            response, and η has a column for each category but the first.  The mean of ordered
            categories is that of their numbers, which count from 0 whatever their labels are.
        kind : str, optional
            What limits are of: the ``"mean"`` of the response, a new ``"response"`` (of trials
            their successes), or the ``"linear"`` predictor, which is the same as that scale.
        prob : float, optional
            With a probability the answer is a table: ``predicted``, its standard error ``se``, and
            ``lower`` and ``upper`` limits.  ``attrs["method"]`` says what they are.
        uncertainty : str, optional
            Of a maximum: ``"plug-in"``, given θ̂ (and φ̂), or ``"theta"``, that of θ included: θ of
            400 parametric bootstraps, γ and u drawn from their distribution given each and the
            data.  A posterior's limits include it always.
        given : DataFrame, optional
            Rows with responses that the fit has not seen, of new groups or of known ones: the
            prediction is that of `given` these.
        errors : str
            With a residual structure: ``"new"``, errors of the rows are independent of those seen;
            or ``"given"``, the correlation with the errors of their group's rows in the fit is
            counted (of a posterior that of each draw), as for the next occasion after those that
            it had.
        seed : int, optional
            Of what is drawn.  By default that of a posterior; of a maximum one is drawn, and is in
            the ``attrs``.

        Raises
        ------
        DataError, EstimationError
            When an argument has no meaning, or the new rows cannot be used.

        Examples
        --------
        >>> import hierbayes as hb
        >>> hs = hb.load_dataset("hs")
        >>> fit = hb.Model("mathach ~ ses + (1 | school)", data=hs).reml()
        >>> new = hs.head(2).assign(school=[hs["school"][0], "another"])
        >>> print(fit.predict(new, new_groups="sample", prob=0.9).round(2))
           predicted    se  lower  upper
        0      14.54  0.82  13.18  15.90
        1      14.97  2.10  11.52  18.42
        """
        refuse_foreign_words(foreign, "predict")
        asked = asked_kind(scale, kind)
        fit = self if given is None else self.given(given)
        rows = rows_to_predict(
            fit.design, data, effects=effects, new_groups=new_groups, group_means=group_means
        )
        rows = with_predicted_means(fit, rows)
        law = law_of(fit.problem, rows)
        wanted = kind_of(asked, law)
        if refuse_unknown_errors(errors) == "given":
            if fit.sampled:
                at_random = LimitsRequest(
                    Interval(prob or 0.5), uncertainty, self.seed_or_new(seed)
                )
                limits, point = fit.averaged_given_errors(rows, wanted, at_random)
                return point if prob is None else limits.beside(point)
            rows, law = fit.given_errors(rows)
        point = point_prediction(fit, rows, law, wanted)
        if prob is None:
            refuse_uncertainty(uncertainty)
            return point
        limits = fit._limits(
            rows, law, wanted, LimitsRequest(Interval(prob), uncertainty, self.seed_or_new(seed))
        )
        return said_of_variances(fit, rows, wanted, limits).beside(point)

    def predict_draws(
        self,
        data: pd.DataFrame | None = None,
        *,
        effects: str | Sequence[str] = "all",
        new_groups: str = "refuse",
        group_means: str = "remembered",
        kind: str = "mean",
        draws: int | None = None,
        uncertainty: str | None = None,
        given: pd.DataFrame | None = None,
        seed: int | None = None,
    ) -> xr.DataArray:
        """Joint draws of predictions, by chain, draw and row (and category).

        Parameters
        ----------
        data, effects, new_groups, group_means, uncertainty, given, seed
            As in `predict`.
        kind : str
            The ``"mean"`` of the response (of categories the probabilities), a new ``"response"``
            or the ``"linear"`` predictor.
        draws : int, optional
            How many, of a maximum: of γ and u given θ̂; 1000 by default.  A posterior has its own.

        Raises
        ------
        DataError, EstimationError
            As `predict`.

        Examples
        --------
        >>> import hierbayes as hb
        >>> hs = hb.load_dataset("hs")
        >>> fit = hb.Model("mathach ~ ses + (1 | school)", data=hs).reml()
        >>> fit.predict_draws(hs.head(3), draws=50, kind="response", seed=1).shape
        (1, 50, 3)
        """
        asked = asked_kind("response", kind)
        fit = self if given is None else self.given(given)
        rows = rows_to_predict(
            fit.design, data, effects=effects, new_groups=new_groups, group_means=group_means
        )
        rows = with_predicted_means(fit, rows)
        law = law_of(fit.problem, rows)
        drawn = fit.parameter_draws(draws, uncertainty, fit.seed_or_new(seed))
        if kind == "response" and fit.problem.has_correlated_errors:
            responses = correlated_responses(fit.problem, drawn, rows)
            return labelled(fit.design, drawn, rows, law, kind, responses)
        return labelled_predictions(fit.design, drawn, rows, law, kind_of(asked, law))

    def given(self, data: pd.DataFrame) -> Self:
        """The same fit once it knows of further rows, without a refit: θ stays as it is.

        Given θ, γ and every u are exactly what a fit to all rows would give.  Rows may be of new
        groups, which have their own u then, or more rows of known groups.  Of a posterior each draw
        of θ stays with its weight; γ is drawn anew where it was integrated out, and stays as it is
        where it was sampled.  The maximum that is told of (log likelihood, gradient) stays that of
        the fit.

        Parameters
        ----------
        data : DataFrame
            Rows with everything that the model needs, the response included.

        Raises
        ------
        DataError, FormulaError
            When the rows cannot be used, or the response is not Gaussian.

        Examples
        --------
        >>> import hierbayes as hb
        >>> hs = hb.load_dataset("hs")
        >>> fit = hb.Model("mathach ~ ses + (1 | school)", data=hs).reml()
        >>> new = hs.head(5).assign(school="another", mathach=20.0)
        >>> float(fit.given(new).ranef().loc["another", "Intercept"].round(2))
        2.01
        """
        return self._with_problem(with_further_rows(self.problem, data))

    def given_errors(self, rows: PredictionRows) -> tuple[PredictionRows, ResponseLaw]:
        """New rows given the errors that their groups had.

        Raises
        ------
        ResidualError
            When the errors have no structure.
        """
        raise _not_correlated()

    def averaged_given_errors(
        self, rows: PredictionRows, kind: str, request: LimitsRequest
    ) -> tuple[Limits, pd.Series]:
        """Limits and averages over draws of new rows given the errors that their groups had.

        Raises
        ------
        ResidualError
            When the errors have no structure.
        """
        raise _not_correlated()

    # ---------------------------------------------------------------- of each kind of fit

    @abstractmethod
    def parameter_draws(
        self, draws: int | None, uncertainty: str | None, seed: int
    ) -> ParameterDraws:
        """Joint draws of γ, u, G and the dispersion."""

    @abstractmethod
    def _limits(
        self, rows: PredictionRows, law: ResponseLaw, kind: str, request: LimitsRequest
    ) -> Limits: ...

    @abstractmethod
    def _with_problem(self, problem: Problem) -> Self:
        """The same θ with the rows of another problem in the same basis."""

    def seed_or_new(self, seed: int | None) -> int:
        """The seed that is asked for, or one that is drawn."""
        seed = int(np.random.default_rng().integers(2**31)) if seed is None else seed
        refuse_bad_seed(seed)
        return seed


def _not_correlated() -> ResidualError:
    return ResidualError(
        "errors='given' is of a fit whose errors are correlated by residual=, as in "
        "hb.residuals.AR1('week')"
    )
