"""Studies of priors where errors have a structure, weights or known variances."""

import re
from functools import cache
from typing import Any

import numpy as np
import pytest
from arviz_stats.base import array_stats
from numpy.testing import assert_allclose

import hierbayes as hb
from hierbayes import residuals as hr
from hierbayes.estimation import residual_posterior
from hierbayes.estimation.settings import SamplerSettings
from hierbayes.fit.structured.densities import StructuredDensities
from hierbayes.likelihood.reading import NORMAL
from hierbayes.likelihood.theta import Theta
from hierbayes.priors.quantile import quantile, quantile_within
from hierbayes.studies.sensitivity.alternatives import read_alternatives
from hierbayes.studies.sensitivity.answers import baseline_of, sample_anew, weights_of
from hierbayes.studies.sensitivity.structured_deletion import structured_cases
from hierbayes.studies.sensitivity.support import obstacle
from hierbayes.studies.sensitivity.usual_grid import default_grid
from tests.dense import Array
from tests.test_residual_structures import ROWS, dense_loglik, errors_by_hand

STRUCTURE = hr.AR1("week") * hr.Strata("sex")
ERRORS = ["phi", "ratio[M]"]
WEIGHED = ROWS.assign(w=1.0 + np.arange(len(ROWS)) % 3, se=1.0 + 0.3 * (np.arange(len(ROWS)) % 4))


@cache
def posterior() -> Any:
    model = hb.Model("y ~ x + (1 | g)", WEIGHED, residual=STRUCTURE, weights="w")
    return model.sample(draws=400, chains=2, seed=3, progress=False)


def weighted_mean(values: Array, weights: Array) -> tuple[float, float]:
    """Of draws (chains, draws), with the Monte Carlo error of their influence."""
    mean = float(values.ravel() @ weights)
    influence = values.size * weights.reshape(values.shape) * (values - mean)
    return mean, float(array_stats.mcse(influence, method="mean", chain_axis=0, draw_axis=1))


@pytest.mark.slow
def test_the_likelihood_of_each_draw_is_that_of_its_own_errors() -> None:
    fit = posterior()
    densities = fit.densities
    assert isinstance(densities, StructuredDensities)
    flat = hb.Model("y ~ x + (1 | g)", WEIGHED, residual=STRUCTURE, weights="w",
                    priors={"gamma": hb.Flat()})  # fmt: skip
    found = densities.log_likelihood(flat.priors)
    given = densities.log_likelihood_given_gamma()
    W, y = np.diag(1.0 / np.sqrt(WEIGHED["w"])), fit.design.rows.response
    Z = np.eye(fit.design.factor.J)[fit.design.rows.codes]
    rest, of_given = [], []
    for i in range(0, 800, 160):
        values = dict(zip(fit.error_draws[0], densities.error_values[i], strict=True))
        R = W @ errors_by_hand(STRUCTURE, WEIGHED, values) @ W
        G, sigma = fit.theta.flat.G[i], float(fit.theta.sigma.ravel()[i])
        rest.append(found[i] - dense_loglik(fit, G, sigma, R, restricted=True))
        V = G[0, 0] * Z @ Z.T + sigma**2 * R
        away = y - fit.design.rows.X @ densities.gamma[i]
        dense = -0.5 * (np.linalg.slogdet(V)[1] + away @ np.linalg.solve(V, away))
        of_given.append(given[i] - dense)
    assert_allclose(np.diff(rest), 0.0, atol=1e-8)
    assert_allclose(np.diff(of_given), 0.0, atol=1e-8)


@pytest.mark.slow
def test_weighted_draws_are_a_fit_under_the_other_prior() -> None:
    """Of γ, sd, σ and the errors: means beside those of posteriors sampled anew."""
    fit = posterior()
    baseline = baseline_of(fit)
    grid = {
        "residual": {"one": {"phi": hb.Normal(0.3, 0.3), "ratio[M]": hb.LogNormal(0.3, 0.3)}},
        "several": {"two": {"gamma": {"x": hb.Normal(0, 0.5)}, "sigma": hb.Exponential(2.0)}},
    }
    problem = baseline.fit.problem
    for number, one in enumerate(read_alternatives(grid, problem, baseline.priors)):
        weights = weights_of(baseline, one.priors)
        assert weights.trusted
        moved = fit.with_gamma(one.priors) if one.name == "two" else fit
        settings = SamplerSettings(400, 400, 2, 11 + number, 0.9, "auto", 1, progress=False)
        anew = sample_anew(problem, one.priors, settings)
        assert_allclose(anew.gamma_prior.precision, moved.gamma_prior.precision, rtol=1e-12)
        for name, of in {
            "gamma": lambda f: f.gamma_draws[..., 1], "sd": lambda f: f.theta.sd[..., 0],
            "sigma": lambda f: f.theta.sigma, "phi": lambda f: f.error_draws[1][..., 0],
            "ratio": lambda f: f.error_draws[1][..., 1],
        }.items():  # fmt: skip
            mean, error = weighted_mean(of(moved), weights.values)
            wanted, other = weighted_mean(of(anew), np.full(800, 1.0 / 800.0))
            spread = of(anew).std()
            # proposals are drawn with repeats, which makes the error larger than it looks
            assert abs(mean - wanted) < 6.0 * np.hypot(error, other) + 0.02 * spread, name


@pytest.mark.slow
def test_weighted_draws_have_the_moments_of_a_dense_quadrature() -> None:
    """Errors alone: (ρ, σ) on a grid of n × n densities, under another prior of ρ and of σ."""
    structure = hr.CompoundSymmetry(group="g")
    priors = {"gamma": hb.Flat(), "sigma": hb.HalfNormal(2)}
    model = hb.Model("y ~ x", ROWS, residual=structure, priors=priors)
    fit: Any = model.sample(draws=400, chains=2, seed=4, progress=False)
    other = {"other": {"residual": hb.Normal(0.2, 0.2), "sigma": hb.Exponential(1.5)}}
    study = hb.SensitivityStudy(fit, {"several": other}, progress=False)
    assert study.alternatives["how"].tolist() == ["re-weighted"]
    rho, sigma = np.linspace(-0.1, 0.95, 32), np.linspace(0.8, 2.6, 32)
    table = np.array([
        [dense_loglik(model, np.zeros((0, 0)), s, errors_by_hand(structure, ROWS, {"rho": r}),
                      restricted=True) - 1.5 * s - 0.5 * ((r - 0.2) / 0.2) ** 2 for s in sigma]
        for r in rho
    ])  # fmt: skip
    p = np.exp(table - table.max())
    p /= p.sum()
    weights = study.answers[0].weights.values
    for values, wanted in (
        (fit.error_draws[1][..., 0], p.sum(axis=1) @ rho), (fit.theta.sigma, p.sum(axis=0) @ sigma),
    ):  # fmt: skip
        mean, error = weighted_mean(values, weights)
        assert abs(mean - wanted) < 6.0 * error + 2e-3
    named = study.table.index.tolist()
    assert named == ["Intercept", "x", "sigma", "rho"]
    assert_allclose(study.cells["mean"].sel(quantity="rho"), mean_of(fit, weights), rtol=1e-12)


def mean_of(fit: Any, weights: Array) -> float:
    return float(fit.error_draws[1][..., 0].ravel() @ weights)


@pytest.mark.slow
def test_the_page_and_its_tables_name_the_parameters_of_errors() -> None:
    fit = posterior()
    grid = {"residual": {"tight": {"phi": hb.Normal(0, 0.2)}}, "sigma": [hb.Exponential(1)]}
    study = hb.SensitivityStudy(fit, grid, progress=False)
    shown = str(study)
    assert "residual = AR1('week') * Strata('sex')" in shown
    for name in ("phi", "ratio[M]"):
        assert re.search(rf"- {re.escape(name)}: ", shown)
        assert study.table.loc[name, "REML"] == study.maximum.loc[name, "REML"]
    assert study.blocks.columns.tolist() == ["residual", "sigma"]
    assert list(study.power_scaling)[:-3] == ["gamma", "sd", "sigma", "residual"]
    assert study.power_scaling.loc["ratio[M]", "residual"] > 0.01
    told = study.information()
    assert ("residual", "phi") in told.index and ("residual", "ratio[M]") in told.index
    assert_allclose(told.loc[("residual", "phi"), ["prior_25%", "prior_75%"]], [-0.5, 0.5])
    numbers = study.derivatives()["number"].to_numpy().tolist()
    assert "residual(ratio[M]).sigma" in numbers and "residual(phi).mu" not in numbers
    (usual,) = (block for block in default(fit) if block == "residual")
    assert set(default(fit)[usual]) == {"residual narrower", "residual wider"}
    with pytest.raises(hb.StudyError, match=r"no parameter of the errors 'rho'; they are: 'phi'"):
        hb.SensitivityStudy(fit, grid, [hb.quantities.Residual("rho")], progress=False)
    shares = hb.SensitivityStudy(fit, grid, [hb.quantities.ICC()], refit=False, progress=False)
    assert_allclose(shares.table.loc["icc", "mean"], fit.icc()["icc"], rtol=1e-12)


def default(fit: Any) -> dict[str, Any]:
    return default_grid(fit.problem, fit.priors)


def test_weights_are_the_variances_of_errors_alone() -> None:
    """A prior of them is one of their parameters under ``residual``, that of φ left as it is."""
    model = hb.Model("y ~ x + (1 | g)", WEIGHED, residual=STRUCTURE)
    problem, baseline = model.problem, model.priors
    narrow, wide = hb.LogNormal(0.0, 0.1), hb.LogNormal(0.0, 2.0)
    grid = {
        "weights": [narrow, wide],
        "several": {"s": {"weights": narrow, "sd": hb.HalfNormal(1)}},
    }
    found = read_alternatives(grid, problem, baseline)
    assert [one.name for one in found] == [
        "weights LogNormal(0, 0.1)",
        "weights LogNormal(0, 2)",
        "s",
    ]
    assert [one.block for one in found] == ["weights", "weights", "several"]
    for one, prior in zip(found, (narrow, wide, narrow), strict=True):
        assert one.priors.families["residual", "ratio[M]"] == prior
        assert one.priors.families["residual", "phi"] == baseline.families["residual", "phi"]
    phi = {"phi": hb.Normal(0, 1)}
    for wrong, message in (
        (
            {"weights": {"n": phi}},
            "'phi' is no parameter of the variances of the errors, which 'weights' is about; they "
            "are: 'ratio[M]'",
        ),
        (
            {"several": {"n": {"weights": narrow, "residual": phi}}},
            "'weights' is part of 'residual'; state both by parameter under 'residual'",
        ),
    ):
        with pytest.raises(hb.StudyError) as caught:
            read_alternatives(wrong, problem, baseline)
        assert str(caught.value) == message
    alone = hb.Model("y ~ x + (1 | g)", WEIGHED, residual=hr.AR1("week"))
    with pytest.raises(hb.StudyError, match="there is no block of priors called 'weights'; they"):
        read_alternatives({"weights": [narrow]}, alone.problem, alone.priors)


@pytest.mark.slow
def test_a_prior_that_ends_inside_another_is_an_obstacle() -> None:
    fit = posterior()
    baseline = baseline_of(fit)
    of = {"inside": hb.Uniform(-0.5, 0.5), "half": hb.Beta(2, 2), "cut": hb.Normal(0, 1)}
    found = read_alternatives(
        {"residual": {name: {"phi": prior} for name, prior in of.items()}}, fit.problem, fit.priors
    )
    by_name = {one.name: one.priors for one in found}
    for one in found:
        assert obstacle(baseline.densities, one.priors, baseline.priors) == ""
    excluded = "the baseline's prior of residual(phi), Beta(2, 2), excludes what it allows"
    assert obstacle(baseline.densities, by_name["cut"], by_name["half"]) == excluded
    assert "excludes what it allows" in obstacle(
        baseline.densities, by_name["half"], by_name["inside"]
    )


def test_the_prior_of_gamma_in_the_density_is_that_of_the_columns() -> None:
    model = hb.Model("y ~ x + (1 | g)", ROWS, residual=STRUCTURE)
    target, centre, _ = residual_posterior.structured_target(
        model.problem, model.priors, progress=False
    )
    w = centre + 0.2 * np.random.default_rng(3).normal(size=len(centre))
    steps = 1e-5 * np.eye(len(w))
    wanted = [(target.value(w + h)[0] - target.value(w - h)[0]) / 2e-5 for h in steps]
    assert_allclose(target.with_gradient(w)[1], wanted, rtol=2e-6, atol=2e-6)


@pytest.mark.slow
def test_where_errors_are_known_sd_is_weighted_as_by_quadrature() -> None:
    model = hb.Model("y ~ x + (1 | g)", WEIGHED, known_sd="se", priors={"gamma": hb.Flat()})
    fit: Any = model.sample(draws=400, chains=2, seed=2, progress=False)
    study = hb.SensitivityStudy(fit, {"sd": {"other": hb.HalfNormal(0.6)}}, progress=False)
    assert study.alternatives["how"].tolist() == ["re-weighted"]
    assert study.table.index.tolist() == ["Intercept", "x", "sd(Intercept)"]
    assert "sigma" not in study.power_scaling and "sigma" not in default(fit)
    assert "sigma" not in study.information().index.get_level_values("block")
    R, sd = np.diag(WEIGHED["se"] ** 2), np.linspace(0.0, 3.5, 141)
    log_p = [dense_loglik(model, np.array([[s**2]]), 1.0, R, restricted=True) - s**2 / 0.72
             for s in sd]  # fmt: skip
    p = np.exp(np.array(log_p) - max(log_p))
    mean, error = weighted_mean(fit.theta.sd[..., 0], study.answers[0].weights.values)
    assert abs(mean - p @ sd / p.sum()) < 6.0 * error + 2e-3
    with pytest.raises(hb.StudyError, match=r"^a prior of 'sigma' is of a residual variance that"):
        hb.SensitivityStudy(fit, {"several": {"a": {"sigma": hb.HalfNormal(1)}}}, progress=False)


def test_quantiles_of_priors_that_are_cut() -> None:
    x = np.linspace(-1.0, 1.0, 200_001)
    density = np.exp(-0.5 * ((x - 0.4) / 0.7) ** 2)
    cdf = np.cumsum(density) / density.sum()
    for p in (0.05, 0.5, 0.9):
        found = quantile_within(hb.Normal(0.4, 0.7), p, (-1.0, 1.0))
        assert found == pytest.approx(x[np.searchsorted(cdf, p)], abs=2e-5)
    prior = hb.StudentT(3, 0, 2)
    assert quantile_within(prior, 0.3, (-np.inf, np.inf)) == pytest.approx(quantile(prior, 0.3))
    assert quantile(hb.Beta(1, 3), 0.5) == pytest.approx(1.0 - 0.5 ** (1.0 / 3.0))


@pytest.mark.slow
def test_evidence_under_each_prior_is_that_of_its_model() -> None:
    """Weighted from the draws of the baseline, and integrated by itself."""
    stated: dict[str, Any] = {
        "gamma": hb.Normal(0, 3),
        "sd": hb.HalfNormal(1),
        "sigma": hb.HalfNormal(2),
    }

    def model(**other: Any) -> hb.Model:
        return hb.Model("y ~ x + (1 | g)", WEIGHED, residual=hr.AR1("week"), weights="w",
                        priors=stated | other)  # fmt: skip

    fit: Any = model().sample(draws=400, chains=2, seed=6, progress=False)
    grid: dict[str, Any] = {
        "gamma": {"wide": hb.Normal(0, 6)},
        "sd": {"small": hb.HalfNormal(0.5), "flat": hb.Flat()},
        "residual": {"near 0.3": {"phi": hb.Normal(0.3, 0.3)}},
    }
    found = hb.SensitivityStudy(fit, grid, ["x"], refit=False, progress=False).evidence()
    assert found.loc["flat", "how"] == "no evidence"
    base = hb.evidence(model())
    assert found.loc["baseline", "log_evidence"] == pytest.approx(base.log_evidence, abs=1e-9)
    for block, name in (("gamma", "wide"), ("sd", "small"), ("residual", "near 0.3")):
        wanted, own = hb.evidence(model(**{block: grid[block][name]})), found.loc[name]
        assert own["how"] == "re-weighted"
        error = np.hypot(wanted.error, own["error"])
        assert abs(own["log_evidence"] - wanted.log_evidence) < 6.0 * error + 0.01, name


@pytest.mark.parametrize(
    ("formula", "structure"),
    [
        ("y ~ x + (1 | clinic) + (1 | g)", STRUCTURE),
        ("y ~ x + (1 | g) + (1 | week)", hr.Strata("sex")),
    ],
)
def test_levels_of_one_of_several_factors_left_out_are_the_problem_of_the_others(
    formula: str, structure: hr.ResidualStructure
) -> None:
    """At stated θ and errors; priors of γ are those of all columns, so that they are stated."""
    priors = {"gamma": hb.Normal(0.5, 3)}
    whole = hb.Model(formula, WEIGHED, residual=structure, weights="w", priors=priors)
    problem, q = whole.problem, len(whole.problem.design.effects)
    assert problem.moments is not None
    start = problem.moments.rows.start
    z = np.array([start, start + 0.3, start + 0.3])
    theta = Theta.of(
        np.array([np.eye(q), np.diag([0.4, 1.2]), np.eye(q)]), np.array([1.0, 0.8, 2.0])
    )
    densities = StructuredDensities(problem, theta, np.zeros((3, 2)), z)
    found = {
        (j, a): (ratio, gamma)
        for j, a, ratio, gamma in structured_cases(
            densities, whole.priors, [whole.priors], 0, progress=False
        )
    }
    factor = problem.design.factors[0]
    assert_allclose(np.diff(found[factor.J, 0][0]), 0.0, atol=1e-10)
    before = densities.log_likelihood(whole.priors)
    column = factor.name
    for j in (0, factor.J - 1):
        rows = WEIGHED[WEIGHED[column].astype(str) != str(factor.labels[j])]
        left = hb.Model(formula, rows, residual=structure, weights="w", priors=priors)
        other = StructuredDensities(left.problem, theta, np.zeros((3, 2)), z)
        ratio = other.log_likelihood(left.priors) - before
        assert_allclose(np.diff(found[j, 0][0]), np.diff(ratio), atol=1e-9)  # but for a constant
        own = left.priors.normal_gamma(left.problem.products)
        gammas = other.reduction.gamma_means(own, NORMAL)
        assert_allclose(found[j, 0][1], gammas, rtol=1e-9)


@pytest.mark.slow
def test_a_group_left_out_is_a_fit_of_the_others() -> None:
    """Means of γ, sd, σ and the errors beside those of a posterior of the other rows."""
    priors = {"gamma": hb.Flat(), "sd": hb.HalfNormal(3), "sigma": hb.HalfNormal(3)}
    label = str(WEIGHED["g"].iloc[0])
    whole, again = (
        hb.Model("y ~ x + (1 | g)", rows, residual=STRUCTURE, weights="w", priors=priors)
        .sample(draws=300, chains=2, seed=8, progress=False)
        for rows in (WEIGHED, WEIGHED[WEIGHED["g"].astype(str) != label])
    )  # fmt: skip
    study = hb.SensitivityStudy(whole, {"sigma": [hb.Exponential(1)]}, progress=False)
    found = study.deletion(progress=False).sel(group=label, alternative="baseline")
    assert found["quantity"].to_numpy().tolist()[2:] == ["sd(Intercept)", "sigma", *ERRORS]
    assert float(found["k_hat"]) < 0.7
    even = np.full(600, 1.0 / 600.0)
    for one in study.estimands.quantities:
        before, after = one.draws(whole), one.draws(again)
        moved = float(found["movement"].sel(quantity=one.name)) * before.std()
        errors = [weighted_mean(draws, even)[1] for draws in (before, after)]
        allowed = 6.0 * float(np.hypot(errors[0], errors[1])) + 0.03 * before.std()
        assert abs(moved - (after.mean() - before.mean())) < allowed, one.name
