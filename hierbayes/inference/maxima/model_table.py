"""Criteria of several models beside each other."""

from __future__ import annotations

import numpy as np
import pandas as pd

from hierbayes.errors import InferenceError
from hierbayes.fit.fit import Fit
from hierbayes.inference.maxima.maximised_fit import (
    refuse_mixed_criteria,
    refuse_other_data,
    refuse_other_than_maxima,
)

_SAME = 1e-8


def model_table(*fits: Fit) -> pd.DataFrame:
    """Log-likelihood and criteria of fits of the same data, nested or not.

    Parameters
    ----------
    *fits : Fit
        At least one; all by ML, or all by REML with the same fixed columns.

    Returns
    -------
    DataFrame
        A row per fit, in the order given, ``logLik``, ``df`` (number of
        parameters), ``AIC``, ``BIC`` and ``ΔAIC`` from the smallest AIC.  AIC counts a variance
        as a full parameter, also where it may be zero, and is stern on those.

    Raises
    ------
    InferenceError
        When something maximises no likelihood, data or criteria differ, or REML fits have
        different fixed parts.

    Examples
    --------
    >>> import hierbayes as hb
    >>> hs = hb.load_dataset("hs")
    >>> forms = ["mathach ~ ses + (1 | school)", "mathach ~ ses + (1 + ses | school)"]
    >>> table = hb.model_table(*(hb.Model(form, data=hs).reml() for form in forms))
    >>> table["ΔAIC"].round(3).tolist()
    [0.0, 2.23]
    """
    if not fits:
        raise InferenceError("model_table() takes fits, and none was given")
    refuse_other_than_maxima("model_table", *fits)
    refuse_mixed_criteria("model_table", *fits)
    for fit in fits[1:]:
        refuse_other_data("model_table", fits[0], fit)
        if fit.engine == "REML":
            _refuse_other_columns(fits[0], fit)
    names = [str(fit.design.specification) for fit in fits]
    aic = np.array([fit.aic for fit in fits])
    return pd.DataFrame(
        {
            "logLik": [fit.loglik for fit in fits],
            "df": [fit.maximum.n_parameters for fit in fits],
            "AIC": aic,
            "BIC": [fit.bic for fit in fits],
            "ΔAIC": aic - aic.min(),
        },
        index=pd.Index(names, name=f"model ({fits[0].engine})"),
    )


def _refuse_other_columns(a: Fit, b: Fit) -> None:
    first, second = a.design, b.design
    same = first.X.shape == second.X.shape and set(first.terms) == set(second.terms)
    if same:
        other = second.X[:, [second.terms.index(term) for term in first.terms]]
        size = np.maximum(np.abs(first.X).max(axis=0), 1e-300)
        same = bool((np.abs(first.X - other) <= _SAME * size).all())
    if not same:
        raise InferenceError(
            "REML likelihoods of models with different fixed columns are not comparable "
            f"({first.specification}; {second.specification}); fit all with model.ml()"
        )
