"""Several grouping factors: little is left of the response beside its fixed part or its groups."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

import hierbayes as hb
from hierbayes.design import share_left as share_left_module
from hierbayes.design.rows_root import has_root
from hierbayes.design.share_left import share_left
from hierbayes.design.sparse_products import SparseProducts
from hierbayes.design.sums import surely_left
from hierbayes.errors import DataError
from hierbayes.estimation import reml
from hierbayes.fit.degrees_of_freedom.source import df_source
from hierbayes.likelihood.conditional import NormalPrior
from hierbayes.likelihood.eliminated import Eliminated, eliminated
from hierbayes.likelihood.reading import GIVEN, NORMAL, REML, Reading
from hierbayes.likelihood.rooted_elimination import rooted_elimination
from hierbayes.likelihood.sparse import SparseLikelihood
from tests.dense import log_normal
from tests.small_residuals import FACTORS, make_factors
from tests.test_factors_inference import rows_of

EXACT = json.loads(
    (Path(__file__).parent / "reference" / "small_residuals_factors.json").read_text()
)

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


@pytest.fixture(scope="module")
def tiny() -> dict[str, hb.PointFit]:
    """REML where σ is 1e-6 beside the sd of random effects."""
    return {name: hb.Model(made.formula, make_factors(name)[0]).reml()
            for name, made in FACTORS.items()}  # fmt: skip


@pytest.mark.parametrize("name", FACTORS)
def test_small_residuals_lose_no_digits(tiny: dict[str, hb.PointFit], name: str) -> None:
    fits = {"REML": tiny[name], "ML": hb.Model(FACTORS[name].formula, make_factors(name)[0]).ml()}
    for reading, fit in fits.items():
        exact = EXACT[name][reading]
        assert fit.loglik == pytest.approx(exact["loglik"], abs=1e-6)
        assert fit.sigma == pytest.approx(exact["sigma"], rel=1e-6)
        assert_allclose(fit.theta.sd.ravel(), exact["sd"], rtol=1e-6)
        assert_allclose(np.sqrt(np.diag(fit.vcov())), exact["se"], rtol=1e-6)
        assert (np.abs(fit.fixef() - exact["gamma"]) < 1e-6 * np.array(exact["se"])).all()
        assert fit.maximum.evaluations <= 20 and fit.diagnose().ok


@pytest.mark.parametrize("name", FACTORS)
def test_what_follows_from_a_small_residual(tiny: dict[str, hb.PointFit], name: str) -> None:
    """A thousand times the residual changes nothing that its size has no part in."""
    fit, rows = tiny[name], make_factors(name)[0]
    same = 999.0 * np.cos(2.3 * np.arange(90) ** 2 + 0.4) * 1e-6
    larger = hb.Model(FACTORS[name].formula, rows.assign(y=rows["y"] + same)).reml()
    for factor in fit.design.factors:
        assert_allclose(fit.ranef(factor.name), larger.ranef(factor.name), atol=2e-3)
        assert_allclose(fit.ranef_cov(factor.name), larger.ranef_cov(factor.name), rtol=1e-3)
    assert_allclose(1e3 * fit.residuals(), larger.residuals(), rtol=1e-3, atol=1e-5)
    for df in ("satterthwaite", "kenward-roger"):
        assert_allclose(df_source(fit, df).of_each(), df_source(larger, df).of_each(), rtol=1e-3)


def test_degrees_of_freedom_of_a_small_residual_of_one_factor() -> None:
    """Twelve groups in balance: those of their mean are one fewer."""
    g, i = np.repeat(np.arange(12), 5), np.arange(60)
    y = np.sin(3.1 * g * g + 1.0) + 1e-6 * np.cos(2.3 * i * i)
    fit = hb.Model("y ~ 1 + (1 | g)", pd.DataFrame({"y": y, "g": g})).reml()
    assert_allclose(df_source(fit, "satterthwaite").of_each(), 11.0, rtol=1e-6)


@pytest.fixture(scope="module")
def both() -> tuple[Eliminated, Eliminated]:
    """Ω of nested, crossed and unconnected levels with slopes, from products and from the rows."""
    r = np.random.default_rng(2)
    part = r.integers(0, 2, 120)
    s, b = part + 2 * r.integers(0, 3, 120), part + 2 * r.integers(0, 4, 120)
    rows = pd.DataFrame({"s": s, "c": r.integers(0, 3, 120), "b": b, "x": r.normal(size=120)})
    rows["y"] = 1.0 + rows["x"] + r.normal(size=9)[b] + r.normal(size=120)
    cross = hb.Model("y ~ x + (1 + x | s) + (1 | s:c) + (1 | b)", rows).problem.products
    root = np.diag([0.9, 0.7, 1.3, 0.4])
    root[1, 0] = -0.3
    assert isinstance(cross, SparseProducts)
    rooted = rooted_elimination(root, cross, least=0.0)
    assert rooted is not None
    return eliminated(cross, root), Eliminated(cross, root, rooted.log_det, rooted.S, rooted)


def test_roots_eliminate_as_products_do(both: tuple[Eliminated, Eliminated]) -> None:
    plain, by_roots = both
    assert plain.rooted is None and by_roots.rooted is not None
    gamma, F = np.array([0.2, -0.1]), np.array([[1.0, 0.2], [0.0, 0.5]])
    at = np.array([0, 1, 1, 2, 3]), np.array([0, 0, 1, 2, 3])
    m = len(by_roots.rooted.low)
    quantities: list[Callable[[Eliminated], Any]] = [
        lambda one: one.log_det,
        lambda one: one.S,
        lambda one: one.resolved(np.eye(m)),
        lambda one: one.on_W,
        *(
            lambda one, part=part, known=known: one.derivatives(
                lambda _: (gamma, F, 0.7), at, integrated=known
            )[part]
            for part in range(4)
            for known in (True, False)
        ),
        lambda one: one.score(lambda _: (gamma, F, 0.7)),
    ]
    for quantity in quantities:
        assert_allclose(quantity(by_roots), quantity(plain), rtol=1e-9, atol=1e-10)


@pytest.mark.parametrize("reading", [REML, NORMAL, GIVEN])
def test_searches_by_roots(
    monkeypatch: pytest.MonkeyPatch, both: tuple[Eliminated, Eliminated], reading: Reading
) -> None:
    prior = NormalPrior(np.array([0.1, 0.4]), np.diag([2.0, 0.5]))
    likelihood = SparseLikelihood(both[0].cross, reading, prior)
    root, gamma = 0.6 * both[0].root, np.array([0.2, -0.1])
    value, gradient = likelihood.search(root, 0.6, gamma)
    monkeypatch.setattr("hierbayes.likelihood.eliminated.rooted_elimination",
                        lambda root, cross: rooted_elimination(root, cross, least=0.0))  # fmt: skip
    other, theirs = likelihood.search(root, 0.6, gamma)
    assert_allclose(other, value, rtol=1e-11)
    own = np.eye(4)
    own[:2, :2] = 1.0  # within factors
    assert_allclose(own * theirs.root, own * gradient.root, rtol=1e-8, atol=1e-8)
    assert_allclose(theirs.sigma, gradient.sigma, rtol=1e-8)
    assert_allclose(theirs.gamma, gradient.gamma, rtol=1e-8, atol=1e-8)


@pytest.mark.parametrize("name", FACTORS)
def test_what_is_lost_in_rounding_is_refused(name: str) -> None:
    rows, formula = make_factors(name)[0], FACTORS[name].formula
    small = hb.Model(formula, rows)
    exact = hb.Model(formula, rows.assign(y=rows["s"] % 4 + rows["b"] % 2 * (name == "crossed")))
    begins = (
        "the residual variance is zero, or too small beside the random effects to be told from "
        "rounding: the fixed part and the effects of all grouping factors reproduce every row "
        "but for "
    )
    ends = "; use fewer random effects, or look for a copy of the response among the predictors"
    for estimate in (small.map, lambda: small.sample(progress=False)):
        with pytest.raises(DataError) as refusal:
            estimate()
        assert str(refusal.value).startswith(begins)
        assert str(refusal.value).endswith(
            " of the spread that the fixed part leaves, and with several grouping factors less "
            "than 3e-05 is not computed with but by reml() and ml()" + ends
        )
    for estimate in (exact.reml, exact.ml):
        with pytest.raises(DataError) as refusal:
            estimate()
        assert str(refusal.value).startswith(begins)
        assert str(refusal.value).endswith("less than 1e-10 is not computed with" + ends)


def test_a_model_of_too_many_effects_for_roots_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hierbayes.design.rows_root.MOST_EFFECTS", 12)
    with pytest.raises(DataError, match="less than 3e-05 is not computed with; use fewer"):
        hb.Model(FACTORS["crossed"].formula, make_factors("crossed")[0]).reml()


@pytest.mark.parametrize(("size", "refused"), [(0.999, False), (1.001, True)])
def test_both_sides_of_the_least_residual(
    monkeypatch: pytest.MonkeyPatch, tiny: dict[str, hb.PointFit], size: float, refused: bool
) -> None:
    fit = tiny["crossed"]
    products = fit.problem.products
    spread = products.basis.scale * np.sqrt(products.C[-1, -1] / products.n)
    monkeypatch.setattr(reml, "EXACT", size * fit.sigma / spread)
    model = hb.Model(FACTORS["crossed"].formula, make_factors("crossed")[0])
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


@pytest.mark.parametrize("sigma", [1e-3, 1e-6])
def test_of_more_than_a_thousand_effects(sigma: float) -> None:
    """No root of the rows is made of them: σ is found where products have it, or refused."""
    i = np.arange(6000)
    inner = i % 1000
    rows = pd.DataFrame({"inner": inner, "outer": inner // 5, "x": np.cos(1.7 * i * i)})
    u, v = np.sin(3.1 * inner * inner + 1.0), np.sin(2.2 * (inner // 5) ** 2 + 0.3)
    e = np.cos(2.3 * i * i + 0.4)
    model = hb.Model("y ~ x + (1 | inner) + (1 | outer)",
                     rows.assign(y=1.0 + rows["x"] + u + v + sigma * e))  # fmt: skip
    products = model.problem.products
    assert isinstance(products, SparseProducts) and not has_root(products)
    if sigma == 1e-3:
        within = e - np.bincount(inner, e)[inner] / 6.0
        assert_allclose(model.reml().sigma, sigma * np.sqrt((within**2).sum() / 4999), rtol=1e-3)
        return
    with pytest.raises(DataError, match="less than 3e-05 is not computed with; use fewer"):
        model.reml()


@pytest.mark.parametrize("sigma", [1.0, 1e-2])
@pytest.mark.parametrize("name", FORMULAS)
def test_products_say_how_much_is_left(name: str, sigma: float) -> None:
    """Of y°'y°, beside the dense least squares of the fixed part and all effects."""
    cross, left, by_fixed = left_of(hb.Model(FORMULAS[name], data(name, sigma)))
    assert_allclose(share_left(cross), left, rtol=1e-4)
    assert surely_left(cross) <= by_fixed * cross.C[-1, -1]
    assert (surely_left(cross) > 0.0) == (sigma == 1.0)  # a hundredth of y°'y° is not much


def test_products_say_so_where_columns_depend_in_a_level() -> None:
    """Of three factors, nested and crossed, with slopes of what is constant in some levels."""
    rows = data("nested", 1.0)
    rows["z"] = rows["x"].where(rows["s"] > 3, 1.0)
    cross, left, _ = left_of(hb.Model("y ~ x + (1 + z | s:c) + (1 + x | b) + (1 | s)", rows))
    assert_allclose(share_left(cross), left, rtol=1e-6)


@pytest.mark.parametrize("sigma", [1.0, 1e-2, 0.0])
@pytest.mark.parametrize("name", FORMULAS)
def test_loops_and_blas_say_that_the_same_is_left(
    name: str, sigma: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    cross, _, _ = left_of(hb.Model(FORMULAS[name], data(name, max(sigma, 1e-9))))
    if sigma == 0.0:  # y is a column of X but for rounding
        cross = cross.turned(np.diag([*np.ones(cross.p), 0.0])[:, [*range(cross.p), 0]])
    found = []
    for few in (0, 10**9):
        monkeypatch.setattr(share_left_module, "_FEW", few)
        found.append(share_left(replace(cross)))
    assert_allclose(found[0], found[1], rtol=1e-9, atol=1e-12)


def left_of(model: hb.Model) -> tuple[SparseProducts, float, float]:
    """The products, and what of y°'y° fixed part and effects leave, and the former alone."""
    cross, rows = model.problem.products, model.problem.design.rows
    assert isinstance(cross, SparseProducts)
    columns, Z = rows.internal(cross.basis)
    of_factors = zip(rows.codes_of, cross.levels, cross.spans, strict=True)
    of_levels = [
        (codes[:, None] == np.arange(level.J)) * Z[:, [k]]
        for codes, level, span in of_factors
        for k in range(span.start, span.stop)
    ]
    X, y = columns[:, :-1], columns[:, -1]
    shares = []
    for every in (np.hstack([X, *of_levels]), X):
        left = y - every @ np.linalg.lstsq(every, y)[0]
        shares.append(float(left @ left / (y @ y)))
    return cross, shares[0], shares[1]
