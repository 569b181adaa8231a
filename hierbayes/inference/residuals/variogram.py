r"""The semivariogram of residuals within groups.

Of two rows of one group that are d apart ½(r_i − r_k)² has the mean σ²(1 − ρ(d)); it is averaged
over pairs at about one distance.  If the residuals are white noise, a mean v over N pairs is a
quadratic form r'Lr/2N, L the Laplacian of the graph of the pairs, with

    E v = σ²      Var v = σ⁴(Σ_i d_i² + 2N)/2N²      d_i how many of the pairs row i is in,

whose limits are those of the multiple of χ² with these two moments.
"""

from __future__ import annotations

from dataclasses import dataclass
from numbers import Real
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import chdtri

from hierbayes.display.interval import DEFAULT_PROB, Interval
from hierbayes.errors import DataError
from hierbayes.fit.fit import Fit
from hierbayes.frames.arrays import Floats, Integers
from hierbayes.inference.residuals.by_distance import ByDistance
from hierbayes.inference.residuals.sequences import Sequences, sequences_of
from hierbayes.specification.counts import refuse_bad_count

_MOST = 10_000_000  # pairs of rows


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class ResidualVariogram(ByDistance):
    """The semivariogram of residuals within groups.

    Parameters
    ----------
    table : DataFrame
        A row for each distance, or class of distances: ``distance`` (the median of the pairs),
        ``pairs``, ``variogram``, ``lower`` and ``upper``, the limits of white noise, each row by
        itself.  ``attrs`` say which ``kind`` of residuals, within which ``group``, in which
        ``time`` (empty where rows are counted), ``prob``, and the ``variance`` of the errors by the
        fit (1 of normalized and pearson residuals), which it is of white noise.
    about, findings : tuple of str
    objection : str
        Why the draws of a posterior should not be used; otherwise empty.
    """

    @property
    def _title(self) -> str:
        return "Semivariogram of residuals"


def residual_variogram(
    fit: Fit,
    time: str | Any | None = None,
    kind: str = "normalized",
    *,
    max_distance: float | None = None,
    bins: int = 20,
    group: str | Any | None = None,
    prob: float = DEFAULT_PROB,
) -> ResidualVariogram:
    """Half the mean squared difference of residuals of a group by how far they are apart.

    Parameters
    ----------
    fit, kind, group, prob
        As in `residual_acf`.
    time : str or numbers, optional
        A column that the model uses, or numbers, one for each row.  By default rows are counted, in
        the order of the errors' correlation or of the data.
    max_distance : float, optional
        Pairs that are farther apart are left out.
    bins : int
        Where there are more distances than this, as many classes of about equally many pairs.

    Returns
    -------
    ResidualVariogram

    Raises
    ------
    HypothesisError
        When it is no fit.
    FormulaError
        When its response is not Gaussian.
    DataError
        When there is no such kind, group or time, no rows are so near, or there are more than ten
        million pairs.
    EstimationError
        When residuals are 0 or not finite, or ``bins`` is no count.

    References
    ----------
    Pinheiro & Bates (2000), *Mixed-Effects Models in S and S-PLUS*, section 5.3.

    Examples
    --------
    >>> import hierbayes as hb
    >>> orthodont = hb.load_dataset("orthodont")
    >>> fit = hb.Model("distance ~ age * Sex + (1 | Subject)", orthodont).reml()
    >>> hb.residual_variogram(fit, "age").table.iloc[:, :3].round(3)
       distance  pairs  variogram
    0       2.0     81      1.003
    1       4.0     54      0.821
    2       6.0     27      1.202
    """
    refuse_bad_count("bins", bins)
    interval, most = Interval(prob), _positive(max_distance)
    rows = sequences_of(fit, "residual_variogram", time, kind, group)
    left, right, distances = _pairs(rows, most)
    classes = _classes(distances, bins)
    N = np.bincount(classes)
    half = 0.5 * (rows.values[left] - rows.values[right]) ** 2
    lower, upper = _white_noise(classes, np.concatenate([left, right]), N, interval)
    table = pd.DataFrame({
        "distance": pd.Series(distances).groupby(classes).median().to_numpy(), "pairs": N,
        "variogram": np.bincount(classes, half) / N,
        "lower": rows.error_variance * lower, "upper": rows.error_variance * upper,
    })  # fmt: skip
    table.attrs |= {"kind": kind, "group": rows.group, "time": rows.time, "prob": float(prob),
                    "variance": rows.error_variance}  # fmt: skip
    return ResidualVariogram(table, rows.about, _findings(table, rows), fit.objection)


def _positive(value: float | None) -> float:
    if value is None:
        return np.inf
    if isinstance(value, bool) or not isinstance(value, Real) or not value > 0.0:
        raise DataError(f"max_distance must be a positive number, not {value!r}")
    return float(value)


def _pairs(rows: Sequences, most: float) -> tuple[Integers, Integers, Floats]:
    """Places of the pairs (N,) that are at most so far apart, and their distances."""
    found, count = [], 0
    for left, right in rows.pairs():
        apart = rows.times[right] - rows.times[left]
        near = apart <= most
        if not near.any():
            break
        found.append((left[near], right[near], apart[near]))
        count += int(near.sum())
        if count > _MOST:
            raise DataError(
                f"there are more than {_MOST:,} pairs of rows within groups; state a smaller "
                "max_distance"
            )
    if not found:
        raise DataError(
            f"no two rows of a group are {most:g} or less apart; state a larger max_distance"
        )
    left, right, distances = map(np.concatenate, zip(*found, strict=True))
    return left, right, distances


def _classes(distances: Floats, bins: int) -> Integers:
    """The class of each pair (N,), counted from 0 without gaps."""
    different, place = np.unique(distances, return_inverse=True)
    if len(different) > bins:
        edges = np.unique(np.quantile(distances, np.linspace(0.0, 1.0, bins + 1)))
        place = np.searchsorted(edges[1:-1], distances, side="left")
    return np.unique(place, return_inverse=True)[1].ravel()


def _white_noise(
    classes: Integers, ends: Integers, N: Integers, interval: Interval
) -> tuple[Floats, Floats]:
    """Limits for each class relative to the variance; ends are the left and right places."""
    key = np.concatenate([classes, classes]) * (int(ends.max()) + 1) + ends
    found, degree = np.unique(key, return_counts=True)
    squares = np.bincount(found // (int(ends.max()) + 1), degree.astype(np.float64) ** 2)
    df = 4.0 * N**2 / (squares + 2.0 * N)
    low, high = interval.tails
    return chdtri(df, 1.0 - low) / df, chdtri(df, 1.0 - high) / df


def _findings(table: pd.DataFrame, rows: Sequences) -> tuple[str, ...]:
    beyond = (table["variogram"] < table["lower"]) | (table["variogram"] > table["upper"])
    share = 1.0 - table.attrs["prob"]
    count = int(beyond.sum())
    return (
        f"white noise of the fit's variance would be about {rows.error_variance:.4g} at all "
        f"distances; {count} of {len(table)} means {'lies' if count == 1 else 'lie'} beyond its "
        f"limits, {share * len(table):.1f} would be expected",
        *rows.pulled(),
    )
