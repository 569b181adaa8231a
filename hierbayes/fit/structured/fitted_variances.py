"""Variances that follow the fitted values: maxima with these held, until they settle.

With fitted values μ̂_i of a fit before, errors have standard deviations σ|μ̂_i|^δ, and the maximum
over G, σ, δ and γ is one of the usual kind.  Its fitted values, random effects included, are the
next μ̂.  Where they settle the estimates are those of nlme's ``varPower()``: pseudo-likelihood, in
which the mean tells nothing by way of the variance.

References
----------
Davidian & Carroll (1987), *Variance function estimation*, doi:10.1080/01621459.1987.10478543.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from hierbayes.design.problem import Problem
from hierbayes.errors import EstimationError
from hierbayes.fit.structured.point import StructuredPointFit
from hierbayes.frames.arrays import Floats

_MOST = 100  # fits
_SETTLED = 1e-8  # change of fitted values, in spreads of them


def settled(
    problem: Problem, maximised: Callable[[Problem], StructuredPointFit]
) -> StructuredPointFit:
    """The maximum whose variances follow its own fitted values.

    Parameters
    ----------
    problem : Problem
        Variances of which follow first fitted values.
    maximised : callable
        The maximum with fitted values held.

    Raises
    ------
    EstimationError
        When the fitted values do not settle.
    """
    change = np.inf
    for _ in range(_MOST):
        fit = maximised(problem)
        assert problem.moments is not None
        before, after = problem.moments.rows.fitted, fitted_values(fit)
        assert before is not None
        change = float(np.abs(after - before).max() / max(float(after.std()), 1e-300))
        if change < _SETTLED:
            return fit
        problem = problem.following(after)
    raise EstimationError(
        f"the fitted values that variances follow have not settled after {_MOST} fits, the last "
        f"of which moved them by {change:.1g} of their spread; use a column for the fitted values"
    )


def fitted_values(fit: StructuredPointFit) -> Floats:
    """X γ̂ + Z û and the offset of each row (n,)."""
    rows = fit.design.rows
    fitted = rows.X @ fit.gamma_draws[0, 0] + rows.offset
    for codes, span, u in zip(rows.codes_of, fit.design.spans, fit.us, strict=True):
        fitted = fitted + (rows.Z[:, span] * u[0, 0][codes]).sum(axis=1)
    return np.asarray(fitted)
