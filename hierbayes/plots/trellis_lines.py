"""The lines of a fit in the panels of a trellis.

A fit has three lines in each group: its own least squares (BLUE), its prediction (BLUP) and its
population.  Each is the average over the group's rows of the expected response with one variable
moved, so that other variables are where the group has them.  Where there are several grouping
factors, the prediction has the effects of the group and of the groups in which it is nested, and
the groups of a second factor can have lines of their own inside the panels.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from hierbayes.design.matrices import columns_needed
from hierbayes.errors import StudyError, in_quotes
from hierbayes.fit.effects import blue, population_draws
from hierbayes.fit.fitted import Fitted
from hierbayes.frames.arrays import Floats, Integers
from hierbayes.plots.fit_rows import fit_rows
from hierbayes.plots.scatter import Scatter
from hierbayes.plots.trellis_panels import outer_factors

LINES = ("BLUE", "BLUP", "population")
_POINTS = 13


def lines_of_fit(
    fit: Fitted, data: pd.DataFrame, found: Scatter, panels: pd.Index, inner: int | None
) -> pd.DataFrame:
    """`fitted_lines` in some panels, refused where the fit is not of the formula's variables."""
    spec = fit.design.specification
    response, factors = spec.response.strip("`"), spec.factors
    if found.y != response:
        raise StudyError(
            f"the formula has the response '{found.y}' and the fit '{response}'; lines of a fit "
            "need both alike"
        )
    if found.panel not in factors:
        need = "both alike" if len(factors) == 1 else "one of its factors"
        raise StudyError(
            f"the formula has the group '{found.panel}' and the fit {in_quotes(factors)}; lines "
            f"of a fit need {need}"
        )
    k = factors.index(found.panel)
    shown = fit.design.factors[k].find(panels)
    lines = fitted_lines(fit, data, found.x, shown[shown >= 0], k)
    if inner is None:
        return lines
    own = inner_lines(fit, data, found.x, shown[shown >= 0], k, inner)
    return pd.concat([own, lines.assign(level=None)], ignore_index=True)


def fitted_lines(
    fit: Fitted, data: pd.DataFrame, x: str, shown: Integers, k: int = 0
) -> pd.DataFrame:
    """Lines of some groups against x, each over the group's own range.

    Parameters
    ----------
    fit : Fitted
        By any engine.
    data : DataFrame
        Of the fit.
    x : str
        A numeric variable of the model.
    shown : (m,) int
        Positions of groups.
    k : int
        Their factor.

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
    fit.problem.refuse_other_families()
    rows, codes = fit_rows(fit, data), fit.design.rows.codes_of[k]
    places = [np.flatnonzero(codes == j) for j in shown]
    own = blue(fit, k).to_numpy() - population_draws(fit, k).mean(axis=(0, 1))
    counted, labels = (k, *outer_factors(fit, k)), fit.design.factors[k].labels
    parts = []
    for j, line in zip(shown.tolist(), _lines(fit, rows, x, places), strict=True):
        least_squares = line.population + line.z[:, fit.design.spans[k]] @ own[j]
        values = (least_squares, line.predicted(counted), line.population)
        parts += [
            pd.DataFrame({"panel": [labels[j]] * _POINTS, "line": name, "x": line.x, "y": y})
            for name, y in zip(LINES, values, strict=True)
            if np.isfinite(y).all()
        ]
    return pd.concat(parts, ignore_index=True)


def inner_lines(
    fit: Fitted, data: pd.DataFrame, x: str, shown: Integers, k: int, inner: int
) -> pd.DataFrame:
    """The predictions of the groups of a second factor inside those of factor k.

    Each is that of a panel's rows in one group of the second factor, with the effects of both and
    of the groups in which either is nested; there is none where x does not vary.

    Returns
    -------
    DataFrame
        ``panel``, ``line`` ("BLUP of" the factor), ``level`` (its group), ``x``, ``y``.
    """
    fit.problem.refuse_other_families()
    rows, design = fit_rows(fit, data), fit.design
    outside, inside = design.rows.codes_of[k], design.rows.codes_of[inner]
    values = rows[x].to_numpy(dtype=np.float64)
    pairs = [(j, m) for j in shown.tolist() for m in np.unique(inside[outside == j]).tolist()]
    places = [np.flatnonzero((outside == j) & (inside == m)) for j, m in pairs]
    drawn = [one for one, at in enumerate(places) if np.ptp(values[at]) > 0.0]
    lines = _lines(fit, rows, x, [places[one] for one in drawn])
    counted = tuple({k, inner, *outer_factors(fit, k), *outer_factors(fit, inner)})
    panels, levels = design.factors[k].labels, design.factors[inner].labels
    parts = [
        pd.DataFrame(
            {
                "panel": [panels[pairs[one][0]]] * _POINTS,
                "line": f"BLUP of {design.factors[inner].name}",
                "level": [levels[pairs[one][1]]] * _POINTS,
                "x": line.x,
                "y": line.predicted(counted),
            }
        )
        for one, line in zip(drawn, lines, strict=True)
    ]
    columns = ["panel", "line", "level", "x", "y"]
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=columns)


@dataclass(frozen=True, slots=True, eq=False)
class _Line:
    """What lines of some rows are made of, averaged over the rows: at each x.

    Parameters
    ----------
    x, population : (m,) float
    z : (m, q) float
        Random columns of all factors.
    parts : tuple of (m,) float
        What the effects of each factor add.
    """

    x: Floats
    population: Floats
    z: Floats
    parts: tuple[Floats, ...]

    def predicted(self, counted: tuple[int, ...]) -> Floats:
        """With the effects of some factors."""
        total = self.population
        for k in counted:
            total = total + self.parts[k]
        return total


def _lines(fit: Fitted, rows: pd.DataFrame, x: str, places: list[Integers]) -> Iterator[_Line]:
    """Lines of sets of rows, each from its smallest x to its largest."""
    if not places:
        return
    values, design = rows[x].to_numpy(dtype=np.float64), fit.design
    grids = [np.linspace(values[at].min(), values[at].max(), _POINTS) for at in places]
    again = np.repeat(np.concatenate(places), _POINTS)
    at_x = np.concatenate([np.tile(g, len(at)) for g, at in zip(grids, places, strict=True)])
    X, Z = design.columns.new_matrices(rows.iloc[again].assign(**{x: at_x}), random=True)
    fixed = X @ fit.gamma_draws.mean(axis=(0, 1))
    parts = [
        (Z[:, span] * u[codes[again]]).sum(axis=1)
        for span, u, codes in zip(design.spans, fit.u_means, design.rows.codes_of, strict=True)
    ]
    start = 0
    for at, grid in zip(places, grids, strict=True):
        end = start + len(at) * _POINTS
        means = [
            one[start:end].reshape(len(at), _POINTS, -1).mean(axis=0) for one in (fixed, Z, *parts)
        ]
        yield _Line(grid, means[0][:, 0], means[1], tuple(one[:, 0] for one in means[2:]))
        start = end


def _refuse_foreign(fit: Fitted, x: str) -> None:
    spec = fit.design.specification
    needed = columns_needed(spec.fixed, *spec.random_effects)
    if x not in needed:
        listed = in_quotes(needed)
        raise StudyError(
            f"'{x}' is no variable of the model; its variables are: {listed or 'none'}"
        )
