"""Families that a user adds are those that are built in, where there is one."""

import math
from typing import Any

import numpy as np
import pandas as pd
import pymc as pm
import pytensor
import pytensor.tensor as pt
import pytest
from numpy.testing import assert_allclose
from pytensor.compile.mode import Mode

import hierbayes as hb
from hierbayes.estimation.family_distributions import distribution_of


def negative_binomial(y, eta, phi):  # type: ignore[no-untyped-def]
    size, mean = phi[0], pt.exp(eta)
    ways = pt.gammaln(y + size) - pt.gammaln(size) - pt.gammaln(y + 1)
    return ways + size * pt.log(size / (size + mean)) + y * (eta - pt.log(size + mean))


def exponential(y, m, eta, phi):  # type: ignore[no-untyped-def]
    rate = y * math.exp(-eta)
    return -eta - rate, rate - 1.0, -rate, rate


def wrong(y, m, eta, phi):  # type: ignore[no-untyped-def]
    rate = y * math.exp(-eta)
    return -eta - rate, rate - 1.0, -2.0 * rate, rate


OWN = hb.families.Family(
    negative_binomial, name="Own counts", link="log", takes="counts", dispersion=("phi",),
    mean=lambda eta, phi: np.exp(eta), variance=lambda eta, phi: np.exp(eta) * (1 + np.exp(eta)),
)  # fmt: skip


@pytest.fixture(scope="module")
def data() -> pd.DataFrame:
    rng = np.random.default_rng(4)
    g = np.repeat(np.arange(12), 8)
    x = rng.normal(size=96)
    mean = np.exp(0.8 + 0.4 * x + rng.normal(0.0, 0.9, 12)[g])
    c = rng.negative_binomial(2.0, 2.0 / (2.0 + mean))
    return pd.DataFrame({"g": g, "x": x, "c": c, "t": rng.exponential(mean)})


def test_a_log_density_fits_as_the_family_that_is_built_in(data: pd.DataFrame) -> None:
    own, known = (
        hb.Model("c ~ x + (1 | g)", data, family=family).ml()
        for family in (OWN, hb.families.NegativeBinomial())
    )
    assert own.loglik == pytest.approx(known.loglik, abs=1e-9)
    assert_allclose(own.intervals(), known.intervals(), rtol=2e-5)
    assert "Own counts" in str(own.summary())
    assert own.meanings().table["meaning"].iloc[0] == ("the mean linear predictor of c when x is 0")
    assert own.predict().mean() == pytest.approx(known.predict().mean(), rel=1e-8)
    said = hb.predictions(own, data.head(3)).table.attrs["limits"]
    assert said.endswith("given the ML estimates of variances")  # φ is counted, if it matters


def test_it_is_sampled_and_has_a_graph(data: pd.DataFrame) -> None:
    model = hb.Model("c ~ x + (1 | g)", data, family=OWN)
    fit = model.sample(draws=60, tune=100, chains=1, seed=1, progress=False)
    assert not fit.evidence.stats["diverging"].all()
    assert fit.draws("phi").min() > 0.0
    eta, y = np.linspace(-1.0, 2.0, 96), data["c"].to_numpy(float)
    with pytensor.config.change_flags(cxx=""), pm.Model() as graph:
        kind, arguments = distribution_of(OWN, pt.as_tensor(eta), np.ones(96), [pt.as_tensor(1.7)])
        kind("response", **arguments, observed=y, dims=None)
        found = pytensor.function([], graph.logp(), mode=Mode("py", "fast_compile"))()
    known = hb.families.NegativeBinomial()
    phi = np.array([1.7])
    wanted = known.derivatives(y, np.ones(96), eta, phi)[0].sum() + known.log_constant(y, y)
    assert float(found) == pytest.approx(wanted, rel=1e-9)


def test_formulas_by_hand_are_checked(data: pd.DataFrame) -> None:
    def of(row):  # type: ignore[no-untyped-def]
        return hb.families.Family(
            name="Exponential", link="log", takes="positive", row=row,
            mean=lambda eta, phi: np.exp(eta),
        )  # fmt: skip

    model = hb.Model("t ~ x + (1 | g)", data, family=of(exponential))
    known = hb.families.Gamma()
    rows = model.problem.family_rows
    eta = np.linspace(-1.0, 1.0, 96)
    found = rows.family.derivatives(rows.y, rows.m, eta, np.empty(0))
    wanted = known.derivatives(rows.y, rows.m, eta, np.ones(1))
    wanted[0] += known.log_constants(rows.y, rows.m)
    assert_allclose(found, wanted, rtol=1e-12, atol=1e-12)
    with pytest.raises(hb.FamilyError, match=r"Exponential: ℓ′′ is .* mend the formula"):
        hb.Model("t ~ x + (1 | g)", data, family=of(wrong))
    with pytest.raises(hb.FormulaError, match="has its formulas by hand, which a graph cannot"):
        distribution_of(of(exponential), pt.as_tensor(eta), rows.m, [])
    assert "Pearson" not in str(model.ml())  # it states no variance


def test_what_is_missing_is_refused() -> None:
    def refused(**given):  # type: ignore[no-untyped-def]
        with pytest.raises(hb.FamilyError) as found:
            stated: dict[str, Any] = {"name": "Own", "mean": lambda eta, phi: eta}
            hb.families.Family(**stated | given)
        return str(found.value)

    assert refused() == "Own: give the function log_density, or row (and row_phi) by hand"
    assert refused(log_density="poisson") == refused()
    for missing in ({"name": None}, {"mean": None}, {"name": None, "mean": None}):
        what = " and ".join(f"{one}=" for one in missing)
        assert refused(log_density=lambda y, eta, phi: -y, **missing) == (
            f"a family of one's own needs {what}, as in hb.families.Family(log_density, "
            "name='Weibull', mean=lambda eta, phi: np.exp(eta)): what it is called, and the "
            "expected response given η and φ"
        )
    assert refused(row=exponential, dispersion=("s",)) == (
        "Own: row by hand needs row_phi for its dispersion"
    )
    assert refused(row=exponential, takes="all").startswith("Own: takes must be one of numbers,")
    assert refused(log_density=lambda y, eta, phi: pt.gammainc(y, eta)).startswith(
        "Own: a log density cannot have the function GammaInc here"
    )
    with pytest.raises(hb.FamilyError, match="states no draw, which this needs: give draw="):
        OWN.draw(np.random.default_rng(1), np.ones(2), np.zeros(2), np.ones(1))
