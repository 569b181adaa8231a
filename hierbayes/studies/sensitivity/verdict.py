"""What a sensitivity study says of each quantity, in words, by fixed rules.

A prior *moves* a quantity by the Wasserstein distance between the two posteriors, in
posterior sds of the baseline: a shift of the mean by that much, or a change of spread
that matters as much.  Below ``NOTICEABLE`` the quantity is robust to the priors
tried; above ``LARGE`` the prior decides.  Distances within ``ERRORS`` Monte Carlo
standard errors are noise.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import xarray as xr

from hierbayes.frames.arrays import Floats

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


def verdict(quantity: str, cells: xr.Dataset, before: xr.Dataset, sensitivity: pd.Series) -> str:
    """One or two sentences on one quantity.

    Parameters
    ----------
    quantity : str
    cells, before : Dataset
        Of the study.
    sensitivity : Series
        Its power-scaling sensitivities by component.
    """
    own = cells.sel(quantity=quantity)
    distances = real_distance(own)
    if bool(distances.isnull().all()):
        return "no alternative could be answered"
    names = own["alternative"].to_numpy()
    worst = int(np.nanargmax(distances.to_numpy()))
    largest = float(distances[worst])
    near = _near(sensitivity)
    if largest < NOTICEABLE:
        parts = [_robust(largest, near)]
    else:
        parts = [_movement(own, worst, largest), *_others(own, distances, worst), *near]
    changed = names[flips(own, before.sel(quantity=quantity)).to_numpy()]
    if len(changed):
        said = _SAID[float(before["decision"].sel(quantity=quantity))]
        parts.append(
            f"'{said}' gives way under {len(changed)} of {len(names)} alternatives "
            f"({', '.join(changed[:2])}{', ...' if len(changed) > 2 else ''})"
        )
    return "; ".join(parts)


def outside(before: xr.Dataset, reml: float) -> list[str]:
    """Whether the REML estimate lies outside the baseline's interval, as it may on the boundary."""
    lower, upper = float(before["lower"]), float(before["upper"])
    if lower <= reml <= upper:
        return []
    return [f"REML's {reml:.4g} lies outside the baseline's interval, {lower:.4g} to {upper:.4g}"]


def _robust(largest: float, near: list[str]) -> str:
    """No prior tried matters; one that was not tried may."""
    if largest == 0.0:
        moved = "beyond Monte Carlo error"
    else:
        moved = f"by more than {max(largest, 0.01):.2f} sd"
    if near:
        return f"no prior tried moves it {moved}, but {near[0]}"
    return f"robust: no prior tried moves it {moved}"


def _movement(own: xr.Dataset, worst: int, largest: float) -> str:
    block = str(own["block"].to_numpy()[worst])
    name = str(own["alternative"].to_numpy()[worst])
    shift, error = float(own["movement"][worst]), float(own["mcse"][worst])
    how = "decided by" if largest >= LARGE else "depends on"
    what = f"the prior of {block}" if block != "several" else "the priors"
    text = f"{how} {what}: '{name}' moves it by {shift:+.2f} ± {error:.2f} sd"
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
