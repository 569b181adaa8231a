"""Where a band leaves out 0: as regions of a variable, and in words."""

from __future__ import annotations

import numpy as np
import pandas as pd

from hierbayes.frames.arrays import Floats
from hierbayes.plots.fit_rows import value_text

BANDS = {"pointwise": ("lower", "upper"), "together": ("lower_together", "upper_together")}


def zero_left_out(frame: pd.DataFrame, along: bool) -> pd.DataFrame:
    """Regions of x in which bands leave out 0.

    Parameters
    ----------
    frame : DataFrame
        ``x`` and the limits of `BANDS`.
    along : bool
        Whether x is a number; ends between its values are found by linear interpolation.

    Returns
    -------
    DataFrame
        ``band``, ``sign``, ``start``, ``end``; for a level of a factor the same value twice.
    """
    found = []
    for band, (lower, upper) in BANDS.items():
        for sign, inner in (("+", frame[lower]), ("−", -frame[upper])):
            values = inner.to_numpy()
            if along:
                runs = _positive_runs(frame["x"].to_numpy(np.float64), values)
                found += [(band, sign, start, end) for start, end in runs]
            else:
                found += [(band, sign, level, level) for level in frame["x"][values > 0.0]]
    return pd.DataFrame(found, columns=["band", "sign", "start", "end"])


def _positive_runs(x: Floats, values: Floats) -> list[tuple[float, float]]:
    """Intervals of x (m,) in which the values (m,), joined by lines, are above 0."""
    above = values > 0.0
    edges = np.flatnonzero(above[1:] != above[:-1])
    part = values[edges] / (values[edges] - values[edges + 1])
    cuts = (x[edges] + part * (x[edges + 1] - x[edges])).tolist()
    cuts = [float(x[0])] * bool(above[0]) + cuts + [float(x[-1])] * bool(above[-1])
    return list(zip(cuts[::2], cuts[1::2], strict=True))


def region_sentences(x: str, regions: pd.DataFrame, along: bool) -> tuple[str, ...]:
    """Regions of `zero_left_out` in a sentence for each band."""
    found = []
    for band, how in (("pointwise", f"at each {x}"), ("together", f"for all {x} at once")):
        parts = [
            f"{x} {value_text(row.start)} to {value_text(row.end)} ({row.sign})"
            if along
            else f"{x} {row.start} ({row.sign})"
            for row in regions[regions["band"] == band].itertuples()
        ]
        where = f"0 is left out for {', '.join(parts)}" if parts else "0 is nowhere left out"
        found.append(f"{how}: {where}")
    return tuple(found)
