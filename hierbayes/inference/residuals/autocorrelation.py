r"""The autocorrelation function of residuals within groups.

At lag l it is, with r the residuals and N_l the pairs of rows of one group that are l apart,

    ρ̂_l = (Σ_pairs r_i r_k / N_l) / (Σ r_i² / n)

as nlme's ``ACF`` has it: means are over groups together, and nothing is centred.  Of white noise
it has a standard deviation of about 1/√N_l.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import ndtri

from hierbayes.display.interval import DEFAULT_PROB, Interval
from hierbayes.errors import DataError
from hierbayes.fit.fit import Fit
from hierbayes.frames.arrays import Integers
from hierbayes.inference.residuals.by_distance import ByDistance
from hierbayes.inference.residuals.sequences import Sequences, sequences_of
from hierbayes.specification.counts import refuse_bad_count

_LARGEST = 2.0**53  # the whole numbers below it are exact
_STEPS = 1_000_000  # lags that are looked for at most


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class ResidualAcf(ByDistance):
    """Autocorrelations of residuals within groups.

    Parameters
    ----------
    table : DataFrame
        A row for each lag that rows of a group are apart: ``lag``, ``pairs`` (at lag 0 the rows),
        ``acf``, ``lower`` and ``upper``, the limits of white noise, each lag by itself; missing at
        lag 0.  ``attrs`` say which ``kind`` of residuals, within which ``group``, in order of
        which ``time`` (empty where rows are counted), and ``prob``.
    about, findings : tuple of str
    objection : str
        Why the draws of a posterior should not be used; otherwise empty.
    """

    @property
    def _title(self) -> str:
        return "Autocorrelation of residuals"


def residual_acf(
    fit: Fit,
    time: str | Any | None = None,
    kind: str = "normalized",
    *,
    max_lag: int | None = None,
    group: str | Any | None = None,
    prob: float = DEFAULT_PROB,
) -> ResidualAcf:
    """Autocorrelations of residuals within groups, with the limits of white noise.

    Parameters
    ----------
    fit : Fit
        By REML, ML, MAP or of a posterior (then residuals at posterior means), with or without a
        residual structure; of a Gaussian response.
    time : str or numbers, optional
        A column that the model uses, or numbers, one for each row: whole numbers apart, and
        different within groups.  A lag is a difference of times.  By default rows are counted, in
        the order of the errors' correlation or of the data.
    kind : {"normalized", "pearson", "response"}
        As in ``fit.residuals``; normalized ones of a fit without a residual structure are those of
        Pearson.
    max_lag : int, optional
        By default 10 log₁₀ m at most, where m rows or steps of time are in the longest group.
    group : str or labels, optional
        A grouping factor, a column that the model uses, or labels, one for each row; by default the
        group of the errors' correlation, or the factor with most groups.
    prob : float
        Of the limits.

    Returns
    -------
    ResidualAcf

    Raises
    ------
    HypothesisError
        When it is no fit.
    FormulaError
        When its response is not Gaussian.
    DataError
        When there is no such kind, group or time, times are not whole numbers apart or stand twice
        in a group, or no rows are so near.
    EstimationError
        When residuals are 0 or not finite, or ``max_lag`` is no count.

    References
    ----------
    Pinheiro & Bates (2000), *Mixed-Effects Models in S and S-PLUS*, section 5.3.

    Examples
    --------
    >>> import hierbayes as hb
    >>> orthodont = hb.load_dataset("orthodont")
    >>> fit = hb.Model("distance ~ age * Sex + (1 | Subject)", orthodont).reml()
    >>> hb.residual_acf(fit, "age").table.round(3)
       lag  pairs    acf  lower  upper
    0    0    108  1.000    NaN    NaN
    1    2     81 -0.319 -0.218  0.218
    2    4     54 -0.079 -0.267  0.267
    3    6     27 -0.576 -0.377  0.377
    """
    if max_lag is not None:
        refuse_bad_count("max_lag", max_lag)
    interval = Interval(prob)
    rows = sequences_of(fit, "residual_acf", time, kind, group)
    times = _whole_times(rows)
    gaps = np.diff(times)[np.diff(rows.codes) == 0]
    unit = int(np.gcd.reduce(gaps))
    most = _most(rows, times, gaps, max_lag)
    lags, pairs, sums = _sums(rows, times, unit, most // unit)
    if not len(lags):
        raise DataError(
            f"no two rows of a group are {max_lag} or less apart in '{rows.time}', the nearest "
            f"are {gaps.min()}; state a larger max_lag"
        )
    limit = ndtri(interval.tails[1]) / np.sqrt(pairs)
    table = pd.DataFrame({
        "lag": [0, *lags], "pairs": [len(times), *pairs],
        "acf": [1.0, *(sums / pairs / rows.variance)],
        "lower": [np.nan, *-limit], "upper": [np.nan, *limit],
    })  # fmt: skip
    table.attrs |= {"kind": kind, "group": rows.group, "time": rows.time, "prob": float(prob)}
    return ResidualAcf(table, rows.about, _findings(table, rows), fit.objection)


def _whole_times(rows: Sequences) -> Integers:
    """Times (n,) since the first as whole numbers, each once in a group."""
    since = rows.times - rows.times.min()
    whole = (since == np.round(since)) & (np.abs(since) < _LARGEST)
    broken = np.flatnonzero(~whole)
    if len(broken):
        at = int(broken[0])
        raise DataError(
            f"lags are whole numbers, and '{rows.time}' is {rows.times[at]:g} in row "
            f"{rows.labels[at]}, {since[at]:g} after the first; hb.residual_variogram() takes any "
            "times"
        )
    times = since.astype(np.int64)
    twice = np.flatnonzero((np.diff(times) == 0) & (np.diff(rows.codes) == 0))
    if len(twice):
        at = int(twice[0])
        raise DataError(
            f"rows {rows.labels[at]} and {rows.labels[at + 1]} of one group of '{rows.group}' have "
            f"the same '{rows.time}', {rows.times[at]:g} ({len(twice)} such rows in all), and no "
            "order; name a group within which times differ, or use hb.residual_variogram()"
        )
    return times


def _most(rows: Sequences, times: Integers, gaps: Integers, stated: int | None) -> int:
    """The largest lag that is looked for."""
    unit = int(np.gcd.reduce(gaps))
    starts = np.flatnonzero(np.diff(rows.codes, prepend=-1))
    longest = int((times[np.append(starts[1:], len(times)) - 1] - times[starts]).max())
    if stated is None:
        steps = longest // unit
        usual = min(steps, int(10.0 * np.log10(steps + 1)))
        most = max(unit * usual, int(gaps.min()))
    else:
        most = min(int(stated), longest)
    if most // unit > _STEPS:
        raise DataError(
            f"lags of up to {most // unit:,} steps of '{rows.time}' are too many; count it in "
            "larger units, state a smaller max_lag, or use hb.residual_variogram()"
        )
    return most


def _sums(
    rows: Sequences, times: Integers, unit: int, most: int
) -> tuple[Integers, Integers, np.ndarray]:
    """Lags (m,) up to so many units that occur, how many pairs have them, and Σ r_i r_k."""
    pairs, sums = np.zeros(most + 1, dtype=np.int64), np.zeros(most + 1)
    for left, right in rows.pairs():
        apart = (times[right] - times[left]) // unit
        near = apart <= most
        if not near.any():
            break
        products = (rows.values[left] * rows.values[right])[near]
        pairs += np.bincount(apart[near], minlength=most + 1)
        sums += np.bincount(apart[near], products, minlength=most + 1)
    lags = np.flatnonzero(pairs)
    return unit * lags, pairs[lags], sums[lags]


def _findings(table: pd.DataFrame, rows: Sequences) -> tuple[str, ...]:
    lags = table.iloc[1:]
    beyond = lags[lags["acf"].abs() > lags["upper"]]
    share = 1.0 - table.attrs["prob"]
    apart = f"in '{rows.time}'" if rows.time else "in rows"
    said = ", ".join(str(lag) for lag in beyond["lag"].head(6)) + ", ..." * (len(beyond) > 6)
    return (
        f"{len(beyond)} of {len(lags)} autocorrelations {'lies' if len(beyond) == 1 else 'lie'} "
        f"beyond the limits of white noise{f' (at {said} {apart})' if said else ''}; "
        f"{share * len(lags):.1f} would be expected",
        *rows.pulled(),
    )
