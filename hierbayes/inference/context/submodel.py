"""Other columns on the rows of a model, fitted by REML or ML: null models, group means."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from hierbayes.design.basis import choose_basis
from hierbayes.design.crossproducts import cross_products
from hierbayes.design.design import Design
from hierbayes.design.problem import Problem
from hierbayes.estimation.reml import maximise
from hierbayes.fit.maximised import maximum_likelihood
from hierbayes.fit.point import PointFit
from hierbayes.frames.arrays import Floats
from hierbayes.likelihood.conditional import conditional_moments, flat_prior
from hierbayes.likelihood.reading import Reading


@dataclass(frozen=True, slots=True, eq=False)
class Submodel:
    """A maximum, in the user's units.

    Parameters
    ----------
    gamma, gamma_cov : (p,), (p, p) float
    G : (q, q) float
    sigma : float
    """

    gamma: Floats
    gamma_cov: Floats
    G: Floats
    sigma: float


def fit_columns(design: Design, X: Floats, reading: Reading) -> Submodel:
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
    basis = choose_basis(X, Z, design.rows.y, blocks)
    cross = cross_products(design.with_rows(X=X, Z=Z).rows, design.groups, basis)
    optimum = maximise(cross, blocks, reading)
    moments = conditional_moments(optimum.root, optimum.sigma, cross, flat_prior(X.shape[1]))
    L = basis.root(optimum.root * optimum.sigma)
    return Submodel(
        gamma=basis.gamma(moments.gamma),
        gamma_cov=basis.gamma_covariance(moments.gamma_cov),
        G=L @ L.T,
        sigma=optimum.sigma * basis.scale,
    )


def fit_of_columns(design: Design, X: Floats, terms: tuple[str, ...], reading: Reading) -> PointFit:
    """The fit of a design with more fixed columns X (n, p'), its own coming first.

    Its formula stays that of the design: it has no columns of new data.
    """
    added = terms[len(design.terms) :]
    columns = replace(design.columns, terms=terms, term_of=(*design.columns.term_of, *added))
    more = replace(design.with_rows(X=X), columns=columns)
    basis = choose_basis(X, design.rows.Z, design.rows.y, design.blocks)
    return maximum_likelihood(Problem(more, cross_products(more.rows, more.groups, basis)), reading)
