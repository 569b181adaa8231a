"""Other columns on the rows of a model, fitted by REML or ML: null models, group means."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from hierbayes.design.alike_rows import alike
from hierbayes.design.design import Design
from hierbayes.design.problem import Problem, summed_up
from hierbayes.design.residual_moments import residual_moments
from hierbayes.design.sums import sum_up
from hierbayes.estimation.reml import maximise
from hierbayes.fit.maximised import maximum_likelihood
from hierbayes.fit.point import PointFit
from hierbayes.frames.arrays import Floats
from hierbayes.likelihood.gaussian import Likelihood
from hierbayes.likelihood.reading import Reading
from hierbayes.likelihood.state import State


def fit_columns(design: Design, X: Floats, reading: Reading) -> State:
    """Fit fixed columns X (n, p) and a random intercept on the rows and groups of a design.

    Parameters
    ----------
    design : Design
    X : (n, p) float
        Independent.
    reading : Reading
        ``REML`` or ``ML``.
    """
    Z, blocks = np.ones((len(X), 1)), (1,)
    cross = sum_up(design.with_rows(X=X, Z=Z).rows, design.groups, blocks)
    return Likelihood(cross, reading).at(maximise(cross, blocks, reading).theta)


def fit_intercepts(problem: Problem, reading: Reading) -> State:
    """Fit the fixed columns of a problem and a random intercept, its errors as they are estimated.

    Parameters
    ----------
    problem : Problem
    reading : Reading
        ``REML`` or ``ML``.
    """
    design = problem.design
    if problem.moments is None:
        return fit_columns(design, design.rows.X, reading)
    columns = np.column_stack([design.rows.X, design.rows.response, np.ones(design.n)])
    *X, y, c = alike(problem, columns).T
    rows = design.with_rows(
        X=np.column_stack(X), response=y, Z=c[:, None], root_weights=None, added=None
    ).rows
    cross = sum_up(rows, design.groups, (1,))
    return Likelihood(cross, reading).at(maximise(cross, (1,), reading).theta)


def fit_of_columns(
    problem: Problem, X: Floats, terms: tuple[str, ...], reading: Reading
) -> PointFit:
    """The fit of a problem with more fixed columns X (n, p'), its own coming first.

    Its formula stays that of the problem: it has no columns of new data.  Errors with a structure
    have its parameters estimated anew.
    """
    design = problem.design
    added = terms[len(design.terms) :]
    columns = replace(design.columns, terms=terms, term_of=(*design.columns.term_of, *added))
    more = replace(design.with_rows(X=X), columns=columns)
    products = summed_up(more)
    moments = None
    if problem.moments is not None:
        moments = residual_moments(problem.moments.rows, more, products.basis)
    return maximum_likelihood(Problem(more, products, moments), reading)
