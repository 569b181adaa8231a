"""What stands in the panels of a trellis: their order, and the lines of a fit.

A fit has three lines in each group: its own least squares (BLUE), its prediction (BLUP) and its
population.  Each is the average over the group's rows of the expected response with one variable
moved, so that other variables are where the group has them.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from hierbayes.design.matrices import columns_needed
from hierbayes.errors import StudyError, in_quotes
from hierbayes.fit.effects import blue, population_draws
from hierbayes.fit.fitted import Fitted
from hierbayes.frames.arrays import Floats, Integers
from hierbayes.frames.constancy import varies_within
from hierbayes.frames.grouping import Groups
from hierbayes.plots.choice import ENGINES
from hierbayes.plots.fit_rows import fit_rows
from hierbayes.plots.scatter import Scatter

LINES = ("BLUE", "BLUP", "population")
_POINTS = 13


def panel_order(found: Scatter, codes: Integers, order: str | None) -> tuple[Floats, list[str]]:
    """What each of J panels is ordered by, as a number and in words.

    Parameters
    ----------
    found : Scatter
    codes : (n,) int
        Panel of each row.
    order : str or None
        ``"mean"`` (of y), ``"size"``, a column, or None for the order of the labels. Only a column
        has words.

    Raises
    ------
    StudyError
        When the column varies within a panel.
    """
    grouped = found.rows.groupby(codes, sort=True)
    J = grouped.ngroups
    match order:
        case None:
            return np.arange(J, dtype=np.float64), [""] * J
        case "mean":
            return grouped[found.y].mean().to_numpy(dtype=np.float64), [""] * J
        case "size":
            return grouped.size().to_numpy(dtype=np.float64), [""] * J
    if varies_within(found.rows[order], Groups((str(found.panel),), codes, pd.RangeIndex(J))).any():
        raise StudyError(
            f"'{order}' varies within '{found.panel}', and panels are ordered by a column that "
            "does not, or by 'mean' or 'size'"
        )
    first = grouped[order].first()
    if pd.api.types.is_numeric_dtype(first.dtype):
        return first.to_numpy(dtype=np.float64), [f"{value:.4g}" for value in first]
    levels = first.astype("category").cat
    return levels.codes.to_numpy(dtype=np.float64), list(map(str, first))


def lines_of_fit(fit: Fitted, data: pd.DataFrame, found: Scatter, panels: pd.Index) -> pd.DataFrame:
    """`fitted_lines` in some panels, refused where the fit is not of the formula's variables."""
    if not isinstance(fit, Fitted):
        raise StudyError(
            f"fit= takes what {ENGINES} returns, not an object of type {type(fit).__name__}"
        )
    spec = fit.design.specification
    for what, stated, fitted in (
        ("response", found.y, spec.response.strip("`")),
        ("group", found.panel, spec.group),
    ):
        if stated != fitted:
            raise StudyError(
                f"the formula has the {what} '{stated}' and the fit '{fitted}'; lines of a fit "
                "need both alike"
            )
    return fitted_lines(fit, data, found.x, fit.design.factor.find(panels))


def fitted_lines(fit: Fitted, data: pd.DataFrame, x: str, shown: Integers) -> pd.DataFrame:
    """Lines of some groups against x, each over the group's own range.

    Parameters
    ----------
    fit : Fitted
        By any engine.
    data : DataFrame
        Of the fit.
    x : str
        A numeric variable of the model.
    shown : (k,) int
        Positions of groups.

    Returns
    -------
    DataFrame
        ``panel`` (the group), ``line`` (of `LINES`), ``x``, ``y``. A group whose least-squares
        coefficients do not exist has no BLUE line.

    Raises
    ------
    StudyError
        When x is no variable of the model, or these are not the data of the fit.
    """
    _refuse_foreign(fit, x)
    rows, codes = fit_rows(fit, data), fit.design.rows.codes
    places = [np.flatnonzero(codes == j) for j in shown]
    values = rows[x].to_numpy(dtype=np.float64)
    grids = [np.linspace(values[at].min(), values[at].max(), _POINTS) for at in places]
    moved = rows.iloc[np.repeat(np.concatenate(places), _POINTS)]
    moved = moved.assign(
        **{x: np.concatenate([np.tile(g, len(at)) for g, at in zip(grids, places, strict=True)])}
    )
    X, Z = fit.design.columns.new_matrices(moved, random=True)
    fixed = X @ fit.gamma_draws.mean(axis=(0, 1))
    u = fit.u_draws.mean(axis=(0, 1))
    own = blue(fit).to_numpy() - population_draws(fit).mean(axis=(0, 1))
    parts, start = [], 0
    for j, at, grid in zip(shown.tolist(), places, grids, strict=True):
        end = start + len(at) * _POINTS
        population = fixed[start:end].reshape(len(at), _POINTS).mean(axis=0)
        z = Z[start:end].reshape(len(at), _POINTS, -1).mean(axis=0)
        lines = (population + z @ own[j], population + z @ u[j], population)
        parts += _finite(fit.design.groups[j], grid, lines)
        start = end
    return pd.concat(parts, ignore_index=True)


def _finite(group: object, grid: Floats, lines: tuple[Floats, ...]) -> list[pd.DataFrame]:
    return [
        pd.DataFrame({"panel": [group] * len(grid), "line": name, "x": grid, "y": y})
        for name, y in zip(LINES, lines, strict=True)
        if np.isfinite(y).all()
    ]


def _refuse_foreign(fit: Fitted, x: str) -> None:
    spec = fit.design.specification
    needed = columns_needed(spec.fixed, *spec.random_effects)
    if x not in needed:
        listed = in_quotes(needed)
        raise StudyError(
            f"'{x}' is no variable of the model; its variables are: {listed or 'none'}"
        )
