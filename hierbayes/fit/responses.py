"""What a fit says of responses: expected ones, new ones, and what is left of those seen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from hierbayes.errors import DataError
from hierbayes.fit import prediction
from hierbayes.fit.fitted import Fitted
from hierbayes.fit.simulation import simulate_responses


@dataclass(frozen=True, eq=False, repr=False)
class FittedResponses(Fitted):
    """The part of a fit that is about responses of rows."""

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
