"""The profile of a parameter between its points: ζ as a smooth, increasing function."""

from __future__ import annotations

import numpy as np
import pandas as pd

from hierbayes.frames.arrays import Floats
from hierbayes.inference.profiles.profile import Profile


def points_of(profile: Profile, key: tuple[str, str]) -> pd.DataFrame:
    """``value`` and ``zeta`` of one parameter by point, increasing, each value once."""
    table = rows_of(profile.table, key)[["value", "zeta"]].astype(np.float64)
    table = table.sort_values("value").drop_duplicates("value")
    return table[np.isfinite(table).all(axis=1)]


def whole_points(profile: Profile, key: tuple[str, str]) -> pd.DataFrame | None:
    """`points_of` a parameter with both bounds; of half a profile no area can be told."""
    points = points_of(profile, key)
    if len(points) < 2 or profile.limits.loc[key, ["lower", "upper"]].isna().any():
        return None
    return points


def rows_of(table: pd.DataFrame, key: tuple[str, str]) -> pd.DataFrame:
    """Rows of one parameter of a table by block, parameter and point, in whatever order it is."""
    blocks, names = (table.index.get_level_values(level) for level in ("block", "parameter"))
    return table[(blocks == key[0]) & (names == key[1])]


def zeta_at(points: pd.DataFrame, x: Floats) -> Floats:
    """ζ at values x (m,), monotone between the points; missing beyond them."""
    from scipy.interpolate import PchipInterpolator

    if len(points) < 2:
        return np.full(len(x), np.nan)
    known = points["value"].to_numpy(), points["zeta"].to_numpy()
    return np.asarray(PchipInterpolator(*known, extrapolate=False)(x))


def value_at(points: pd.DataFrame, zeta: float) -> float:
    """The value where the profile has this ζ, by the same curve; missing where it has not."""
    known = points["zeta"].to_numpy()
    if len(points) < 2 or not known[0] <= zeta <= known[-1]:
        return np.nan
    low, high = points["value"].iloc[[0, -1]]
    x = np.linspace(low, high, 2001)
    return float(np.interp(zeta, zeta_at(points, x), x))


def relative_density(points: pd.DataFrame, x: Floats) -> Floats:
    """exp(−ζ²/2) at x (m,), with integral 1 over the range of the points."""
    if len(points) < 2:
        return np.full(len(x), np.nan)
    low, high = points["value"].iloc[[0, -1]]
    fine = np.linspace(low, high, 2001)
    total = np.trapezoid(np.exp(-(zeta_at(points, fine) ** 2) / 2.0), fine)
    return np.asarray(np.exp(-(zeta_at(points, x) ** 2) / 2.0) / total)
