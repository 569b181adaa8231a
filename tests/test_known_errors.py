"""Known standard deviations of errors: R's numbers, quadrature, and what has no meaning then."""

import json
from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose
from scipy.optimize import minimize_scalar
from scipy.stats import chi2, gamma, multivariate_normal, norm

import hierbayes as hb
from tests.conftest import REFERENCE

FOLDER = REFERENCE / "weights"
R: dict[str, dict[str, Any]] = json.loads((FOLDER / "r.json").read_text())
KNOWN = [name for name, case in R.items() if case["kind"] == "known-variance"]


def studies(name: str) -> pd.DataFrame:
    case = R[name]
    data = pd.read_csv(FOLDER / case["file"])
    return data.assign(s=np.sqrt(data[case["sampling_variance"]]), trial=np.arange(len(data)))


def model_of(name: str, **words: Any) -> hb.Model:
    case = R[name]
    outer = f" + (1 | {case['outer']})" if "outer" in case else ""
    return hb.Model(f"{case['fixed']} + (1 | trial){outer}", studies(name), known_sd="s", **words)


@pytest.mark.parametrize("engine", ["REML", "ML"])
@pytest.mark.parametrize("name", KNOWN)
def test_r(name: str, engine: str) -> None:
    """A dense likelihood, maximised, with which metafor agrees; tau = 0 exactly where it is."""
    theirs = R[name][engine]
    fit = model_of(name).reml() if engine == "REML" else model_of(name).ml()
    assert fit.loglik == pytest.approx(theirs["logLik"], abs=1e-8)
    assert fit.aic == pytest.approx(theirs["AIC"], abs=1e-7)
    sd = [theirs["tau"], *([theirs["tau_outer"]] if theirs.get("tau_outer") is not None else [])]
    assert_allclose(np.sqrt(np.diag(fit.G)), sd, rtol=1e-5, atol=0.0)
    assert fit.singular == (0 in sd)
    assert_allclose(fit.gamma, list(theirs["fixef"].values()), rtol=1e-4)
    assert_allclose(np.sqrt(np.diag(fit.vcov())), list(theirs["se"].values()), rtol=1e-5)
    if len(sd) == 1:
        assert_allclose(fit.ranef().to_numpy().ravel(), theirs["ranef"], rtol=1e-4, atol=1e-9)
        given = fit.ranef_cov(given_gamma=True).to_numpy().ravel()
        assert_allclose(given, theirs["ranef_cond_var"], rtol=1e-4, atol=1e-12)


def test_slopes_by_dense_matrices() -> None:
    """An intercept and a slope for each method of allocation: ℓ is that of V, and no less near."""
    data = studies("bcg_ablat").assign(x=lambda d: (d["ablat"] - 33.0) / 15.0)
    fit = hb.Model("y ~ x + (1 + x | alloc)", data, known_sd="s").ml()
    codes = pd.factorize(data["alloc"])[0]
    X = np.column_stack([np.ones(len(data)), data["x"]])

    def loglik(root: np.ndarray) -> float:
        V = (X @ root @ root.T @ X.T) * (codes[:, None] == codes) + np.diag(data["v"])
        inverse = np.linalg.inv(V)
        gamma = np.linalg.solve(X.T @ inverse @ X, X.T @ inverse @ data["y"])
        r = data["y"].to_numpy() - X @ gamma
        log_det = np.linalg.slogdet(V)[1]
        return float(-0.5 * (len(r) * np.log(2 * np.pi) + log_det + r @ inverse @ r))

    root = fit.theta.root[0, 0]
    assert fit.loglik == pytest.approx(loglik(root), abs=1e-9)
    rng = np.random.default_rng(0)
    tried = [loglik(root + scale * rng.normal(size=(2, 2))) for scale in (1e-3, 1e-2, 0.1, 0.5) * 5]
    assert max(tried) <= fit.loglik + 1e-9


def test_eight_schools_by_quadrature() -> None:
    """Posterior means and sds of tau and mu on a grid of tau, mu integrated out exactly."""
    priors = {"sd": hb.HalfNormal(10), "gamma": hb.Normal(0, 20)}
    fit = model_of("eight_schools", priors=priors).sample(
        draws=1000, chains=2, seed=3, sampler="importance", progress=False
    )
    data = studies("eight_schools")
    tau = np.linspace(0.0, 60.0, 6001)
    w = 1.0 / (data["v"].to_numpy() + tau[:, None] ** 2)
    precision = w.sum(axis=1) + 1.0 / 400.0
    mean = (w * data["y"].to_numpy()).sum(axis=1) / precision
    square = (w * data["y"].to_numpy() ** 2).sum(axis=1)
    log_p = 0.5 * (np.log(w).sum(axis=1) - np.log(precision) - square + mean**2 * precision)
    p = np.exp(log_p - log_p.max() - 0.5 * (tau / 10.0) ** 2)
    p /= p.sum()
    table = fit.summary().parameters
    for place, (centre, spread) in {
        ("sd", "Intercept"): (p @ tau, np.sqrt(p @ tau**2 - (p @ tau) ** 2)),
        ("gamma", "Intercept"): (
            p @ mean,
            np.sqrt(p @ (1.0 / precision + mean**2) - (p @ mean) ** 2),
        ),
    }.items():
        row = table.loc[place]
        assert row["mean"] == pytest.approx(centre, abs=6.0 * spread / np.sqrt(1000))
        assert row["sd"] == pytest.approx(spread, rel=0.2)
    assert "sigma" not in table.index.get_level_values("block")
    assert_allclose(fit.theta.sigma, 1.0, atol=1e-8)
    with pytest.raises(hb.EstimationError, match=r"share no residual variance"):
        fit.icc()


def test_limits_and_residuals() -> None:
    fit = model_of("bcg").reml()
    s = studies("bcg")["s"]
    assert_allclose(fit.residuals(kind="pearson"), fit.residuals() / s)
    new = fit.predict(prob=0.9, kind="response")["se"] ** 2
    assert_allclose(new, fit.predict(prob=0.9, kind="mean")["se"] ** 2 + s**2)
    rows = hb.wald(fit).rows
    assert np.isinf(rows["df"]).all()
    assert rows["se"].iloc[0] == pytest.approx(R["bcg"]["REML"]["se"]["(Intercept)"], rel=1e-6)
    assert "Residual" not in fit.var_corr().index
    assert repr(fit).endswith("; errors of known standard deviations")
    assert "known_sd = s" in str(fit) and "Residual" not in str(fit.summary().random)
    assert "N(0, s_ij²)" in str(model_of("bcg").equations().within)


@pytest.mark.parametrize(
    ("engine", "limits"),
    [("reml", (0.339508623967, 0.982189048256)), ("ml", (0.324156414110, 0.913188084035))],
)
def test_limits_of_tau_are_those_of_the_profile(engine: str, limits: tuple[float, float]) -> None:
    """confint of metafor's rma.mv (3.8-1), which profiles σ²."""
    fit = getattr(model_of("bcg"), engine)()
    row = fit.intervals().loc[("sd", "Intercept")]
    assert_allclose(row[["lower", "upper"]].astype(float), limits, rtol=1e-5)
    assert "of sd by the profile likelihood, exact" in fit.intervals().attrs["method"]
    assert fit.diagnose().ok and "inside the parameter space" in str(fit.diagnose())


def test_a_tau_of_zero_is_said_in_words() -> None:
    """Eight schools: the upper limit by the profile of a likelihood of τ on its own."""
    fit = model_of("eight_schools").reml()
    row = fit.intervals().loc[("sd", "Intercept")]
    data = studies("eight_schools")
    y, v = data["y"].to_numpy(), data["v"].to_numpy()

    def deviance(tau: float) -> float:
        w = 1.0 / (v + tau**2)
        mean = w @ y / w.sum()
        return float(-np.log(w).sum() + np.log(w.sum()) + w @ (y - mean) ** 2)

    assert (row["lower"], row["estimate"]) == (0.0, 0.0)
    assert deviance(row["upper"]) - deviance(0.0) == pytest.approx(chi2.ppf(0.95, 1), abs=1e-8)
    said = str(fit.diagnose())
    assert "maximum is on the boundary" in said
    assert f"the data do not exclude one of up to {row['upper']:.3g}" in " ".join(said.split())


def test_array() -> None:
    data = studies("bcg")
    fit = hb.Model("y ~ 1 + (1 | trial)", data, known_sd=data["s"].to_numpy()).reml()
    assert fit.loglik == pytest.approx(R["bcg"]["REML"]["logLik"], abs=1e-8)


def test_refused() -> None:
    """What has no meaning without a residual variance, or is not made for known ones."""
    model = model_of("bcg")
    fit = model.reml()
    known = r"known_sd= states those of all rows"
    with pytest.raises(hb.DataError, match=r"there is no column 's' in the rows that are given"):
        fit.given(studies("bcg").head(1).assign(trial=99).drop(columns="s"))
    with pytest.raises(hb.EstimationError, match=r"hb.variance_explained\(fit\) for I²"):
        fit.icc()
    with pytest.raises(hb.HypothesisError, match=known):
        hb.wald(fit, df="satterthwaite")
    with pytest.raises(hb.PriorError, match=known):
        model_of("bcg", priors={"sigma": hb.HalfNormal(1)})
    with pytest.raises(hb.FormulaError, match=r"weights= and known_sd= both state the variances"):
        model_of("bcg", weights="v")
    with pytest.raises(hb.FormulaError, match=r"code for lme4 has no known standard deviations"):
        model.emit("lme4")
    with pytest.raises(hb.DataError, match=r"known_sd: 's' is 0 at row label 2"):
        hb.Model("y ~ 1 + (1 | trial)", studies("bcg").assign(
            s=lambda d: d["s"].where(d.index != 2, 0.0)), known_sd="s")  # fmt: skip


def simulated_studies() -> pd.DataFrame:
    rng = np.random.default_rng(4)
    data = pd.DataFrame({"study": [f"s{k}" for k in range(12)], "x": rng.normal(size=12)})
    data["s"] = rng.uniform(0.3, 1.2, 12)
    data["y"] = 1.0 + 0.5 * data["x"] + rng.normal(size=12) + data["s"] * rng.normal(size=12)
    return data


def test_shrinkage_is_that_of_each_study() -> None:
    data = simulated_studies()
    fit = hb.Model("y ~ x + (1 | study)", data, known_sd="s").reml()
    tau2, frame = float(fit.G[0, 0]), fit.shrinkage()
    v = data.set_index("study").loc[fit.design.groups, "s"].to_numpy() ** 2
    assert_allclose(frame["shrinkage[Intercept]"], tau2 / (tau2 + v), rtol=1e-12)
    observed = data.set_index("study")["y"].loc[fit.design.groups]
    assert_allclose(fit.blue()["Intercept"], observed, rtol=1e-10)


def test_a_study_left_out_is_fitted_anew() -> None:
    data = simulated_studies()
    found = hb.influence(hb.Model("y ~ x + (1 | study)", data, known_sd="s").reml())
    assert list(found.variance) == ["sd(Intercept)"]
    assert (found.frame["method"] == "refit").all()
    for k in (0, 7):
        without = hb.Model("y ~ x + (1 | study)", data.drop(index=k), known_sd="s").reml()
        name = data["study"][k]
        assert_allclose(found.gamma.loc[name], without.gamma, rtol=1e-6)
        sd = np.sqrt(without.G[0, 0])
        assert_allclose(found.variance.loc[name, "sd(Intercept)"], sd, rtol=1e-5)


def test_profiles_have_no_sigma() -> None:
    """Of τ by the search over it alone; of a slope by dense matrices."""
    data = simulated_studies()
    fit = hb.Model("y ~ x + (1 | study)", data, known_sd="s").ml()
    table = hb.profile(fit, deviance="ml").intervals()
    assert ("sigma", "sigma") not in table.index
    columns = ["lower", "estimate", "upper"]
    stated = fit.intervals().loc[[("sd", "Intercept")], columns]
    assert_allclose(table.loc[[("sd", "Intercept")], columns], stated, rtol=1e-5, atol=1e-6)

    x, y, s = (data[name].to_numpy() for name in ("x", "y", "s"))
    variance = np.linspace(0.0, 6.0, 20_001)[:, None] + s**2  # of each study, by τ²

    def deviance(slope: float) -> float:
        w, rest = 1.0 / variance, y - slope * x
        mean = (w @ rest) / w.sum(axis=1)
        each = np.log(variance) + w * (rest - mean[:, None]) ** 2
        return float(each.sum(axis=1).min())

    least = deviance(fit.gamma[1])
    for limit in table.loc[("gamma", "x"), ["lower", "upper"]]:
        assert deviance(limit) - least == pytest.approx(chi2.ppf(0.95, 1), abs=1e-3)


def test_rows_left_out_given_the_estimates() -> None:
    """Each row given all others, by a dense normal law at the estimates, γ integrated out."""
    data = simulated_studies().assign(study=lambda d: d["study"].str[:2])  # some of two rows
    fit = hb.Model("y ~ x + (1 | study)", data, known_sd="s").reml()
    codes = pd.factorize(data["study"])[0]
    X, y = np.column_stack([np.ones(12), data["x"]]), data["y"].to_numpy()
    V = fit.G[0, 0] * (codes[:, None] == codes) + np.diag(data["s"] ** 2)
    V = V + 1e7 * X @ X.T  # a flat prior of γ
    P = np.linalg.inv(V)
    variance = 1.0 / np.diag(P)
    mean = y - (P @ y) * variance
    elpd = -0.5 * (np.log(2 * np.pi * variance) + (y - mean) ** 2 / variance)
    assert_allclose(hb.loo(fit).frame["elpd"], elpd, rtol=1e-4)


def test_level_2_residuals_are_standardized_by_their_own_variance() -> None:
    data = simulated_studies()
    fit = hb.Model("y ~ x + (1 | study)", data, known_sd="s").reml()
    X, tau2 = np.column_stack([np.ones(12), data["x"]]), float(fit.G[0, 0])
    P = np.diag(1.0 / (tau2 + data["s"] ** 2))
    P = P - P @ X @ np.linalg.solve(X.T @ P @ X, X.T @ P)
    sd = tau2 * np.sqrt(np.diag(P))
    frame = hb.level2_residuals(fit).frame.loc[data["study"]]
    assert_allclose(frame["standardized[Intercept]"], frame["u[Intercept]"] / sd, rtol=1e-9)


@pytest.mark.slow
def test_refits_to_simulated_responses_hold_the_known_errors() -> None:
    fit = hb.Model("y ~ x + (1 | study)", simulated_studies(), known_sd="s").reml()
    drawn = hb.bootstrap(fit, n=300, seed=1, progress=False)
    assert list(drawn.table.index) == [
        ("gamma", "Intercept"), ("gamma", "x"), ("sd", "Intercept")
    ]  # fmt: skip
    gamma = drawn.table.loc["gamma"]
    assert (np.abs(gamma["bias"]) < 5.0 * gamma["mcse"]).all()
    stated = np.sqrt(np.diag(fit.vcov()))
    assert_allclose(gamma["se"], stated, rtol=6.0 / np.sqrt(2.0 * 300))


def test_a_regression_with_known_errors_is_weighted_least_squares() -> None:
    data = simulated_studies()
    plain = hb.Model("y ~ x", data, known_sd="s").ml()
    X, W = np.column_stack([np.ones(12), data["x"]]), np.diag(1.0 / data["s"] ** 2)
    cov = np.linalg.inv(X.T @ W @ X)
    assert_allclose(plain.gamma, cov @ X.T @ W @ data["y"], rtol=1e-10)
    assert_allclose(plain.vcov(), cov, rtol=1e-10)
    rest = (data["y"] - X @ plain.gamma) / data["s"]
    loglik = -0.5 * float((rest**2 + np.log(2.0 * np.pi * data["s"] ** 2)).sum())
    assert plain.loglik == pytest.approx(loglik, rel=1e-12)
    assert "weighted least squares" in str(plain.diagnose())
    larger = hb.Model("y ~ x + (1 | study)", data, known_sd="s").ml()
    ratio = hb.likelihood_ratio(larger, plain)
    assert ratio.chisq == pytest.approx(2.0 * (larger.loglik - loglik), rel=1e-9)


@pytest.mark.slow
def test_graph_has_the_known_errors() -> None:
    """What its potential gains from one τ to another is what a dense normal law does."""
    data = simulated_studies()
    priors: dict[str, Any] = {"gamma": hb.Normal(0, 2), "sd": hb.HalfNormal(3)}
    model = hb.Model("y ~ x + (1 | study)", data, known_sd="s", priors=priors)
    graph = model.graph()
    X, y = np.column_stack([np.ones(12), data["x"]]), data["y"].to_numpy()

    def dense(tau: float) -> float:
        V = 4.0 * X @ X.T + np.diag(tau**2 + data["s"] ** 2)
        return -0.5 * float(np.linalg.slogdet(V)[1] + y @ np.linalg.solve(V, y))

    def found(tau: float) -> float:
        signed = np.array([tau]) / graph["sd_unit"].get_value()
        at = {graph["signed_sd"]: signed, graph["sigma"]: np.array(1.0)}
        return float(graph["log_likelihood"].eval(at))

    assert found(2.0) - found(0.5) == pytest.approx(dense(2.0) - dense(0.5), rel=1e-8)
    explicit = model.graph(collapse=False)
    assert {one.name for one in explicit.free_RVs} >= {"signed_sd", "b"}


@pytest.mark.slow
def test_mode_of_tau() -> None:
    """The highest of a dense density of y, times the prior of τ."""
    data = simulated_studies()
    priors: dict[str, Any] = {"gamma": hb.Normal(0, 2), "sd": hb.Gamma(2, 1.5)}
    fit = hb.Model("y ~ x + (1 | study)", data, known_sd="s", priors=priors).map()
    X, y = np.column_stack([np.ones(12), data["x"]]), data["y"].to_numpy()

    def density(tau: float) -> float:
        law = multivariate_normal(np.zeros(12), 4.0 * X @ X.T + np.diag(tau**2 + data["s"] ** 2))
        return float(law.logpdf(y) + gamma(2, scale=1 / 1.5).logpdf(tau))

    best = minimize_scalar(lambda tau: -density(tau), bounds=(0.01, 5.0), method="bounded",
                           options={"xatol": 1e-8})  # fmt: skip
    assert np.sqrt(fit.G[0, 0]) == pytest.approx(best.x, rel=1e-4)
    assert fit.evidence.value == pytest.approx(-best.fun, abs=1e-6)
    assert str(fit).startswith("Hierarchical model, mode of the marginal posterior of (sd, corr)\n")


def test_fits_are_compared_without_shares_of_variance() -> None:
    model = hb.Model("y ~ x + (1 | study)", simulated_studies(), known_sd="s")
    compared = hb.compare(model.reml(), model.ml())
    blocks = compared.variance.index.get_level_values(0)
    assert "singular" not in str(compared) and "variances of all errors are known" in str(compared)
    assert "sd" in blocks and not {"icc", "sigma"} & set(blocks)


def test_standard_errors_of_standard_deviations_are_compared() -> None:
    """By the delta method from the Wald limits on log sd."""
    data = pd.read_csv(REFERENCE / "meta" / "konstantopoulos2011.csv")
    model = hb.Model("yi ~ 1 + (1 | district/school)", data, known_sd="s")
    fit = model.reml()
    limits = fit.intervals().loc["sd"]
    compared = hb.compare(fit, model.ml()).variance
    rows = compared.xs("REML", level=-1).loc["sd"]
    half = np.log(limits["upper"] / limits["estimate"]) / norm.ppf(0.975)
    assert_allclose(rows["se"], limits["estimate"] * half, rtol=1e-6)


def test_power_is_that_of_rows_with_their_known_errors() -> None:
    """Estimates vary as weighted least squares do where G is nothing, and the level is kept."""
    model = model_of("bcg")
    design = model.problem.design
    truth = {"gamma": np.zeros(len(design.terms)), "G": [[1e-12]], "sigma": 1.0}
    test = [design.terms[-1]]
    study = hb.power(model, test, truth, replications=60, seed=1, cores=1, progress=False)
    X = design.rows.X / studies("bcg")["s"].to_numpy()[:, None]
    se = np.sqrt(np.linalg.inv(X.T @ X)[-1, -1])
    assert 0.6 < study.replications["estimate"].std() / se < 1.6
    assert (study.replications["p"] < 0.05).mean() < 0.05 + 6.0 * np.sqrt(0.05 * 0.95 / 60)


def test_a_study_more_is_known_at_the_estimates() -> None:
    """u of a new study is its residual, shrunk by the variances; of a posterior at each draw."""
    data = simulated_studies()
    model = hb.Model("y ~ x + (1 | study)", data, known_sd="s")
    fit, new = model.reml(), data.head(1).assign(study="new", y=3.0, s=0.5)
    tau2 = float(fit.G[0, 0])
    rows = pd.concat([data, new])
    X, V = np.column_stack([np.ones(13), rows["x"]]), tau2 + rows["s"] ** 2
    solved = np.linalg.solve(X.T @ (X / V.to_numpy()[:, None]), X.T @ (rows["y"] / V))
    wanted = tau2 / V.iloc[-1] * (3.0 - X[-1] @ solved)
    assert_allclose(fit.given(new).ranef().loc["new", "Intercept"], wanted, rtol=1e-10)


def test_studies_left_out_are_predicted_by_the_others() -> None:
    """γ and u integrated out: normal, about the estimate from the others."""
    data = simulated_studies()
    found = hb.logo(hb.Model("y ~ x + (1 | study)", data, known_sd="s").reml()).frame["elpd"]
    for k in (0, 3):
        left = hb.Model("y ~ x + (1 | study)", data.drop(index=k), known_sd="s").reml()
        x = np.array([1.0, data["x"][k]])
        v = x @ left.vcov().to_numpy() @ x + left.G[0, 0] + data["s"][k] ** 2
        wanted = norm.logpdf(data["y"][k], x @ left.gamma, np.sqrt(v))
        assert_allclose(found[data["study"][k]], wanted, rtol=1e-6)


@pytest.mark.parametrize("engine", ["reml", "ml"])
def test_limits_of_several_levels_are_those_of_a_dense_hessian(engine: str) -> None:
    """Wald on log sd, by second differences of a likelihood of districts and schools."""
    data = pd.read_csv(REFERENCE / "meta" / "konstantopoulos2011.csv")
    fit = getattr(hb.Model("yi ~ 1 + (1 | district/school)", data, known_sd="s"), engine)()
    same = data["district"].to_numpy()[:, None] == data["district"].to_numpy()
    y, one = data["yi"].to_numpy(), np.ones(len(data))

    def loglik(log_sd: np.ndarray) -> float:
        outer, inner = np.exp(2.0 * log_sd)
        V = outer * same + np.diag(inner + data["vi"])
        W = np.linalg.inv(V)
        mean = one @ W @ y / (one @ W @ one)
        value = -0.5 * np.linalg.slogdet(V)[1] - 0.5 * (y - mean) @ W @ (y - mean)
        return float(value - (0.5 * np.log(one @ W @ one) if engine == "reml" else 0.0))

    at, h = np.log(np.sqrt(np.diag(fit.G))), 1e-3 * np.eye(2)
    hessian = [
        [sum(a * b * loglik(at + a * h[i] + b * h[j]) for a in (1, -1) for b in (1, -1))
         for j in range(2)] for i in range(2)
    ]  # fmt: skip
    half = norm.ppf(0.975) * np.sqrt(np.diag(np.linalg.inv(-np.array(hessian) / 4e-6)))
    found = fit.intervals().loc["sd"]
    assert_allclose(found["lower"], np.exp(at - half), rtol=1e-4)
    assert_allclose(found["upper"], np.exp(at + half), rtol=1e-4)
    assert "sigma" not in fit.intervals().index.get_level_values("block")
    assert "hb.profile(fit) has those of the profile" in fit.intervals().attrs["method"]


def test_limits_of_a_correlation_of_outcomes() -> None:
    """An sd for each outcome: limits inside, and missing where the maximum is singular."""
    data = pd.read_csv(REFERENCE / "meta" / "berkey1998.csv")
    model = hb.Model("yi ~ 0 + outcome + (0 + outcome | trial)", data, known_sd="s")
    inside, singular = model.reml().intervals(), model.ml().intervals()
    assert ((inside["lower"] < inside["estimate"]) & (inside["estimate"] < inside["upper"])).all()
    assert inside.loc["corr"][["lower", "upper"]].abs().to_numpy().max() < 1.0
    assert singular.loc[["sd", "corr"], ["lower", "upper"]].isna().all(axis=None)
