"""What Savage and Dickey's density ratio says of a hypothesis, as a table and a page."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from hierbayes.display.blocks import Items, Table
from hierbayes.display.page import Page, Printed


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class SavageDickey(Printed):
    """How a posterior and its prior weigh a value of a contrast of fixed effects.

    Parameters
    ----------
    hypothesis : str
        What has which value.
    log_bf : float
        Log Bayes factor of the hypothesis over the model in which it need not hold.
    error : float
        Its Monte Carlo error, or that of quadrature.
    log_posterior, log_prior : float
        The two log densities at the value.
    about, notes : tuple of str
    """

    hypothesis: str
    log_bf: float
    error: float
    log_posterior: float
    log_prior: float
    about: tuple[str, ...]
    notes: tuple[str, ...]

    @property
    def table(self) -> pd.DataFrame:
        """One row: ``log_bf``, ``error``, ``log_posterior``, ``log_prior``, ``probability``.

        ``probability`` is that of the hypothesis where both were as probable before.
        """
        values = {
            "log_bf": self.log_bf, "error": self.error, "log_posterior": self.log_posterior,
            "log_prior": self.log_prior,
            "probability": float(np.exp(-np.logaddexp(0.0, -self.log_bf))),
        }  # fmt: skip
        return pd.DataFrame(values, index=pd.Index([self.hypothesis], name="hypothesis"))

    def page(self) -> Page:
        """The ratio, and what it depends on."""
        table = Table(self.table, "Log Bayes factor of the hypothesis, and the two densities")
        return Page("Savage-Dickey", self.about, (table, Items(self.notes, "Notes")))
