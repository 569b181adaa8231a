"""Slopes within and between the groups of one of several grouping factors."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

import hierbayes as hb
from hierbayes.errors import DataError
from hierbayes.studies.sensitivity.quantities import Contextual


@pytest.fixture(scope="module")
def data() -> pd.DataFrame:
    """Pupils in 24 classes of 8 schools, with teachers crossed; x varies at all levels."""
    r = np.random.default_rng(2)
    n = 240
    k, t = r.integers(0, 24, n), r.integers(0, 6, n)
    s = k // 3
    x = r.normal(size=8)[s] + r.normal(size=24)[k] + r.normal(size=n)
    d = pd.DataFrame({"x": x, "school": s, "k": k, "t": t, "w": r.integers(0, 2, n).astype(float)})
    means = d.groupby("k")["x"].transform("mean"), d.groupby("school")["x"].transform("mean")
    u = r.normal(size=8)[s] + r.normal(size=24)[k] + 0.7 * r.normal(size=6)[t]
    return d.assign(y=0.5 * x + 1.0 * means[0] - 0.8 * means[1] + u + r.normal(size=n))


RANDOM = "(1 | school) + (1 | k)"
ALIKE = (
    "y ~ x + cvar(x, k) + cvar(x, school)",
    "y ~ dvar(x, k) + cvar(x, k) + cvar(x, school)",
    "y ~ dvar(x, k) + dvar(x, school) + cvar(x, school)",
)


@pytest.mark.parametrize("fixed", ALIKE)
def test_classes_of_a_school(data: pd.DataFrame, fixed: str) -> None:
    """However it is written: what one unit more adds in the row, and in its class's mean."""
    plain = hb.Model(f"{ALIKE[0]} + {RANDOM}", data).reml()
    g = plain.fixef()
    expected = [g["x"], g["x"] + g["cvar(x, k)"], g["cvar(x, k)"]]
    fit = hb.Model(f"{fixed} + {RANDOM}", data).reml()
    effects = fit.contextual("x", "k")
    assert_allclose(effects.table["estimate"], expected, rtol=1e-6)
    again = hb.wald(fit, effects.weights.loc[["contextual"]]).rows
    assert_allclose(effects.table.loc["contextual", ["se", "df"]].to_numpy(float),
                    again[["se", "df"]].to_numpy(float)[0], rtol=1e-6)  # fmt: skip
    if "cvar(x, k)" in g.index.intersection(fit.design.terms):
        assert_allclose(Contextual("x", factor="k").draws(fit), expected[2], rtol=1e-6)
    assert effects.title == "Slopes of 'x' within and between groups of 'k', REML"
    assert effects.notes[1] == (
        "cvar(x, school) held: the slope between groups is that between groups of 'k' that lie in "
        "the same group of the other factor"
    )


def test_one_mean_among_several_factors(data: pd.DataFrame) -> None:
    """The other factors have no mean of x: slopes are read as with one."""
    fit = hb.Model("y ~ x * w + cvar(x, school) * w + (1 | school/k) + (1 | t)", data).reml()
    g = fit.fixef()
    table = fit.contextual("x", factor="school", at={"w": [0, 1]}).table["estimate"]
    adds = g["cvar(x, school)"]
    both = adds + g["cvar(x, school):w"] if "cvar(x, school):w" in g else adds + g.iloc[-1]
    assert_allclose(table.loc[("w = 0", "within")], g["x"])
    assert_allclose(table.loc[("w = 0", "contextual")], adds)
    assert_allclose(table.loc[("w = 1", "contextual")], both)
    crossed = hb.Model("y ~ x + cvar(x, t) + (1 | t) + (1 | k)", data).reml()
    assert_allclose(
        crossed.contextual("x", "t").table.loc["contextual", "estimate"], crossed.gamma[2]
    )
    assert not any("held" in note for note in crossed.contextual("x", "t").notes)


def test_a_column_that_is_the_mean_of_an_inner_factor(data: pd.DataFrame) -> None:
    own = data.assign(c=data["k"] % 3, xm=data.groupby("k")["x"].transform("mean"))
    fit = hb.Model("y ~ x + xm + (1 | school/c)", own).reml()
    found = fit.contextual("x", "school:c").table["estimate"]
    assert_allclose(found, [fit.gamma[1], fit.gamma[1:].sum(), fit.gamma[2]])
    bare = hb.Model("y ~ x + (1 | school/c)", own).reml()
    with pytest.raises(DataError) as refusal:
        bare.contextual("x", "school:c")
    assert str(refusal.value) == (
        "the model has no group mean of 'x', so that slopes within and between groups are one "
        "coefficient: add a column of its mean in each 'school:c' to the fixed part"
    )


def test_refusals(data: pd.DataFrame) -> None:
    fit = hb.Model(f"{ALIKE[0]} + {RANDOM}", data).reml()
    text = (
        "the model has 'cvar(x, k)' as well, made of a mean over 'k', which is not constant within "
        "'school', so that there is no one slope of 'x' within 'school'; combine coefficients "
        "with hb.wald()"
    )
    for asked in (
        lambda: fit.contextual("x", "school"),
        lambda: Contextual("x", factor="school").draws(fit),
    ):
        with pytest.raises(DataError) as refusal:
            asked()
        assert str(refusal.value) == text
    with pytest.raises(DataError) as refusal:
        fit.contextual("x")
    assert str(refusal.value) == "the model has several grouping factors; name one: 'school', 'k'"
    product = hb.Model(f"y ~ x * cvar(x, school) + cvar(x, k) + {RANDOM}", data).reml()
    with pytest.raises(DataError, match=r"stands in the term 'x:cvar\(x, school\)' otherwise"):
        product.contextual("x", "k")


@pytest.mark.parametrize("factor", ["primary", "second"])
def test_mundlak_adds_the_means_over_one_factor(factor: str) -> None:
    rows = hb.load_dataset("scotssec")
    random = "(1 | primary) + (1 | second)"
    found = hb.mundlak(hb.Model(f"attain ~ verbal + {random}", rows), factor=factor)
    whole = hb.Model(f"attain ~ verbal + cvar(verbal, {factor}) + {random}", rows).reml()
    term = f"cvar(verbal, {factor})"
    assert found.added == (term,)
    np.testing.assert_allclose(found.table.loc["verbal", "contextual"], whole.fixef()[term], 1e-6)
    tested = hb.wald(whole, term).joint
    np.testing.assert_allclose(found.test["F"], tested["F"].item(), 1e-6)
    np.testing.assert_allclose(found.test["denDF"], tested["denDF"].item(), 1e-5)
    assert f"the mean of the {factor} adds" in " ".join(found.conclusion)


def test_mundlak_names_the_factors_to_choose_from() -> None:
    model = hb.Model("attain ~ verbal + (1 | primary) + (1 | second)", hb.load_dataset("scotssec"))
    with pytest.raises(
        hb.DataError, match="several grouping factors; name one: 'primary', 'second'"
    ):
        hb.mundlak(model)
