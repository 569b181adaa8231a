"""Confidence bands of linear combinations of γ, at each and of all, and where they leave out 0.

All combinations of a space of r dimensions lie, with the stated probability, within

    Lγ̂ ± sqrt(r F) se,    F the quantile of F with r and df degrees of freedom

(Scheffé; for a line, r = 2, Working and Hotelling).  df is that of the joint test of the space.
For a posterior the band that holds a draw as a whole is mean ± c sd, with c the quantile over the
draws of the largest distance |draw − mean|/sd.

References
----------
Working & Hotelling (1929), *JASA* 24 (suppl.), 73–85; Scheffé (1953), *Biometrika* 40, 87–104;
Ruppert, Wand & Carroll (2003), *Semiparametric Regression*, section 6.5.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy.special import chdtri, fdtri

from hierbayes.display.interval import Interval
from hierbayes.fit.degrees_of_freedom.source import METHODS, DfSource, usual_or_stated
from hierbayes.fit.degrees_of_freedom.tails import t_quantile
from hierbayes.fit.fit import Fit
from hierbayes.frames.arrays import Floats
from hierbayes.plots.fit_rows import value_text

BANDS = {"pointwise": ("lower", "upper"), "together": ("lower_together", "upper_together")}
_RANK = 1e-8  # of a singular value of the combinations


def pointwise_band(fit: Fit, L: Floats, df: str | None, interval: Interval) -> pd.DataFrame:
    """Estimates of Lγ with limits, each row by itself.

    Parameters
    ----------
    fit : Fit
    L : (m, p) float
        Rows may be dependent.
    df : str or None
        Of `METHODS`; by default Satterthwaite's, and none for a MAP fit. A posterior has none.
    interval : Interval

    Returns
    -------
    DataFrame
        ``estimate``, ``se``, ``df``, ``lower``, ``upper``; of a posterior mean, sd, and
        equal-tailed quantiles, df missing.
    """
    if fit.sampled:
        draws = fit.gamma_draws @ L.T
        lower, upper = interval.of_draws(draws)
        table = {"estimate": draws.mean(axis=(0, 1)), "se": draws.std(axis=(0, 1), ddof=1)}
        return pd.DataFrame(table | {"df": np.nan, "lower": lower, "upper": upper})
    source = usual_or_stated(fit, df)
    estimate = L @ fit.fixef().to_numpy()
    se = _standard_errors(L, source)
    degrees = source.of_rows(L)
    half = np.where(se > 0.0, t_quantile(degrees, interval.tails[1]), 0.0) * se
    table = {"estimate": estimate, "se": se, "df": degrees}
    return pd.DataFrame(table | {"lower": estimate - half, "upper": estimate + half})


def simultaneous_radius(fit: Fit, L: Floats, df: str | None, interval: Interval) -> float:
    """How many standard errors the band of all rows of L together extends to either side."""
    if fit.sampled:
        draws = (fit.gamma_draws @ L.T).reshape(-1, len(L))
        sd = draws.std(axis=0, ddof=1)
        away = np.abs(draws - draws.mean(axis=0))[:, sd > 0.0] / sd[sd > 0.0]
        return float(np.quantile(away.max(axis=1), interval.prob))
    source = usual_or_stated(fit, df)
    basis = row_space(L, np.sqrt(np.diag(source.gamma_cov)))
    found, r = source.of(basis), len(basis)
    if np.isinf(found.joint):
        return float(np.sqrt(chdtri(r, 1.0 - interval.prob)))
    return float(np.sqrt(r * fdtri(r, found.joint, interval.prob) / found.scaling))


def row_space(L: Floats, scale: Floats) -> Floats:
    """Independent combinations (r, p) of which all rows of L (m, p) are combinations.

    They are in reduced echelon form, which is that of the space and not of its rows: degrees of
    freedom of a joint test depend on how its rows are written.

    Parameters
    ----------
    L : (m, p) float
    scale : (p,) float
        How large γ of each term may be: what makes weights of terms comparable.

    Examples
    --------
    >>> row_space(np.array([[0.0, 1.0, -2.0], [0.0, 1.0, 3.0]]), np.ones(3)).round(6) + 0.0
    array([[0., 1., 0.],
           [0., 0., 1.]])
    """
    _, size, directions = np.linalg.svd(L * scale, full_matrices=False)
    rows = directions[: int((size > _RANK * size[0]).sum())]
    done = 0
    for column in range(rows.shape[1]):
        left = rows[done:, column]
        if done == len(rows) or np.abs(left).max() < _RANK:
            continue
        place = done + int(np.abs(left).argmax())
        rows[[done, place]] = rows[[place, done]]
        rows[done] *= scale[column] / rows[done, column]
        others = np.arange(len(rows)) != done
        rows[others] -= np.outer(rows[others, column], rows[done]) / scale[column]
        done += 1
    basis: Floats = np.where(np.abs(rows) < _RANK, 0.0, rows) / scale
    return basis


def band_in_words(fit: Fit, df: str | None, interval: Interval) -> str:
    """What the limits are."""
    if fit.sampled:
        return f"{interval} posterior band"
    return (
        f"{100 * interval.prob:g}% confidence band, df {METHODS[usual_or_stated(fit, df).method]}"
    )


def _standard_errors(L: Floats, source: DfSource) -> Floats:
    variance = np.einsum("mp,pr,mr->m", L, source.gamma_cov, L)
    return np.sqrt(np.maximum(variance, 0.0))


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
