"""What a calibration found: ranks, coverage and bias, as tables that print."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
from scipy.special import ndtri

from hierbayes.display.blocks import Items, Table
from hierbayes.display.page import Page
from hierbayes.display.reported import Reported
from hierbayes.frames.arrays import Floats
from hierbayes.studies.calibration.rank_tests import chi_square, ecdf_p
from hierbayes.studies.calibration.ranks import DRAWS

_WILSON = 1.959963984540054
_DOUBT = 0.01  # of a probability, after as many tests as there are


@dataclass(frozen=True, eq=False, repr=False)
class Calibration(Reported):
    """Estimates and intervals beside the truths of simulated data, and their ranks.

    Parameters
    ----------
    about : tuple of str
        Lines on the model, the truths and the fits.
    estimates : DataFrame
        Index (groups, method, replication, block, parameter): ``truth``, ``lower``, ``estimate``,
        ``upper``; limits are missing where a method has none.
    ranks : DataFrame
        Of the truth among 99 draws, where truths are draws of priors and posteriors were fitted:
        index (groups, replication), columns (block, quantity).  Otherwise empty.
    engines : DataFrame
        Index (groups, method, engine): how many data sets were fitted so; ``singular`` and
        ``failed``, how many of them.
    failures : tuple of str
        Why fits failed, each reason once.
    prob : float
        Of the intervals.
    seed : int
    """

    about: tuple[str, ...]
    estimates: pd.DataFrame
    ranks: pd.DataFrame
    engines: pd.DataFrame
    failures: tuple[str, ...]
    prob: float
    seed: int

    @cached_property
    def coverage(self) -> pd.DataFrame:
        """Coverage, bias and width by (groups, method, block, parameter).

        ``coverage`` is the share of intervals that hold the truth, with its Monte Carlo error
        (``mcse``) and 95% limits (``low``, ``high``, Wilson); ``bias`` is the mean of estimate less
        truth, with its own (``bias mcse``); ``rmse`` its root mean square; ``width`` the mean of
        the intervals; ``sets`` how many data sets have limits, and ``without`` how many have not.
        """
        keys = ["groups", "method", "block", "parameter"]
        frame = self.estimates
        limited = frame["lower"].notna() & frame["upper"].notna()
        held = (frame["lower"] <= frame["truth"]) & (frame["truth"] <= frame["upper"])
        off = frame["estimate"] - frame["truth"]
        grouped = pd.DataFrame({
            "held": held.where(limited).astype(float), "off": off, "square": off**2,
            "width": (frame["upper"] - frame["lower"]).where(limited), "limited": limited,
        }).groupby(level=keys, sort=False)  # fmt: skip
        sets, there = grouped["limited"].sum(), grouped["off"].count()
        share = grouped["held"].mean()
        low, high = wilson(share.to_numpy(), sets.to_numpy())
        table = pd.DataFrame({
            "coverage": share, "mcse": np.sqrt(share * (1.0 - share) / sets), "low": low,
            "high": high, "bias": grouped["off"].mean(),
            "bias mcse": grouped["off"].std() / np.sqrt(there),
            "rmse": np.sqrt(grouped["square"].mean()), "width": grouped["width"].mean(),
            "sets": sets, "without": grouped["limited"].size() - sets,
        })  # fmt: skip
        return table

    @cached_property
    def sbc(self) -> pd.DataFrame:
        """Whether ranks are uniform, by (groups, block, quantity).

        ``mean rank`` is relative, ½ where it should be; ``chi2``, ``df`` and ``p`` those of
        counts in equal bins; ``ecdf p`` the probability that the ECDF of uniform ranks strays as
        far somewhere.  A small one says that the posterior is not that of the data and the prior.
        """
        rows = {}
        if len(self.ranks):
            for size, ranks in self.ranks.groupby(level="groups", sort=False):
                for name in ranks:
                    found = ranks[name].dropna().to_numpy().astype(np.intp)
                    value, df, p = chi_square(found, DRAWS)
                    rows[size, *name] = {
                        "mean rank": float(found.mean()) / DRAWS, "chi2": value, "df": df, "p": p,
                        "ecdf p": ecdf_p(found, DRAWS), "sets": len(found),
                    }  # fmt: skip
        index = pd.MultiIndex.from_tuples(list(rows), names=["groups", "block", "quantity"])
        columns = ["mean rank", "chi2", "df", "p", "ecdf p", "sets"]
        if not rows:
            index = pd.MultiIndex.from_arrays([[], [], []], names=["groups", "block", "quantity"])
        return pd.DataFrame(list(rows.values()), index=index, columns=columns)

    @property
    def smallest_p(self) -> float:
        """The smallest probability of any quantity, times the number of tests; missing without."""
        p = self.sbc[["p", "ecdf p"]].to_numpy()
        told = p[np.isfinite(p)]
        return float(min(1.0, told.min() * len(told))) if len(told) else float("nan")

    @cached_property
    def findings(self) -> tuple[str, ...]:
        """What the tables say, in sentences."""
        return (*self._of_ranks(), *self._of_coverage(), *self.failures)

    def page(self) -> Page:
        """Findings, ranks, coverage and how it was fitted."""
        blocks: list[Items | Table] = [Items(self.findings)]
        if len(self.sbc):
            blocks.append(Table(_plain(self.sbc), "Ranks of the truth"))
        shown = _plain(self.coverage.drop(columns=["low", "high"]))
        blocks.append(Table(shown, f"Coverage of {100 * self.prob:g}% intervals, and bias"))
        blocks.append(Table(_plain(self.engines), "Fits"))
        return Page("Calibration on simulated data", self.about, tuple(blocks))

    def _of_ranks(self) -> tuple[str, ...]:
        if not len(self.sbc):
            return ()
        least, tests = self.smallest_p, 2 * len(self.sbc)
        if least >= _DOUBT:
            return (
                f"ranks are as uniform as chance has them: of {tests} tests the smallest p, times "
                f"their number, is {least:.2g}",
            )
        worst = self.sbc[["p", "ecdf p"]].min(axis=1).sort_values()
        names = ", ".join(str(name[-1]) for name in worst.index[worst * tests < _DOUBT][:5])
        return (
            "ranks are not uniform: the sampler, the priors of the fit or those behind the data "
            f"are not those of one model (smallest p, times the number of tests, {least:.2g}; "
            f"{names})",
        )

    def _of_coverage(self) -> tuple[str, ...]:
        """Intervals whose coverage is not the nominal one, after as many tests as there are."""
        table = self.coverage[self.coverage["sets"] > 0]
        sets, prob = table["sets"].to_numpy(), self.prob
        z = (table["coverage"] - prob) / np.sqrt(prob * (1.0 - prob) / sets)
        limit = _bonferroni(len(table))
        said = []
        for sign, words in ((-1.0, "too low"), (1.0, "too high")):
            for method, these in table[sign * z > limit].groupby(level="method", sort=False):
                names = ", ".join(
                    f"{_label(key)} {100 * row['coverage']:.1f}%"
                    for key, row in these.sort_values("coverage").iloc[:5].iterrows()
                )
                more = f" and {len(these) - 5} more" if len(these) > 5 else ""
                said.append(f"{method}: coverage is {words} for {names}{more}")
        without = table[table["without"] > 0]
        for method, these in without.groupby(level="method", sort=False):
            most = int(these["without"].max())
            said.append(
                f"{method}: up to {most} data sets have no limits of a variance parameter "
                "(Ĝ is singular there); coverage is that of the others"
            )
        return tuple(said)


def wilson(share: Floats, n: Floats) -> tuple[Floats, Floats]:
    """95% limits of proportions out of n."""
    n = np.asarray(n, dtype=np.float64)
    with np.errstate(divide="ignore", invalid="ignore"):
        square = _WILSON**2 / n
        middle = (share + square / 2.0) / (1.0 + square)
        half = _WILSON / (1.0 + square) * np.sqrt(share * (1.0 - share) / n + square / (4.0 * n))
    return np.maximum(middle - half, 0.0), np.minimum(middle + half, 1.0)


def _bonferroni(tests: int) -> float:
    return float(ndtri(1.0 - _DOUBT / (2.0 * max(tests, 1))))


def _label(key: tuple[object, ...]) -> str:
    groups, _, block, name = key
    called = f"{block}({name})" if block in ("sd", "corr") else str(name)
    return called if groups == "as the data" else f"{called} ({groups})"


def _plain(table: pd.DataFrame) -> pd.DataFrame:
    """Without the level of designs where there is one alone."""
    if len(table) and table.index.get_level_values("groups").nunique() == 1:
        return table.droplevel("groups")
    return table
