"""The parameters of a residual structure in a truth: as they are said, and as coordinates.

Coordinates depend on the rows (on usual gaps, the largest group), so that a truth has the
parameters themselves, and each design of a study the coordinates of these.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from numbers import Real
from typing import Any

import numpy as np

from hierbayes.design.problem import Problem
from hierbayes.design.residual_rows import ResidualRows
from hierbayes.errors import StudyError, in_quotes
from hierbayes.fit.fit import Fit
from hierbayes.frames.arrays import Floats
from hierbayes.priors.error_draws import coordinate_of
from hierbayes.residuals.bound_values import Parameter

_CLOSE = 1e-6  # of a parameter
_STEPS, _LONGEST = 200, 0.3  # of coordinates


def names_of_errors(problem: Problem) -> tuple[str, ...]:
    """Names of the parameters of the errors, none without a structure."""
    if problem.moments is None:
        return ()
    return tuple(one.name for one in problem.moments.rows.parameters)


def stated_errors(problem: Problem, stated: Any) -> Floats:
    """The parameters (k,) of a residual structure as stated.

    Raises
    ------
    StudyError
        When one is missing, or can be no parameter of this structure.
    """
    names = names_of_errors(problem)
    if not isinstance(stated, Mapping) or set(stated) != set(names):
        raise StudyError(
            f"residual must be a mapping with the parameters of the errors, {in_quotes(names)}, "
            f"not {stated!r}"
        )
    for name, value in stated.items():
        if not isinstance(value, Real) or not np.isfinite(float(value)):
            raise StudyError(f"residual['{name}'] must be a number, not {value!r}")
    values = np.array([float(stated[name]) for name in names])
    assert problem.moments is not None
    error_coordinates(problem.moments.rows, values[None])
    return values


def errors_of_fit(fit: Fit) -> tuple[Floats, Floats]:
    """The parameters (N, k) of the errors of a fit, and their coordinates there."""
    values = fit.error_draws[1]
    k = values.shape[-1]
    z = getattr(fit, "z", fit.problem.z)
    return values.reshape(-1, k), np.zeros((0, k)) if z is None else z.reshape(-1, k)


def error_coordinates(
    rows: ResidualRows,
    values: Floats,
    known: Floats | None = None,
    seen: Sequence[Parameter] | None = None,
) -> Floats:
    """Coordinates (M, k) on some rows of parameters (M, k).

    Parameters
    ----------
    rows : ResidualRows
    values : (M, k) float
    known : (M, k) float, optional
        Coordinates on other rows: of parameters that are told together they are the same.
    seen : sequence of Parameter, optional
        The parameters on those rows: a φ that is 0 or 1 in all digits is told by its powers.

    Raises
    ------
    StudyError
        When these rows can have no errors with such parameters.
    """
    z = np.zeros_like(values)
    together = [i for i, one in enumerate(rows.parameters) if one.together]
    for i in range(values.shape[1]):
        own = rows.parameters[i].decay
        there = None if seen is None else seen[i].decay
        if own is not None and there is not None and known is not None:
            z[:, i] = own.coordinate(there.power(known[:, i], own.unit), own.unit)
        elif i not in together:
            z[:, i] = coordinate_of(rows, i, values[:, i])
    if together and known is not None:
        z[:, together] = known[:, together]
    elif together:
        distinct, place = np.unique(values[:, together], axis=0, return_inverse=True)
        z[:, together] = np.array([_together(rows, together, one) for one in distinct])[
            place.ravel()
        ]
    found = rows.natural(z)
    if not np.allclose(found, values, rtol=_CLOSE, atol=_CLOSE):
        at = int(np.abs(found - values).max(axis=0).argmax())
        one = rows.parameters[at]
        low, high = one.support
        raise StudyError(
            f"errors of {rows.structure.text} on these rows cannot have {one.name} = "
            f"{values[:, at][int(np.abs(found - values)[:, at].argmax())]:.4g}"
            + (f", which lies between {low:.4g} and {high:.4g}" if np.isfinite(low + high) else "")
        )
    return z


def _together(rows: ResidualRows, at: list[int], values: Floats) -> Floats:
    """Coordinates of parameters that are told together, by Newton's steps; else no such ones."""
    z = np.zeros(len(rows.parameters))
    for _ in range(_STEPS):
        off = values - rows.natural(z)[at]
        if np.abs(off).max() < 1e-13:
            break
        slope = rows.natural_slope(z)[np.ix_(at, at)]
        step = np.linalg.lstsq(slope, off)[0]
        z[at] += step * min(1.0, _LONGEST / max(float(np.abs(step).max()), 1e-300))
    return z[at]
