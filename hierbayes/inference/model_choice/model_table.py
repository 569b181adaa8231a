"""Criteria of several models beside each other."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from hierbayes.display.blocks import Lines, numbered_lines, numbered_table
from hierbayes.display.page import Page, Printed
from hierbayes.errors import InferenceError
from hierbayes.fit.point import PointFit
from hierbayes.inference.accepted_fits import (
    criterion_of,
    refuse_mixed_criteria,
    refuse_other_data,
    refuse_other_than_maxima,
)

_SAME = 1e-8


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class ModelTable(Printed):
    """Criteria of several fits.

    Parameters
    ----------
    table : DataFrame
        A row per fit, in the order given, index its formula, with families where they differ:
        ``logLik``, ``parameters`` (their number), ``AIC``, ``BIC`` and ``ΔAIC`` from the smallest
        AIC.
    engine : str
        ``"REML"`` or ``"ML"``, with its approximation where it is one.
    """

    table: pd.DataFrame
    engine: str

    def page(self) -> Page:
        """The models by number, then their criteria."""
        count = len(self.table)
        title = f"Criteria of {count} {self.engine} fit{'s' if count != 1 else ''}"
        blocks = (numbered_table(self.table), Lines((self._note,)))
        return Page(title, numbered_lines(self.table), blocks)

    @property
    def _note(self) -> str:
        rows = "n − p rows (p fixed columns), as nlme does" if self.engine == "REML" else "n rows"
        return f"BIC counts {rows}; AIC counts a variance as a full parameter."


def model_table(*fits: PointFit) -> ModelTable:
    """Log-likelihood and criteria of fits of the same data, nested or not.

    Parameters
    ----------
    *fits : PointFit
        At least one; all by ML, or all by REML with the same fixed columns.  Responses that are
        not Gaussian may be of several families, all by the same approximation.

    Returns
    -------
    ModelTable
        It prints, and its ``table`` is a frame.  AIC counts a variance as a full parameter, also
        where it may be zero, and is stern on those.

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
    >>> table.table["ΔAIC"].round(3).tolist()
    [0.0, 2.23]
    """
    if not fits:
        raise InferenceError("model_table() takes fits, and none was given")
    refuse_other_than_maxima("model_table", *fits, families=True, structured=True)
    refuse_mixed_criteria("model_table", *fits)
    for fit in fits[1:]:
        refuse_other_data("model_table", fits[0], fit)
        if fit.engine == "REML":
            _refuse_other_columns(fits[0], fit)
    names = model_names(fits)
    aic = np.array([fit.aic for fit in fits])
    table = pd.DataFrame(
        {
            "logLik": [fit.loglik for fit in fits],
            "parameters": [fit.maximum.n_parameters for fit in fits],
            "AIC": aic,
            "BIC": [fit.bic for fit in fits],
            "ΔAIC": aic - aic.min(),
        },
        index=pd.Index(names, name="model"),
    )
    return ModelTable(table, criterion_of(*fits))


def model_names(fits: tuple[PointFit, ...]) -> list[str]:
    """The formula of each fit, and its family where these differ."""
    names = [str(fit.design.specification) for fit in fits]
    if len({fit.problem.family for fit in fits}) == 1:
        return names
    return [f"{name}, {fit.problem.family}" for name, fit in zip(names, fits, strict=True)]


def _refuse_other_columns(a: PointFit, b: PointFit) -> None:
    first, second = a.design, b.design
    same = first.rows.X.shape == second.rows.X.shape and set(first.terms) == set(second.terms)
    if same:
        other = second.rows.X[:, [second.terms.index(term) for term in first.terms]]
        size = np.maximum(np.abs(first.rows.X).max(axis=0), 1e-300)
        same = bool((np.abs(first.rows.X - other) <= _SAME * size).all())
    if not same:
        raise InferenceError(
            "REML likelihoods of models with different fixed columns are not comparable "
            f"({first.specification}; {second.specification}); fit all with model.ml()"
        )
