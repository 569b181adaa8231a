"""Several grouping factors: little is left of the response beside its fixed part or its groups."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

import hierbayes as hb
from hierbayes.design.sparse_products import SparseProducts
from hierbayes.errors import DataError
from hierbayes.estimation import reml
from hierbayes.likelihood.conditional import NormalPrior
from hierbayes.likelihood.reading import NORMAL
from hierbayes.likelihood.sparse import SparseLikelihood
from tests.dense import log_normal
from tests.test_factors_inference import rows_of

FORMULAS = {"nested": "y ~ x + (1 | s) + (1 | s:c)", "crossed": "y ~ x + (1 | s) + (1 | b)"}


def data(name: str, sigma: float, slope: float = 0.5) -> pd.DataFrame:
    """Random effects of unit sd, and the same errors whatever their size."""
    r = np.random.default_rng(1)
    s, c, b = r.integers(0, 8, 150), r.integers(0, 3, 150), r.integers(0, 9, 150)
    x, u, v, e = r.normal(size=150), r.normal(size=8), r.normal(size=24), r.normal(size=150)
    inner = v[3 * s + c] if name == "nested" else v[b]
    y = 1.0 + slope * x + u[s] + inner + sigma * e
    return pd.DataFrame({"y": y, "x": x, "s": s, "c": c, "b": b})


def fitted(name: str, sigma: float, slope: float = 0.5) -> hb.PointFit:
    return hb.Model(FORMULAS[name], data(name, sigma, slope)).reml()


@pytest.mark.parametrize("name", FORMULAS)
def test_a_steep_line_takes_no_digits(name: str) -> None:
    plain, steep = fitted(name, 1.0), fitted(name, 1.0, slope=1e6 + 0.5)
    assert steep.problem.products.basis.taken.any()
    assert not plain.problem.products.basis.taken.any()
    assert_allclose(steep.loglik, plain.loglik, atol=1e-6)
    assert_allclose(steep.theta.sd, plain.theta.sd, rtol=1e-6)
    assert_allclose(steep.sigma, plain.sigma, rtol=1e-8)
    assert_allclose(steep.gamma - [0.0, 1e6], plain.gamma, rtol=1e-7)
    assert_allclose(steep.vcov(), plain.vcov(), rtol=1e-6)
    for factor in FORMULAS[name].split("| ")[1:]:
        called = factor.split(")")[0]
        assert_allclose(steep.ranef(called), plain.ranef(called), atol=1e-6)


@pytest.mark.parametrize("name", FORMULAS)
def test_a_prior_is_of_the_coefficients_as_they_are(name: str) -> None:
    """γ under a normal prior, its part taken out of y or not, with n×n matrices."""
    mean, precision = np.array([0.5, 90.0]), np.array([[0.4, 0.05], [0.05, 0.02]])
    steep = fitted(name, 1.0, slope=100.0)
    products, rows = steep.problem.products, rows_of(steep)
    assert isinstance(products, SparseProducts) and products.basis.taken.any()
    basis = products.basis
    T = basis.scale * basis.x.matrix
    prior = NormalPrior(basis.gamma_internal(mean), T.T @ precision @ T)
    state = SparseLikelihood(products, NORMAL, prior).at(steep.theta[0, 0])
    root = steep.theta.root[0, 0]
    V = rows.V([root[span, span] for span in steep.design.spans], steep.sigma)
    total = V + rows.X @ np.linalg.solve(precision, rows.X.T)
    assert_allclose(state.value, log_normal(rows.y - rows.X @ mean, total), rtol=1e-10)


@pytest.mark.parametrize("name", FORMULAS)
def test_small_residuals_that_are_computed_with(name: str) -> None:
    """A tenth of a small σ is a tenth of its estimate, and G stays as it is."""
    small, smaller = fitted(name, 1e-3), fitted(name, 1e-4)
    assert_allclose(smaller.sigma, 0.1 * small.sigma, rtol=1e-6)
    assert_allclose(smaller.theta.sd, small.theta.sd, rtol=1e-3)
    root = smaller.theta.root[0, 0]
    roots = [root[span, span] for span in smaller.design.spans]
    exact = rows_of(smaller).log_density(roots, smaller.sigma, restricted=True)
    assert_allclose(smaller.loglik, exact, atol=1e-4)


@pytest.mark.parametrize("name", FORMULAS)
def test_what_is_lost_in_rounding_is_refused(name: str) -> None:
    model = hb.Model(FORMULAS[name], data(name, 1e-6))
    for estimate in (model.reml, model.ml, model.map, lambda: model.sample(progress=False)):
        with pytest.raises(DataError) as refusal:
            estimate()
        text = str(refusal.value)
        assert text.startswith(
            "the residual variance is zero, or too small beside the random effects to be told from "
            "rounding: the fixed part and the effects of all grouping factors reproduce every row "
            "but for "
        )
        assert text.endswith(
            " of the spread that the fixed part leaves, and with several grouping factors less "
            "than 3e-05 is not computed with; use fewer random effects, or look for a copy of the "
            "response among the predictors"
        )


@pytest.mark.parametrize(("size", "refused"), [(0.999, False), (1.001, True)])
def test_both_sides_of_the_least_residual(
    monkeypatch: pytest.MonkeyPatch, size: float, refused: bool
) -> None:
    model = hb.Model(FORMULAS["crossed"], data("crossed", 1e-3))
    fit, products = model.reml(), model.problem.products
    spread = products.basis.scale * np.sqrt(products.C[-1, -1] / products.n)
    monkeypatch.setattr(reml, "LEAST_RESIDUAL", size * fit.sigma / spread)
    if not refused:
        assert_allclose(model.reml().sigma, fit.sigma, rtol=1e-12)
        return
    with pytest.raises(DataError, match="too small beside the random effects"):
        model.reml()


def test_a_copy_of_the_response_is_refused() -> None:
    copied = data("crossed", 1.0).assign(x=lambda d: 3.0 * d["y"] - 1.0)
    with pytest.raises(DataError) as refusal:
        hb.Model(FORMULAS["crossed"], copied)
    assert str(refusal.value) == (
        "the residual variance is zero: the fixed part and the groups' own coefficients reproduce "
        "every row exactly; use fewer random effects, or look for a copy of the response among the "
        "predictors"
    )
