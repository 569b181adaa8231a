"""The table of a sensitivity study: what its cells say of each quantity."""

from __future__ import annotations

import numpy as np
import pandas as pd
import xarray as xr

from hierbayes.priors.blocks import COVERED
from hierbayes.studies.sensitivity.answers import UNANSWERED
from hierbayes.studies.sensitivity.cells import Estimands
from hierbayes.studies.sensitivity.usual_grid import CAUTIONARY, SEVERAL
from hierbayes.studies.sensitivity.verdict import (
    VerdictBasis,
    flips,
    real_distance,
    sign_flips,
    verdict,
)


def study_table(
    before: xr.Dataset,
    cells: xr.Dataset,
    estimands: Estimands,
    maximum: pd.DataFrame,
    verdicts: pd.Series,
) -> pd.DataFrame:
    """One row per quantity, see `SensitivityStudy.table`."""
    frame = before[["mean", "sd", "lower", "upper"]].to_dataframe()
    frame = frame.join(maximum)
    counted = cells.isel(alternative=(cells["block"] != CAUTIONARY).to_numpy())
    frame["smallest"] = counted["mean"].min("alternative").to_pandas()
    frame["largest"] = counted["mean"].max("alternative").to_pandas()
    distance = real_distance(counted).fillna(-1.0)
    at = counted.isel(alternative=distance.argmax("alternative"))
    found = distance.max("alternative").to_numpy() > 0.0
    for name, source in (("moved_by", at["alternative"]), ("block", at["block"])):
        frame[name] = np.where(found, source.to_numpy(), "-")
    for name in ("movement", "mcse", "distance"):
        frame[name] = at[name].to_numpy()
    signs = sign_flips(counted, before, estimands.references)
    frame["sign_flips"] = signs.sum("alternative").to_numpy()
    frame["decision_flips"] = flips(counted, before).sum("alternative").to_numpy()
    frame["verdict"] = verdicts
    return frame


def study_verdicts(
    before: xr.Dataset,
    cells: xr.Dataset,
    estimands: Estimands,
    maximum: pd.DataFrame,
    power_scaling: pd.DataFrame,
    objection: str,
) -> pd.Series:
    """What a study says of each quantity, in words; ``objection`` is that to its baseline."""
    varied = set(cells["block"].to_numpy().tolist())
    covered = {part for block in varied & set(COVERED) for part in COVERED[block]}
    everything = SEVERAL in varied
    said = []
    for name, quantity in zip(estimands.names, estimands.quantities, strict=True):
        known = everything or quantity.block is None or quantity.block in varied | covered
        basis = VerdictBasis(
            cells.sel(quantity=name),
            before.sel(quantity=name),
            power_scaling.loc[name],
            maximum.loc[name].iloc[:1],
            None if known else quantity.block,
            objection,
        )
        said.append(verdict(basis))
    return pd.Series(said, index=pd.Index(estimands.names, name="quantity"))


def furthest_of_blocks(cells: xr.Dataset) -> list[str]:
    """By block the alternative that moves any quantity most, the furthest first."""
    largest = real_distance(cells).max("quantity")
    counts = (cells["how"] != UNANSWERED) & (cells["block"] != CAUTIONARY)
    answered = largest.where(counts, -1.0).fillna(-1.0)
    best: dict[str, str] = {}
    for i in np.argsort(-answered.to_numpy(), kind="stable"):
        block = str(cells["block"].to_numpy()[i])
        if float(answered[i]) > 0.0:
            best.setdefault(block, str(cells["alternative"].to_numpy()[i]))
    return list(best.values())
