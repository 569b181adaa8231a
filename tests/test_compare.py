"""Comparisons of fits: the numbers are those of the fits, and the reasons those of built cases."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats

import hierbayes as hb
from hierbayes.errors import IntervalError, StudyError
from hierbayes.fit.fit import Fit
from hierbayes.likelihood.gaussian import Likelihood
from hierbayes.likelihood.reading import NORMAL
from hierbayes.likelihood.theta import Theta
from hierbayes.studies.comparison.decomposition import decompose
from hierbayes.studies.comparison.estimates import EQUAL_TAILED, WALD_NATURAL, WALD_T
from hierbayes.studies.comparison.implied_prior import implied_prior
from hierbayes.studies.comparison.prior_bulk import bulk, prior_of, quantile
from tests.conftest import Cache
from tests.exact import exact_posterior

pytestmark = pytest.mark.slow

SLOPES = ("mathach ~ ses * Sector", "~ 1 + ses | school")
SHORT: dict[str, int] = {"draws": 400, "chains": 2}


@pytest.fixture(scope="module")
def trio(reml_fits: Cache[Fit], ml_fits: Cache[Fit], posterior_hs: Fit) -> dict[str, Fit]:
    name = "intercepts_slopes"
    return {"REML": reml_fits[name], "ML": ml_fits[name], "posterior": posterior_hs}


@pytest.fixture(scope="module")
def three(trio: dict[str, Fit]) -> hb.Comparison:
    return hb.compare(*trio.values())


@pytest.fixture(scope="module")
def singular(hsfull: pd.DataFrame) -> hb.Comparison:
    model = hb.Model(*SLOPES, data=hsfull)
    return hb.compare(model.reml(), exact_posterior(model, **SHORT))


def rules(comparison: hb.Comparison, block: str, parameter: str) -> list[str]:
    """The rules that explain a parameter's difference between the first two fits."""
    table = comparison.differences
    first, second = comparison.overview.index[:2]
    return str(table.loc[(first, second, block, parameter), "reasons"]).split(", ")


# ---------------------------------------------------------------- numbers


def test_reml_and_ml_are_the_reference(three: hb.Comparison, reference: dict[str, Any]) -> None:
    for engine in ("REML", "ML"):
        stated = reference["models"]["intercepts_slopes"][engine]
        fixed = three.fixed.xs(engine, level="fit")
        np.testing.assert_allclose(fixed["estimate"], stated["fixef"], rtol=1e-6)
        np.testing.assert_allclose(fixed["se"], stated["se"], rtol=1e-6)
        variance = three.variance.xs(engine, level="fit")["estimate"]
        expected = [*stated["sd"], stated["corr"], stated["sigma"]]
        np.testing.assert_allclose(variance.iloc[:4], expected, rtol=1e-5)
        assert three.criteria.loc[engine, "loglik"] == pytest.approx(stated["logLik"], rel=1e-8)


def test_a_posterior_is_its_summary(three: hb.Comparison, posterior_hs: Fit) -> None:
    theirs = posterior_hs.summary().parameters
    ours = pd.concat([three.fixed, three.variance.droplevel("block")])
    ours = ours.xs("posterior", level="fit").iloc[: len(theirs)]
    columns = ["mean", "sd", "eti_2.5%", "eti_97.5%", "mcse_mean"]
    np.testing.assert_allclose(
        ours[["estimate", "se", "lower", "upper", "mcse"]], theirs[columns], rtol=1e-12
    )
    icc = three.variance.loc[("icc", "icc", "posterior")]
    np.testing.assert_allclose(icc[["estimate", "se"]], posterior_hs.icc(), rtol=1e-12)


def test_intervals_name_their_methods(three: hb.Comparison, trio: dict[str, Fit]) -> None:
    table = three.intervals
    assert table.index.names == ["block", "parameter", "fit", "method"]
    methods = table.index.get_level_values("method")
    assert set(methods) == {WALD_T + "Satterthwaite", WALD_NATURAL, EQUAL_TAILED}
    for name, fit in trio.items():
        ours = table.xs(name, level="fit").droplevel("method").drop("icc", errors="ignore")
        assert ours.index.tolist() == fit.intervals().index.tolist()
        np.testing.assert_allclose(ours, fit.intervals(), rtol=1e-12)
    narrow = hb.compare(*trio.values(), prob=0.5).intervals
    assert (narrow.loc["gamma", "upper"] < table.loc["gamma", "upper"]).all()


def test_groups_are_the_shrinkage_tables(three: hb.Comparison, trio: dict[str, Fit]) -> None:
    for name, fit in trio.items():
        ours, shrunk = three.groups.xs(name, level="fit"), fit.shrinkage()
        assert ours.index.tolist() == shrunk.index.tolist()
        np.testing.assert_allclose(ours["value"], shrunk["blup"], rtol=1e-12)
        np.testing.assert_allclose(ours["sd"], shrunk["blup_sd"], rtol=1e-12)
        values = ours["value"].unstack("effect")["ses"].to_numpy()
        best = int(ours["rank"].unstack("effect")["ses"].to_numpy().argmin())
        assert best == values.argmax()
    reml, posterior = (three.groups.xs(name, level="fit") for name in ("REML", "posterior"))
    expected = (posterior["value"] - reml["value"]) / posterior["sd"]
    np.testing.assert_allclose(posterior["difference"], expected, rtol=1e-12)
    assert reml["difference"].isna().all()


def test_tables_are_looked_up_by_some_of_their_levels(three: hb.Comparison) -> None:
    assert three.variance.loc[("sd", "ses")].index.tolist() == ["REML", "ML", "posterior"]
    assert three.groups.loc[("1317", "ses")].shape == (3, 5)
    assert set(three.differences.loc[("REML", "ML")].index.get_level_values(0)) == {
        "gamma", "sd", "corr", "sigma", "icc", "beta",
    }  # fmt: skip
    assert three.uncertainty.loc[("posterior", "beta", "ses")].index.tolist() == [
        "min", "median", "max",
    ]  # fmt: skip


# ---------------------------------------------------------------- the law of total variance


def test_decomposition_is_that_of_the_conditional_moments(posterior_hs: Fit) -> None:
    """Against the moments at each of some draws of θ, in the user's units, one by one."""
    keep = slice(0, 25)
    few = Theta.of(posterior_hs.theta.root[:, keep], posterior_hs.theta.sigma[:, keep])
    fit = replace(posterior_hs, theta=few, gamma_draws=posterior_hs.gamma_draws[:, keep])
    cross, basis, W = fit.problem.cross, fit.problem.cross.basis, fit.groups_of.W
    means, covs, beta, spread = [], [], [], []
    T = basis.scale * basis.z.matrix
    for i in range(few.sigma.size):
        m = Likelihood(cross, NORMAL, fit.gamma_prior).at(few.flat[i]).moments
        means.append(basis.gamma(m.gamma))
        covs.append(np.diag(basis.gamma_covariance(m.gamma_cov)))
        beta.append(W @ means[-1] + basis.u(m.u))
        to_beta = basis.scale * W @ basis.x.matrix - T @ m.u_on_gamma
        cov = T @ m.u_cov @ T.T + to_beta @ m.gamma_cov @ np.swapaxes(to_beta, 1, 2)
        spread.append(np.diagonal(cov, axis1=1, axis2=2))
    split = decompose(fit)
    np.testing.assert_allclose(split.gamma_given, np.mean(covs, axis=0), rtol=1e-9)
    np.testing.assert_allclose(split.gamma_theta, np.var(means, axis=0, ddof=1), rtol=1e-7)
    np.testing.assert_allclose(split.betas[0][0], np.mean(spread, axis=0), rtol=1e-9)
    np.testing.assert_allclose(split.betas[0][1], np.var(beta, axis=0, ddof=1), rtol=1e-7)


def test_decomposition_adds_up_to_the_variance_of_the_draws(
    three: hb.Comparison, posterior_hs: Fit
) -> None:
    split = decompose(posterior_hs)
    total = split.gamma_given + split.gamma_theta
    np.testing.assert_allclose(total, np.diag(posterior_hs.vcov()), rtol=0.1)
    shrunk = posterior_hs.shrinkage()["blup_sd"].to_numpy().reshape(-1, 2)
    np.testing.assert_allclose(np.sqrt(sum(split.betas[0])), shrunk, rtol=0.08)
    row = three.uncertainty.loc[("posterior", "gamma", "ses", "")]
    assert row["given_theta"] ** 2 + row["from_theta"] ** 2 == pytest.approx(total[1])
    assert row["share"] == pytest.approx(split.gamma_theta[1] / total[1])
    assert row["ratio"] == pytest.approx(row["posterior"] / three.fixed.loc[("ses", "REML"), "se"])


def test_groups_of_the_uncertainty_are_named(three: hb.Comparison) -> None:
    posterior, reml = (three.groups.xs(n, level="fit")["sd"] for n in ("posterior", "REML"))
    ratio = (posterior / reml).xs("ses", level="effect")
    rows = three.uncertainty.loc[("posterior", "beta", "ses")]
    assert rows.loc["max", "group"] == ratio.idxmax()
    np.testing.assert_allclose(rows["ratio"], [ratio.min(), ratio.median(), ratio.max()])


def test_no_decomposition_where_gamma_is_sampled(hs: pd.DataFrame, posterior_hs: Fit) -> None:
    model = hb.Model(*SLOPES, data=hs, priors={"gamma": hb.StudentT(4, 0, 20)})
    table = hb.compare(model.reml(), replace(posterior_hs, priors=model.priors)).uncertainty
    assert table[["given_theta", "from_theta", "share"]].isna().all(axis=None)
    assert table["ratio"].notna().all()


# ---------------------------------------------------------------- reasons


def test_boundary(singular: hb.Comparison) -> None:
    for block, name in (("corr", "Intercept, ses"), ("sd", "ses"), ("beta", "ses")):
        assert "boundary" in rules(singular, block, name)
    assert "prior" not in rules(singular, "corr", "Intercept, ses")  # every prior excludes ±1
    assert singular.variance.loc[("sd", "ses", "REML"), ["se", "lower", "upper"]].isna().all()
    text = (
        "(boundary) the estimate of 'REML' lies on the boundary, corr(Intercept, ses) = +1; "
        "'posterior' averages over the inside and cannot lie on the boundary."
    )
    assert any(finding.endswith(text) and "sd(ses) " in finding for finding in singular.findings)
    assert singular.notes[1] == (
        "no standard errors of variance parameters for 'REML': G is singular at the maximum, or "
        "nearly so, and the likelihood has no quadratic approximation there."
    )
    assert any("'REML' and 'posterior': the fixed effects agree" in s for s in singular.agreements)
    assert any("leave out uncertainty of θ" in finding for finding in singular.findings)


def test_boundary_of_a_variance_of_zero() -> None:
    rng = np.random.default_rng(3)
    data = pd.DataFrame({"y": np.tile([1.0, -1.0], 50) + 0.1 * rng.normal(size=100),
                         "g": np.repeat(np.arange(10), 10)})  # fmt: skip
    model = hb.Model("y ~ 1", "~ 1 | g", data=data)
    comparison = hb.compare(model.reml(), exact_posterior(model, **SHORT))
    assert "boundary" in rules(comparison, "sd", "Intercept")
    assert any("boundary, sd(Intercept) = 0; 'pos" in text for text in comparison.findings)


def test_priors_that_differ(hs: pd.DataFrame) -> None:
    fits = {
        name: exact_posterior(
            hb.Model(*SLOPES, data=hs, priors={"corr": hb.LKJ(eta), "sd": hb.HalfT(3, 0, 6.8)}),
            **SHORT,
        )
        for name, eta in (("wide", 1), ("narrow", 20))
    }
    comparison = hb.compare(fits)
    said = ["sd HalfT(3, 0, 6.8), corr LKJ(1)", "sd HalfT(3, 0, 6.8), corr LKJ(20)"]
    assert comparison.overview["priors"].tolist() == said
    assert "prior" in rules(comparison, "corr", "Intercept, ses")
    finding = next(text for text in comparison.findings if "corr(Intercept, ses) " in text)
    assert "'narrow' against 'wide': corr(Intercept, ses)" in finding
    assert finding.endswith(
        "(prior) the priors of corr differ: LKJ(1) in 'wide', LKJ(20) in 'narrow'."
    )
    assert len(comparison.criteria) == 0
    assert any("the fixed effects agree" in text for text in comparison.agreements)


def test_a_prior_that_excludes_or_pulls_the_estimate(hs: pd.DataFrame) -> None:
    def of(prior: hb.Normal) -> hb.Comparison:
        model = hb.Model(*SLOPES, data=hs, priors={"gamma": {"ses": prior}})
        return hb.compare(model.reml(), exact_posterior(model, **SHORT))

    excluded, pulled = of(hb.Normal(0, 0.5)), of(hb.Normal(0, 1))
    assert "prior" in rules(excluded, "gamma", "ses")
    text = " ".join(excluded.findings)
    assert "95% of the prior Normal(0, 0.5) lies between -0.98 and 0.98, which excludes" in text
    assert "prior" in rules(pulled, "gamma", "ses")
    assert "the prior Normal(0, 1) is only 3.4 times as wide as the standard error" in " ".join(
        pulled.findings
    )


def test_few_groups(hs: pd.DataFrame) -> None:
    few = hs[hs["school"].isin(hs["school"].unique()[:5])]
    model = hb.Model("mathach ~ ses", "~ 1 | school", data=few)
    comparison = hb.compare(model.reml(), exact_posterior(model, **SHORT))
    assert {"few groups", "skew"} <= set(rules(comparison, "sd", "Intercept"))
    text = " ".join(comparison.findings)
    assert "(few groups) 5 groups say little about a variance between groups" in text
    assert "of the difference is gone when the median stands for it" in text


def test_reading(hs: pd.DataFrame) -> None:
    few = hs[hs["school"].isin(hs["school"].unique()[:8])]
    model = hb.Model("mathach ~ ses + Sector", "~ 1 | school", data=few)
    comparison = hb.compare(model.reml(), model.ml())
    assert rules(comparison, "sd", "Intercept") == ["reading"]
    row = comparison.differences.loc[("REML", "ML", "sd", "Intercept")]
    se = comparison.variance.loc[("sd", "Intercept", "REML"), "se"]
    assert (row["unit_is"], row["mcse"]) == ("standard errors", 0.0)
    assert row["size"] == pytest.approx(row["difference"] / se)
    assert row["size"] < -0.1
    assert comparison.findings[0].endswith(
        "(reading) ML takes γ as if it were known and does not count the degrees of freedom of its "
        "3 terms, so its sds are smaller; REML integrates γ out."
    )
    assert len(comparison.uncertainty) == 0
    assert "Uncertainty of θ" not in str(comparison)


def test_chains_that_disagree(trio: dict[str, Fit]) -> None:
    moved = trio["posterior"].theta.sigma + 1.0
    moved[0] += 0.1
    bad = replace(trio["posterior"], theta=Theta.of(trio["posterior"].theta.root, moved))
    comparison = hb.compare(trio["posterior"], bad)
    assert rules(comparison, "sigma", "sigma") == ["sampler"]
    assert (
        "(sampler) diagnose() rejects the draws of 'posterior 2': chains disagree (R-hat"
        in (comparison.findings[0])
    )


@pytest.mark.parametrize("engine", ["REML", "posterior"])
def test_identical_fits_agree(trio: dict[str, Fit], engine: str) -> None:
    comparison = hb.compare(trio[engine], trio[engine])
    assert comparison.overview.index.tolist() == [f"{engine} 1", f"{engine} 2"]
    assert comparison.findings == ()
    assert comparison.agreements[:3] == tuple(
        f"'{engine} 1' and '{engine} 2': the {what} are equal."
        for what in ("fixed effects", "variance parameters", "group coefficients")
    )


def test_two_models(reml_fits: Cache[Fit], posterior_hs: Fit) -> None:
    fits = {"no sector": reml_fits["oneway"], "full": posterior_hs}
    comparison = hb.compare(fits)
    assert comparison.fixed.loc[("ses", "no sector")].isna().all()
    assert comparison.variance.loc[("sd", "ses", "no sector")].isna().all()
    assert comparison.groups.loc[("1317", "ses", "no sector")].isna().all()
    assert "model" in rules(comparison, "sd", "Intercept")
    assert (
        "(model) the fixed parts differ; only 'full' has 'ses', 'Sector[T.Public]', "
        "'ses:Sector[T.Public]', and the random parts differ; only 'no sector' has "
        "(1 | school); only 'full' has (1 + ses | school)."
    ) in " ".join(comparison.findings)
    assert comparison.uncertainty["ratio"].isna().all()  # no point fit of the same model
    assert comparison.uncertainty["share"].notna().all()


def test_models_without_a_common_effect(reml_fits: Cache[Fit], hs: pd.DataFrame) -> None:
    slopes = hb.Model("mathach ~ ses", "~ 0 + ses | school", data=hs).reml()
    comparison = hb.compare(reml_fits["oneway"], slopes)
    assert "beta" not in comparison.differences.index.get_level_values("block")
    assert comparison.groups["difference"].isna().all()
    assert "Coefficients of the groups" in str(comparison)


def test_criteria_of_different_fixed_parts(reml_fits: Cache[Fit]) -> None:
    comparison = hb.compare(
        reml_fits["oneway"], reml_fits["means_as_outcomes"], names=["empty", "sector"]
    )
    assert comparison.notes[-1] == (
        "REML criteria are comparable only between models with the same fixed part, and these "
        "have not: use model.ml() to compare them."
    )


def test_a_column_that_kept_its_name(hs: pd.DataFrame) -> None:
    centred = hs.assign(ses=hs["ses"] - hs["ses"].mean())
    fits = [hb.Model("mathach ~ ses", "~ 1 | school", data=data).reml() for data in (hs, centred)]
    comparison = hb.compare(*fits)
    assert "(model) the column 'ses' has other values in 'REML 2'." in " ".join(comparison.findings)


def test_every_later_posterior_is_held_against_the_first(trio: dict[str, Fit]) -> None:
    table = hb.compare(*trio.values(), trio["posterior"]).differences
    pairs = table.index.droplevel(["block", "parameter"]).unique().tolist()
    assert pairs == [("REML", "ML"), ("REML", "posterior 1"), ("REML", "posterior 2"),
                     ("posterior 1", "posterior 2")]  # fmt: skip


def test_a_mode_and_its_posterior(hs: pd.DataFrame, trio: dict[str, Fit]) -> None:
    model = hb.Model("mathach ~ ses", "~ 1 | school", data=hs)
    comparison = hb.compare(model.map(), exact_posterior(model, **SHORT))
    assert comparison.variance.loc[("sd", "Intercept", "MAP"), ["se", "lower"]].isna().all()
    assert "unexplained" not in " ".join(comparison.findings)
    modes = hb.compare(trio["REML"], hb.Model(*SLOPES, data=hs).map(), trio["posterior"])
    assert rules(modes, "sd", "ses") == ["jointly"]
    assert rules(modes, "corr", "Intercept, ses") == ["prior"]  # that centred columns imply
    assert comparison.uncertainty["ratio"].notna().all()


# ---------------------------------------------------------------- bulk of priors


@pytest.mark.parametrize(
    ("prior", "theirs"),
    [
        (hb.Normal(1, 2), stats.norm(1, 2)),
        (hb.StudentT(4, 1, 2), stats.t(4, 1, 2)),
        (hb.HalfNormal(3), stats.halfnorm(scale=3)),
        (hb.HalfT(3, 0, 2), stats.foldnorm),
        (hb.HalfCauchy(2), stats.halfcauchy(scale=2)),
        (hb.Exponential(0.5), stats.expon(scale=2)),
        (hb.Uniform(1, 4), stats.uniform(1, 3)),
        (hb.Gamma(2, 0.5), stats.gamma(2, scale=2)),
        (hb.InverseGamma(3, 2), stats.invgamma(3, scale=2)),
        (hb.LKJ(1), stats.uniform(-1, 2)),
    ],
)
def test_quantiles_of_priors(prior: Any, theirs: Any) -> None:
    for p in (0.025, 0.5, 0.95):
        half_t = isinstance(prior, hb.HalfT)
        expected = 2 * stats.t(3).ppf((1 + p) / 2) if half_t else theirs.ppf(p)
        assert quantile(prior, p) == pytest.approx(expected, rel=1e-9)


def test_the_prior_that_centred_columns_imply(hs: pd.DataFrame) -> None:
    """u = u° − m b° at ses = 0, so sd² = s² − 2 m ρ s t + m² t² with s, t half-t and ρ LKJ(2)."""
    m = 3.0 - hs["ses"].mean()
    fit = hb.Model("mathach ~ ses + (1 + ses | school)", data=hs.assign(ses=hs["ses"] - m)).map()
    assert fit.priors is not None
    rng = np.random.default_rng(4)
    shift = (hs["ses"] - m).mean()
    s, t = (
        prior.parameters["sigma"] * np.abs(rng.standard_t(3, 200_000))
        for _, prior, _ in fit.priors.sd
    )
    rho = 2.0 * rng.beta(2.0, 2.0, 200_000) - 1.0
    sd = np.sqrt(s**2 - 2.0 * shift * rho * s * t + (shift * t) ** 2)
    corr = (rho * s - shift * t) / sd
    for block, name, drawn in (("sd", "Intercept", sd), ("corr", "Intercept, ses", corr)):
        implied = implied_prior(fit, block, name)
        assert implied is not None
        below = [(drawn < implied.quantile(p)).mean() for p in (0.05, 0.25, 0.5, 0.75, 0.95)]
        np.testing.assert_allclose(below, (0.05, 0.25, 0.5, 0.75, 0.95), atol=0.02)
    middle = bulk(implied_prior(fit, "sd", "Intercept"))  # type: ignore[arg-type]
    assert middle is not None and middle.lower < 0.1 * middle.center
    assert str(implied).endswith("LKJ(2) of centred columns")


def test_priors_under_one_of_the_explained_variance(small_data: pd.DataFrame) -> None:
    """R² ~ Beta(1, 1) and shares uniform: of two columns s = σ τ √φ / spread, all by draws."""
    stated = {"r2": hb.R2D2M2(), "sigma": hb.HalfNormal(1)}
    formula = "y ~ x + (1 | g)"
    model = hb.Model(formula, data=small_data, priors=stated)
    fit = replace(hb.Model(formula, data=small_data).map(), priors=model.priors)
    assert prior_of(fit, "gamma", "x") is None
    assert prior_of(fit, "gamma", "Intercept") == (model.priors.gamma[0][1], 1)
    implied = implied_prior(fit, "sd", "Intercept")
    assert implied is not None and str(implied) == "implied by r2 ~ R2D2M2(0.5, 2, 1)"
    rng = np.random.default_rng(5)
    sigma, r2, share = np.abs(rng.normal(size=100_000)), *rng.random((2, 100_000))
    drawn = sigma * np.sqrt(share * r2 / (1.0 - r2))
    below = [(drawn < implied.quantile(p)).mean() for p in (0.1, 0.5, 0.9)]
    np.testing.assert_allclose(below, (0.1, 0.5, 0.9), atol=0.02)


def test_bulk_of_priors() -> None:
    assert bulk(hb.Flat()) is None
    half = bulk(hb.HalfNormal(1))
    assert half is not None
    assert half.lower == 0.0
    assert half.upper == pytest.approx(1.959963985)
    wide, narrow = bulk(hb.LKJ(2), size=2), bulk(hb.LKJ(2), size=4)
    assert wide is not None
    assert narrow is not None
    assert narrow.upper < wide.upper


# ---------------------------------------------------------------- print


def test_printed(three: hb.Comparison) -> None:
    text = str(three)
    assert text.startswith(
        "Comparison of 3 fits: REML, ML, posterior\n"
        "  Model:  mathach ~ 1 + ses + Sector + ses:Sector + (1 + ses | school)\n"
        "  Data:   1977 rows, 40 groups (school)\n\n"
    )
    assert "\ncorr(Intercept, ses) REML " in text
    assert "Coefficients of the groups, the 3 of 40 groups that differ most:" in text
    assert "nan" not in text.lower()
    assert max(map(len, text.splitlines())) <= 100
    assert repr(three).startswith("Comparison of 3 fits: REML, ML, posterior\n  Model:  ")
    html = three._repr_html_()
    assert html.count("<table") == 6
    assert "<li>" in html


# ---------------------------------------------------------------- wrong input

WRONG: dict[str, tuple[Callable[[dict[str, Fit]], object], str]] = {
    "none": (lambda f: hb.compare(), "a comparison needs at least two fits, not 0; "
             "add another, as in compare(model.reml(), model.sample())"),
    "one": (lambda f: hb.compare(f["REML"]), "a comparison needs at least two fits, not 1; "
            "add another, as in compare(model.reml(), model.sample())"),
    "no fit": (lambda f: hb.compare(f["REML"], "ML"),  # type: ignore[arg-type]
               "compare() takes fits, and argument 2 is of type str; fits are what "
               "model.reml(), ml(), map() and sample() return"),
    "repeated": (lambda f: hb.compare(f["REML"], f["ML"], names=["a", "a"]),
                 "two fits are named 'a'; give each its own name"),
    "too few names": (lambda f: hb.compare(f["REML"], f["ML"], names=["a"]),
                      "2 fits need 2 names, not 1"),
    "one text": (lambda f: hb.compare(f["REML"], f["ML"], names="ab"),
                 "2 fits need 2 names, not 1"),
    "empty name": (lambda f: hb.compare({"a": f["REML"], " ": f["ML"]}),
                   "a fit's name must be a text that is not empty, not ' '"),
    "named twice": (lambda f: hb.compare(f, names=["a", "b"]),
                    "the mapping names the fits; leave out names=..."),
}  # fmt: skip


@pytest.mark.parametrize("case", WRONG)
def test_wrong_input(case: str, trio: dict[str, Fit]) -> None:
    action, message = WRONG[case]
    with pytest.raises(StudyError) as refused:
        action(trio)
    assert str(refused.value) == message


@pytest.mark.parametrize("prob", [0, 1, 95, "wide"])
def test_wrong_probability(prob: Any, trio: dict[str, Fit]) -> None:
    with pytest.raises(IntervalError, match=r"prob must lie between 0 and 1, not"):
        hb.compare(trio["REML"], trio["ML"], prob=prob)


def test_different_data(hs: pd.DataFrame) -> None:
    def fit(data: pd.DataFrame, formula: str = "mathach ~ ses", group: str = "school") -> Fit:
        return hb.Model(formula, f"~ 1 | {group}", data=data).reml()

    def refusal(other: Fit) -> str:
        with pytest.raises(StudyError) as refused:
            hb.compare(fit(hs), other)
        return str(refused.value)

    holes = hs.copy()
    holes.loc[holes.index[:3], "ses"] = np.nan
    start = "'REML 1' and 'REML 2' are fits of different data: "
    assert refusal(fit(holes)) == (
        f"{start}1977 rows (no rows dropped) and 1974 rows (3 rows dropped for missing values "
        "(3 in 'ses')); fit both on the rows that are complete for both"
    )
    assert refusal(fit(hs, "np.sqrt(mathach + 10) ~ ses")).startswith(
        f"{start}the response ('mathach' and 'np.sqrt(mathach + 10)') differs in 1977 of 1977 rows"
    )
    other = hs.assign(half=np.arange(len(hs)) % 30)
    assert refusal(fit(other, group="half")) == (
        f"{start}the groups differ, 'school' with 40 and 'half' with 30; "
        "compare fits of the same grouping"
    )
