"""Sums over cases that are not kept, and those of them that are."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from hierbayes.frames.arrays import Floats

KEPT = 1000  # cases, the worst predicted


@dataclass(frozen=True, slots=True, eq=False)
class CaseTotals:
    """Sums over all cases.

    Parameters
    ----------
    cases : int
        How many there are, each as often as it counts.
    elpd, p : float
        Sums.
    variance : float
        Of elpd over cases.
    bad : Index
        Labels of those whose weights cannot be trusted, each as often as it counts.
    """

    cases: int
    elpd: float
    p: float
    variance: float
    bad: pd.Index


class CaseSums:
    """Cases that come some at a time, of which those predicted worst are kept.

    Parameters
    ----------
    limit : float
        Of k̂, above which weights cannot be trusted.
    """

    def __init__(self, limit: float) -> None:
        self._limit = limit
        self._n, self._mean, self._square, self._p = 0.0, 0.0, 0.0, 0.0
        self._worst: list[pd.DataFrame] = []
        self._bad: list[pd.Index] = []

    def add(self, frame: pd.DataFrame, times: Floats | None) -> None:
        """Add cases, each as often as ``times`` says; None for once."""
        elpd = frame["elpd"].to_numpy()
        each = np.ones(len(frame)) if times is None else times
        n, finite = float(each.sum()), np.isfinite(elpd)
        with np.errstate(invalid="ignore"):  # a case that cannot be left out has no density
            mean = float(each @ np.where(finite, elpd, 0.0)) / n if finite.all() else -np.inf
            square = float(each @ (elpd - mean) ** 2)
            whole, apart = self._n + n, mean - self._mean
            self._square += square + apart**2 * self._n * n / whole
            self._mean += apart * n / whole
        self._n, self._p = whole, self._p + float(each @ frame["p"].to_numpy())
        kept = frame if times is None else frame.assign(times=times.astype(int))
        self._worst = [pd.concat([*self._worst, kept]).nsmallest(KEPT, "elpd")]
        bad = (frame["k_hat"] > self._limit).to_numpy()
        self._bad.append(frame.index[bad].repeat(each[bad].astype(int)))

    def found(self) -> tuple[CaseTotals, pd.DataFrame]:
        """The sums, and the cases that were kept."""
        bad = self._bad[0].append(self._bad[1:])
        variance = self._square / (self._n - 1.0)
        totals = CaseTotals(int(self._n), self._mean * self._n, self._p, variance, bad)
        return totals, self._worst[0]
