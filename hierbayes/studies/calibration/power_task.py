"""What is done with each simulated data set of a power study."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from hierbayes.display.interval import Interval
from hierbayes.errors import EstimationError
from hierbayes.fit.degrees_of_freedom.source import usual_or_stated
from hierbayes.fit.degrees_of_freedom.tails import t_quantile, two_sided
from hierbayes.fit.point import PointFit
from hierbayes.fit.posterior import PosteriorFit
from hierbayes.frames.arrays import Floats
from hierbayes.inference.hypotheses.wald import joint_row
from hierbayes.studies.calibration.estimates import Fitting
from hierbayes.studies.calibration.tasks import Cell


@dataclass(frozen=True, slots=True, eq=False)
class PowerTask:
    """A test of Lγ = 0 and the interval of its row.

    Parameters
    ----------
    cells : tuple of Cell
    method : str
        ``"reml"``, ``"ml"`` or ``"posterior"``.
    fitting : Fitting
        Its probability is one less the level of the test.
    L : (m, p) float
    df : str or None
        Method of the degrees of freedom.
    seed : int
    """

    cells: tuple[Cell, ...]
    method: str
    fitting: Fitting
    L: Floats
    df: str | None
    seed: int

    def run(self, cell: int, i: int) -> dict[str, Any]:
        """As in `Task`: p, the estimate and half the width of the interval of a single row."""
        one = self.cells[cell]
        rng, truth = one.generator(self.seed, i), one.truths.at(i)
        data = one.source.draw(truth, rng)
        true = self.L @ truth.gamma
        try:
            if self.method == "posterior":
                fit = self.fitting.posterior(data.problem, int(rng.integers(2**31)))
                found = self._of_posterior(fit)
            else:
                found = self._of_maximum(self.fitting.maximum(data.problem, self.method))
        except (EstimationError, np.linalg.LinAlgError) as error:
            found = {"failed": str(error)}
        return {"truth": true.tolist()} | found

    def _of_maximum(self, fit: PointFit) -> dict[str, Any]:
        source = usual_or_stated(fit, self.df)
        found = source.of(self.L)
        estimate = self.L @ fit.gamma
        row = joint_row(self.L, fit.gamma, found)
        answer = {"p": float(row["p"]), "singular": bool(fit.singular)}
        if len(self.L) > 1:
            return answer
        se = float(np.sqrt((self.L @ found.gamma_cov @ self.L.T)[0, 0]))
        df = found.rows[:1]
        half = float(t_quantile(df, Interval(self.fitting.prob).tails[1])[0]) * se
        p = float(two_sided(estimate / se, df)[0])
        return answer | {"p": p, "estimate": float(estimate[0]), "half": half}

    def _of_posterior(self, fit: PosteriorFit) -> dict[str, Any]:
        """Twice the smaller posterior probability of either sign stands for p."""
        draws = fit.gamma_draws @ self.L[0]
        above = float((draws > 0.0).mean())
        low, high = (float(end) for end in Interval(self.fitting.prob).of_draws(draws))
        engine = "NUTS" if fit.evidence.k_hat is None else "importance sampling"
        return {
            "p": 2.0 * min(above, 1.0 - above), "estimate": float(draws.mean()),
            "half": 0.5 * (high - low), "singular": False, "engine": engine,
        }  # fmt: skip
