"""Several linear predictors of a row: their columns side by side, and rows of each in turn.

A model of P predictors has each of its columns P times.  η stands row by row, the predictors of
one row beside each other (n P,); a predictor's columns are 0 in the rows of the others:

    η = (X ⊗ predictors) γ + (Z ⊗ predictors) u

Fixed columns stand predictor by predictor, random ones by factor, predictor and random term.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from hierbayes.frames.arrays import Floats


def column_name(predictor: str, name: str) -> str:
    """What a column of one of several predictors is called.

    Examples
    --------
    >>> column_name("bus", "Intercept")
    'bus: Intercept'
    """
    return f"{predictor}: {name}"


def side_by_side(parts: Sequence[tuple[int, Floats]], predictors: int) -> Floats:
    """Columns of the rows of several predictors (n P, columns).

    Parameters
    ----------
    parts : sequence of (int, (n, k) float)
        Columns, and the predictor that they belong to.
    predictors : int
        P.

    Examples
    --------
    >>> side_by_side([(0, np.array([[5.0], [6.0]])), (1, np.array([[7.0], [8.0]]))], 2)
    array([[5., 0.],
           [0., 7.],
           [6., 0.],
           [0., 8.]])
    """
    if predictors == 1:
        columns = [part for _, part in parts]
        return columns[0] if len(columns) == 1 else np.hstack(columns)
    n, widths = len(parts[0][1]), [part.shape[1] for _, part in parts]
    found = np.zeros((n, predictors, sum(widths)))
    start = 0
    for (owner, part), width in zip(parts, widths, strict=True):
        found[:, owner, start : start + width] = part
        start += width
    return found.reshape(n * predictors, -1)
