r"""Ellipses in the plane of two coefficients: the picture of a covariance matrix.

    {b : (b − c)'M⁻¹(b − c) = r²}

Its projections on the axes (its *shadows*) are c_k ± r sqrt(M_kk), and so for every linear
combination.  The radius says what is meant:

* 1: a dispersion ellipse, whose shadows are the mean plus and minus one standard deviation;
* `confidence_radius`: an ellipse that has probability 0.95 as a whole (two degrees of freedom);
* `shadow_radius`: an ellipse whose shadows are 95% intervals, each by itself.

Source: the lecture slides *Mixed Models with R*, Figures 4 and 13.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.special import chdtri, fdtri

from hierbayes.display.interval import DEFAULT_PROB, Interval
from hierbayes.fit.degrees_of_freedom.tails import t_quantile
from hierbayes.frames.arrays import Floats
from hierbayes.likelihood.covariance import cholesky_psd
from hierbayes.studies.prior_predictive.ellipses import boundary


@dataclass(frozen=True, slots=True, eq=False)
class Ellipse:
    """An ellipse; a segment or a point where its matrix is singular.

    Parameters
    ----------
    centre : (2,) float
    matrix : (2, 2) float
        Symmetric, positive semidefinite.
    radius : float

    Examples
    --------
    >>> Ellipse(np.array([12.0, 2.0]), np.array([[16.0, 8.0], [8.0, 25.0]])).shadow().tolist()
    [[8.0, 16.0], [-3.0, 7.0]]
    """

    centre: Floats
    matrix: Floats
    radius: float = 1.0

    def points(self) -> Floats:
        """Points of the closed boundary (101, 2), by a root of the matrix."""
        unit = boundary(cholesky_psd(self.matrix))[["x", "y"]].to_numpy()
        points: Floats = self.centre + self.radius * unit
        return points

    def shadow(self) -> Floats:
        """Projections on the two axes: a row (lower, upper) for each."""
        half = self.radius * np.sqrt(np.diag(self.matrix))
        return np.column_stack([self.centre - half, self.centre + half])


def data_ellipse(points: Floats) -> Ellipse:
    """The dispersion ellipse of points (m, 2): their mean and covariance, m − 1 in the denominator.

    Examples
    --------
    >>> data_ellipse(np.array([[0.0, 0.0], [2.0, 2.0], [4.0, 1.0]])).shadow().tolist()
    [[0.0, 4.0], [0.0, 2.0]]
    """
    return Ellipse(points.mean(axis=0), np.cov(points, rowvar=False))


def confidence_radius(prob: float = DEFAULT_PROB, df: float = np.inf) -> float:
    """Radius of an ellipse with this probability: sqrt(2 F), or sqrt(χ²) where df is infinite.

    Parameters
    ----------
    prob : float
    df : float
        Degrees of freedom of the estimated variance; the ellipse itself has two.

    Examples
    --------
    >>> confidence_radius()
    2.4477
    """
    inside = Interval(prob).prob
    square = chdtri(2, 1.0 - inside) if np.isinf(df) else 2.0 * fdtri(2, df, inside)
    return float(np.sqrt(square))


def shadow_radius(prob: float = DEFAULT_PROB, df: float = np.inf) -> float:
    """Radius of an ellipse whose shadows have this probability: a quantile of t, or of z.

    Examples
    --------
    >>> shadow_radius()
    1.9600
    """
    return float(t_quantile(np.array(df), Interval(prob).tails[1]))


def ellipse_frame(ellipses: Mapping[str, Ellipse]) -> pd.DataFrame:
    """Boundaries of named ellipses: ``ellipse``, ``x``, ``y``, a row per point."""
    parts = [
        pd.DataFrame(one.points(), columns=["x", "y"]).assign(ellipse=name)
        for name, one in ellipses.items()
    ]
    columns = ["ellipse", "x", "y"]
    return pd.concat(parts, ignore_index=True)[columns] if parts else pd.DataFrame(columns=columns)


def shadow_frame(ellipses: Mapping[str, Ellipse]) -> pd.DataFrame:
    """Shadows of named ellipses on both axes, index ellipse.

    Columns are ``x``, ``x_lower``, ``x_upper``, ``y``, ``y_lower``, ``y_upper``.
    """
    rows = {}
    for name, one in ellipses.items():
        (x0, x1), (y0, y1) = one.shadow()
        x, y = one.centre
        rows[name] = [x, x0, x1, y, y0, y1]
    columns = ["x", "x_lower", "x_upper", "y", "y_lower", "y_upper"]
    return pd.DataFrame.from_dict(rows, orient="index", columns=columns).rename_axis("ellipse")
