"""Likelihood ratio tests: lme4's numbers, nesting by spaces, and refusals in words."""

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest

import hierbayes as hb
from hierbayes.estimation.reml import maximise
from hierbayes.inference.model_choice.chi_bar import upper_tail
from hierbayes.inference.model_choice.nesting import find_nesting
from hierbayes.likelihood.conditional import log_jacobian
from hierbayes.likelihood.reading import ML, REML, Reading
from tests.conftest import REFERENCE, Cache

pytestmark = pytest.mark.slow

COMPARISONS = json.loads((REFERENCE / "profiles.json").read_text(encoding="utf-8"))["comparisons"]
FIXED = {
    "ML_oneway_vs_means": ("oneway", "means_as_outcomes"),
    "ML_oneway_vs_ancova": ("oneway", "ancova"),
    "ML_random_coef_vs_intslopes": ("random_coefficients", "intercepts_slopes"),
    "ML_parallel_vs_intslopes": ("parallel_mean_slopes", "intercepts_slopes"),
    "ML_random_coef_vs_parallel_ctx": ("random_coefficients", "parallel_mean_slopes_ctx"),
}
RANDOM = {
    "REML_random_slope_ancova_vs_rc": ("ancova", "random_coefficients"),
    "ML_random_slope_ancova_vs_rc": ("ancova", "random_coefficients"),
    "REML_nonrandom_vs_intslopes": ("nonrandom_slopes", "intercepts_slopes"),
    "ML_nonrandom_vs_intslopes": ("nonrandom_slopes", "intercepts_slopes"),
}


@pytest.mark.parametrize("name", FIXED)
def test_fixed_effects(name: str, ml_fits: Cache[hb.PointFit]) -> None:
    small, big = (ml_fits[model] for model in FIXED[name])
    test, golden = hb.likelihood_ratio(big, small), COMPARISONS[name]
    assert test.chisq == pytest.approx(golden["chisq"], abs=1e-6)
    assert test.df == golden["df"]
    assert test.p_chi2 == pytest.approx(golden["p"], rel=1e-5)
    assert test.mixture is None and np.isnan(test.p_mixture) and np.isnan(test.p_simulated)
    assert test.models.index.tolist() == [str(f.design.specification) for f in (small, big)]


@pytest.mark.parametrize("name", RANDOM)
def test_a_variance_and_its_covariance(
    name: str, ml_fits: Cache[hb.PointFit], reml_fits: Cache[hb.PointFit]
) -> None:
    fits = reml_fits if name.startswith("REML") else ml_fits
    test = hb.likelihood_ratio(*(fits[model] for model in RANDOM[name]))
    golden = COMPARISONS[name]
    assert test.chisq == pytest.approx(golden["chisq"], abs=1e-6)
    assert test.mixture == {1: 0.5, 2: 0.5}
    assert test.p_chi2 == pytest.approx(golden["p_chi2"], rel=1e-5)
    assert test.p_mixture == pytest.approx(golden["p_mixture_1_2"], rel=1e-5)


def test_stated_mixtures(ml_fits: Cache[hb.PointFit]) -> None:
    pair = (ml_fits["ancova"], ml_fits["random_coefficients"])
    test = hb.likelihood_ratio(*pair, mixture={0: 0.25, 1: 0.5, 2: 0.25})
    expected = 0.5 * upper_tail(test.chisq, {1: 1.0}) + 0.25 * upper_tail(test.chisq, {2: 1.0})
    assert test.p_mixture == pytest.approx(expected)
    assert upper_tail(0.0, {0: 0.5, 1: 0.5}) == 1.0


# ---------------------------------------------------------------- nesting by spaces


def test_other_columns_of_the_same_space_nest(hs: pd.DataFrame) -> None:
    """ses = its school's mean + the deviation from it, in the fixed and in the random part."""
    raw = hb.Model("mathach ~ ses + (1 | school)", data=hs).ml()
    split = "mathach ~ cvar(ses, school) + dvar(ses, school) + (1 + ses | school)"
    test = hb.likelihood_ratio(raw, hb.Model(split, data=hs).ml())
    assert test.df == 3 and test.mixture == {2: 0.5, 3: 0.5}
    moved = hs.assign(later=hs["ses"] + 3.0)
    apart = hb.Model("mathach ~ ses + (1 | school) + (0 + later | school)", data=moved).reml()
    full = hb.Model("mathach ~ ses + (1 + ses | school)", data=moved).reml()
    assert hb.likelihood_ratio(apart, full).df == 1


CASES = [
    ("mathach ~ ses + (1 | school)", "mathach ~ ses * Sector + (1 + ses | school)", ML),
    ("mathach ~ 0 + ses + (0 + ses | school)", "mathach ~ ses + (1 + ses | school)", ML),
    ("mathach ~ 0 + ses + (1 | school)", "mathach ~ ses + (1 + ses | school)", ML),
    ("mathach ~ ses + (1 | school)", "mathach ~ ses + (1 + ses | school)", REML),
    ("mathach ~ ses + (1 | school)", "mathach ~ ses + (1 | school) + (0 + ses | school)", REML),
]  # fmt: skip


@pytest.mark.parametrize(("small", "big", "reading"), CASES)
def test_the_smaller_model_is_read_off_the_larger(
    small: str, big: str, reading: Reading, hs: pd.DataFrame
) -> None:
    """Same maximum from the larger model's cross-products, and the simulator's own moments."""
    models = [hb.Model(formula, data=hs) for formula in (small, big)]
    a, b = (model.reml() if reading == REML else model.ml() for model in models)
    nesting = find_nesting(b, a)
    assert nesting.small is a
    cross = b.problem.cross
    value = maximise(nesting.smaller(cross), a.design.blocks, reading).value
    value += log_jacobian(reading, cross.basis, cross.n)
    assert value == pytest.approx(a.loglik, abs=1e-6)
    simulate = nesting.null_simulator()
    design, basis = b.design, cross.basis
    W, Z = basis.internal_rows(design.rows.X, design.rows.Z, design.rows.y)
    mean = basis.center + basis.scale * W[:, :-1] @ simulate.gamma
    np.testing.assert_allclose(mean, a.design.rows.X @ a.fixef().to_numpy(), atol=1e-8)
    ours = basis.scale**2 * ((Z @ simulate.root) ** 2).sum(axis=1)
    theirs = np.einsum("nk,kl,nl->n", a.design.rows.Z, a.theta.G[0, 0], a.design.rows.Z)
    np.testing.assert_allclose(ours, theirs, rtol=1e-8)
    assert simulate.sigma * basis.scale == pytest.approx(a.sigma)


# ---------------------------------------------------------------- simulation


def test_a_simulated_p_value_is_near_the_mixture(reml_fits: Cache[hb.PointFit]) -> None:
    pair = (reml_fits["ancova"], reml_fits["random_coefficients"])
    test = hb.likelihood_ratio(*pair, simulations=400, seed=1, progress=False)
    assert abs(test.p_simulated - test.p_mixture) < 4.0 * test.mcse + 0.02
    assert test.p_simulated < test.p_chi2
    assert test.mcse == pytest.approx(np.sqrt(test.p_simulated * (1.0 - test.p_simulated) / 400))
    assert "use the simulated p-value" in test.advice
    one, again = (
        hb.likelihood_ratio(*pair, simulations=20, seed=2, progress=False) for _ in range(2)
    )
    np.testing.assert_array_equal(one.simulated, again.simulated)


def test_no_variance_at_all_gives_a_p_value_of_one() -> None:
    """Half of the simulated statistics are zero: the observed zero is as large as any."""
    generator = np.random.default_rng(2)
    g = np.repeat(np.arange(15), 4)
    x = generator.normal(size=60)
    y = generator.normal(size=15)[g] + generator.normal(size=60)
    data = pd.DataFrame({"y": y, "x": x, "g": g})
    small = hb.Model("y ~ x + (1 | g)", data=data).reml()
    big = hb.Model("y ~ x + (1 | g) + (0 + x | g)", data=data).reml()
    test = hb.likelihood_ratio(small, big, simulations=200, seed=1, progress=False)
    if test.chisq < 1e-8:
        assert test.p_simulated == test.p_mixture == 1.0
    share = (test.simulated < 1e-6).mean()
    assert 0.35 < share < 0.75


# ---------------------------------------------------------------- words


def test_advice(
    hs: pd.DataFrame, reml_fits: Cache[hb.PointFit], ml_fits: Cache[hb.PointFit]
) -> None:
    test = hb.likelihood_ratio(ml_fits["oneway"], ml_fits["means_as_outcomes"])
    assert test.advice == (
        "use the p-value of χ²; with 40 groups it is somewhat too small for effects between "
        "groups: simulations=1000 tells by how much"
    )
    two = hb.Model("mathach ~ ses + (1 + ses + Minority | school)", data=hs).reml()
    test = hb.likelihood_ratio(reml_fits["ancova"], two)
    assert test.mixture is not None and list(test.mixture) == [2, 3, 4, 5]
    assert test.tested == (
        "tested: 2 variances of random effects ('ses', 'Minority[T.Yes]'), 3 covariances that the "
        "larger model has more"
    )
    assert "2 variances are zero, on the boundary" in test.advice
    apart = hb.Model("mathach ~ ses + (1 | school) + (0 + ses | school)", data=hs).ml()
    test = hb.likelihood_ratio(apart, ml_fits["random_coefficients"])
    assert test.advice == "use the p-value of χ², for nothing that is tested lies on a boundary"


PRINTED = """\
Likelihood ratio test of two REML fits
  model 1: mathach ~ 1 + ses + (1 | school)
  model 2: mathach ~ 1 + ses + (1 + ses | school)

         parameters      logLik         AIC         BIC
model 1           4  -6428.7727  12865.5454  12887.8987
model 2           6  -6427.8876  12867.7751  12901.3051

Statistic 1.7703 on 2 degrees of freedom

                        reference p_value
chi-squared                 χ²(2)  0.4127
mixture      0.5 χ²(1) + 0.5 χ²(2)  0.2980

  - tested: 1 variance of random effects ('ses'), 1 covariance that the larger model has more
  - use the mixture 0.5 χ²(1) + 0.5 χ²(2): under the smaller model a variance is zero, on the
    boundary, and its estimate stays there about half of the time; χ² alone gives a p-value that is
    too large"""


def test_it_prints(reml_fits: Cache[hb.PointFit]) -> None:
    test = hb.likelihood_ratio(reml_fits["ancova"], reml_fits["random_coefficients"])
    assert [line.split() for line in str(test).splitlines()] == [
        line.split() for line in PRINTED.splitlines()
    ]
    assert repr(test) == str(test)
    assert test._repr_html_().count("<table") == 2


SES = "mathach ~ 1 + ses + (1 | school)"
REFUSALS: dict[str, Callable[[Any, Any, pd.DataFrame], object]] = {
    "likelihood_ratio() takes fits, and argument 2 is of type int; use what model.reml() or "
    "model.ml() returns": lambda ml, reml, hs: hb.likelihood_ratio(ml["ancova"], 3),  # type: ignore[arg-type]
    "likelihood_ratio() needs fits by one criterion, and these are by REML and by ML, whose "
    "likelihoods are of different things; fit all with model.ml(), or all with model.reml() where "
    "only the random parts differ": lambda ml, reml, hs: hb.likelihood_ratio(
        ml["ancova"], reml["random_coefficients"]
    ),
    "REML likelihoods of models with different fixed parts are not comparable, for each is of the "
    "response without its own fixed part (mathach ~ 1 + (1 | school); "
    f"{SES}); fit both with model.ml()": lambda ml, reml, hs: hb.likelihood_ratio(
        reml["oneway"], reml["ancova"]
    ),
    "the fixed parts span the same space in different columns, which shifts REML likelihoods by a "
    "constant; write both fixed parts alike": lambda ml, reml, hs: hb.likelihood_ratio(
        reml["ancova"],
        hb.Model(
            "mathach ~ twice + (1 + ses | school)", data=hs.assign(twice=2.0 * hs["ses"])
        ).reml(),
    ),
    "both fits are of the same model: their columns span the same spaces, and nothing is left to "
    "test": lambda ml, reml, hs: hb.likelihood_ratio(ml["contextual_cwg"], ml["contextual_raw"]),
    "the models are not nested: the fixed column 'Sector[T.Public]' of the model with fewer "
    "parameters (mathach ~ 1 + Sector + (1 | school)) does not stand in the other (mathach ~ 1 + "
    "ses + (1 + ses | school)); compare them by AIC or BIC, see model_table()": (
        lambda ml, reml, hs: hb.likelihood_ratio(ml["random_coefficients"], ml["means_as_outcomes"])
    ),
    "the models are not nested: the random term (0 + ses | school) of the model with fewer "
    "parameters (mathach ~ 1 + (0 + ses | school)) does not stand in the other "
    f"({SES}); compare them by AIC or BIC, see model_table()": (
        lambda ml, reml, hs: hb.likelihood_ratio(
            ml["ancova"], hb.Model("mathach ~ 1 + (0 + ses | school)", data=hs).ml()
        )
    ),
    "likelihood_ratio() needs fits of the same data, and these differ: 1977 rows (no rows dropped) "
    "and 1976 rows (no rows dropped); fit both on the rows that are complete for both": (
        lambda ml, reml, hs: hb.likelihood_ratio(
            ml["ancova"], hb.Model("mathach ~ 1 + (1 | school)", data=hs.iloc[1:]).ml()
        )
    ),
    "likelihood_ratio() needs fits of the same data, and these differ in the response, in 1977 of "
    "1977 rows; fit the same response on rows in the same order": (
        lambda ml, reml, hs: hb.likelihood_ratio(
            ml["ancova"],
            hb.Model("mathach ~ 1 + (1 | school)", data=hs.assign(mathach=hs["mathach"] + 1)).ml(),
        )
    ),
    "likelihood_ratio() needs fits of the same data, and these differ in their groups, 'school' "
    "with 40 and 'Minority' with 2; fit both with the same grouping": (
        lambda ml, reml, hs: hb.likelihood_ratio(
            ml["ancova"], hb.Model("mathach ~ 1 + (1 | Minority)", data=hs).ml()
        )
    ),
    "mixture must map degrees of freedom to weights that sum to 1, as in {1: 0.5, 2: 0.5}, not "
    "{1: 0.5}": lambda ml, reml, hs: hb.likelihood_ratio(
        ml["ancova"], ml["random_coefficients"], mixture={1: 0.5}
    ),
    "mixture must spread its weights over the degrees of freedom 0 to 2 of this test, not all on "
    "0, and this one is {0: 1}": lambda ml, reml, hs: hb.likelihood_ratio(
        ml["ancova"], ml["random_coefficients"], mixture={0: 1}
    ),
    "mixture must spread its weights over the degrees of freedom 0 to 2 of this test, not all on "
    "0, and this one is {1: 0.5, 7: 0.5}": lambda ml, reml, hs: hb.likelihood_ratio(
        ml["ancova"], ml["random_coefficients"], mixture={1: 0.5, 7: 0.5}
    ),
    "simulations must be a whole number from 0, not -1": lambda ml, reml, hs: hb.likelihood_ratio(
        ml["ancova"], ml["random_coefficients"], simulations=-1
    ),
    "REML likelihoods of models with different fixed columns are not comparable (mathach ~ 1 + (1 "
    f"| school); {SES}); fit all with model.ml()": (
        lambda ml, reml, hs: hb.model_table(reml["oneway"], reml["ancova"])
    ),
    "model_table() takes fits, and none was given": lambda ml, reml, hs: hb.model_table(),
    "model_table() needs fits by one criterion, and these are by REML and by ML, whose likelihoods "
    "are of different things; fit all with model.ml(), or all with model.reml() where only the "
    "random parts differ": lambda ml, reml, hs: hb.model_table(reml["oneway"], ml["ancova"]),
}


@pytest.mark.parametrize("text", REFUSALS)
def test_refusals(
    text: str, ml_fits: Cache[hb.PointFit], reml_fits: Cache[hb.PointFit], hs: pd.DataFrame
) -> None:
    with pytest.raises(hb.InferenceError) as caught:
        REFUSALS[text](ml_fits, reml_fits, hs)
    assert str(caught.value) == text


def test_a_table_of_models(ml_fits: Cache[hb.PointFit], reference: dict[str, Any]) -> None:
    names = ["oneway", "means_as_outcomes", "ancova", "intercepts_slopes"]
    made = hb.model_table(*(ml_fits[name] for name in names))
    table = made.table
    golden = [reference["models"][name]["ML"] for name in names]
    np.testing.assert_allclose(table["logLik"], [g["logLik"] for g in golden], atol=1e-7)
    np.testing.assert_allclose(table["AIC"], [g["AIC"] for g in golden], atol=1e-6)
    np.testing.assert_allclose(table["BIC"], [g["BIC_N"] for g in golden], atol=1e-6)
    assert table["parameters"].tolist() == [3, 4, 4, 8]
    assert table["ΔAIC"].min() == 0.0
    assert table.index.name == "model"
    assert made.engine == "ML" and "BIC counts n rows; " in str(made)


def test_a_table_of_models_prints(reml_fits: Cache[hb.PointFit]) -> None:
    made = hb.model_table(reml_fits["ancova"], reml_fits["random_coefficients"])
    assert str(made) == repr(made) == TABLE
    assert made._repr_html_().count("<table") == 1


TABLE = """\
Criteria of 2 REML fits
  model 1: mathach ~ 1 + ses + (1 | school)
  model 2: mathach ~ 1 + ses + (1 + ses | school)

             logLik parameters         AIC         BIC    ΔAIC
model 1  -6428.7727          4  12865.5454  12887.8987  0.0000
model 2  -6427.8876          6  12867.7751  12901.3051  2.2297

BIC counts n − p rows (p fixed columns), as nlme does; AIC counts a variance as a full parameter."""
