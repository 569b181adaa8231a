"""What a study of power found, and the smallest design that does."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from numbers import Real
from typing import Any

import numpy as np
import pandas as pd

from hierbayes.display.blocks import Items, Table
from hierbayes.display.page import Page
from hierbayes.display.reported import Reported
from hierbayes.errors import StudyError
from hierbayes.frames.arrays import Floats
from hierbayes.studies.calibration.calibration import wilson
from hierbayes.studies.calibration.curves import crossing, monotone

USUAL_POWER = 0.8
_LIMIT = 1.959963984540054


@dataclass(frozen=True, eq=False, repr=False)
class PowerStudy(Reported):
    """Tests of a hypothesis on simulated data, by numbers of groups and of rows in each.

    Parameters
    ----------
    title : str
    about : tuple of str
        Lines on the model, the truths and the test.
    replications : DataFrame
        Index (groups, rows, replication): ``truth``, ``estimate``, ``half width`` (of a hypothesis
        of one row), ``p``, ``singular``, ``failed``.
    rows_in_all : Series
        Rows of each design, by (groups, rows).
    level : float
        At which the test rejects.
    assurance : bool
        Whether truths vary, so that power is averaged over them.
    failures : tuple of str
        Why fits failed, each reason once.
    seed : int
    factor : str
        Whose groups are counted, of several grouping factors.
    """

    title: str
    about: tuple[str, ...]
    replications: pd.DataFrame
    rows_in_all: pd.Series
    level: float
    assurance: bool
    failures: tuple[str, ...]
    seed: int
    factor: str = ""

    @cached_property
    def table(self) -> pd.DataFrame:
        """Power and precision by (groups, rows), with their Monte Carlo errors.

        ``power`` is the share of replications that reject (a fit that failed does not), with
        ``mcse`` and 95% limits ``low`` and ``high`` (Wilson); ``half width`` the mean of half the
        interval with its own (``half mcse``), and ``half 80%`` what it stays below in four of five;
        ``wrong sign`` the share of rejections on the other side of the truth.
        """
        frame = self.replications
        keys = ["groups", "rows"]
        rejects = (frame["p"] < self.level).astype(float)
        wrong = np.sign(frame["estimate"]) != np.sign(frame["truth"])
        wrong = wrong.astype(float).where((rejects > 0.0) & frame["estimate"].notna())
        grouped = frame.assign(rejects=rejects, wrong=wrong).groupby(level=keys, sort=False)
        n, power = grouped.size(), grouped["rejects"].mean()
        low, high = wilson(power.to_numpy(), n.to_numpy())
        half = grouped["half width"]
        return pd.DataFrame({
            "rows in all": self.rows_in_all, "power": power,
            "mcse": np.sqrt(power * (1.0 - power) / n), "low": low, "high": high,
            "half width": half.mean(), "half mcse": half.std() / np.sqrt(half.count()),
            "half 80%": half.quantile(0.8), "wrong sign": grouped["wrong"].mean(),
            "singular": grouped["singular"].mean(), "failed": grouped["failed"].sum(), "sets": n,
        })  # fmt: skip

    def curve(self, what: str = "power") -> pd.DataFrame:
        """The monotone curve through the table, by (groups, rows).

        Parameters
        ----------
        what : {"power", "half width"}

        Returns
        -------
        DataFrame
            ``simulated`` with limits ``low`` and ``high`` (95%, Monte Carlo), and ``curve``: the
            nearest that only rises (power) or falls (half width) with the number of groups.
        """
        table = self.table
        if what not in ("power", "half width"):
            raise StudyError(f"a curve is of 'power' or of 'half width', not {what!r}")
        if what == "power":
            values, low, high = table["power"], table["low"], table["high"]
        else:
            values, error = table["half width"], _LIMIT * table["half mcse"]
            low, high = values - error, values + error
        found = pd.DataFrame({"simulated": values, "low": low, "high": high})
        rising, weights = what == "power", table["sets"].to_numpy(dtype=np.float64)
        if found["simulated"].isna().any():
            raise StudyError("a hypothesis of several rows has no interval, and no half width")
        for column in ("simulated", "low", "high"):
            name = "curve" if column == "simulated" else f"curve {column}"
            found[name] = np.nan
            for _, at in self._by_rows():
                smooth = monotone(found[column].to_numpy()[at], weights[at], rising=rising)
                found.iloc[at, found.columns.get_loc(name)] = smooth
        return found

    def smallest(
        self, *, power: float | None = None, half_width: float | None = None
    ) -> pd.DataFrame:
        """The smallest number of groups that reaches a power or a precision, by rows of each.

        Read from `curve`, linear in the root of the number of groups between the designs that were
        simulated, and never beyond them.

        Parameters
        ----------
        power : float, optional
            By default 0.8.
        half_width : float, optional
            Of the interval, on average; in the place of power.

        Returns
        -------
        DataFrame
            By rows of each group: ``groups``, between ``low`` and ``high`` (95%, Monte Carlo), and
            ``rows in all``. Missing where the largest design is not enough; the smallest design
            where that is.

        Raises
        ------
        StudyError
            When both are asked for, or one is no such number.
        """
        what, wanted = _wanted(power, half_width)
        found, rising = self.curve(what), what == "power"
        likely, unlikely = ("curve high", "curve low") if rising else ("curve low", "curve high")
        rows: dict[Any, dict[str, float]] = {}
        for size, at in self._by_rows():
            groups = found.index.get_level_values("groups").to_numpy(dtype=np.float64)[at]
            ends = [
                _whole(crossing(groups, found[name].to_numpy()[at], wanted, rising=rising), groups)
                for name in ("curve", likely, unlikely)
            ]
            each = (self.table["rows in all"].to_numpy()[at] / groups).mean()
            rows[size] = dict(zip(("groups", "low", "high"), ends, strict=True))
            rows[size]["rows in all"] = math.nan if math.isnan(ends[0]) else round(ends[0] * each)
        index = pd.Index(list(rows), name="rows")
        return pd.DataFrame(list(rows.values()), index=index).astype("Int64")

    def page(self) -> Page:
        """The table, and what is enough."""
        table = self.table.dropna(axis="columns", how="all").drop(columns=["low", "high"])
        return Page(
            self.title, self.about,
            (Items((*self._enough(), *self.failures)), Table(table, "", names=True)),
        )  # fmt: skip

    def _enough(self) -> tuple[str, ...]:
        """The smallest designs in words, where there are several to choose from."""
        word = "assurance" if self.assurance else "power"
        if self.table.index.get_level_values("groups").nunique() < 2:
            (_, row), *_ = self.table.iterrows()
            text = f"{word} {row['power']:.3f}, Monte Carlo error {row['mcse']:.3f}"
            return (text,) if len(self.table) == 1 else ()
        said = []
        for size, row in self.smallest().iterrows():
            of = f", {size} rows each" if size != "all" else ""
            if pd.isna(row["groups"]):
                said.append(f"{word} {USUAL_POWER:g} is not reached by the designs here{of}")
                continue
            high = row["high"] if not pd.isna(row["high"]) else "more than there are here"
            said.append(
                f"{word} {USUAL_POWER:g} needs {row['groups']} groups{self._of_factor}{of} "
                f"({row['low']} to {high} within Monte Carlo error), {row['rows in all']} rows"
            )
        return tuple(said)

    @property
    def _of_factor(self) -> str:
        """Whose groups, for a sentence; empty of the only factor."""
        return f" ({self.factor})" if self.factor else ""

    def _by_rows(self) -> list[tuple[Any, Any]]:
        """Places of the designs with the same rows of each group."""
        sizes = self.table.index.get_level_values("rows")
        return [(size, np.flatnonzero(sizes == size)) for size in dict.fromkeys(sizes)]


def _wanted(power: float | None, half_width: float | None) -> tuple[str, float]:
    if power is not None and half_width is not None:
        raise StudyError("smallest() takes power or half_width, not both")
    if half_width is not None:
        if not isinstance(half_width, Real) or not half_width > 0.0:
            raise StudyError(f"half_width must be a positive number, not {half_width!r}")
        return "half width", float(half_width)
    power = USUAL_POWER if power is None else power
    if not isinstance(power, Real) or not 0.0 < power < 1.0:
        raise StudyError(f"power must lie between 0 and 1, not {power!r}")
    return "power", float(power)


def _whole(at: float, groups: Floats) -> float:
    """A number of groups that is enough; missing beyond the largest design."""
    if at == np.inf:
        return math.nan
    return float(groups[0]) if at == -np.inf else math.ceil(at - 1e-9)
