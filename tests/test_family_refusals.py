"""What is made for Gaussian responses, or does not fit a family, is refused in words."""

from collections.abc import Callable
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest

import hierbayes as hb
from hierbayes import plots
from tests import family_fits
from tests.family_fits import COUNTS, DATA, MODEL

mpl.use("Agg")

MADE_FOR = " is made for Gaussian responses, and the family of this model is "
BERNOULLI = MADE_FOR + "Bernoulli(link='logit')"
POISSON = MADE_FOR + "Poisson(link='log')"


@pytest.fixture(scope="module")
def fit() -> hb.PointFit:
    return family_fits.bernoulli()


@pytest.fixture(scope="module")
def counts() -> hb.PointFit:
    return family_fits.counts()


@pytest.fixture(scope="module")
def posterior() -> hb.PosteriorFit:
    return family_fits.posterior()


def _refusal(asked: Callable[[], object]) -> str:
    with pytest.raises(hb.HierbayesError) as refused:
        asked()
    return str(refused.value)


OF_A_MODEL: dict[str, Callable[[hb.Model], object]] = {
    "hausman": hb.hausman,
    "mundlak": hb.mundlak,
    "intercept_weights": hb.intercept_weights,
    "build_random": lambda m: hb.build_random(m, ["x"]),
}


@pytest.mark.parametrize("what", OF_A_MODEL)
@pytest.mark.parametrize(("model", "words"), [(MODEL, BERNOULLI), (COUNTS, POISSON)])
def test_a_model_refuses_what_is_gaussian(what: str, model: hb.Model, words: str) -> None:
    assert _refusal(lambda: OF_A_MODEL[what](model)) == f"{what}()" + words


OF_A_FIT: dict[str, Callable[[Any], object]] = {
    "sigma": lambda f: f.sigma,
    "blue": lambda f: f.blue(f.design.factors[0].name),
    "shrinkage": lambda f: f.shrinkage(f.design.factors[0].name),
    "contextual": lambda f: f.contextual("x"),
    "level1_residuals": hb.level1_residuals,
    "level2_residuals": lambda f: hb.level2_residuals(f, f.design.factors[0].name),
    "residual_acf": hb.residual_acf,
    "residual_variogram": hb.residual_variogram,
    "plot_shrinkage": plots.plot_shrinkage,
    "plot_shrinkage_factors": plots.plot_shrinkage_factors,
    "plot_level1_residuals": lambda f: plots.plot_level1_residuals(
        f, factor=f.design.factors[0].name
    ),
    "plot_level2_residuals": lambda f: plots.plot_level2_residuals(
        f, factor=f.design.factors[0].name
    ),
}


GROUPS = "; ranef() and coef() have the effects of groups, plots.plot_caterpillar() shows them"
ROWS = "; residuals(kind='quantile', seed=1) are normal of any family where the model is right"
INSTEAD = {
    "sigma": "",
    "contextual": "; summary() has the coefficients of a column and of its cvar()",
    "level1_residuals": ROWS,
    "plot_level1_residuals": ROWS,
    "residual_acf": ROWS,
    "residual_variogram": ROWS,
}


@pytest.mark.parametrize("what", OF_A_FIT)
def test_a_fit_refuses_what_is_gaussian(
    what: str, fit: hb.PointFit, counts: hb.PointFit, posterior: hb.PosteriorFit
) -> None:
    asked = OF_A_FIT[what]
    name = what if what == "sigma" else f"{what.replace('plot_level', 'level')}()"
    instead = INSTEAD.get(what, GROUPS)
    assert _refusal(lambda: asked(fit)) == name + BERNOULLI + instead
    assert _refusal(lambda: asked(counts)) == name + POISSON + instead
    assert _refusal(lambda: asked(posterior)) == name + BERNOULLI + instead


@pytest.mark.parametrize("verb", ["loo", "logo"])
def test_a_maximum_has_no_rows_or_one_of_several_factors_to_leave_out(
    counts: hb.PointFit, verb: str
) -> None:
    asked = {"loo": lambda: hb.loo(counts), "logo": lambda: hb.logo(counts, "g")}[verb]
    assert _refusal(asked).endswith(
        "use model.sample()" + ", whose draws are weighted" * (verb == "loo")
    )


THERE_ARE = (
    "there are: gaussian, bernoulli, binomial, betabinomial, poisson, negativebinomial, "
    "negativebinomial1, gamma, lognormal, beta, studentt"
)
FAMILIES: list[tuple[Any, str]] = [
    ("binominal", f"there is no family 'binominal'; {THERE_ARE}"),
    (3, "family must be a word such as 'binomial' or a value such as hb.families.Binomial(), not "
     "int"),
    (hb.families.Poisson, "family must be a value such as hb.families.Poisson(), and this is the "
     "class Poisson itself"),
    (hb.Gamma(1.0, 1.0), "family must be a value such as hb.families.Gamma(), and this is the "
     "prior Gamma(1, 1)"),
]  # fmt: skip


@pytest.mark.parametrize(("family", "words"), FAMILIES)
def test_what_is_no_family_is_refused(family: Any, words: str) -> None:
    found = _refusal(lambda: hb.Model("y ~ x + (1 | g)", DATA, family=family))
    assert found.startswith(words)


def _with(**columns: Any) -> pd.DataFrame:
    return DATA.assign(**columns)


def _at(place: int, value: float, otherwise: Any) -> np.ndarray:
    return np.where(DATA.index == place, value, otherwise)


RESPONSES: list[tuple[str, str, pd.DataFrame, str]] = [
    ("c", "poisson", _with(c=DATA["c"] + 0.5),
     f"the response 'c' does not fit the family Poisson: row 0 has {DATA['c'][0] + 0.5:g}, 60 of "
     "60 rows are so; counts are 0, 1, 2, …"),
    ("k | trials(n)", "binomial", _with(k=_at(4, 9, DATA["k"])),
     "the response 'k | trials(n)' does not fit the family Binomial: row 4 has 9 of 5, 1 of 60 "
     "rows are so; there are no more successes than trials"),
    ("s", "poisson", DATA,
     f"the response 's' holds {DATA['s'][0]!r} where this family takes numbers: make it a column "
     "of numbers"),
    ("o", "poisson", DATA,
     f"the response 'o' holds {DATA['s'][0]!r} where this family takes numbers: make it a column "
     "of numbers"),
    ("c", "poisson", _with(c=DATA["c"] + 0j),
     f"the response 'c' holds np.complex128({complex(DATA['c'][0])}) where this family takes "
     "numbers: make it a column of numbers"),
    ("y", "bernoulli", _with(y=0),
     "the response 'y' is constant (0): there is nothing to explain; "
        "check how the column was made, and which rows were chosen"),
    ("y", "bernoulli", _with(y=1),
     "the response 'y' is constant (1): there is nothing to explain; "
        "check how the column was made, and which rows were chosen"),
    ("y", "bernoulli", _with(y=2 * DATA["y"]),
     f"the response 'y' does not fit the family Bernoulli: row {int(DATA['y'].argmax())} has 2, "
     f"{DATA['y'].sum()} of 60 rows are so; single trials are 0 or 1, False or True, or a "
     "categorical of two levels; counts out of several trials have the family Binomial"),
    ("t", "binomial", _with(t=DATA["k"] / DATA["n"]),
     "the response 't' does not say of how many trials it counts: a share needs its trials: write "
     "'k | trials(size)' with k = share × size"),
    ("y", "betabinomial", DATA,
     "the response 'y' does not fit the family BetaBinomial: every row is a single trial, which "
     "any precision leaves a Bernoulli one; take the family Bernoulli"),
]  # fmt: skip


@pytest.mark.parametrize(("response", "family", "data", "words"), RESPONSES)
def test_a_response_that_does_not_fit_its_family_is_refused(
    response: str, family: str, data: pd.DataFrame, words: str
) -> None:
    found = _refusal(lambda: hb.Model(f"{response} ~ x + (1 | g)", data, family=family))
    assert found == words


OFFSETS: list[tuple[str, pd.DataFrame, str]] = [
    ("t", _with(t=_at(4, -np.inf, 1.0)),
     "'t' is infinite in 1 of 60 rows (first at row label 4); remove those rows or make them "
     "missing"),
    ("log(t)", _with(t=_at(4, 0.0, 1.0)),
     "'log(t)' is missing or infinite in 1 rows after it is computed (first at row label 4); the "
     "columns it is made of must be in its domain"),
    ("s", DATA,
     f"the offset 's' holds {DATA['s'][0]!r}, which is no number; make it a column of numbers"),
    ("o", DATA,
     f"the offset 'o' holds {DATA['s'][0]!r}, which is no number; make it a column of numbers"),
]  # fmt: skip


@pytest.mark.parametrize(("offset", "data", "words"), OFFSETS)
def test_an_offset_that_is_no_number_is_refused(
    offset: str, data: pd.DataFrame, words: str
) -> None:
    formula = f"c ~ x + offset({offset}) + (1 | g)"
    assert _refusal(lambda: hb.Model(formula, data, family="poisson")) == words


FORMULAS = [
    ("y ~ x + (1 | row)", "bernoulli", "the group column 'row' has as many groups as there are "
     "rows (60); one response of Bernoulli says nothing of a variance between such groups; leave "
     "(1 | row) out"),
]  # fmt: skip


@pytest.mark.parametrize(("formula", "family", "words"), FORMULAS)
def test_a_random_part_that_cannot_be_is_refused(formula: str, family: str, words: str) -> None:
    assert _refusal(lambda: hb.Model(formula, DATA, family=family)) == words


# ------------------------------------------------------------------ what has an answer


SINGLE = {
    "numbers": DATA["y"].astype(float),
    "truth values": DATA["y"].astype(bool),
    "texts": DATA["y"].map({0: "no", 1: "yes"}),
    "a categorical": pd.Categorical(DATA["y"].map({0: "no", 1: "yes"}), ["no", "yes", "never"]),
}


@pytest.mark.parametrize("how", SINGLE)
def test_binomial_responses_of_one_trial_each_are_those_of_bernoulli(
    how: str, fit: hb.PointFit
) -> None:
    for family in ("binomial", hb.families.Binomial()):
        model = hb.Model("y ~ x + (1 | g)", _with(y=SINGLE[how]), family=family)
        assert model.problem.family == hb.families.Bernoulli()
    found = model.ml()
    assert found.loglik == fit.loglik
    assert "Family: Bernoulli (binomial, one trial a row), logit link" in str(found)
    assert ("success is 'yes'" in str(found)) == (how in ("texts", "a categorical"))


def test_simulated_responses_of_a_binomial_without_trials_are_single_trials() -> None:
    stated: dict[str, Any] = {"gamma": (0.5,), "G": 1.0, "groups": 5, "sizes": 4, "seed": 3}
    made = [
        hb.simulate("y ~ 1 + (1 | g)", family=family, **stated).data["y"].tolist()
        for family in ("binomial", "bernoulli")
    ]
    assert made[0] == made[1]
    assert set(made[0]) == {0, 1}


# ------------------------------------------------------------------ likelihood ratios


def test_families_have_likelihood_ratios_on_the_boundary_too(counts: hb.PointFit) -> None:
    small = hb.Model("c ~ x + offset(log(t)) + (1 | g)", DATA, family="poisson").ml()
    test = hb.likelihood_ratio(counts, small)
    assert test.chisq == pytest.approx(max(2.0 * (counts.loglik - small.loglik), 0.0), abs=1e-12)
    assert (test.df, test.mixture) == (1, {0: 0.5, 1: 0.5})
    assert test.engine == "ML (Laplace's approximation)"
    fixed = hb.Model("c ~ 1 + offset(log(t)) + (1 | g)", DATA, family="poisson").ml()
    other = hb.likelihood_ratio(fixed, small)
    assert (other.df, other.mixture) == (1, None)
    assert other.advice.endswith("simulations=1000 tells by how much")
    table = hb.model_table(fixed, small, counts).table
    assert table["AIC"].tolist() == [fixed.aic, small.aic, counts.aic]


def test_the_table_of_models_names_families_that_differ(fit: hb.PointFit) -> None:
    probit = hb.Model("y ~ x + (1 | g)", DATA, family=hb.families.Bernoulli(link="probit")).ml()
    assert hb.model_table(fit, probit).table.index.tolist() == [
        "y ~ 1 + x + (1 | g), Bernoulli(link='logit')",
        "y ~ 1 + x + (1 | g), Bernoulli(link='probit')",
    ]


RATIOS: dict[str, tuple[str, dict[str, Any], dict[str, Any], str]] = {
    "family": ("y ~ x + (1 | g)", {"family": hb.families.Bernoulli(link="probit")}, {},
               "the models have different families, Bernoulli(link='logit') and "
               "Bernoulli(link='probit'), and neither is made a special case of the other; compare "
               "them by AIC or BIC, see model_table()"),
    "nodes": ("y ~ 1 + (1 | g)", {"family": "bernoulli"}, {"nodes": 5},
              "likelihood_ratio() needs fits by one approximation, and these are by Laplace's "
              "approximation and by adaptive Gauss–Hermite quadrature with 5 nodes; fit all with "
              "the same nodes in model.ml()"),
    "gaussian": ("y ~ x + (1 | g)", {}, {},
                 "likelihood_ratio() needs fits of one kind of response, and these are of a "
                 "Gaussian one and of Bernoulli(link='logit')"),
    "response": ("s ~ x + (1 | g)", {"family": "bernoulli"}, {},
                 "likelihood_ratio() needs fits of the same data, and these differ in the "
                 "response, in 2 of 60 rows; fit the same response on rows in the same order"),
}  # fmt: skip


@pytest.mark.parametrize("what", RATIOS)
def test_fits_that_cannot_be_tested_are_refused(what: str, fit: hb.PointFit) -> None:
    formula, family, nodes, words = RATIOS[what]
    other = DATA["s"].mask(DATA.index < 2, DATA["s"].map({"a": "b", "b": "a"}))
    data = DATA.assign(s=other)
    second = hb.Model(formula, data, **family).ml(**nodes)
    assert _refusal(lambda: hb.likelihood_ratio(fit, second)) == words


def test_offsets_that_differ_are_refused(counts: hb.PointFit) -> None:
    plain = hb.Model("c ~ x + (1 | g)", DATA, family="poisson").ml()
    assert _refusal(lambda: hb.likelihood_ratio(plain, counts)) == (
        "the models have different offsets, and are not nested; give both the same offset"
    )


def test_likelihood_ratios_of_simulated_responses_are_those_of_refits() -> None:
    large, small = (
        hb.Model(f"c ~ {fixed} + (1 | g)", DATA, family="poisson").ml() for fixed in ("x", "1")
    )
    found = hb.likelihood_ratio(large, small, simulations=2, seed=4, progress=False)
    rng = np.random.default_rng(4)
    for ratio in found.simulated:
        u = rng.standard_normal(12) * small.var_corr()["sd"].iloc[0]
        eta = small.fixef()["Intercept"] + u[small.design.rows.codes]
        data = DATA.assign(c=rng.poisson(np.exp(eta)))
        again = [
            hb.Model(str(fit.design.specification), data, family="poisson").ml().loglik
            for fit in (large, small)
        ]
        assert ratio == pytest.approx(2.0 * (again[0] - again[1]), abs=1e-6)
