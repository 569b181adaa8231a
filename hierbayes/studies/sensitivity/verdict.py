"""What a sensitivity study says of each quantity, in words, by fixed rules.

A prior *moves* a quantity by the Wasserstein distance between the two posteriors, in
posterior sds of the baseline: a shift of the mean by that much, or a change of spread
that matters as much.  (A probability moves in units of 0.2.)  Below ``NOTICEABLE`` the
quantity is robust to the priors tried; above ``LARGE`` the prior decides.  Distances
within ``ERRORS`` Monte Carlo standard errors are noise; where that noise alone could hide
a noticeable movement, nothing is concluded.  Cautionary alternatives are left out.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
import xarray as xr

from hierbayes.frames.arrays import Floats
from hierbayes.studies.sensitivity.usual_grid import CAUTIONARY, SEVERAL

NOTICEABLE = 0.25
LARGE = 1.0
ERRORS = 3.0
SENSITIVE = 0.05  # of power scaling
_SAID = {1.0: "positive", -1.0: "negative", 0.0: "undecided"}


def real_distance(cells: xr.Dataset) -> xr.DataArray:
    """The distance of each cell, 0 where it is within Monte Carlo error."""
    return (
        cells["distance"]
        .where(cells["distance"] > ERRORS * cells["mcse"], 0.0)
        .where(cells["distance"].notnull())
    )


def by_block(cells: xr.Dataset) -> pd.DataFrame:
    """The largest distance that the alternatives of each block bring, by quantity and block."""
    frame: pd.DataFrame = real_distance(cells).groupby("block").max().to_pandas()
    blocks = list(dict.fromkeys(cells["block"].to_numpy().tolist()))
    return frame[blocks] if frame.columns.isin(blocks).all() else frame.T[blocks]


def flips(cells: xr.Dataset, before: xr.Dataset) -> xr.DataArray:
    """Where the decision is not the baseline's, by more than Monte Carlo error.

    The decision turns where P(quantity > reference) passes a tail of the interval.
    """
    tail = cells.attrs["tail"]
    margin = np.minimum(np.abs(cells["above"] - tail), np.abs(cells["above"] - (1.0 - tail)))
    changed = (cells["decision"] != before["decision"]) & cells["decision"].notnull()
    return changed & ~(margin <= ERRORS * cells["above_mcse"])


def sign_flips(cells: xr.Dataset, before: xr.Dataset, references: Floats) -> xr.DataArray:
    """Where the mean is on the other side of the reference, by more than Monte Carlo error."""
    reference = xr.DataArray(references, dims="quantity")
    opposite = (cells["mean"] - reference) * (before["mean"] - reference) < 0.0
    return opposite & (np.abs(cells["movement"]) > ERRORS * cells["mcse"])


@dataclass(frozen=True, slots=True)
class VerdictBasis:
    """What a verdict on one quantity rests on.

    Parameters
    ----------
    cells, before : Dataset
        Of this quantity: under each alternative, and under the baseline.
    sensitivity : Series
        Power-scaling sensitivities by component.
    maximum : Series
        Its estimate without priors, by the name of that; missing where it has none.
    unvaried : str or None
        Its own block of priors, if no alternative varies it.
    objection : str
        Why the draws of the baseline cannot be used; empty where they can.
    """

    cells: xr.Dataset
    before: xr.Dataset
    sensitivity: pd.Series
    maximum: pd.Series
    unvaried: str | None
    objection: str = ""


def rejected(objection: str) -> str:
    """What is said instead of a verdict on draws that cannot be used."""
    return f"no verdict: diagnose() rejects the draws of the baseline ({objection})"


def verdict(of: VerdictBasis) -> str:
    """What is to be said of one quantity."""
    if of.objection:
        return rejected(of.objection)
    if float(of.before["sd"]) == 0.0:
        return f"{float(of.before['mean']):.4g} by construction: no prior can move it"
    counted = of.cells.isel(alternative=(of.cells["block"] != CAUTIONARY).to_numpy())
    distances = real_distance(counted)
    if not counted.sizes["alternative"] or bool(distances.isnull().all()):
        return "no alternative could be answered"
    worst = int(np.nanargmax(distances.to_numpy()))
    largest, near = float(distances[worst]), _near(of.sensitivity)
    if largest >= NOTICEABLE:
        parts = [_movement(counted, worst, largest), *_others(counted, distances, worst), *near]
    else:
        parts = [_small(counted, largest, near, of.unvaried)]
    parts += _flips(counted, of.before) + _outside(of.before, of.maximum)
    return "; ".join(parts)


def _small(cells: xr.Dataset, largest: float, near: list[str], unvaried: str | None) -> str:
    """No prior tried matters; one that was not tried, or is lost in noise, may."""
    noise = cells["mcse"].where(cells["distance"].notnull()).to_numpy() * ERRORS
    if np.nanmax(noise) > NOTICEABLE:
        name = str(cells["alternative"].to_numpy()[int(np.nanargmax(noise))])
        error = float(np.nanmax(noise)) / ERRORS
        lost = f"the Monte Carlo error under '{name}' is {error:.2f} sd"
        return f"cannot tell: {lost}; sample more draws"
    moved = "beyond Monte Carlo error"
    if largest > 0.0:
        moved = f"by more than {max(largest, 0.01):.2f} sd"
    if unvaried is not None:
        return f"no prior tried moves it {moved}, but its own prior, of {unvaried}, was not varied"
    if near:
        return f"no prior tried moves it {moved}, but {near[0]}"
    return f"robust: no prior tried moves it {moved}"


def _flips(cells: xr.Dataset, before: xr.Dataset) -> list[str]:
    """Under which alternatives a decision is another."""
    names = cells["alternative"].to_numpy()
    changed = names[flips(cells, before).to_numpy()]
    if not len(changed):
        return []
    said = _SAID[float(before["decision"])]
    listed = f"{', '.join(changed[:2])}{', ...' if len(changed) > 2 else ''}"
    return [f"no longer {said} under {len(changed)} of {len(names)}: {listed}"]


def _outside(before: xr.Dataset, maximum: pd.Series) -> list[str]:
    """Whether the maximum lies outside the baseline's interval, as it may on the boundary."""
    lower, upper = float(before["lower"]), float(before["upper"])
    found = float(maximum.iloc[0])
    if np.isnan(found) or lower <= found <= upper:
        return []
    name = maximum.index[0]
    return [
        f"{name}'s {found:.4g} lies outside the baseline's interval, {lower:.4g} to {upper:.4g}"
    ]


def _movement(own: xr.Dataset, worst: int, largest: float) -> str:
    block = str(own["block"].to_numpy()[worst])
    name = str(own["alternative"].to_numpy()[worst])
    shift, error = float(own["movement"][worst]), float(own["mcse"][worst])
    how = "decided by" if largest >= LARGE else "depends on"
    what = f"the prior of {block}" if block != SEVERAL else "the priors"
    text = f"{how} {what}: '{name}' moves it by {shift:+z.2f} ± {error:.2f} sd"
    if largest - abs(shift) > NOTICEABLE:
        text += f" and changes its spread (distance {largest:.2f} sd)"
    return text


def _others(own: xr.Dataset, distances: xr.DataArray, worst: int) -> list[str]:
    """What the priors of other blocks do at most."""
    blocks = own["block"].to_numpy()
    rest = [block for block in dict.fromkeys(blocks.tolist()) if block != blocks[worst]]
    if not rest:
        return []
    largest = {block: float(np.nanmax(distances.to_numpy()[blocks == block])) for block in rest}
    said = ", ".join(f"{block} {size:.2f}" for block, size in largest.items())
    return [f"priors of other blocks by at most: {said}"]


def _near(sensitivity: pd.Series) -> list[str]:
    """The block that power scaling finds, near the baseline."""
    priors = sensitivity.drop(["all priors", "likelihood", "diagnosis"]).astype(float)
    sensitive = priors[priors >= SENSITIVE].sort_values(ascending=False)
    if sensitive.empty:
        return []
    said = ", ".join(f"{block} ({value:.2f})" for block, value in sensitive.items())
    return [f"near the baseline it answers to the prior of {said}"]
