"""The lines of a fit in the panels of a trellis.

A fit has three lines in each group: its own least squares (BLUE), its prediction (BLUP) and its
population.  Each is the average over the group's rows of the expected response with one variable
moved, so that other variables are where the group has them.  Of a family that is not Gaussian
they are curves on the scale of the response, the population that of a group whose u is 0, and
there is no least squares.  Where there are several grouping
factors, the prediction has the effects of the group and of the groups in which it is nested, and
the groups of a second factor can have lines of their own inside the panels.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

import numpy as np
import pandas as pd

from hierbayes.design.family_rows import offset_of
from hierbayes.design.matrices import columns_needed
from hierbayes.errors import StudyError, in_quotes
from hierbayes.fit.effects import blue, population_draws
from hierbayes.fit.fitted import Fitted
from hierbayes.frames.arrays import Floats, Integers
from hierbayes.plots.fit_rows import fit_rows
from hierbayes.plots.response_scale import refuse_categories
from hierbayes.plots.scatter import Scatter
from hierbayes.plots.trellis_panels import outer_factors

LINES = ("BLUE", "BLUP", "population")
_POINTS = 13
_BENT = 41  # points of a curve


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
        coefficients do not exist has no BLUE line. Of a family that is not Gaussian there is none,
        and lines are curves of the expected response at the estimates (posterior means), of
        counts out of trials for each row's own trials.

    Raises
    ------
    StudyError
        When x is no variable of the model, these are not the data of the fit, or the response
        is categories.
    """
    _refuse_foreign(fit, x)
    refuse_categories("plot_trellis", fit)
    rows, codes = fit_rows(fit, data), fit.design.rows.codes_of[k]
    places = [np.flatnonzero(codes == j) for j in shown]
    own = None
    if fit.problem.family is None:
        own = blue(fit, k).to_numpy() - population_draws(fit, k).mean(axis=(0, 1))
    counted, labels = (k, *outer_factors(fit, k)), fit.design.factors[k].labels
    parts = []
    for j, line in zip(shown.tolist(), _lines(fit, rows, x, places), strict=True):
        values = {"BLUP": line.predicted(counted), "population": line.predicted(())}
        if own is not None:
            least_squares = values["population"] + line.z[:, fit.design.spans[k]] @ own[j]
            values = {"BLUE": least_squares, **values}
        parts += [
            pd.DataFrame({"panel": [labels[j]] * len(y), "line": name, "x": line.x, "y": y})
            for name, y in values.items()
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
    refuse_categories("plot_trellis", fit)
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
                "panel": [panels[pairs[one][0]]] * len(line.x),
                "line": f"BLUP of {design.factors[inner].name}",
                "level": [levels[pairs[one][1]]] * len(line.x),
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
    """What lines of some rows are made of, at each x.

    Parameters
    ----------
    x : (m,) float
    fixed : (r, m) float
        Xγ of each row.
    z : (m, q) float
        Random columns of all factors, averaged over the rows.
    parts : tuple of (r, m) float
        What the effects of each factor add.
    respond : callable
        The expected response given the linear predictor (r, m).
    """

    x: Floats
    fixed: Floats
    z: Floats
    parts: tuple[Floats, ...]
    respond: Callable[[Floats], Floats]

    def predicted(self, counted: tuple[int, ...]) -> Floats:
        """The expected response with the effects of some factors, averaged over the rows (m,)."""
        total = self.fixed
        for k in counted:
            total = total + self.parts[k]
        return np.asarray(self.respond(total).mean(axis=0))


def _lines(fit: Fitted, rows: pd.DataFrame, x: str, places: list[Integers]) -> Iterator[_Line]:
    """Lines of sets of rows, each from its smallest x to its largest."""
    if not places:
        return
    values, design = rows[x].to_numpy(dtype=np.float64), fit.design
    count = _POINTS if fit.problem.family is None else _BENT
    grids = [np.linspace(values[at].min(), values[at].max(), count) for at in places]
    again = np.repeat(np.concatenate(places), count)
    at_x = np.concatenate([np.tile(g, len(at)) for g, at in zip(grids, places, strict=True)])
    moved = rows.iloc[again].assign(**{x: at_x})
    X, Z = design.columns.new_matrices(moved, random=True)
    respond = _expected(fit, moved, again)
    fixed = X @ fit.gamma_draws.mean(axis=(0, 1))
    parts = [
        (Z[:, span] * u[codes[again]]).sum(axis=1)
        for span, u, codes in zip(design.spans, fit.u_means, design.rows.codes_of, strict=True)
    ]
    start = 0
    for at, grid in zip(places, grids, strict=True):
        mine = slice(start, start + len(at) * count)
        shape = len(at), count
        z = Z[mine].reshape(*shape, -1).mean(axis=0)
        own = tuple(one[mine].reshape(shape) for one in parts)
        yield _Line(grid, fixed[mine].reshape(shape), z, own, partial(respond, mine))
        start = mine.stop


def _expected(
    fit: Fitted, moved: pd.DataFrame, again: Integers
) -> Callable[[slice, Floats], Floats]:
    """The expected response of some rows given their linear predictors, as a function of both."""
    offset = offset_of(fit.design.specification, moved)
    if fit.problem.family is None:
        return lambda mine, eta: eta + offset[mine].reshape(eta.shape)
    of = fit.problem.family_rows
    m, phi = of.m[again], fit.mean_phi
    if of.further is not None:
        m = of.further.of_new_rows(of.m[again], moved)
    sizes = of.sizes[again] if of.of_trials else np.ones(len(again))

    def expected(mine: slice, eta: Floats) -> Floats:
        flat = of.family.mean(eta.ravel() + offset[mine], m[mine], phi)
        return np.asarray((sizes[mine] * flat).reshape(eta.shape))

    return expected


def _refuse_foreign(fit: Fitted, x: str) -> None:
    spec = fit.design.specification
    needed = columns_needed(spec.fixed, *spec.random_effects)
    if x not in needed:
        listed = in_quotes(needed)
        raise StudyError(
            f"'{x}' is no variable of the model; its variables are: {listed or 'none'}"
        )
