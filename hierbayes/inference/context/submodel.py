"""Other columns on the rows of a model, fitted by REML or ML: null models, group means."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from hierbayes.design.design import Design
from hierbayes.design.problem import Problem
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


def fit_of_columns(design: Design, X: Floats, terms: tuple[str, ...], reading: Reading) -> PointFit:
    """The fit of a design with more fixed columns X (n, p'), its own coming first.

    Its formula stays that of the design: it has no columns of new data.
    """
    added = terms[len(design.terms) :]
    columns = replace(design.columns, terms=terms, term_of=(*design.columns.term_of, *added))
    more = replace(design.with_rows(X=X), columns=columns)
    return maximum_likelihood(Problem(more, sum_up(more.rows, more.groups, more.blocks)), reading)
