"""What must not depend on units, order, labels or spelling."""

from collections.abc import Mapping
from functools import reduce
from types import MappingProxyType

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

import hierbayes as hb
from hierbayes.design.crossproducts import cross_products
from hierbayes.design.rows import Rows
from hierbayes.estimation.reml import maximise
from tests.conftest import Cache

FIXED, RANDOM = "mathach ~ ses * Sector", "~ 1 + ses | school"
TIGHT = 1e-8  # of everything compared between two fits of one model

every_engine = pytest.mark.parametrize("engine", ["reml", "ml"])


@pytest.fixture(scope="module")
def plain(reml_fits: Cache[hb.Fit]) -> hb.Fit:
    return reml_fits["intercepts_slopes"]


def fit(data: pd.DataFrame, fixed: str = FIXED, random: str | None = RANDOM) -> hb.Fit:
    return hb.Model(fixed, random=random, data=data).reml()


def same(left: object, right: object, rtol: float = TIGHT) -> None:
    """Equal to rtol of the largest entry of each column."""
    a, b = np.asarray(left), np.asarray(right)
    scale = np.abs(b).max(axis=0)
    assert_allclose(a / scale, b / scale, rtol=0.0, atol=rtol)


def assert_same_fit(
    one: hb.Fit, other: hb.Fit, labels: Mapping[str, object] = MappingProxyType({})
) -> None:
    """Equal fits; ``labels`` are the names in ``one`` of the groups of ``other``."""
    assert abs(one.loglik - other.loglik) < 1e-9 * abs(other.loglik)
    same(one.fixef(), other.fixef()[one.fixef().index])
    same(one.vcov(), other.vcov())
    same(one.theta.G[0, 0], other.theta.G[0, 0])
    same(one.sigma, other.sigma)
    same(one.ranef(), other.ranef().rename(index=labels).loc[one.ranef().index])


def test_order_of_rows_and_groups(hs: pd.DataFrame, plain: hb.Fit) -> None:
    shuffled = hs.sample(frac=1.0, random_state=1)
    assert_same_fit(fit(shuffled), plain)
    names = shuffled["school"].cat.categories
    shuffled["school"] = shuffled["school"].cat.reorder_categories(
        np.random.default_rng(1).permutation(names)
    )
    other = fit(shuffled)
    assert other.ranef().index.tolist() != plain.ranef().index.tolist()
    assert_same_fit(other, plain)


def test_rows_keep_their_own_predictions(hs: pd.DataFrame, plain: hb.Fit) -> None:
    shuffled = fit(hs.sample(frac=1.0, random_state=2)).predict()
    assert_allclose(shuffled.loc[plain.predict().index], plain.predict(), rtol=1e-8)


def test_labels_of_groups(hs: pd.DataFrame, plain: hb.Fit) -> None:
    """Whole numbers in the opposite order in place of names."""
    number = {name: 1000 - i for i, name in enumerate(hs["school"].cat.categories)}
    other = fit(hs.assign(school=hs["school"].astype(str).map(number)))
    assert other.ranef().index.tolist() == sorted(number.values())
    assert_same_fit(other, plain, number)


def by_sector(fitted: hb.Fit) -> np.ndarray:
    """A row of intercept and slope for Catholic schools, and one for the step to Public."""
    return fitted.fixef().to_numpy().reshape(-1, 2)


@pytest.mark.parametrize(("shift", "spread"), [(0.0, 10.0), (-3.0, 1.0), (250.0, 1e-3), (1.0, 1e4)])
@every_engine
def test_shift_and_scale_of_a_predictor(
    hs: pd.DataFrame, models: Cache[hb.Model], shift: float, spread: float, engine: str
) -> None:
    """With ses = a + b x: γ' = Mγ, u' = Mu, G' = MGM', M = [1 a; 0 b], for both sectors."""
    name = "random_coefficients" if engine == "ml" else "intercepts_slopes"
    model = models[name]
    x = (hs["ses"] - shift) / spread
    moved = hb.Model(str(model.specification).replace("ses", "x"), data=hs.assign(x=x))
    one, other = getattr(model, engine)(), getattr(moved, engine)()
    M = np.array([[1.0, shift], [0.0, spread]])
    same(by_sector(other), by_sector(one) @ M.T, 1e-7)
    same(other.theta.G[0, 0], M @ one.theta.G[0, 0] @ M.T, 1e-7)
    same(other.ranef(), one.ranef() @ M.T, 1e-7)
    same(other.sigma, one.sigma)
    volume = len(by_sector(one)) * np.log(spread) if engine == "reml" else 0.0
    assert abs(other.loglik - one.loglik - volume) < 1e-7


@pytest.mark.parametrize("scale", [1e8, 1e-8])
@every_engine
def test_scale_of_the_response(hs: pd.DataFrame, scale: float, engine: str) -> None:
    data = hs.assign(scaled=hs["mathach"] * scale)
    one = getattr(hb.Model("mathach ~ ses", "~ 1 + ses | school", data=data), engine)()
    other = getattr(hb.Model("scaled ~ ses", "~ 1 + ses | school", data=data), engine)()
    same(other.fixef() / scale, one.fixef())
    same(other.vcov() / scale**2, one.vcov())
    same(other.theta.G[0, 0] / scale**2, one.theta.G[0, 0])
    same(other.sigma / scale, one.sigma)
    same(other.ranef() / scale, one.ranef())
    freedom = len(hs) - (2 if engine == "reml" else 0)
    assert abs(other.loglik - one.loglik + freedom * np.log(scale)) < 1e-7
    limits = one.intervals().loc[["gamma", "sd", "sigma"]] * scale
    same(other.intervals().loc[["gamma", "sd", "sigma"]], limits, 1e-6)


@pytest.mark.parametrize("fixed", ["mathach ~ ses", FIXED])
def test_predictor_near_a_million_loses_no_digits(hs: pd.DataFrame, fixed: str) -> None:
    x = np.round(hs["ses"] * 1024) / 1024  # so that x + 10⁶ is exact
    one = fit(hs.assign(ses=x), fixed)
    other = fit(hs.assign(ses=x + 1e6), fixed)
    M = np.array([[1.0, -1e6], [0.0, 1.0]])
    same(by_sector(other), by_sector(one) @ M.T)
    same(other.theta.G[0, 0], M @ one.theta.G[0, 0] @ M.T)
    same(other.ranef(), one.ranef() @ M.T)
    same(other.predict(), one.predict())
    assert abs(other.loglik - one.loglik) < 1e-7
    slopes = [term for term in one.fixef().index if "ses" in term]
    same(other.vcov().loc[slopes, slopes], one.vcov().loc[slopes, slopes])


def test_cross_products_of_chunks_add_up_in_any_order(plain: hb.Fit) -> None:
    design, whole = plain.design, plain.problem.cross
    rng = np.random.default_rng(3)
    chunk = rng.integers(7, size=design.n)
    parts = []
    for k in range(7):
        at = np.flatnonzero(chunk == k)
        codes, present = pd.factorize(design.rows.codes[at])
        full = design.rows
        rows = Rows(full.y[at], full.X[at], full.Z[at], (codes,), full.index[at], full.kept)
        parts.append(cross_products(rows, design.groups[present], whole.basis))
    for order in (range(7), range(6, -1, -1), rng.permutation(7)):
        total = reduce(lambda a, b: a + b, [parts[k] for k in order])
        at = total.groups.get_indexer(whole.groups)
        for name in ("A", "B", "rows"):
            assert_allclose(getattr(total, name)[at], getattr(whole, name), rtol=1e-12, atol=1e-10)
        assert_allclose(total.C, whole.C, rtol=1e-12, atol=1e-10)
        assert total.n == 1977
        assert abs(maximise(total, (2,)).value - maximise(whole, (2,)).value) < 1e-9


def test_spellings_make_the_same_columns_and_fit(hs: pd.DataFrame, plain: hb.Fit) -> None:
    between = {"1": "1 + Sector", "ses": "1 + Sector"}
    equations = hb.Multilevel("mathach ~ 1 + ses", between, "school", ["1", "ses"])
    for model in (
        hb.Model("mathach ~ ses * Sector + (1 + ses | school)", data=hs),
        hb.Model("mathach ~ (ses | school) + 1 + ses + Sector + ses:Sector", data=hs),
        hb.Model(equations, data=hs),
    ):
        other = model.reml()
        assert set(other.fixef().index) == set(plain.fixef().index)
        assert other.design.effects == plain.design.effects
        columns = [other.design.terms.index(term) for term in plain.design.terms]
        assert (other.design.rows.X[:, columns] == plain.design.rows.X).all()
        assert (other.design.rows.Z == plain.design.rows.Z).all()
        other_vcov = other.vcov().loc[plain.vcov().index, plain.vcov().columns]
        same(other_vcov, plain.vcov())
        assert abs(other.loglik - plain.loglik) < 1e-9
        same(other.ranef(), plain.ranef())


def test_several_terms_on_one_factor_are_independent_blocks(hs: pd.DataFrame) -> None:
    two = fit(hs, "mathach ~ ses + (1 | school) + (0 + ses | school)", None)
    bars = fit(hs, "mathach ~ ses + (1 + ses || school)", None)
    one = fit(hs, "mathach ~ ses + (1 + ses | school)", None)
    assert two.design.blocks == (1, 1)
    assert two.theta.G[0, 0, 0, 1] == two.theta.G[0, 0, 1, 0] == 0.0
    assert two.maximum.n_parameters == one.maximum.n_parameters - 1
    assert 0.0 < one.loglik - two.loglik < 1.0
    assert_same_fit(bars, two)
    assert two.maximum.gradient < 1e-5
