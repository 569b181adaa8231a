"""Second derivatives of V by group of a chain: any chain, beside a root of the rows, and limits."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

import hierbayes as hb
from hierbayes.design.elimination_order import elimination_of
from hierbayes.design.sparse_products import SparseProducts
from hierbayes.likelihood import effect_groups, sparse_derivatives
from hierbayes.likelihood.effect_groups import EffectGroups
from hierbayes.likelihood.rooted_elimination import rooted_elimination
from hierbayes.likelihood.sparse_derivatives import _by_groups, _by_roots, _from_roots
from hierbayes.likelihood.sparse_state import SparseState

FORMULAS = {
    "nested and crossed": "y ~ x + (1 + x | s) + (1 | s:c) + (1 | b)",
    "two nested slopes": "y ~ x + (1 + x || s) + (1 + x | s:c)",
    "crossed slopes": "y ~ x + (1 + x | c) + (0 + x | b)",
}


@pytest.fixture(scope="module")
def rows() -> pd.DataFrame:
    """Groups of unequal sizes, some of which meet."""
    r = np.random.default_rng(2)
    part = r.integers(0, 2, 160)
    s, b = part + 2 * r.integers(0, 3, 160), part + 2 * r.integers(0, 4, 160)
    c = r.integers(0, 2 + s % 3, 160)
    rows = pd.DataFrame({"s": s, "c": c, "b": b, "x": r.normal(size=160)})
    u, v = r.normal(size=(2, 10, 2))
    rows["y"] = u[s, 0] + u[s, 1] * rows["x"] + v[b, 0] + v[b, 1] * rows["x"]
    rows["y"] += r.normal(size=(6, 4))[s, c] + r.normal(size=160)
    return rows


def fitted(rows: pd.DataFrame, name: str) -> tuple[hb.PointFit, SparseProducts]:
    fit = hb.Model(FORMULAS[name], rows).reml()
    assert isinstance(fit.problem.products, SparseProducts)
    return fit, fit.problem.products


@pytest.mark.parametrize("at_once", [1, 2_000_000])
@pytest.mark.parametrize("name", FORMULAS)
def test_any_chain_has_the_derivatives_of_a_root_of_the_rows(
    monkeypatch: pytest.MonkeyPatch, rows: pd.DataFrame, name: str, at_once: int
) -> None:
    monkeypatch.setattr(effect_groups, "_AT_ONCE", at_once)
    fit, cross = fitted(rows, name)
    state, blocks = fit.any_state, fit.design.blocks
    assert isinstance(state, SparseState)
    change = np.array([[1.0, 0.0, -0.2], [0.0, 1.0, 0.1], [0.0, 0.0, 1.4]])
    full = state.relative_root + 0.3 * np.eye(len(state.relative_root))
    rooted = rooted_elimination(full, cross, least=0.0)
    assert rooted is not None
    theirs = _by_roots(state, blocks, _from_roots(rooted, change))
    chain = elimination_of(cross).chain
    for r in range(1, len(chain) + 1):
        monkeypatch.setattr(
            sparse_derivatives, "_cheapest", lambda cross, r=r: EffectGroups(cross, chain[:r])
        )
        mine = _by_groups(cross, full, blocks, change)
        for part in ("first", "second", "traces", "gamma_cov"):
            value = getattr(theirs, part)
            assert_allclose(getattr(mine, part), value, rtol=1e-9, atol=1e-10 * abs(value).max())


def test_thousands_of_nested_groups() -> None:
    """Balanced: the mean of 41 schools has 40 degrees of freedom, whatever is within them."""
    r = np.random.default_rng(3)
    school, group = np.repeat(np.arange(41), 160), np.repeat(np.arange(3280), 2)
    y = r.normal(size=41)[school] + r.normal(size=3280)[group] + r.normal(size=6560)
    rows = pd.DataFrame({"y": y, "school": school, "group": group})
    fit = hb.Model("y ~ 1 + (1 | school) + (1 | group)", rows).reml()
    assert_allclose(hb.wald(fit, df="satterthwaite").rows["df"], 40.0, rtol=1e-6)
    assert_allclose(hb.wald(fit, df="kenward-roger").rows["df"], 40.0, rtol=1e-6)


@pytest.mark.parametrize("limit", ["_MOST_WORK", "_MOST_NUMBERS"])
def test_what_takes_long_has_others_that_stand_in(
    monkeypatch: pytest.MonkeyPatch, rows: pd.DataFrame, limit: str
) -> None:
    fit, _ = fitted(rows, "crossed slopes")
    monkeypatch.setattr(sparse_derivatives, limit, 1.0)
    why = (
        "Satterthwaite's and Kenward and Roger's degrees of freedom need matrices of 8 random "
        "effects that meet in rows beside 8 more, which takes long; use df='inner-outer' or "
        "df='none'"
    )
    with pytest.raises(hb.errors.EstimationError) as refusal:
        hb.anova(fit, df="satterthwaite")
    assert str(refusal.value) == why
    assert why.split(";")[0] in " ".join(str(hb.anova(fit)).split())
