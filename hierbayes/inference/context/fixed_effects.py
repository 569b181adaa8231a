"""The within-group estimator: a coefficient for each group, as fixed effects have it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hierbayes.design.alike_rows import parts_of_groups
from hierbayes.design.design import Design
from hierbayes.design.levels import is_outer
from hierbayes.design.problem import Problem
from hierbayes.errors import DataError, in_quotes
from hierbayes.frames.arrays import Floats

_DEPENDENT = 1e-8  # of what is a column's own within groups, against its size


@dataclass(frozen=True, slots=True, eq=False)
class WithinFit:
    """Least squares on deviations from group means, errors having been made alike.

    Parameters
    ----------
    places : tuple of int
        Which fixed columns vary within groups, those left out that are combinations of
        others there.
    gamma, gamma_cov : (k,), (k, k) float
        Their coefficients and covariance.
    sigma2 : float
        Residual variance on n − J − k degrees of freedom.
    df : float
    left_out : tuple of str
        Names of columns that are combinations of others within groups.
    """

    places: tuple[int, ...]
    gamma: Floats
    gamma_cov: Floats
    sigma2: float
    df: float
    left_out: tuple[str, ...]


def within_columns(design: Design, function: str) -> tuple[int, ...]:
    """Places of the fixed columns that vary within groups.

    Raises
    ------
    DataError
        When there is none.
    """
    outer = is_outer(design.rows.X, design.rows.codes, design.J)
    places = tuple(np.flatnonzero(~outer).tolist())
    if not places:
        group = design.specification.group
        listed = in_quotes(design.terms)
        raise DataError(
            f"{function}() compares slopes within and between groups, and no fixed term varies "
            f"within '{group}' (they are: {listed}); add a variable of the rows to the fixed part"
        )
    return places


def within_fit(problem: Problem) -> WithinFit:
    """The within-group estimator of a problem, its errors as they are estimated.

    Raises
    ------
    DataError
        When no column varies within groups, or no degrees of freedom are left.
    """
    places: list[int] = []
    left_out: list[str] = []
    columns: list[Floats] = []
    design = problem.design
    if design.specification.known_sd:
        design.rows.refuse_weights("hausman()")
    inner = within_columns(design, "hausman")
    M = np.column_stack([design.rows.X[:, inner], design.rows.response])
    D, _ = parts_of_groups(problem, M - M.mean(axis=0))  # centred, so that no digit is lost
    D, y = D[:, :-1], D[:, -1]
    norm = np.sqrt((D**2).sum(axis=0))
    D = D / norm
    for k, place in enumerate(inner):
        trial = np.column_stack([*columns, D[:, k]])
        if np.linalg.svd(trial, compute_uv=False)[-1] < _DEPENDENT:
            left_out.append(design.terms[place])
        else:
            places.append(place)
            columns.append(D[:, k])
    df = len(y) - design.J - len(places)
    if df <= 0:
        raise DataError(
            f"the within-group estimator has no degrees of freedom: {len(y)} rows, {design.J} "
            f"groups and {len(places)} columns that vary within them; use fewer terms"
        )
    size = norm[[inner.index(place) for place in places]]
    Q, R = np.linalg.qr(np.column_stack(columns))
    gamma = np.linalg.solve(R, Q.T @ y) / size
    rest = y - Q @ (Q.T @ y)
    sigma2 = float(rest @ rest / df)
    R_inverse = np.linalg.inv(R) / size[:, None]
    return WithinFit(
        tuple(places), gamma, sigma2 * R_inverse @ R_inverse.T, sigma2, float(df), tuple(left_out)
    )
