"""Maximum likelihood of families that are not Gaussian, against R, differences, dense matrices."""

from functools import partial
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import optimize, stats
from scipy.special import expit

import hierbayes as hb
from hierbayes.design.blocks import free_entries
from hierbayes.design.elimination_order import elimination_of_effects
from hierbayes.estimation.latent_criterion import LatentCriterion
from hierbayes.estimation.latent_problem import curvature_of, latent_rows
from hierbayes.likelihood.latent_rows import LatentRows
from hierbayes.likelihood.sparse_curvature import WeightedProducts
from hierbayes.priors.column_priors import column_priors
from tests import families_reference as reference

WITHOUT_MAXIMUM = ("sim_separation",)
REGULAR = tuple(
    name for name in reference.NAMES if name not in (*reference.SINGULAR, *WITHOUT_MAXIMUM)
)
QUADRATURE = {"bacteria_ri": 25, "epil_nb2": 25, "Owls_poisson": 25, "sim_beta": 25,
              "sim_binomial_slope": 13, "sim_gamma_log": 25}  # fmt: skip


@pytest.mark.parametrize("name", reference.NAMES)
@pytest.mark.slow
def test_laplace_reaches_the_log_likelihood_of_R(name: str) -> None:
    found, wanted = reference.fit(name).loglik, reference.CASES[name]["laplace"]["logLik"]
    assert wanted - 1e-6 < found < wanted + (1e-6 if name in REGULAR else 1e-5)


@pytest.mark.parametrize("name", REGULAR)
def test_laplace_has_the_estimates_and_standard_errors_of_R(name: str) -> None:
    fit, wanted = reference.fit(name), reference.CASES[name]["laplace"]
    if "thresholds" in wanted:
        _thresholds_are_those_of_R(fit, wanted)
        return
    np.testing.assert_allclose(fit.fixef(), reference.ours(wanted["fixef"]), atol=1e-5)
    if name != "sim_student":  # R's are those beside an estimated df
        errors = np.sqrt(np.diag(fit.vcov()))
        np.testing.assert_allclose(errors, reference.ours(wanted["se"]), rtol=3e-4)
    sd = np.concatenate(reference.sds(wanted["varcorr"]))
    np.testing.assert_allclose(fit.var_corr()["sd"], sd, rtol=1e-5)
    assert fit.diagnose().ok


def _thresholds_are_those_of_R(fit: hb.PointFit, wanted: dict[str, Any]) -> None:
    """Of ordered categories, whose intercept is minus the first threshold.

    The standard errors of one factor alone come from R's differences of the likelihood, and are up
    to 0.6% off: with a second factor of no variance, whose model is the same, they are ours.
    """
    ours = fit.intervals().drop(index=("gamma", "Intercept"))
    at = [name for block in ("thresholds", "fixef") for name in wanted[block]]
    names = [(name, name) for name in wanted["thresholds"]]
    names += [("gamma", term) for term in fit.fixef().index[1:]]
    found = ours.loc[names]
    values = [*wanted["thresholds"].values(), *wanted["fixef"].values()]
    np.testing.assert_allclose(found["estimate"], values, atol=1e-5)
    half = 0.5 * (found["upper"] - found["lower"]) / 1.959963984540054
    np.testing.assert_allclose(half, [wanted["se"][name] for name in at], rtol=1e-2)
    assert fit.evidence.n_parameters == wanted["npar"]


@pytest.mark.parametrize("name", ["Owls_zinb2", "epil_nb2", "sim_gamma_log", "sim_beta"])
def test_dispersion_is_that_of_R(name: str) -> None:
    fit, wanted = reference.fit(name), reference.CASES[name]["laplace"]
    found = fit.intervals()["estimate"]
    (log_dispersion,) = wanted["disp_coef_log_scale"].values()
    for block in ("phi", "precision", "shape"):
        if block in found.index.get_level_values(0):
            assert found[block, block] == pytest.approx(np.exp(log_dispersion), rel=1e-5)
    if "zi_fixef" in wanted:
        (zero,) = wanted["zi_fixef"].values()
        assert found["logit zero", "logit zero"] == pytest.approx(zero, abs=1e-5)


def test_zeros_that_depend_on_columns_are_those_of_R() -> None:
    fit, wanted = reference.fit("Owls_zip_x"), reference.CASES["Owls_zip_x"]["laplace"]
    table = fit.intervals()
    names = [name for name in table.index if name[0].startswith("zero: ")]
    assert names[1] == ("zero: FoodTreatment[T.Satiated]",) * 2
    zeros = table.loc[names]
    np.testing.assert_allclose(zeros["estimate"], reference.ours(wanted["zi_fixef"]), atol=1e-5)
    half = 0.5 * (zeros["upper"] - zeros["lower"]) / 1.959963984540054
    np.testing.assert_allclose(half, reference.ours(wanted["zi_se"]), rtol=1e-4)
    data = reference.data_of("Owls_zip_x")
    np.testing.assert_allclose(fit.predict(data.tail(9)), fit.predict().tail(9), rtol=1e-12)
    with pytest.raises(hb.DataError, match="'FoodTreatment' is missing in 1 of the new rows"):
        fit.predict(data.assign(FoodTreatment=data["FoodTreatment"].where(data.index > 0)))
    assert "logit(π_ij) = −1.81 + 1.39 FoodTreatment" in str(fit.equations().within)


def test_the_origin_and_the_unit_of_a_column_of_zeros_change_nothing() -> None:
    data = _counts().assign(w=lambda d: d["x"] ** 2, far=lambda d: 1e3 * d["w"] + 2e6)
    data.loc[3, "w"] = data.loc[3, "far"] = np.nan
    fits, spreads = [], []
    for column in ("w", "far"):
        family = hb.families.Hurdle(zeros=f"~ {column} + x")
        model = hb.Model("k ~ x + (1 | g)", data, family=family)
        assert model.problem.design.dropped.rows == 1
        fits.append(model.ml())
        implied = column_priors(model.priors, model.problem)
        assert implied is not None
        columns = implied.beside(model.problem.family_rows.m)[:, 1:]
        spreads.append(columns @ columns.T)  # prior covariance of the logits
    assert fits[1].loglik == pytest.approx(fits[0].loglik, abs=1e-8)
    near, far = (fit.intervals().loc[f"zero: {name}"].iloc[0] for fit, name in
                 zip(fits, ("w", "far"), strict=True))  # fmt: skip
    np.testing.assert_allclose(1e3 * far, near, rtol=1e-5)
    np.testing.assert_allclose(spreads[1], spreads[0], rtol=1e-6, atol=1e-8)
    assert np.trace(spreads[0]) == pytest.approx(1.5**2 * 3 * 119, rel=1e-9)


def test_a_stated_prior_of_a_coefficient_of_zeros_is_its_own() -> None:
    """Given it, the logit where x has its mean is N(0, 1.5²)."""
    family, stated = hb.families.Hurdle(zeros="~ x"), hb.Normal(0.5, 0.2)
    model = hb.Model("k ~ x + (1 | g)", _counts(), family=family, priors={"zero: x": stated})
    implied = column_priors(model.priors, model.problem)
    assert implied is not None
    covariance = implied.turn @ np.diag([1.0, 0.2**2]) @ implied.turn.T
    x = _counts()["x"].to_numpy()
    precision = np.array([[1.0, x.mean()], [x.mean(), x.mean() ** 2]]) / 1.5**2
    precision[1, 1] += 0.2**-2
    np.testing.assert_allclose(np.linalg.inv(covariance), precision, rtol=1e-10)


def test_degrees_of_freedom_are_estimated_as_in_R() -> None:
    case = reference.CASES["sim_student"]
    wanted, family = case["laplace"], hb.families.StudentT(df=None)
    fit = hb.Model(case["formula"], reference.data_of("sim_student"), family=family).ml()
    assert fit.loglik == pytest.approx(wanted["logLik"], abs=1e-6)
    (df,) = wanted["family_params"].values()
    assert fit.intervals().loc[("df", "df"), "estimate"] == pytest.approx(df, rel=1e-5)
    errors = np.sqrt(np.diag(fit.vcov()))
    np.testing.assert_allclose(errors, reference.ours(wanted["se"]), rtol=1e-4)
    assert fit.evidence.n_parameters == wanted["npar"]


def test_degrees_of_freedom_without_a_maximum_are_named() -> None:
    rng = np.random.default_rng(2)
    g = np.repeat(np.arange(20), 12)
    data = pd.DataFrame({"g": g, "y": rng.uniform(-1.0, 1.0, 240) + rng.normal(size=20)[g]})
    fit = hb.Model("y ~ 1 + (1 | g)", data, family=hb.families.StudentT(df=None)).ml()
    diagnosis = fit.diagnose()
    assert diagnosis.verdict == "The ML maximum lies on the boundary, where 'df' is infinite."
    assert "no heavier tails than Gaussian ones; leave out family=" in diagnosis.findings[-1]
    gaussian = hb.Model("y ~ 1 + (1 | g)", data).ml()
    assert fit.loglik == pytest.approx(gaussian.loglik, abs=1e-3)
    np.testing.assert_allclose(fit.fixef(), gaussian.fixef(), atol=1e-4)


@pytest.mark.parametrize("name", ["bacteria_ri", "Mmmec_offset_slope", "guImmun_three_level"])
def test_random_effects_and_their_conditional_variances_are_those_of_R(name: str) -> None:
    fit, wanted = reference.fit(name), reference.CASES[name]["laplace"]["ranef"]
    for term, theirs in wanted.items():
        factor = term.rpartition("|")[2].strip()
        frame, cov = fit.ranef(factor), fit.ranef_cov(factor)
        levels = [str(level) for level in theirs["levels"]]
        labels = frame.index.astype(str)
        at = labels.get_indexer(pd.Index(levels))
        np.testing.assert_allclose(frame.to_numpy()[at], theirs["values"], atol=1e-5)
        given = np.reshape(theirs["cond_cov"], cov.to_numpy()[at].shape)
        np.testing.assert_allclose(cov.to_numpy()[at], given, rtol=1e-4, atol=1e-8)


@pytest.mark.parametrize("name", QUADRATURE)
@pytest.mark.slow
def test_quadrature_reaches_the_exact_likelihood(name: str) -> None:
    fit, wanted = reference.fit(name, QUADRATURE[name]), reference.CASES[name]["exact"]
    assert fit.loglik == pytest.approx(wanted["logLik"], abs=1e-5)
    np.testing.assert_allclose(fit.fixef(), reference.ours(wanted["fixef"]), atol=1e-5)
    sd = np.concatenate(reference.sds(wanted["varcorr"]))
    np.testing.assert_allclose(fit.var_corr()["sd"], sd, rtol=1e-4)


def test_on_the_boundary_the_maximum_says_so() -> None:
    fit = reference.fit("bacteria_slope")
    diagnosis = fit.diagnose()
    assert diagnosis.verdict == "The ML maximum lies on the boundary: G is singular."
    assert fit.var_corr().loc["week", "corr[Intercept]"] == pytest.approx(1.0, abs=1e-12)
    assert fit.intervals().loc["gamma"].notna().all(axis=None)


def test_separation_is_found_and_named() -> None:
    fit = reference.fit("sim_separation")
    diagnosis = fit.diagnose()
    assert not diagnosis.ok
    assert diagnosis.findings[0].startswith(
        "separation: the likelihood goes on growing, to the value shown, as the coefficient of "
        "'trt' goes to infinity"
    )
    errors = pd.Series(np.sqrt(np.diag(fit.vcov())), fit.fixef().index)
    wanted = reference.CASES["sim_separation"]["laplace"]
    assert np.isnan(errors["trt"])
    for ours, theirs in (("Intercept", "(Intercept)"), ("x", "x")):
        assert fit.fixef()[ours] == pytest.approx(wanted["fixef"][theirs], abs=1e-3)
        assert errors[ours] == pytest.approx(wanted["se"][theirs], rel=1e-3)


def test_after_separation_the_other_coefficients_are_tested_and_that_one_is_refused() -> None:
    fit = reference.fit("sim_separation")
    assert hb.wald(fit, ["x"]).joint["F"].item() == pytest.approx(
        float(fit.fixef()["x"] ** 2 / fit.vcov().loc["x", "x"])
    )
    for refused in (["trt"], None):
        with pytest.raises(hb.HypothesisError, match=r"'trt' .* coefficient without a stand"):
            hb.wald(fit, refused)
    with pytest.raises(hb.InferenceError, match="one of these has no finite maximum"):
        hb.influence(fit)
    assert "nan" not in str(fit)


def test_where_every_response_is_told_no_coefficient_has_a_standard_error() -> None:
    x = np.repeat([0, 1], 10)
    data = pd.DataFrame({"y": x, "x": x, "g": list("abcd") * 5})
    fit = hb.Model("y ~ x + (1 | g)", data, family="bernoulli").ml()
    assert np.isnan(fit.vcov()).all(axis=None)
    assert "the coefficients of 'Intercept', 'x' go to infinity" in fit.diagnose().findings[0]


def test_a_probability_of_zeros_at_its_end_is_named_on_the_page() -> None:
    data = pd.DataFrame({"y": [1, 2, 3, 4] * 5, "g": list("abcd") * 5})
    fit = hb.Model("y ~ 1 + (1 | g)", data, family=hb.families.Hurdle()).ml()
    line = "The ML maximum lies on the boundary, where 'logit zero' is infinite; see diagnose()"
    assert any(line in one for one in fit.summary().about)


# ------------------------------------------------------------------ gradients and M


def _criterion(name: str, nodes: int) -> LatentCriterion:
    problem = reference.model(name).problem
    rows = latent_rows(problem)
    lower = free_entries(problem.design.blocks)
    return LatentCriterion(rows, lower, curvature_of(problem, rows), nodes)


@pytest.mark.parametrize(
    ("name", "nodes"),
    [("epil_nb2", 1), ("epil_nb2", 5), ("wine_clmm", 1), ("Owls_zinb2", 1), ("Owls_zip_x", 1),
     ("sim_binomial_slope", 1), ("sim_binomial_slope", 5), ("Mmmec_offset_slope", 1)],
)  # fmt: skip
def test_gradients_are_exact(name: str, nodes: int) -> None:
    criterion = _criterion(name, nodes)
    optimum = criterion.coordinates(reference.fit(name).optimum.mode.point)  # type: ignore[attr-defined]
    x = optimum + np.random.default_rng(0).normal(0.0, 0.1, len(optimum))
    gradient = criterion(x)[1]
    steps = 1e-5 * np.eye(len(x))
    differences = [(criterion(x + h)[0] - criterion(x - h)[0]) / 2e-5 for h in steps]
    np.testing.assert_allclose(gradient, differences, atol=2e-6 * np.abs(gradient).max())


@pytest.mark.parametrize(
    "formula",
    ["y ~ x + (1 + x | a) + (1 | b)", "y ~ x + (1 + x | b) + (1 | b:c)",
     "y ~ x + (1 | a) + (1 + x | b) + (1 + x | b:c)"],
)  # fmt: skip
def test_M_of_several_factors_is_the_dense_one(formula: str) -> None:
    rng = np.random.default_rng(3)
    n = 240
    data = pd.DataFrame(
        {"y": rng.integers(0, 2, n), "x": rng.normal(size=n), "a": rng.integers(0, 9, n),
         "b": rng.integers(0, 6, n), "c": rng.integers(0, 4, n)}
    )  # fmt: skip
    problem = hb.Model(formula, data, family="bernoulli").problem
    rows = latent_rows(problem)
    root = np.zeros((rows.Z.shape[1],) * 2)
    for at in rows.spans:
        size = at.stop - at.start
        root[at, at] = np.tril(rng.normal(0.0, 0.5, (size, size))) + 0.6 * np.eye(size)
    weights = rng.random(n)
    products = WeightedProducts(rows, elimination_of_effects(problem.working))  # type: ignore[arg-type]
    found = products(rows, weights, root)
    U = _spherical_columns(rows, root)
    M = np.eye(rows.effects) + U.T @ (weights[:, None] * U)
    inverse, right = np.linalg.inv(M), rng.normal(size=rows.effects)
    assert found.log_det == pytest.approx(np.linalg.slogdet(M)[1], rel=1e-12)
    np.testing.assert_allclose(found.solve(right), inverse @ right, rtol=1e-10, atol=1e-12)
    leverage = np.einsum("na,ab,nb->n", U, inverse, U)
    np.testing.assert_allclose(found.leverage, leverage, rtol=1e-10)
    for k, at in enumerate(rows.spans):
        first, size = sum(rows.sizes[:k]), at.stop - at.start
        own = [slice(first + j * size, first + (j + 1) * size) for j in range(rows.levels[k])]
        dense = [root[at, at] @ inverse[one, one] @ root[at, at].T for one in own]
        np.testing.assert_allclose(found.conditional(k), dense, rtol=1e-10, atol=1e-14)
        step = np.zeros_like(root)
        step[at.start, at.start] = 1e-6
        up, down = (products(rows, weights, root + s * step).log_det for s in (1, -1))
        slope = found.root_gradient[at.start, at.start]
        assert slope == pytest.approx((up - down) / 2e-6, rel=1e-6)


def _spherical_columns(rows: LatentRows, root: np.ndarray) -> np.ndarray:
    """ZL (n, effects), dense."""
    columns = [rows.random_part(rows.effects_of(root, one)) for one in np.eye(rows.effects)]
    return np.column_stack(columns)


# ------------------------------------------------------------------ what an analyst may write


def _counts() -> pd.DataFrame:
    rng = np.random.default_rng(5)
    n = 120
    data = pd.DataFrame({"g": np.repeat(np.arange(20), 6), "x": rng.normal(size=n)})
    u = rng.normal(0.0, 0.7, 20)[data["g"]]
    data["n"] = rng.integers(2, 9, n)
    data["k"] = rng.binomial(data["n"], 1.0 / (1.0 + np.exp(-0.3 - 0.5 * data["x"] - u)))
    data["failed"] = data["n"] - data["k"]
    return data


def test_counts_out_of_trials_may_be_written_in_any_way() -> None:
    data = _counts()
    make = partial(hb.Model, data=data, family="binomial")
    formulas = ["cbind(k, failed) ~ x + (1 | g)", "cbind(k, n - k) ~ x + (1 | g)",
                "k | trials(n) ~ x + (1 | g)"]  # fmt: skip
    values = [make(formula).ml().loglik for formula in formulas]
    assert values == pytest.approx([values[0]] * 3, rel=1e-12)
    singles = data.loc[data.index.repeat(data["n"])].copy()
    first = singles.groupby(level=0).cumcount()
    singles["won"] = first < singles["k"]
    one = hb.Model("won ~ x + (1 | g)", singles.reset_index(drop=True), family="bernoulli").ml()
    np.testing.assert_allclose(one.fixef(), make(formulas[0]).ml().fixef(), atol=1e-6)
    assert str(make(formulas[1]).specification) == "cbind(k, n - k) ~ 1 + x + (1 | g)"


def test_a_success_is_named_where_the_response_is_labels() -> None:
    data = _counts().assign(out=lambda d: np.where(d["k"] > 2, "well", "ill"))
    fit = hb.Model("out ~ x + (1 | g)", data, family="bernoulli").ml()
    assert "success is 'well'" in str(fit.summary())


def test_a_shift_or_a_unit_of_a_column_changes_nothing_but_what_it_must() -> None:
    data = _counts()
    far = data.assign(x=1000.0 * data["x"] + 5e6)
    formula = "k | trials(n) ~ x + (1 + x | g)"
    near, moved = (hb.Model(formula, one, family="binomial").ml() for one in (data, far))
    assert moved.loglik == pytest.approx(near.loglik, abs=1e-8)
    assert moved.fixef()["x"] * 1000.0 == pytest.approx(near.fixef()["x"], rel=1e-6)


def test_an_offset_is_added_and_taken_from_new_rows() -> None:
    data = _counts().assign(t=lambda d: d["n"] * 1.5)
    fit = hb.Model("k ~ x + offset(log(t)) + (1 | g)", data, family="poisson").ml()
    plain = hb.Model("k ~ x + (1 | g)", data.assign(t=1.0), family="poisson").ml()
    doubled = fit.predict(data.assign(t=2.0 * data["t"]))
    np.testing.assert_allclose(doubled, 2.0 * fit.predict(), rtol=1e-12)
    assert fit.loglik != pytest.approx(plain.loglik, abs=1.0)
    linear = fit.predict(scale="linear")
    np.testing.assert_allclose(np.exp(linear), fit.predict(), rtol=1e-12)


REFUSED = [
    ("reml", "REML is made for Gaussian responses, and the family of this model is "
     "Binomial(link='logit'); use ml(), with nodes= for quadrature, or sample()"),
    ("nodes", "nodes must be a whole number from 1, Laplace's approximation, to 100, not 0"),
    ("df", "degrees of freedom 'satterthwaite' are of Gaussian responses, and the family of this "
     "model is Binomial(link='logit'): its tests are normal and χ², df='none'"),
    ("residuals", "there are no residuals 'studentized'; kind is one of: 'response', 'pearson', "
     "'deviance', 'quantile'"),
    ("gaussian", "shrinkage() is made for Gaussian responses, and the family of this model is "
     "Binomial(link='logit'); ranef() and coef() have the effects of groups, "
     "plots.plot_caterpillar() shows them"),
]  # fmt: skip


@pytest.mark.parametrize(("what", "words"), REFUSED)
def test_what_is_not_of_these_families_is_refused(what: str, words: str) -> None:
    model = hb.Model("k | trials(n) ~ x + (1 | g)", _counts(), family="binomial")
    asked = {
        "reml": model.reml,
        "nodes": lambda: model.ml(nodes=0),
        "df": lambda: hb.wald(model.ml(), df="satterthwaite"),
        "residuals": lambda: model.ml().residuals(kind="studentized"),
        "gaussian": lambda: model.ml().shrinkage(),
    }
    with pytest.raises(hb.HierbayesError) as refused:
        asked[what]()
    assert str(refused.value) == words


def test_counts_ask_for_a_family() -> None:
    with pytest.raises(hb.FormulaError) as refused:
        hb.Model("cbind(k, n - k) ~ x + (1 | g)", _counts())
    assert str(refused.value) == (
        "the response 'cbind(k, n - k)' counts successes out of trials: state the family, as in "
        "hb.Model(..., family='binomial')"
    )


@pytest.mark.parametrize("engine", ["ml", "map"])
def test_very_large_counts_are_maximised_in_few_steps(engine: str) -> None:
    """Of counts near e^15 the sums of rows have few digits left beside what y alone adds."""
    rng = np.random.default_rng(1)
    g, x = np.repeat(np.arange(20), 10), rng.normal(size=200)
    eta = 15.0 + 0.1 * x + rng.normal(0.0, 0.2, 20)[g]
    data = pd.DataFrame({"y": rng.poisson(np.exp(eta)), "x": x, "g": g})
    fit = getattr(hb.Model("y ~ x + (1 | g)", data, family="poisson"), engine)()
    assert fit.evidence.evaluations < 40
    assert fit.optimum.certificate.gradient < 1e-5
    np.testing.assert_allclose(fit.fixef()["x"], 0.1, atol=3e-4)


def test_without_fixed_effects_the_variance_alone_is_looked_for() -> None:
    """Laplace's approximation group by group, by searches in one dimension."""
    k, n = np.array([9.0, 1.0, 5.0, 0.0, 7.0]), np.full(5, 10.0)
    data = pd.DataFrame({"k": k, "rest": n - k, "g": range(5)})

    def of_group(sd: float, y: float, m: float) -> float:
        u = optimize.brentq(lambda u: y - m * expit(u) - u / sd**2, -20.0, 20.0, xtol=1e-14)
        bent = m * expit(u) * expit(-u) + sd**-2
        density = stats.norm.logpdf(u, 0.0, sd) + stats.binom.logpmf(y, m, expit(u))
        return float(density + 0.5 * np.log(2.0 * np.pi / bent))

    def minus(sd: float) -> float:
        return -sum(of_group(sd, *one) for one in zip(k, n, strict=True))

    best = optimize.minimize_scalar(minus, (1.0, 2.0), tol=1e-10)
    fit = hb.Model("cbind(k, rest) ~ 0 + (1 | g)", data, family="binomial").ml()
    assert fit.loglik == pytest.approx(-best.fun, rel=1e-10)
    assert float(fit.var_corr()["sd"].iloc[0]) == pytest.approx(best.x, rel=1e-5)
