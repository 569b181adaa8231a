"""The likelihood of several grouping factors without the rows of a level."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from hierbayes.likelihood.conditional import NormalPrior
from hierbayes.likelihood.reading import NORMAL, REML
from hierbayes.likelihood.sparse import SparseLikelihood
from hierbayes.likelihood.theta import Theta
from tests.dense import gls, log_normal
from tests.dense_factors import FactorRows
from tests.test_factors_dense import Design


def rows_left(made: Design, kept: np.ndarray) -> FactorRows:
    factors = tuple(
        (np.unique(codes[kept], return_inverse=True)[1], Z[kept]) for codes, Z in made.rows.factors
    )
    return FactorRows(made.rows.y[kept], made.rows.X[kept], factors)


@pytest.mark.parametrize("name", ["nested", "crossed", "mixed", "apart"])
def test_levels_left_out(name: str) -> None:
    """Of every factor, against matrices of the rows that stay: density and mean of γ."""
    made = Design(name)
    root, sigma = np.stack([made.root, 0.5 * made.root]), np.array([1.3, 0.8])
    theta, likelihood = Theta.of(root, sigma), SparseLikelihood(made.cross)
    basis = made.cross.basis
    mean, precision = np.array([0.4, -0.2]), np.array([[0.5, 0.1], [0.1, 0.7]])
    T = basis.scale * basis.x.matrix
    prior = NormalPrior(basis.gamma_internal(mean), T.T @ precision @ T)
    for k, factor in enumerate(made.design.factors):
        seen = []
        for j, reduction in likelihood.without_levels(theta, made.design, k):
            seen.append(j)
            rows = rows_left(made, made.design.rows.codes_of[k] != j)
            assert reduction.cross.n == len(rows.y)
            densities = {r: reduction.log_density(prior, r) for r in (REML, NORMAL)}
            means = {r: reduction.gamma_means(prior, r) for r in (REML, NORMAL)}
            for m in range(2):
                roots = [root[m][span, span] for span in made.design.spans]
                V = rows.V(roots, float(sigma[m]))
                exact = rows.log_density(roots, float(sigma[m]), restricted=True)
                assert_allclose(densities[REML][m], exact, rtol=1e-9)
                gamma, cov = gls(rows.X, rows.y, V)
                assert_allclose(means[REML][m], gamma, rtol=1e-7)
                total = V + rows.X @ np.linalg.solve(precision, rows.X.T)
                exact = log_normal(rows.y - rows.X @ mean, total)
                assert_allclose(densities[NORMAL][m], exact, rtol=1e-9)
                both = np.linalg.solve(
                    np.linalg.inv(cov) + precision, np.linalg.solve(cov, gamma) + precision @ mean
                )
                assert_allclose(means[NORMAL][m], both, rtol=1e-7)
        assert sorted(seen) == list(range(factor.J))
