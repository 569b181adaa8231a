"""Each of some rows left out of a posterior, whose draws are weighted to what they would be."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from hierbayes.design.problem import Problem
from hierbayes.design.rows import Rows
from hierbayes.display.steps import steps
from hierbayes.fit.posterior import PosteriorFit
from hierbayes.fit.predictions.densities_of_errors import given_other_errors
from hierbayes.fit.predictions.law_of_rows import law_of, observed_responses
from hierbayes.fit.predictions.parameter_draws import ParameterDraws
from hierbayes.fit.predictions.prediction_rows import rows_to_predict
from hierbayes.frames.arrays import Floats, Integers
from hierbayes.inference.predictive.left_out_row_of_products import (
    InternalDraws,
    densities_from_products,
)
from hierbayes.inference.predictive.left_out_rows import densities_given_draws
from hierbayes.inference.predictive.pareto_smoothing import log_mean, smoothed

IMPORTANCE, EXACT = "importance weights", "exact given γ and θ"
AT_ONCE = 1 << 16  # rows that stream
_NUMBERS = 4_000_000  # densities that are in memory together
_MANY = 500  # rows computed anew, from where on they show a bar


@dataclass(frozen=True, eq=False)
class RowsGivenDraws:
    """How rows are left out of a posterior.

    Parameters
    ----------
    fit : PosteriorFit
    draws : ParameterDraws
    limit : float
        Of k̂: rows above it are computed anew where their density has a closed form without u.
    efficiency : float
        Effective draws per draw.
    progress : bool
        Whether to show progress, where many rows are computed again.
    """

    fit: PosteriorFit
    draws: ParameterDraws
    limit: float
    efficiency: float
    progress: bool

    @property
    def is_closed(self) -> bool:
        """Whether rows are computed again with u integrated out."""
        return self.fit.problem.family is None and self.fit.problem.moments is None

    @property
    def at_once(self) -> int:
        """How many rows that stream are looked at together."""
        correlated = self.fit.problem.has_correlated_errors  # all draws of them at once
        return max(_NUMBERS // self.draws.M, 1) if correlated else AT_ONCE

    @property
    def how(self) -> str:
        """In words."""
        return (
            f"importance weights over {self.draws.M} draws, each worth {self.efficiency:.2g}, of "
            f"{self.draws.source}"
        )

    @cached_property
    def _internal(self) -> InternalDraws:
        return InternalDraws.of(self.fit.problem, self.draws)

    def of(self, rows: Rows) -> pd.DataFrame:
        """``elpd``, ``p``, ``k_hat`` and ``method`` of some rows."""
        problem = self.fit.problem.of_rows(rows)
        elpd, k_hat, whole = self._weighted(problem)
        method = np.full(len(elpd), IMPORTANCE, dtype=object)
        again = np.flatnonzero(k_hat > self.limit)
        if self.is_closed:
            method[again] = EXACT
            elpd[again], k_hat[again] = self._anew(problem, again)
        columns = {"elpd": elpd, "p": whole - elpd, "k_hat": k_hat, "method": method}
        return pd.DataFrame(columns, index=rows.index)

    def _weighted(self, problem: Problem) -> tuple[Floats, Floats, Floats]:
        """Log density of each row without it (n,), k̂ of its weights, and the same with the row."""
        n = problem.design.rows.n
        elpd, k_hat, whole = np.empty(n), np.empty(n), np.empty(n)
        even = np.array([[-np.log(self.draws.M)]])
        for at, values in self._log_densities(problem):
            by_row = np.ascontiguousarray(values.T)
            weights, k_hat[at] = smoothed(-by_row, self.efficiency)
            elpd[at], whole[at] = log_mean(weights, by_row), log_mean(even, by_row)
        return elpd, k_hat, whole

    def _log_densities(self, problem: Problem) -> Iterable[tuple[slice, Floats]]:
        """Log density (M, m) of some of the rows in turn, given those of others that tell of it."""
        if problem.has_correlated_errors:
            return [(slice(0, problem.design.n), given_other_errors(problem, self.draws))]
        rows = rows_to_predict(problem.design, None)
        return self.draws.log_densities(rows, law_of(problem, rows), observed_responses(problem))

    def _anew(self, problem: Problem, again: Integers) -> tuple[Floats, Floats]:
        """Log density (m,) of some rows without them and k̂, u of their groups integrated out."""
        elpd, k_hat = np.empty(len(again)), np.empty(len(again))
        with steps(len(again), "rows", progress=self.progress and len(again) >= _MANY) as counted:
            for (at, row), _ in zip(enumerate(again.tolist()), counted, strict=True):
                values = self._integrated(problem, row)[None]
                weights, k_hat[at : at + 1] = smoothed(-values, self.efficiency)
                elpd[at] = log_mean(weights, values)[0]
        return elpd, k_hat

    def _integrated(self, problem: Problem, row: int) -> Floats:
        """Log density (M,) of a row at each draw, u of its group integrated out."""
        if self.fit.design.rows.streams:
            return densities_from_products(self._internal, problem.design.rows, row)
        return densities_given_draws(problem.design, self.draws, row)
