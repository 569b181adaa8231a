"""The marginal likelihood of a model as a result that prints."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from hierbayes.design.design import Design
from hierbayes.design.problem import Problem
from hierbayes.design.subject import subject_of
from hierbayes.display.blocks import Items, Table
from hierbayes.display.page import Page, Printed
from hierbayes.estimation.importance import K_HAT_LIMIT
from hierbayes.frames.arrays import Floats
from hierbayes.inference.evidence.integral import Points
from hierbayes.priors.prior_set import DEFAULT, PriorSet

QUADRATURE = "quadrature"
IMPORTANCE = "importance sampling"
LARGE_ERROR = 0.05  # of a log


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class MarginalLikelihood(Printed):
    """The density of a model's responses before they were seen, every parameter integrated out.

    Parameters
    ----------
    log_evidence : float
        log p(y), all normalising constants included.
    error : float
        Of the log: how far two steps of quadrature differ, or the Monte Carlo standard error.
    method : str
        How it was computed.
    k_hat : float
        Pareto k̂ of importance weights, above 0.7 not to be trusted; nan where none are used.
    wider : DataFrame
        How the log changes as the scale of one block of priors is doubled, the others staying.
    problem : Problem
    priors : PriorSet
    points : Points
        Parameters at which the density was evaluated.
    log_weights : (N,) float
        Log of the share of each point in the integral: the posterior.
    """

    log_evidence: float
    error: float
    method: str
    k_hat: float
    wider: pd.DataFrame
    problem: Problem
    priors: PriorSet
    points: Points
    log_weights: Floats

    @property
    def design(self) -> Design:
        """Columns and rows of the model."""
        return self.problem.design

    @property
    def trusted(self) -> bool:
        """Whether the error is small and no k̂ speaks against it."""
        return self.error <= LARGE_ERROR and not self.k_hat > K_HAT_LIMIT

    @property
    def table(self) -> pd.DataFrame:
        """One row: ``log_evidence``, ``error``, ``method``, ``points``, ``k_hat``."""
        values = {
            "log_evidence": self.log_evidence, "error": self.error, "method": self.method,
            "points": len(self.log_weights), "k_hat": self.k_hat,
        }  # fmt: skip
        return pd.DataFrame(values, index=pd.Index(["model"], name="model"))

    @property
    def notes(self) -> tuple[str, ...]:
        """What to beware of."""
        return (*distrust(self), *prior_notes(self.priors), *_wider_note(self.wider))

    def page(self) -> Page:
        """The number, how it depends on the priors, and notes."""
        shown = self.table.dropna(axis="columns")
        blocks = [Table(shown, "Log marginal likelihood", index=False)]
        if len(self.wider):
            blocks.append(Table(self.wider, "With priors twice as wide"))
        about = subject_of(self.design).lines()
        return Page("Evidence", about, (*blocks, Items(self.notes, "Notes")))


def distrust(one: MarginalLikelihood) -> tuple[str, ...]:
    """Why the number cannot be relied on; empty where it can."""
    said = []
    if one.k_hat > K_HAT_LIMIT:
        said.append(
            f"The importance weights cannot be trusted (Pareto k̂ {one.k_hat:.2f}, limit "
            f"{K_HAT_LIMIT}): the number may be far too small; more points may help."
        )
    if one.error > LARGE_ERROR:
        said.append(
            f"The error of the log is {one.error:.2g}; more points, points=..., make it smaller."
        )
    return tuple(said)


def prior_notes(priors: PriorSet) -> tuple[str, ...]:
    """How a marginal likelihood depends on these priors, in words."""
    said = [
        "The evidence is the mean of the likelihood over the prior, not over the posterior: where "
        "data leave the posterior as it is, a wider prior still takes evidence away. It answers "
        "for the priors as much as for the model."
    ]
    sources = [source for block in (priors.gamma, priors.sd, priors.corr, priors.dispersion)
               for _, _, source in block]  # fmt: skip
    if DEFAULT in sources:
        said.append(
            "Default priors are scaled by the response of these data, and are wide: they are made "
            "for estimation. State priors that mean something before Bayes factors are taken "
            "seriously."
        )
    return tuple(said)


def _wider_note(wider: pd.DataFrame) -> tuple[str, ...]:
    if "gamma" not in wider.index:
        return ()
    change = float(wider.loc["gamma", "change"])
    return (
        f"Prior sds of the fixed effects twice as wide multiply the evidence by "
        f"{np.exp(change):.3g}.",
    )
