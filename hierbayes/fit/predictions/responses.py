"""What a fit says of responses beside predictions: new ones, and what is left of those seen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from hierbayes.fit.predictions.expected import (
    ByPredictor,
    linear_predictor,
    refuse_foreign_words,
    residuals,
)
from hierbayes.fit.predictions.predicting_fit import PredictingFit
from hierbayes.fit.predictions.prediction_rows import rows_to_predict
from hierbayes.fit.predictions.quantile_residuals import quantile_residuals
from hierbayes.fit.predictions.simulation import simulate_responses


@dataclass(frozen=True, eq=False, repr=False)
class FittedResponses(PredictingFit):
    """The part of a fit that is about responses of rows."""

    def simulate(
        self, n: int = 1, *, groups: str | Mapping[str, str] = "new", seed: int | None = None
    ) -> pd.DataFrame:
        """New responses for the rows of the fit.

        A point fit gives those of its estimates; a posterior one draw of its parameters for each,
        so that they are draws from the posterior predictive distribution.

        Parameters
        ----------
        n : int
            How many responses of all rows.
        groups : str or mapping
            ``"new"`` groups in the place of those of the fit, their effects drawn from G; or
            ``"kept"``, those of the fit with their own effects: conditional modes or BLUPs, or of a
            posterior their draws.  Of several grouping factors also a mapping from factors to
            these, as in ``{"school": "kept"}``: those it leaves out are new.
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

    def residuals(
        self,
        *,
        effects: str | Sequence[str] = "all",
        standardized: bool = False,
        kind: str = "response",
        seed: int | None = None,
        **foreign: Any,
    ) -> ByPredictor:
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
            ``"normalized"``, those without the correlation that a residual structure gives the
            errors of a group: independent standard normal where the model is right;
            of families that are not Gaussian also ``"deviance"``; and ``"quantile"``: the normal
            quantiles of P(Y ≤ y), of what is counted at random between P(Y < y) and that
            (Dunn & Smyth 1996, doi:10.1080/10618600.1996.10474708).  They are standard normal where
            the model is right.  Of a posterior these probabilities are averages over draws, each
            with its own random effects, and the name of the series says so.  Of nominal categories
            the others have a column for each, 1 minus its probability where a row has it; their
            deviance is one number a row.
        seed : int, optional
            Of quantile residuals; equal seeds give equal ones.
        """
        refuse_foreign_words(foreign, "residuals")
        if kind == "quantile" and not standardized:
            return quantile_residuals(self, effects, seed)
        eta = linear_predictor(self, rows_to_predict(self.design, None, effects=effects))
        return self._residuals(eta, "pearson" if standardized else kind)

    def _residuals(self, eta: ByPredictor, kind: str) -> ByPredictor:
        """Residuals of one kind given a linear predictor."""
        return residuals(self, eta, kind)
