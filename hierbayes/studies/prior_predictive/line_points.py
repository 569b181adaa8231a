"""Points at which the lines of groups are compared: rows of the design near percentiles."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hierbayes.design.design import Design
from hierbayes.design.predictors import column_name
from hierbayes.frames.arrays import Booleans, Floats, Integers

LINE_PERCENTILES = (0.1, 0.9)
_OWN = 10.0  # how much a column counts where a row near its percentile is sought


def varying(design: Design) -> Booleans:
    """Which random columns (q,) are not constant."""
    several: Booleans = np.ptp(design.rows.Z, axis=0) > 0.0
    return several


@dataclass(frozen=True, slots=True, eq=False)
class LinePoint:
    """A point at which the lines of a factor's groups are compared.

    Parameters
    ----------
    factor, at : str
        Whose lines, and where, in words.
    z : (q,) float
        The random columns there; 0 for the effects of other factors.
    """

    factor: str
    at: str
    z: Floats


def line_points(design: Design) -> list[LinePoint]:
    """The points at which the groups' lines are compared, factor by factor.

    For each random column that varies, its 10th and 90th percentile with the others at
    their means; of that point, the nearest row of the design (in sds, the column itself
    counting ten times), so that columns that depend on each other (x and x²) agree.
    The label states every other column that is not 0 there, as `Fit.icc` would have it.  Of several
    linear predictors each has its own lines.
    """
    found = []
    for k, span in enumerate(design.spans):
        one = design.of_factor(k)
        for place in range(one.columns.n_predictors):
            mine = span.start + np.flatnonzero(one.columns.effects_of(place))
            for at, row in _rows_between(one.of_predictor(place)).items():
                z = np.zeros(len(design.effects))
                z[mine] = row
                names = one.columns.predictors
                label = column_name(names[place], at) if names else at
                found.append(LinePoint(one.factor.name, label, z))
    return found


def _rows_between(design: Design) -> dict[str, Floats]:
    """Rows of Z by label, see `line_points`, of one factor."""
    columns = np.flatnonzero(varying(design))
    Z = design.rows.Z[:, columns]
    mean, sd = Z.mean(axis=0), Z.std(axis=0)
    points: dict[str, Floats] = {}
    for k, column in enumerate(columns):
        weight = np.where(np.arange(len(columns)) == k, _OWN, 1.0) / sd
        for percentile in LINE_PERCENTILES:
            target = mean.copy()
            target[k] = np.quantile(Z[:, k], percentile, method="inverted_cdf")
            z = design.rows.Z[(((Z - target) * weight) ** 2).sum(axis=1).argmin()]
            points.setdefault(_label(design, z, int(column), columns), z)
    return points


def _label(design: Design, z: Floats, k: int, columns: Integers) -> str:
    stated = [k, *(c for c in columns if c != k and z[c] != 0.0)]
    return ", ".join(f"{design.effects[c]} = {z[c]:g}" for c in stated)
