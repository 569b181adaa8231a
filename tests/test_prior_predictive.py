"""What the priors imply: against a simulation by numpy and scipy alone, and closed forms."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from math import atan, pi
from typing import Any

import numpy as np
import pandas as pd
import pymc as pm
import pytest
import xarray as xr
from scipy import stats

import hierbayes as hb
from hierbayes.errors import IntervalError
from hierbayes.frames.arrays import Floats
from hierbayes.likelihood.theta import Theta
from hierbayes.studies.prior_predictive.line_points import line_points
from hierbayes.studies.prior_predictive.new_responses import mixture_quantile
from hierbayes.studies.prior_predictive.prior_predictive import PriorPredictive

pytestmark = pytest.mark.slow

FORMULA, RANDOM = "mathach ~ ses * Sector", "~ 1 + ses | school"
DRAWS = 4000

# Three sets of priors, and the same distributions in scipy's words.
STATED: dict[str, dict[str, Any]] = {
    "half-t and normal": {
        "gamma": hb.Normal(0, 5),
        "sd": {"1": hb.HalfT(3, 0, 4), "ses": hb.HalfNormal(1)},
        "corr": hb.LKJ(2),
        "sigma": hb.HalfNormal(8),
    },
    "gamma and t": {
        "gamma": hb.StudentT(4, 1, 3),
        "sd": {"1": hb.Gamma(2.5, 0.8), "ses": hb.Exponential(2)},
        "corr": hb.LKJ(1),
        "sigma": hb.InverseGamma(4, 20),
    },
    "uniform and Cauchy": {
        "gamma": hb.Uniform(-3, 4),
        "sd": {"1": hb.Uniform(0, 3), "ses": hb.HalfCauchy(0.5)},
        "corr": hb.LKJ(8),
        "sigma": pm.Weibull.dist(2, 8),
    },
}
SCIPY: dict[str, dict[str, Any]] = {
    "half-t and normal": {
        "gamma": stats.norm(0, 5),
        "sd": (stats.t(3, scale=4), stats.halfnorm(scale=1)),
        "eta": 2,
        "sigma": stats.halfnorm(scale=8),
    },
    "gamma and t": {
        "gamma": stats.t(4, 1, 3),
        "sd": (stats.gamma(2.5, scale=1 / 0.8), stats.expon(scale=0.5)),
        "eta": 1,
        "sigma": stats.invgamma(4, scale=20),
    },
    "uniform and Cauchy": {
        "gamma": stats.uniform(-3, 7),
        "sd": (stats.uniform(0, 3), stats.halfcauchy(scale=0.5)),
        "eta": 8,
        "sigma": stats.weibull_min(2, scale=8),
    },
}


@dataclass(frozen=True)
class Simulation:
    """Draws of the simulation by the label of the table, and one response of each draw."""

    quantities: dict[str, Floats]
    response: Floats
    corr: Floats


def simulate(hs: pd.DataFrame, name: str, draws: int, seed: int) -> Simulation:
    """The model as it is taught: θ, then for each a group's u and a student's y."""
    random = np.random.default_rng(seed)
    priors = SCIPY[name]
    ses = hs["ses"].to_numpy()
    public = (hs["Sector"] == "Public").to_numpy().astype(float)
    low, high = (np.sort(ses)[int(np.ceil(p * len(ses))) - 1] for p in (0.1, 0.9))
    kept: dict[str, list[float]] = {}
    response = []
    corr = 2 * random.beta(priors["eta"], priors["eta"], draws) - 1
    drawn = zip(
        priors["gamma"].rvs((draws, 4), random_state=random),
        *(np.abs(d.rvs(draws, random_state=random)) for d in (*priors["sd"], priors["sigma"])),
        corr,
        strict=True,
    )
    for gamma, s0, s1, sigma, rho in drawn:
        G = np.array([[s0**2, rho * s0 * s1], [rho * s0 * s1, s1**2]])
        line = gamma[0] + gamma[1] * ses + gamma[2] * public + gamma[3] * ses * public
        between = np.mean(G[0, 0] + 2 * ses * G[0, 1] + ses**2 * G[1, 1])
        rows = random.integers(len(ses), size=2000)
        u = random.standard_normal((2000, 2)) @ np.linalg.cholesky(G + 1e-14 * np.eye(2)).T
        noise = sigma * random.standard_normal(2000)
        y = line[rows] + u[:, 0] + u[:, 1] * ses[rows] + noise
        low_y, high_y = np.quantile(y, [0.025, 0.975])
        found = {
            "ICC": between / (between + sigma**2),
            "sd(Intercept)": s0,
            "sd(ses)": s1,
            f"sd between school lines at ses = {low:g}": u_spread(G, low),
            f"sd between school lines at ses = {high:g}": u_spread(G, high),
            "sd of mathach around the population line": np.sqrt(between + sigma**2),
            "R² of the population line": line.var() / (line.var() + between + sigma**2),
            "new mathach, 2.5% quantile": low_y,
            "new mathach, 97.5% quantile": high_y,
        }
        for key, value in found.items():
            kept.setdefault(key, []).append(float(value))
        response.append(y[0])
    quantities = {key: np.array(values) for key, values in kept.items()}
    return Simulation(quantities, np.array(response), corr)


def u_spread(G: Floats, x: float) -> float:
    return float(np.sqrt(np.array([1.0, x]) @ G @ np.array([1.0, x])))


@pytest.fixture(scope="module")
def priors_of(hs: pd.DataFrame) -> Callable[[str], tuple[PriorPredictive, Simulation]]:
    """A prior predictive and the simulation of the same priors, made once a name."""
    made: dict[str, tuple[PriorPredictive, Simulation]] = {}

    def make(name: str) -> tuple[PriorPredictive, Simulation]:
        if name not in made:
            model = hb.Model(FORMULA, RANDOM, data=hs, priors=STATED[name])
            made[name] = model.prior_predictive(DRAWS, seed=11), simulate(hs, name, 2000, 12)
        return made[name]

    return make


Pair = Callable[[str], tuple[PriorPredictive, Simulation]]


@pytest.mark.parametrize("name", STATED)
def test_implications_are_those_of_a_simulation(name: str, priors_of: Pair) -> None:
    prior, simulation = priors_of(name)
    assert list(prior.implications.index) == list(simulation.quantities)
    for label, values in simulation.quantities.items():
        limits = prior.implications.loc[label]
        for prob, column in ((0.05, "5%"), (0.5, "median"), (0.95, "95%")):
            below = float((values < limits[column]).mean())
            error = np.sqrt(prob * (1 - prob) * (1 / DRAWS + 1 / len(values)))
            assert abs(below - prob) < 4 * error, (label, column)


@pytest.mark.parametrize("name", STATED)
def test_draws_have_the_distribution_of_a_simulation(name: str, priors_of: Pair) -> None:
    prior, simulation = priors_of(name)
    draws = prior.draws
    pairs = {
        "ICC": draws["icc"],
        "sd(ses)": draws["sd"][:, 1],
        "R² of the population line": draws["r2"],
        "sd of mathach around the population line": draws["total_sd"],
        "new mathach, 97.5% quantile": draws["response"][:, 1],
    }
    for label, values in pairs.items():
        test = stats.ks_2samp(values.to_numpy(), simulation.quantities[label])
        assert test.pvalue > 1e-4, label
    assert stats.ks_2samp(draws["corr"][:, 0, 1].to_numpy(), simulation.corr).pvalue > 1e-4


@pytest.mark.parametrize("name", STATED)
def test_probabilities_are_those_of_a_simulation(
    name: str, priors_of: Pair, hs: pd.DataFrame
) -> None:
    prior, simulation = priors_of(name)
    y, x = hs["mathach"].to_numpy(), hs["ses"].to_numpy()
    new, icc = simulation.response, simulation.quantities["ICC"]
    events = {
        "P(|corr(Intercept, ses)| > 0.9)": np.abs(simulation.corr) > 0.9,
        "P(ICC > 0.5)": icc > 0.5,
        "P(ICC < 0.01)": icc < 0.01,
        "P(sd(ses) > 1 sd of mathach per sd of ses)":
            simulation.quantities["sd(ses)"] > y.std() / x.std(),
        "P(new mathach outside the observed range)": (new < y.min()) | (new > y.max()),
        "P(new mathach > 10 observed sds from the mean)": np.abs(new - y.mean()) > 10 * y.std(),
    }  # fmt: skip
    assert list(prior.probabilities.index) == list(events)
    for label, event in events.items():
        p, mcse = prior.probabilities.loc[label]
        assert 0.0 <= mcse <= np.sqrt(p * (1 - p) / DRAWS) * (1 + 1e-9), label
        error = np.hypot(mcse, np.sqrt(max(p * (1 - p), 1 / len(event)) / len(event)))
        assert abs(event.mean() - p) < 4 * error, label


def test_closed_forms(hs: pd.DataFrame) -> None:
    """LKJ(2) makes (ρ + 1)/2 ~ Beta(2, 2); sd/σ of two half-normals is half-Cauchy."""
    priors = {"sd": hb.HalfNormal(5), "corr": hb.LKJ(2), "sigma": hb.HalfNormal(10)}
    prior = hb.Model(FORMULA, RANDOM, data=hs, priors=priors).prior_predictive(DRAWS, seed=2)
    p, mcse = prior.probabilities.loc["P(|corr(Intercept, ses)| > 0.9)"]
    assert abs(p - 2 * stats.beta(2, 2).cdf(0.05)) < 4 * mcse
    table = prior.implications.loc["sd(Intercept)"]
    exact = stats.halfnorm(scale=5)
    for column, prob in (("5%", 0.05), ("median", 0.5), ("95%", 0.95)):
        assert abs(exact.cdf(table[column]) - prob) < 4 * np.sqrt(prob * (1 - prob) / DRAWS)
    one = hb.Model(
        "mathach ~ 1 + (1 | school)", data=hs, priors={k: priors[k] for k in ("sd", "sigma")}
    )
    p, mcse = one.prior_predictive(DRAWS, seed=2).probabilities.loc["P(ICC > 0.5)"]
    assert abs(p - (1 - 2 / pi * atan(2))) < 4 * mcse


def test_correlations_of_three_effects_follow_lkj(hs: pd.DataFrame) -> None:
    """Each pair of LKJ(η) of order 3 is 2 Beta(η + ½, η + ½) − 1, and |R| has its mean."""
    data = hs.assign(x=np.random.default_rng(0).standard_normal(len(hs)))
    model = hb.Model("mathach ~ ses + x + (1 + ses + x | school)", data=data,
                     priors={"corr": hb.LKJ(2), "sd": hb.HalfNormal(5)})  # fmt: skip
    prior = model.prior_predictive(DRAWS, seed=4)
    corr = prior.draws["corr"].to_numpy()
    for i, k in ((0, 1), (0, 2), (1, 2)):
        exact = stats.beta(2.5, 2.5, loc=-1, scale=2)
        assert stats.kstest(corr[:, i, k], exact.cdf).pvalue > 1e-3
    det = np.linalg.det(corr)
    # |R| is the product of 1 − r² over independent partial correlations r = 2 Beta(a, a) − 1
    mean = 1.0
    for a in (2.5, 2.5, 2.0):
        mean *= 1 - 4 * stats.beta(a, a).var()
    assert abs(det.mean() - mean) < 4 * det.std() / np.sqrt(DRAWS)
    assert len(prior.pairs) == 3
    assert list(prior.ellipse()["pair"].unique()) == list(prior.pairs)


def test_a_seed_determines_everything_and_is_recorded(hs: pd.DataFrame) -> None:
    model = hb.Model(FORMULA, RANDOM, data=hs)
    first = model.prior_predictive(300)
    again = model.prior_predictive(300, seed=first.seed)
    assert first.draws.identical(again.draws)
    assert str(first) == str(again)
    assert f"300 from the priors, seed {first.seed}" in str(first)
    assert not first.draws.equals(model.prior_predictive(300, seed=first.seed + 1).draws)


Drawn = tuple[dict[str, Any], xr.Dataset]


@pytest.fixture(scope="module")
def by_name(hs: pd.DataFrame) -> Drawn:
    """Priors stated name by name, and what is drawn from them."""
    terms = hb.Model(FORMULA, RANDOM, data=hs).problem.design.terms
    base: dict[str, Any] = {
        "sd": dict.fromkeys(("1", "ses"), hb.HalfT(3, 0, 6.8)),
        "gamma": dict.fromkeys(terms, hb.Normal(0, 30)),
    }
    model = hb.Model(FORMULA, RANDOM, data=hs, priors=base)
    return base, model.prior_predictive(200, seed=3).draws


@pytest.mark.parametrize(
    ("stated", "unchanged"),
    [
        ({"corr": hb.LKJ(5)}, ("sd", "sigma", "gamma")),
        ({"sigma": hb.Exponential(0.1)}, ("sd", "corr", "gamma", "line_spread")),
        ({"sd": {"ses": hb.Gamma(2, 1)}}, ("sigma", "gamma")),
        ({"gamma": {"ses": pm.Laplace.dist(0, 1)}}, ("sd", "corr", "G", "sigma", "icc")),
    ],
)
def test_one_prior_leaves_the_draws_of_the_others(
    hs: pd.DataFrame, by_name: Drawn, stated: dict[str, Any], unchanged: tuple[str, ...]
) -> None:
    base, plain = by_name
    (block, prior), *_ = stated.items()
    priors = base | {block: base[block] | prior if isinstance(prior, dict) else prior}
    other = hb.Model(FORMULA, RANDOM, data=hs, priors=priors).prior_predictive(200, seed=3).draws
    for name in unchanged:
        np.testing.assert_allclose(other[name], plain[name], rtol=1e-12, err_msg=name)
    changed = next(iter(stated))
    assert not other[changed].equals(plain[changed])
    if "sd" in stated:
        np.testing.assert_allclose(other["sd"][:, 0], plain["sd"][:, 0], rtol=1e-12)
        np.testing.assert_allclose(other["corr"], plain["corr"], rtol=0, atol=1e-12)
    if "gamma" in stated:
        np.testing.assert_array_equal(other["gamma"][:, [0, 2, 3]], plain["gamma"][:, [0, 2, 3]])


def test_parameters_are_independent(hs: pd.DataFrame) -> None:
    """No two streams are alike, though their priors are."""
    priors = {"sd": hb.HalfNormal(3), "sigma": hb.HalfNormal(3), "gamma": hb.Normal(0, 3)}
    draws = hb.Model(FORMULA, RANDOM, data=hs, priors=priors).prior_predictive(seed=8).draws
    values = np.column_stack([draws["sd"], draws["sigma"], draws["gamma"], draws["corr"][:, 0, 1]])
    rank = np.asarray(stats.spearmanr(values).statistic)
    assert np.abs(rank - np.eye(len(rank))).max() < 4.5 / np.sqrt(DRAWS)


def test_independent_blocks_have_no_pairs(hs: pd.DataFrame) -> None:
    prior = hb.Model("mathach ~ ses + (ses || school)", data=hs).prior_predictive(200, seed=1)
    assert (prior.draws["G"].to_numpy()[:, 0, 1] == 0.0).all()
    assert (prior.draws["corr"].to_numpy()[:, 0, 1] == 0.0).all()
    assert not any("corr" in label for label in prior.probabilities.index)
    ellipses = prior.ellipse()
    assert ellipses.empty
    assert list(ellipses) == ["pair", "size", "x", "y", "major", "minor", "tilt"]
    assert "sd between school lines at ses = -0.998" in prior.implications.index


def test_one_random_effect(hs: pd.DataFrame) -> None:
    prior = hb.Model("mathach ~ ses + (1 | school)", data=hs).prior_predictive(200, seed=1)
    assert list(prior.implications.index) == [
        "ICC", "sd(Intercept)", "sd of mathach around the population line",
        "R² of the population line", "new mathach, 2.5% quantile", "new mathach, 97.5% quantile",
    ]  # fmt: skip
    assert prior.draws["line_spread"].shape == (200, 0)
    slope = hb.Model("mathach ~ ses + (0 + ses | school)", data=hs).prior_predictive(1, seed=1)
    assert slope.draws["line_spread"].shape == (1, 2)
    assert np.isfinite(slope.implications.drop(columns="observed")).to_numpy().all()


def test_lines_are_compared_at_rows_of_the_design(hs: pd.DataFrame) -> None:
    model = hb.Model("mathach ~ ses + (1 + ses + I(ses**2) | school)", data=hs)
    design = model.problem.design
    found = line_points(design)
    labels, points = [point.at for point in found], np.array([point.z for point in found])
    assert len(labels) == 4
    for z in points:
        assert z[0] == 1.0
        assert z[2] == pytest.approx(z[1] ** 2, rel=1e-12)
    assert labels[0] == f"ses = {points[0, 1]:g}, I(ses ** 2) = {points[0, 2]:g}"
    assert points[:2, 1] == pytest.approx(np.quantile(hs["ses"], [0.1, 0.9]), abs=0.05)
    sex = hb.Model("mathach ~ Sex + (1 + Sex | school)", data=hs).problem.design
    assert [point.at for point in line_points(sex)] == ["Sex[T.Male] = 0", "Sex[T.Male] = 1"]


def test_lines_and_responses_have_the_spread_of_G(hs: pd.DataFrame) -> None:
    """Draw by draw against z'Gz: exactly for lines, up to the choice of rows for responses."""
    data = hs.assign(x=hs["ses"] * 2 + 3)
    priors = {"corr": hb.LKJ(1), "sd": hb.HalfNormal(3), "gamma": hb.Normal(1, 2)}
    model = hb.Model("mathach ~ x * Sector", "~ 1 + x | school", data=data, priors=priors)
    draws, design = model.prior_predictive(400, seed=3).draws, model.problem.design
    G = draws["G"].to_numpy()
    points = np.array([point.z for point in line_points(design)])
    exact = np.sqrt(np.einsum("ak,dkl,al->da", points, G, points))
    np.testing.assert_allclose(draws["line_spread"], exact, rtol=1e-9)
    between = np.einsum("nk,dkl,nl->dn", design.rows.Z, G, design.rows.Z)
    spread = np.sqrt(between + draws["sigma"].to_numpy()[:, None] ** 2)
    responses = stats.norm(draws["gamma"].to_numpy() @ design.rows.X.T, spread)
    y = design.rows.y
    for name, low, high in (
        ("outside", y.min(), y.max()),
        ("far", y.mean() - 10 * y.std(), y.mean() + 10 * y.std()),
    ):
        rest = draws[name] - (responses.cdf(low) + responses.sf(high)).mean(axis=1)
        assert abs(rest.mean()) < 4 * rest.std() / np.sqrt(400), name
    for end, prob in enumerate((0.025, 0.975)):
        mass = responses.cdf(draws["response"].to_numpy()[:, end, None]).mean(axis=1)
        assert abs(mass.mean() - prob) < 4 * mass.std() / np.sqrt(400) + 0.0005


def test_the_share_between_is_that_of_a_fit(hs: pd.DataFrame) -> None:
    """The ICC of draws of θ is the one `Fit.icc` takes of the same θ."""
    model = hb.Model(FORMULA, RANDOM, data=hs)
    draws = model.prior_predictive(50, seed=9).draws
    fit = model.reml()
    for d in (0, 17):
        theta = Theta.of_covariance(draws["G"].to_numpy()[d], draws["sigma"].to_numpy()[d])
        one = replace(fit, theta=theta[None, None])
        assert one.icc()["icc"] == pytest.approx(float(draws["icc"][d]), rel=1e-9)


def test_quantiles_of_a_mixture_hold_their_mass() -> None:
    random = np.random.default_rng(5)
    mean, sd = random.normal(0, 10, (20, 50)), random.gamma(1, 3, (20, 50)) + 0.01
    for prob in (0.025, 0.5, 0.975):
        quantile = mixture_quantile(mean, sd, prob)
        mass = stats.norm(mean, sd).cdf(quantile[:, None]).mean(axis=1)
        np.testing.assert_allclose(mass, prob, atol=1e-4)


def test_responses_without_rows_to_choose_from(hs: pd.DataFrame) -> None:
    """An intercept alone: the quantile is a normal one at each draw, to the bracket's millionth."""
    draws = hb.Model("mathach ~ 1 + (1 | school)", data=hs).prior_predictive(100, seed=1).draws
    spread = np.sqrt(draws["sd"][:, 0] ** 2 + draws["sigma"] ** 2)
    exact = draws["gamma"][:, 0] + stats.norm.ppf(0.975) * spread
    np.testing.assert_allclose(draws["response"][:, 1], exact, rtol=1e-9)
    y = hs["mathach"].to_numpy()
    normal = stats.norm(draws["gamma"][:, 0], spread)
    outside = normal.cdf(y.min()) + normal.sf(y.max())
    np.testing.assert_allclose(draws["outside"], outside, rtol=1e-9)
    np.testing.assert_allclose(draws["r2"], 0.0, atol=1e-12)


def test_ellipses_have_the_area_and_the_boundary_of_G(hs: pd.DataFrame) -> None:
    prior = hb.Model(FORMULA, RANDOM, data=hs).prior_predictive(1000, seed=6)
    G = prior.draws["G"].to_numpy()
    areas = np.sort(np.sqrt(np.linalg.det(G)))
    for prob in (0.5, 0.9):
        c = stats.chi2(2).ppf(prob)
        for size, points in prior.ellipse(prob).groupby("size"):
            assert (points["pair"] == "corr(Intercept, ses)").all()
            major, minor, tilt = points[["major", "minor", "tilt"]].iloc[0]
            det = areas[int(np.ceil(float(size) * 1000)) - 1]
            assert major * minor * pi == pytest.approx(pi * c * det, rel=1e-8)
            x, y = points["x"].to_numpy(), points["y"].to_numpy()
            polygon = abs(np.sum(x[:-1] * y[1:] - x[1:] * y[:-1])) / 2
            assert polygon == pytest.approx(pi * c * det, rel=1e-2)
            draw = G[np.argmin(np.abs(np.sqrt(np.linalg.det(G)) - det))]
            form = np.einsum("in,ij,jn->n", [x, y], np.linalg.inv(draw), [x, y])
            np.testing.assert_allclose(form, c, rtol=1e-6)
            assert np.hypot(x, y).max() == pytest.approx(major, rel=1e-2)
            far = np.hypot(x, y).argmax()
            turn = np.degrees(np.arctan2(y[far], x[far])) - tilt
            assert abs((turn + 90) % 180 - 90) < 4
    with pytest.raises(IntervalError, match="prob must lie between 0 and 1, not 50"):
        prior.ellipse(50)


def test_it_prints_its_tables(hs: pd.DataFrame) -> None:
    prior = hb.Model(FORMULA, RANDOM, data=hs).prior_predictive(400, seed=1)
    text = str(prior)
    assert text.startswith(repr(prior).partition("\n\n...")[0])
    assert text.startswith("Prior predictive: what the priors imply before any data are seen\n")
    assert str(prior.priors) in text
    assert "Implications (median and 90% equal-tailed limits):" in text
    for table in (prior.implications, prior.probabilities):
        assert all(label in text for label in table.index)
    share = prior.probabilities.loc["P(new mathach outside the observed range)", "probability"]
    assert prior.findings[0] == (
        f"weak on the scale of mathach: {share:.0%} of the responses that the priors imply lie "
        "outside the observed range, -2.832 to 24.99"
    )
    assert prior.findings[1].startswith("more than half of the prior of the ICC lies above 0.5 (")
    observed = prior.implications["observed"].dropna()
    assert observed.tolist() == [hs["mathach"].min(), hs["mathach"].max()]
    page = prior._repr_html_()
    assert page.count("<table") == 3
    assert page.count("<li>") == len(prior.findings) + len(prior.priors.notes())


def test_findings_follow_their_rules(hs: pd.DataFrame) -> None:
    tight = {"gamma": {"1": hb.Normal(12, 2), "ses": hb.Normal(0, 1)}, "sd": hb.HalfNormal(1),
             "corr": hb.LKJ(0.1), "sigma": hb.Gamma(60, 10)}  # fmt: skip
    prior = hb.Model("mathach ~ ses", RANDOM, data=hs, priors=tight).prior_predictive(400, seed=1)
    assert not prior.findings[0].startswith("weak")
    assert 0.01 < prior.draws["outside"].mean() < 0.5
    half = prior.probabilities.loc["P(|corr(Intercept, ses)| > 0.9)", "probability"]
    assert half > 0.5
    assert prior.findings[1:] == (
        f"more than half of the prior of corr(Intercept, ses) lies beyond ±0.9 ({half:.0%})",
    )
    tight["corr"] = hb.LKJ(2)
    prior = hb.Model("mathach ~ ses", RANDOM, data=hs, priors=tight).prior_predictive(400, seed=1)
    assert prior.findings[1:] == (
        "no correlation has more than half of its prior beyond ±0.9, nor the ICC above 0.5",
    )
    del tight["corr"]
    narrow = tight | {"gamma": hb.Normal(1e6, 1)}
    prior = hb.Model("mathach ~ ses + (1 | school)", data=hs, priors=narrow).prior_predictive(
        400, seed=2
    )
    assert "weak on the scale of mathach: more than 99% of the resp" in prior.findings[0]
    narrow = tight | {"gamma": {"1": hb.Normal(12, 1), "ses": hb.Normal(0, 0.1)},
                      "sigma": hb.HalfNormal(0.5)}  # fmt: skip
    prior = hb.Model("mathach ~ ses + (1 | school)", data=hs, priors=narrow).prior_predictive(
        400, seed=2
    )
    assert prior.findings[0].startswith("less than 1% of the responses")
    one = hb.Model("mathach ~ ses + (1 | school)", data=hs, priors=tight).prior_predictive(
        400, seed=1
    )
    assert one.findings[1:] == ("no more than half of the prior of the ICC lies above 0.5",)


def test_distributions_of_pymc_are_drawn_with_what_they_depend_on(hs: pd.DataFrame) -> None:
    """exp of a normal whose mean is random: each draw has its own mean."""
    nested = pm.LogNormal.dist(mu=pm.Normal.dist(0, 1), sigma=1)
    model = hb.Model("mathach ~ ses + (1 | school)", data=hs, priors={"sd": nested})
    sd = model.prior_predictive(2000, seed=1).draws["sd"].to_numpy()[:, 0]
    assert stats.kstest(np.log(sd), stats.norm(0, np.sqrt(2)).cdf).pvalue > 1e-3


REFUSED = (
    ({"gamma": {"ses": hb.Flat()}},
     "the prior of 'gamma' for 'ses' (Flat()) is improper, and nothing can be drawn from it; "
     "state a proper one, such as priors=dict(gamma={'ses': Normal(0, 10)})"),
    ({"sd": hb.Flat()},
     "the prior of 'sd' for 'Intercept' (Flat()) is improper, and nothing can be drawn from it; "
     "state a proper one, such as priors=dict(sd={'Intercept': HalfNormal(5)})"),
    ({"sigma": hb.Flat()},
     "the prior of 'sigma' for 'sigma' (Flat()) is improper, and nothing can be drawn from it; "
     "state a proper one, such as priors=dict(sigma=HalfNormal(5))"),
    ({"sigma": pm.HalfFlat.dist()},
     "the prior of 'sigma' for 'sigma' (PyMC HalfFlat()) is improper, and nothing can be drawn "
     "from it; state a proper one, such as priors=dict(sigma=HalfNormal(5))"),
    ({"sigma": pm.Normal.dist(5, 5)},
     "the prior of 'sigma' (PyMC Normal(5, 5)) reaches below 0, where σ cannot be; state a "
     "distribution of positive numbers, such as HalfNormal(5)"),
    ({"sd": pm.Normal.dist(0, 1)},
     "a standard deviation is not negative: PyMC Normal(0, 1) for 'sd' reaches below 0"),
    ({"sigma": pm.HalfNormal.dist([1, 2])},
     "the PyMC prior of 'sigma' has shape (2,); state one scalar distribution, or one per name"),
    ({"sd": hb.InverseGamma(0.001, 0.001)},
     "the prior of 'sd' for 'Intercept' (InverseGamma(0.001, 0.001)) is so wide that 79.0% of its "
     "draws are too large to compute with; nothing that it implies makes sense"),
)  # fmt: skip


@pytest.mark.parametrize(("priors", "message"), REFUSED)
def test_priors_that_cannot_be_drawn(
    hs: pd.DataFrame, priors: dict[str, Any], message: str
) -> None:
    model = hb.Model(FORMULA, RANDOM, data=hs, priors=priors)
    with pytest.raises(hb.PriorError) as caught:
        model.prior_predictive(100, seed=1)
    assert str(caught.value) == message


WRONG: Any = "many"


@pytest.mark.parametrize(
    ("use", "message"),
    [
        (lambda m: m.prior_predictive(0), "draws must be a whole number of at least 1, not 0"),
        (lambda m: m.prior_predictive(2.5), "draws must be a whole number of at least 1, not 2.5"),
        (lambda m: m.prior_predictive(True),
         "draws must be a whole number of at least 1, not True"),
        (lambda m: m.prior_predictive(WRONG),
         "draws must be a whole number of at least 1, not 'many'"),
        (lambda m: m.prior_predictive(seed=-1),
         "seed must be a whole number from 0 to 2³² − 1, not -1"),
        (lambda m: m.prior_predictive(seed=1.0),
         "seed must be a whole number from 0 to 2³² − 1, not 1.0"),
    ],
)  # fmt: skip
def test_wrong_draws_and_seeds(
    hs: pd.DataFrame, use: Callable[[hb.Model], object], message: str
) -> None:
    model = hb.Model(FORMULA, RANDOM, data=hs)
    with pytest.raises(hb.EstimationError) as caught:
        use(model)
    assert str(caught.value) == message


def weighted_rows(n: int = 240) -> pd.DataFrame:
    rng = np.random.default_rng(3)
    frame = pd.DataFrame(
        {
            "g": np.repeat(np.arange(24), 10),
            "x": rng.normal(size=n),
            "w": rng.uniform(0.2, 3.0, n),
            "o": rng.normal(2.0, 3.0, n),
            "sex": np.where(rng.random(n) < 0.3, "a", "b"),
            "t": np.tile(np.arange(10), 24),
        }
    )
    frame["y"] = frame["x"] + frame["o"] + rng.normal(size=n) / np.sqrt(frame["w"])
    return frame


ROW_WORDS: dict[str, dict[str, Any]] = {
    "weights and offset": {"weights": "w", "offset": "o"},
    "known errors": {"known_sd": "w"},
    "strata": {"residual": hb.residuals.Strata("sex")},
    "strata of correlated errors": {"residual": hb.residuals.AR1("t") * hb.residuals.Strata("sex")},
}


@pytest.mark.parametrize("name", ROW_WORDS)
def test_rows_have_errors_of_their_own(name: str) -> None:
    """Against moments of responses that are simulated row by row at the same draws."""
    frame, words = weighted_rows(), ROW_WORDS[name]
    priors: dict[str, Any] = {"gamma": hb.Normal(0, 1), "sd": hb.HalfNormal(2)}
    if "known_sd" not in words:
        priors["sigma"] = hb.HalfNormal(3)
    if "residual" in words:
        priors["residual"] = hb.Normal(0, 0.5)
    model = hb.Model("y ~ x + (1 | g)", frame, priors=priors, **words)
    draws = model.prior_predictive(DRAWS, seed=2).draws
    rng = np.random.default_rng(5)
    row = rng.integers(len(frame), size=DRAWS)
    own = frame.iloc[row]
    scale = 1.0 / np.sqrt(own["w"]) if "weights" in words else own.get("w", 1.0)
    if "residual" in words:  # the ratio of sds is positive
        scale = np.where(own["sex"] == "a", 1.0, np.abs(rng.normal(0.0, 0.5, DRAWS)))
    spread = np.abs(rng.normal(0.0, 2.0, DRAWS)), np.abs(rng.normal(0.0, 3.0, DRAWS))
    sigma = np.ones(DRAWS) if "known_sd" in words else spread[1]
    mean = own["o"] if "offset" in words else 0.0
    gamma = rng.normal(size=(DRAWS, 2))
    y = mean + gamma[:, 0] + gamma[:, 1] * own["x"]
    y = y + spread[0] * rng.normal(size=DRAWS) + sigma * scale * rng.normal(size=DRAWS)
    outside = (y < frame["y"].min()) | (y > frame["y"].max())
    share, error = outside.mean(), 6.0 * np.sqrt(outside.var() / DRAWS) + 1e-3
    assert abs(float(draws["outside"].mean()) - share) < error
    assert ("icc" in draws) == ("known_sd" not in words)


def test_errors_that_follow_fitted_values_have_no_prior_predictive() -> None:
    frame = weighted_rows()
    frame["y"] += 20.0
    model = hb.Model("y ~ x + (1 | g)", frame, residual=hb.residuals.Power())
    with pytest.raises(hb.ResidualError, match=r"^prior_predictive\(\) is not made for variances"):
        model.prior_predictive(100, seed=1)
