"""Tipping points: how far priors of sd and corr can be pushed before a conclusion gives way."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from numbers import Real

import numpy as np
import pandas as pd
import xarray as xr

from hierbayes.display.blocks import Table
from hierbayes.display.cell import significant
from hierbayes.display.page import Page, Printed
from hierbayes.errors import StudyError
from hierbayes.priors.correlation_families import LKJ
from hierbayes.priors.scale import rescaled
from hierbayes.studies.sensitivity.alternatives import SEVERAL, Alternative, read_alternatives
from hierbayes.studies.sensitivity.answers import Baseline

SCALES = (0.05, 0.1, 0.2, 0.35, 0.5, 0.7, 1.0, 1.5, 2.0, 4.0)
_SAID = {1.0: "is positive", -1.0: "is negative", 0.0: "is undecided"}
ETAS = (1.0, 1.5, 2.0, 3.0, 5.0, 10.0, 20.0, 50.0)


@dataclass(frozen=True, slots=True)
class PriorPoint:
    """One point of the grid: the scale of every prior of sd times ``scale``, and LKJ(``eta``)."""

    scale: float
    eta: float | None

    @property
    def name(self) -> str:
        """Of the alternative."""
        return f"scale × {self.scale:g}" + ("" if self.eta is None else f", LKJ({self.eta:g})")


def prior_points(
    baseline: Baseline, scales: tuple[float, ...], etas: tuple[float, ...]
) -> tuple[list[PriorPoint], tuple[Alternative, ...]]:
    """The grid, and its alternatives in the same order.

    Raises
    ------
    StudyError
        When a scale or an eta is no positive number, or a joint prior covers both.
    PriorError
        When a prior of sd has no scale that could be changed.
    """
    refuse_not_positive("scales", scales)
    refuse_not_positive("etas", etas)
    priors = baseline.priors
    if not (priors.sd or priors.corr):
        raise StudyError(
            f"there are no priors of sd and corr to push, but one of '{priors.joint[0][0]}' instead"
        )
    shapes: list[float | None] = list(etas) if priors.own_corr else [None]
    factors = list(scales) if priors.sd else [1.0]
    points = [PriorPoint(scale, eta) for scale in factors for eta in shapes]
    grid = {SEVERAL: {point.name: _priors(baseline, point) for point in points}}
    return points, read_alternatives(grid, baseline.fit.problem, baseline.priors)


def refuse_not_positive(name: str, numbers: object) -> None:
    """Refuse what is no sequence of positive numbers.

    Raises
    ------
    StudyError
        Naming the argument.
    """
    given = list(numbers) if isinstance(numbers, Sequence | np.ndarray) else []
    if not given or not all(isinstance(x, Real) and 0.0 < float(x) < np.inf for x in given):
        raise StudyError(f"{name} must be a sequence of positive numbers, not {numbers!r}")


def _priors(baseline: Baseline, point: PriorPoint) -> dict[str, object]:
    priors = baseline.priors
    sd = {
        name: priors.as_stated(name, rescaled(prior, point.scale))
        for name, prior, _ in priors.own_sd
    }
    stated: dict[str, object] = {"sd": sd} if sd else {}
    if point.eta is not None:
        one = LKJ(point.eta)
        of_some = {name: one for name, _, _ in priors.own_corr}
        stated["corr"] = of_some if priors.joint else one
    return stated


@dataclass(frozen=True, eq=False, repr=False)
class TippingPoints(Printed):
    """A conclusion on a grid of priors.

    Parameters
    ----------
    quantity : str
    cells : Dataset
        ``mean``, ``lower``, ``upper``, ``above``, ``decision``, ``k_hat`` and ``how`` by
        ``scale`` (of the priors of sd, relative to the baseline's) and, where the model has
        correlations, ``eta`` (of LKJ).
    flips : DataFrame
        The points at which the decision is not the baseline's, nearest first: ``scale``,
        ``eta``, ``distance`` = |log scale| + |log eta/eta of the baseline|, and its limits.
    verdict : str
    eta : float
        Of the baseline; missing without correlations.
    objection : str
        Why the draws of the baseline cannot be used; empty where they can.
    """

    quantity: str
    cells: xr.Dataset
    flips: pd.DataFrame
    verdict: str
    eta: float
    objection: str = ""

    def page(self) -> Page:
        """The verdict, the posterior mean on the grid, and the nearest tipping points."""
        blocks = [Table(self._means(), f"Posterior mean of {self.quantity}", decimals=3)]
        if len(self.flips):
            shown = self.flips.head()
            numbers = shown.drop(columns="decision").map(significant)
            numbers["decision"] = shown["decision"].map(_SAID)
            blocks.append(Table(numbers, "Nearest tipping points", index=False))
        return Page(self.verdict, blocks=tuple(blocks))

    def _means(self) -> pd.DataFrame:
        """Means by scale and, where the model has correlations, by eta."""
        means = self.cells["mean"].to_pandas()
        frame = pd.DataFrame(means)
        columns = [f"LKJ({eta:g})" for eta in frame.columns] if means.ndim == 2 else ["mean"]
        rows = [f"scale × {scale:g}" for scale in frame.index]
        return frame.set_axis(rows, axis="index").set_axis(columns, axis="columns")


def tipping_points(
    quantity: str, points: list[PriorPoint], cells: xr.Dataset, before: xr.Dataset, eta: float
) -> TippingPoints:
    """Read tipping points off the cells of a grid.

    Parameters
    ----------
    quantity : str
    points : list of PriorPoint
    cells : Dataset
        Of one quantity, by ``alternative``.
    before : Dataset
        Of the same under the baseline.
    eta : float
        Of the baseline.
    """
    index = _index(points)
    names = ("mean", "sd", "lower", "upper", "above", "decision", "k_hat", "how")
    frame = pd.DataFrame({name: cells[name].to_numpy() for name in names}, index=index)
    decision = float(before["decision"])
    away = np.abs(np.log(index.get_level_values("scale").to_numpy()))
    if points[0].eta is not None:
        away = away + np.abs(np.log(index.get_level_values("eta").to_numpy() / eta))
    other = frame["decision"].notna() & (frame["decision"] != decision)
    shown = frame.loc[other, ["mean", "lower", "upper", "decision"]].assign(distance=away[other])
    flips = shown.sort_values("distance").reset_index()
    unit = xr.Dataset.from_dataframe(frame.sort_index())
    said = _verdict(quantity, decision, frame, flips, points)
    return TippingPoints(quantity, unit, flips, said, eta)


def _index(points: list[PriorPoint]) -> pd.Index:
    if points[0].eta is None:
        return pd.Index([point.scale for point in points], name="scale")
    pairs = [(point.scale, point.eta) for point in points]
    return pd.MultiIndex.from_tuples(pairs, names=["scale", "eta"])


def _verdict(
    quantity: str,
    decision: float,
    frame: pd.DataFrame,
    flips: pd.DataFrame,
    points: list[PriorPoint],
) -> str:
    scales = sorted({point.scale for point in points})
    etas = sorted({point.eta for point in points if point.eta is not None})
    parts = []
    if len(scales) > 1:
        parts.append(f"scales of sd from {scales[0]:g} to {scales[-1]:g} times the baseline's")
    if etas:
        parts.append(f"LKJ(η) from {etas[0]:g} to {etas[-1]:g}")
    where = " and ".join(parts)
    missing = int(frame["mean"].isna().sum())
    rest = f" ({missing} points could not be answered)" if missing else ""
    moved = _ranges(frame) if etas and len(scales) > 1 else ""
    if decision not in _SAID:
        low, high = frame["mean"].min(), frame["mean"].max()
        return (
            f"The mean of {quantity} runs from {low:.4g} to {high:.4g} over {where}{rest}{moved}."
        )
    if flips.empty:
        return f"'{quantity} {_SAID[decision]}' stands over all {where}{rest}{moved}."
    first = flips.iloc[0]
    prior = f"{first['scale']:g} times the scale of sd"
    if etas:
        prior += f" and LKJ({first['eta']:g})"
    return (
        f"'{quantity} {_SAID[decision]}' gives way at {len(flips)} of {len(points)} points over "
        f"{where}{rest}; nearest to the baseline at {prior}, where it {_SAID[first['decision']]}"
        f"{moved}."
    )


def _ranges(frame: pd.DataFrame) -> str:
    """How far the mean moves along each axis of the grid, at most."""
    mean = frame["mean"].unstack("eta")
    along_eta = float((mean.max(axis=1) - mean.min(axis=1)).max())
    along_scale = float((mean.max(axis=0) - mean.min(axis=0)).max())
    return (
        f"; its mean moves by up to {along_eta:.3g} with η and by up to {along_scale:.3g} with the "
        "scale"
    )
