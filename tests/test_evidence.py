"""Marginal likelihoods against dense quadrature, Bayes factors, Savage and Dickey's ratio."""

import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.polynomial.legendre import leggauss
from numpy.typing import NDArray
from pymc.pytensorf import compile as compile_pytensor
from scipy import stats
from scipy.special import logsumexp

import hierbayes as hb
from hierbayes.estimation.compiled import free_variables, join_values
from hierbayes.inference.evidence.gaussian_integrand import gaussian_integrand
from hierbayes.inference.evidence.integral import Integrand
from tests.interpreted import INTERPRETED

Array = NDArray[np.float64]


def _data() -> pd.DataFrame:
    rng = np.random.default_rng(5)
    g = np.repeat(np.arange(5), 3)
    data = pd.DataFrame({"g": g, "k": np.arange(15) % 3, "x": rng.normal(size=15)})
    data["w"] = rng.normal(size=5)[g]
    u, v = rng.normal(0.0, 1.2, 5), rng.normal(0.0, 0.7, 5)
    data["y"] = 1.0 + (0.5 + v[g]) * data["x"] + u[g] + rng.normal(0.0, 0.8, 15)
    data["c"] = rng.poisson(np.exp(0.4 + 0.5 * u[g]))
    return data


DATA = _data()
GAMMA = {"gamma": hb.Normal(0.5, 3.0)}
WIDEST = float(np.exp(4.5))
SD, SIGMA = ((-16.0, -2.5), (-2.5, 4.5)), ((-2.5, 3.0),)  # of logarithms
COARSE, FINE = ((10, 36), (30,)), ((16, 80), (60,))  # nodes, of two effects and of one


def nodes(pieces: tuple[tuple[float, float], ...], counts: tuple[int, ...]) -> tuple[Array, Array]:
    """Gauss–Legendre over logarithms t: exp(t), and the log of weight times dexp(t)/dt."""
    points, weights = [], []
    for (low, high), n in zip(pieces, counts, strict=True):
        t, w = leggauss(n)
        points.append(low + 0.5 * (t + 1.0) * (high - low))
        weights.append(np.log(0.5 * w * (high - low)) + points[-1])
    return np.exp(np.concatenate(points)), np.concatenate(weights)


def dense(model: hb.Model, log_prior: Callable[[Array, Array], Any]) -> float:
    """log p(y) of n × n normal densities: independent effects, γ ~ N(½, 9) each."""
    rows = model.problem.design.rows
    Zs = [rows.Z[:, [k]] * (rows.codes_of[at][:, None] == np.arange(rows.codes_of[at].max() + 1))
          for at, span in enumerate(model.problem.design.spans)
          for k in range(span.start, span.stop)]  # fmt: skip
    of_sd, of_sigma = FINE if len(Zs) == 1 else COARSE
    sds, sigmas = nodes(SD, of_sd), nodes(SIGMA, of_sigma)
    sd = np.stack(np.meshgrid(*[sds[0]] * len(Zs), sigmas[0], indexing="ij"), -1)
    sd = sd.reshape(-1, len(Zs) + 1)
    log_w = np.sum(np.meshgrid(*[sds[1]] * len(Zs), sigmas[1], indexing="ij"), axis=0).ravel()
    r = rows.y - 0.5 * rows.X.sum(axis=1)
    fixed, found = 9.0 * rows.X @ rows.X.T, []
    for part in np.array_split(sd, -(-len(sd) // 5000)):
        V = fixed + part[:, -1, None, None] ** 2 * np.eye(len(r))
        for k, Z in enumerate(Zs):
            V = V + part[:, k, None, None] ** 2 * (Z @ Z.T)
        root = np.linalg.cholesky(V)
        z = np.linalg.solve(root, np.broadcast_to(r[:, None], (len(part), len(r), 1)))
        log_det = np.log(np.diagonal(root, axis1=1, axis2=2)).sum(axis=1)
        found.append(-0.5 * (z[..., 0] ** 2).sum(axis=1) - log_det)
    constant = -0.5 * len(r) * np.log(2.0 * np.pi)
    prior = log_prior(sd[:, :-1], sd[:, -1])
    return float(logsumexp(np.concatenate(found) + prior + log_w) + constant)


def posed(random: str, **priors: Any) -> hb.Model:
    return hb.Model(f"y ~ x + {random}", data=DATA, priors={**GAMMA, **priors})


def half_cauchy(scale: float) -> Callable[[Array], Array]:
    return lambda v: stats.halfcauchy.logpdf(v, scale=scale)


def half_t(nu: float, scale: float) -> Callable[[Array], Array]:
    return lambda v: np.log(2.0) + stats.t.logpdf(v, nu, scale=scale)


# Priors of one sd and of σ, and scipy's log densities of them.
FAMILIES: dict[str, tuple[dict[str, Any], Callable[[Array], Array], Callable[[Array], Array]]] = {
    "half-normal, half-Cauchy": (
        {"sd": hb.HalfNormal(1.5), "sigma": hb.HalfCauchy(2)},
        lambda s: stats.halfnorm.logpdf(s, scale=1.5), half_cauchy(2),
    ),
    "half-t, exponential": (
        {"sd": hb.HalfT(3, 0, 2), "sigma": hb.Exponential(0.7)},
        half_t(3, 2), lambda t: stats.expon.logpdf(t, scale=1 / 0.7),
    ),
    "exponential, gamma": (
        {"sd": hb.Exponential(0.4), "sigma": hb.Gamma(2, 1.5)},
        lambda s: stats.expon.logpdf(s, scale=2.5),
        lambda t: stats.gamma.logpdf(t, 2, scale=1 / 1.5),
    ),
    "uniform, inverse gamma": (
        {"sd": hb.Uniform(0, WIDEST), "sigma": hb.InverseGamma(2, 1)},
        lambda s: stats.uniform.logpdf(s, 0, WIDEST),
        lambda t: stats.invgamma.logpdf(t, 2),
    ),
    "inverse Wishart, PC": (
        {"G": hb.InverseWishart(4, 3), "sigma": hb.PC(3, 0.1)},
        lambda s: stats.invgamma.logpdf(s**2, 2, scale=1.5) + np.log(2.0 * s),
        lambda t: stats.expon.logpdf(t, scale=-3 / np.log(0.1)),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", FAMILIES)
def test_a_random_intercept_equals_dense_quadrature(name: str) -> None:
    priors, of_sd, of_sigma = FAMILIES[name]
    model = posed("(1 | g)", **priors)
    expected = dense(model, lambda sd, sigma: of_sd(sd[:, 0]) + of_sigma(sigma))
    found = hb.evidence(model)
    assert found.method == "quadrature"
    assert found.error < 1e-5
    assert found.log_evidence == pytest.approx(expected, abs=1e-4)


def test_a_prior_of_the_intraclass_correlation_has_its_constants() -> None:
    model = posed("(1 | g)", icc=hb.Beta(1.5, 3), sigma=hb.HalfT(3, 0, 2))

    def log_prior(sd: Array, sigma: Array) -> Array:
        s = sd[:, 0]
        icc = s**2 / (s**2 + sigma**2)
        slope = 2.0 * s * sigma**2 / (s**2 + sigma**2) ** 2
        return stats.beta.logpdf(icc, 1.5, 3) + np.log(slope) + half_t(3, 2)(sigma)

    assert hb.evidence(model).log_evidence == pytest.approx(dense(model, log_prior), abs=1e-4)


@pytest.fixture(scope="module")
def independent() -> tuple[hb.Model, float]:
    model = posed("(1 | g) + (0 + x | g)", sd=hb.HalfNormal(1.5), sigma=hb.HalfCauchy(2))
    return model, dense(model, lambda sd, sigma: stats.halfnorm.logpdf(sd, scale=1.5).sum(axis=1)
                        + half_cauchy(2)(sigma))  # fmt: skip


@pytest.mark.slow
def test_intercepts_and_slopes_equal_dense_quadrature(independent: tuple[hb.Model, float]) -> None:
    model, expected = independent
    found = hb.evidence(model)
    assert found.log_evidence == pytest.approx(expected, abs=1e-4)
    assert found.error < 1e-4


def test_importance_sampling_knows_its_error(independent: tuple[hb.Model, float]) -> None:
    model, expected = independent
    found = hb.evidence(model, method="importance", points=256, seed=3)
    assert found.method == "importance sampling"
    assert found.k_hat < 0.7
    assert 1e-5 < found.error < 0.05
    assert abs(found.log_evidence - expected) < 6.0 * found.error


@pytest.mark.slow
def test_crossed_factors_equal_dense_quadrature() -> None:
    model = posed("(1 | g) + (1 | k)", sd=hb.HalfT(4, 0, 1), sigma=hb.Exponential(1))
    expected = dense(model, lambda sd, sigma: half_t(4, 1)(sd).sum(axis=1)
                     + stats.expon.logpdf(sigma))  # fmt: skip
    assert hb.evidence(model).log_evidence == pytest.approx(expected, abs=1e-4)


def graph_density(model: hb.Model) -> tuple[Callable[[Array], float], Integrand]:
    """PyMC's log density of the coordinates, and the integrand in the same ones."""
    graph = model.graph()
    x, outputs = join_values(graph, free_variables(graph), graph.logp(), ["root", "sigma"])
    with graph:
        function = compile_pytensor([x], outputs, mode=INTERPRETED)
    return lambda point: float(function(point)[0]), gaussian_integrand(model.problem, model.priors)


@pytest.mark.slow
def test_the_integrand_is_the_density_of_the_graph_per_volume_of_its_coordinates() -> None:
    model = hb.Model("y ~ x", "~ 1 + x | g", data=DATA, priors={"corr": hb.LKJ(1.7)})
    theirs, ours = graph_density(model)
    units = ours.log_density(ours.mode[None])[0] - theirs(ours.mode)
    point = ours.mode + np.array([0.4, -0.3, 0.5, 0.2])
    assert ours.log_density(point[None])[0] == pytest.approx(theirs(point) + units, rel=1e-10)


@pytest.mark.parametrize("eta", [1.0, 3.0])
def test_a_correlation_prior_integrates_to_one(eta: float) -> None:
    """As the sds of a slope that no data inform: one row a group, and x = 0 in all of them."""
    model = hb.Model("y ~ x", "~ 1 + x | g", data=DATA,
                     priors={**GAMMA, "sd": {"1": hb.HalfNormal(1.5), "x": hb.Gamma(40, 4000)},
                             "sigma": hb.HalfCauchy(2), "corr": hb.LKJ(eta)})  # fmt: skip
    smaller = posed("(1 | g)", sd=hb.HalfNormal(1.5), sigma=hb.HalfCauchy(2))
    # a slope whose sd is 0.01 for sure changes next to nothing, whatever its correlation
    larger = hb.evidence(model, points=128)
    assert larger.log_evidence == pytest.approx(
        hb.evidence(smaller).log_evidence, abs=6.0 * larger.error + 2e-3
    )


# ---------------------------------------------------------------- Bayes factors


@pytest.fixture(scope="module")
def nested() -> tuple[hb.Model, hb.Model]:
    """With w, and without, everything else the same."""
    priors = {"gamma": hb.Normal(0, 2), "sd": hb.HalfNormal(1.5), "sigma": hb.HalfCauchy(2)}
    larger, smaller = (hb.Model(f"y ~ {x} + (1 | g)", data=DATA, priors=priors)
                       for x in ("x + w", "x"))  # fmt: skip
    return larger, smaller


@pytest.fixture(scope="module")
def factor(nested: tuple[hb.Model, hb.Model]) -> hb.BayesFactor:
    larger, smaller = nested
    return hb.bayes_factor(smaller, larger, names=["without w", "with w"], prior=[3, 1])


def test_a_bayes_factor_is_the_difference_of_logs(factor: hb.BayesFactor) -> None:
    logs = factor.table["log_evidence"]
    assert factor.log_bf == logs["without w"] - logs["with w"]
    assert factor.pairs.loc["with w", "without w"] == -factor.log_bf
    odds = 3.0 * np.exp(factor.log_bf)
    assert factor.table.loc["without w", "posterior"] == pytest.approx(odds / (1.0 + odds))
    assert factor.table["prior"].tolist() == [0.75, 0.25]


def test_savage_and_dickey_equal_the_ratio_of_evidences(
    nested: tuple[hb.Model, hb.Model], factor: hb.BayesFactor
) -> None:
    ratio = hb.savage_dickey(nested[0], "w")
    assert ratio.log_bf == pytest.approx(factor.log_bf, abs=1e-5)
    assert ratio.log_prior == pytest.approx(stats.norm.logpdf(0.0, 0.0, 2.0), abs=1e-12)
    assert ratio.hypothesis == "w = 0"


def test_a_published_bridge_sampling_estimate() -> None:
    """The hierarchical normal example of R's bridgesampling 1.1: 20 means of error 1.

    τ² ~ inverse gamma(1, 1), μ ~ N(0, 1) or 0.  It states errors of 0.16 % and 0.14 %, of which
    this allows three.
    """
    means = [
        1.19365332223286, 1.95745331447926, -0.721617544248442, -1.87380833183414,
        -1.16928238803571, 0.519608526148965, -0.0361004054183593, 0.425088147637733,
        0.411192210768259, -0.812369798961578, 0.729673566384298, 3.48186721598277,
        2.31126381351968, 2.00029422430242, -0.276435069996009, 1.06882369534777,
        -0.950835992563893, -1.89651100619651, 2.56019736663007, 0.237030602100842,
    ]  # fmt: skip
    data = pd.DataFrame({"y": means, "study": range(20), "se": 1.0})
    priors = {"G": hb.InverseWishart(2.0, [[2.0]]), "gamma": hb.Normal(0.0, 1.0)}
    model = hb.Model("y ~ 1 + (1 | study)", data, known_sd="se", priors=priors)
    assert hb.evidence(model).log_evidence == pytest.approx(-37.79683, abs=0.005)
    assert hb.savage_dickey(model, "Intercept").log_bf == pytest.approx(np.log(1.30343), abs=0.0065)


def test_two_terms_together_equal_the_ratio_of_evidences(nested: tuple[hb.Model, hb.Model]) -> None:
    empty = hb.Model("y ~ 1 + (1 | g)", data=DATA, priors={
        "gamma": hb.Normal(0, 2), "sd": hb.HalfNormal(1.5), "sigma": hb.HalfCauchy(2)})  # fmt: skip
    ratio = hb.savage_dickey(nested[0], ["x", "w"])
    expected = hb.bayes_factor(empty, nested[0])
    assert ratio.log_bf == pytest.approx(expected.log_bf, abs=1e-5)


def test_a_contrast_is_a_term_of_other_columns(nested: tuple[hb.Model, hb.Model]) -> None:
    """γ_x = γ_w leaves one column x + w, whose prior is that of γ_x given the contrast."""
    ratio = hb.savage_dickey(nested[0], "x - w", at=0.0)
    data = DATA.assign(s=DATA["x"] + DATA["w"])
    gamma = {"1": hb.Normal(0, 2), "s": hb.Normal(0, np.sqrt(2.0))}
    equal = hb.Model("y ~ s + (1 | g)", data=data, priors={
        "gamma": gamma, "sd": hb.HalfNormal(1.5), "sigma": hb.HalfCauchy(2)})  # fmt: skip
    expected = hb.evidence(equal).log_evidence - hb.evidence(nested[0]).log_evidence
    assert ratio.log_bf == pytest.approx(expected, abs=1e-5)


def test_draws_of_a_posterior_give_the_same_ratio(
    small: hb.Model, small_posterior: hb.PosteriorFit
) -> None:
    exact = hb.savage_dickey(small, "w", at=0.1, points=128)
    drawn = hb.savage_dickey(small_posterior, "w", at=0.1)
    assert 0.0 < drawn.error < 0.2
    assert abs(drawn.log_bf - exact.log_bf) < 6.0 * np.hypot(drawn.error, exact.error)
    assert drawn.log_prior == exact.log_prior


def test_priors_twice_as_wide_change_the_evidence_as_said(
    nested: tuple[hb.Model, hb.Model],
) -> None:
    found = hb.evidence(nested[1])
    for block, wide in {
        "gamma": hb.Normal(0, 4),
        "sd": hb.HalfNormal(3),
        "sigma": hb.HalfCauchy(4),
    }.items():
        stated = {"gamma": hb.Normal(0, 2), "sd": hb.HalfNormal(1.5), "sigma": hb.HalfCauchy(2)}
        model = hb.Model("y ~ x + (1 | g)", data=DATA, priors=stated | {block: wide})
        change = hb.evidence(model).log_evidence - found.log_evidence
        assert found.wider.loc[block, "change"] == pytest.approx(change, abs=2e-3)


def test_results_print_and_are_read_back(factor: hb.BayesFactor) -> None:
    one = factor.evidences[0]
    for result in (factor, one):
        assert str(pickle.loads(pickle.dumps(result))) == str(result)
    assert "With priors twice as wide" in str(one)
    assert "the likelihood over the prior" in str(factor)
    assert "without w" in factor._repr_html_()


def test_a_prior_made_by_pymc_is_that_prior() -> None:
    import pymc as pm  # noqa: PLC0415

    built_in = {"sd": hb.HalfNormal(1.5), "sigma": hb.HalfCauchy(2)}
    made = {"sd": pm.HalfNormal.dist(1.5), "sigma": pm.HalfCauchy.dist(2)}
    found = [hb.evidence(posed("(1 | g)", **priors)).log_evidence for priors in (built_in, made)]
    assert found[1] == pytest.approx(found[0], abs=1e-5)


def test_rows_of_twice_the_weight_have_the_evidence_of_a_smaller_error() -> None:
    stated = {"gamma": hb.Normal(0, 2), "sd": hb.HalfNormal(1.5)}
    weighted = hb.Model("y ~ x + (1 | g)", data=DATA.assign(two=2.0), weights="two",
                        priors=stated | {"sigma": hb.HalfCauchy(2)})  # fmt: skip
    plain = hb.Model("y ~ x + (1 | g)", data=DATA,
                     priors=stated | {"sigma": hb.HalfCauchy(np.sqrt(2.0))})  # fmt: skip
    found = [hb.evidence(model).log_evidence for model in (weighted, plain)]
    assert found[0] == pytest.approx(found[1], abs=1e-6)
    ratios = [hb.savage_dickey(model, "x").log_bf for model in (weighted, plain)]
    assert ratios[0] == pytest.approx(ratios[1], abs=1e-6)


# ---------------------------------------------------------------- studies


@pytest.mark.slow
def test_a_study_weighs_the_evidence_of_the_baseline(
    small: hb.Model, small_posterior: hb.PosteriorFit
) -> None:
    own = {"wide": hb.HalfT(3, 0, 2)}
    grid = {"sigma": own, "gamma": {"normal": hb.Normal(0, 2)}, "corr": {"high": hb.LKJ(4)},
            "sd": {"flat": hb.Flat()}}  # fmt: skip
    study = hb.SensitivityStudy(small_posterior, grid, ["x"], refit=False, progress=False)
    found = study.evidence()
    assert found["how"].tolist() == ["integrated", *["re-weighted"] * 3, "no evidence"]
    assert "is improper (flat)" in found.loc["flat", "reason"]
    base = found.loc["baseline", "log_evidence"]
    stated: dict[str, dict[str, Any]] = {
        "wide": {"sigma": hb.HalfT(3, 0, 2)}, "normal": {"gamma": hb.Normal(0, 2)},
        "high": {"corr": hb.LKJ(4)},
    }  # fmt: skip
    for name, priors in stated.items():
        model = hb.Model("y ~ x + w", "~ 1 + x | g", data=small.data, priors=priors)
        other = hb.evidence(model, points=256)
        error = np.hypot(other.error, found.loc[name, "error"])
        assert abs(other.log_evidence - found.loc[name, "log_evidence"]) < 6.0 * error
        assert found.loc[name, "log_bf"] == pytest.approx(found.loc[name, "log_evidence"] - base)


# ---------------------------------------------------------------- families


@pytest.mark.slow
def test_counts_equal_dense_quadrature() -> None:
    """One γ and one sd: p(y_j | γ, sd) by Gauss–Hermite, the two by Gauss–Legendre."""
    model = hb.Model("c ~ 1 + (1 | g)", data=DATA, family="poisson",
                     priors={"gamma": hb.Normal(0, 1.5), "sd": hb.HalfNormal(1)})  # fmt: skip
    z, w = np.polynomial.hermite_e.hermegauss(80)
    t, wt = leggauss(40)
    gamma, sd = 0.4 + 3.0 * t, 2.5 * (t + 1.0)
    eta = gamma[:, None, None, None] + sd[:, None, None] * z[:, None]
    log_p = stats.poisson.logpmf(DATA["c"].to_numpy(), np.exp(eta))  # (γ, sd, u, row)
    by_group = log_p.reshape(*log_p.shape[:-1], 5, 3).sum(axis=-1)
    log_y = logsumexp(by_group, axis=2, b=(w / w.sum())[:, None]).sum(axis=-1)
    prior = stats.norm.logpdf(gamma, 0, 1.5)[:, None] + stats.halfnorm.logpdf(sd)
    expected = logsumexp(log_y + prior, b=np.outer(3.0 * wt, 2.5 * wt))
    found = hb.evidence(model, points=16, nodes=9)
    assert found.error < 0.1
    assert abs(found.log_evidence - expected) < 6.0 * found.error
    assert found.method == (
        "importance sampling, u by adaptive Gauss–Hermite quadrature with 9 nodes"
    )


# ---------------------------------------------------------------- refusals


def _refused(asked: Callable[[], object]) -> str:
    with pytest.raises(hb.HierbayesError) as refused:
        asked()
    return str(refused.value)


def test_improper_priors_have_no_evidence() -> None:
    words = _refused(lambda: hb.evidence(posed("(1 | g)", gamma=hb.Flat(), sigma=hb.Flat())))
    assert words.startswith(
        "the prior of 'gamma: Intercept', 'gamma: x', 'sigma' is improper (flat): it is a density "
        "but for a constant that could be anything"
    )


def test_a_flat_prior_has_no_density_to_compare_with() -> None:
    model = posed("(1 | g)", gamma={"x": hb.Flat(), "1": hb.Normal(0, 2)})
    words = _refused(lambda: hb.savage_dickey(model, "x"))
    assert words.startswith("the prior of 'x' is flat, for that of 'x' is")


def test_what_has_no_evidence_is_refused_in_words(nested: tuple[hb.Model, hb.Model]) -> None:
    model = nested[0]
    fewer = hb.Model("y ~ x + (1 | g)", data=DATA.iloc[1:])
    assert "15 rows" in _refused(lambda: hb.bayes_factor(model, fewer))
    other = hb.Model("y ~ x + (1 | g)", data=DATA.assign(y=DATA["y"] + 1.0))
    assert "differ in the response" in _refused(lambda: hb.bayes_factor(model, other))
    assert _refused(lambda: hb.bayes_factor(model)) == (
        "a Bayes factor needs at least two models, not 1"
    )
    assert _refused(lambda: hb.evidence(model.reml())) == (
        "a fit by REML has no priors, and without priors there is no evidence: give the model "
        "itself, or what model.sample() returns"
    )
    assert "of type DataFrame" in _refused(lambda: hb.evidence(DATA))
    assert "positive weights" in _refused(lambda: hb.bayes_factor(model, model, prior=[1, -1]))
    assert "method must be one of" in _refused(lambda: hb.evidence(model, method="bridge"))
    assert "seed must be a whole number" in _refused(lambda: hb.evidence(model, seed=-1))
    assert "at least 16" in _refused(lambda: hb.evidence(model, points=3))
    sampled = posed("(1 | g)", gamma=hb.StudentT(4, 0, 2))
    assert "'Intercept', 'x' is not normal" in _refused(lambda: hb.savage_dickey(sampled, "x"))
    counts = hb.Model("c ~ x + (1 | g)", data=DATA, family="poisson")
    assert "hb.bayes_factor()" in _refused(lambda: hb.savage_dickey(counts, "x"))
