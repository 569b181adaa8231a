"""Priors of G, of the intraclass correlation and of R² with several grouping factors."""

import re
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats

import hierbayes as hb
from hierbayes.priors.draws import draw_priors
from hierbayes.priors.joint_density import joint_density_at
from hierbayes.studies.sensitivity.alternatives import read_alternatives
from hierbayes.studies.sensitivity.usual_grid import default_grid
from tests.dense_factors import Array, FactorRows

CROSSED = "y ~ x + (1 | g) + (1 | k)"
SLOPES = "y ~ x + (1 + x | h) + (1 | h:g)"


@pytest.fixture(scope="module")
def little() -> pd.DataFrame:
    """Eight groups of four rows, in two larger groups, crossed with five others."""
    rng = np.random.default_rng(8)
    g, k = np.repeat(np.arange(8), 4), np.arange(32) % 5
    x = rng.normal(0.5, 1.0, 32)
    y = 1.0 + 0.5 * x + rng.normal(0, 0.8, 8)[g] + rng.normal(0, 0.6, 5)[k] + rng.normal(0, 1, 32)
    return pd.DataFrame({"y": y, "x": x, "g": g, "k": k, "h": g // 2})


def pose(data: pd.DataFrame, formula: str, **priors: Any) -> hb.Model:
    return hb.Model(formula, data=data, priors=priors)


def root_of_slopes(rng: np.random.Generator) -> Array:
    """A block-diagonal lower root (3, 3): two effects of one factor, one of the other."""
    root = np.zeros((3, 3))
    root[:2, :2] = np.tril(0.4 * rng.normal(size=(2, 2))) + np.eye(2)
    root[2, 2] = rng.uniform(0.5, 1.5)
    return root


BY_FACTOR: dict[str, dict[Any, Any]] = {
    "factors": {"h": hb.InverseWishart(4, (1, 2)), "h:g": hb.Wishart(3, 0.5)},
    "column": {"h": hb.InverseWishart(4, (1, 2)), "g": hb.Wishart(3, 0.5)},
    "blocks": {
        "Intercept|h, x|h": hb.InverseWishart(4, (1, 2)), "Intercept|h:g": hb.Wishart(3, 0.5)
    },
}  # fmt: skip


@pytest.mark.parametrize("stated", BY_FACTOR)
def test_each_block_has_the_density_of_scipy(stated: str, little: pd.DataFrame) -> None:
    """Times the volumes of (sd, R) → G, each sd to the power of its own block's size."""
    model, rng = pose(little, SLOPES, G=BY_FACTOR[stated]), np.random.default_rng(2)
    roots = np.array([root_of_slopes(rng) for _ in range(4)])
    found = joint_density_at(model.priors.joint[0], model.problem.design, roots, np.ones(4))
    for root, density in zip(roots, found, strict=True):
        G, sd = root @ root.T, np.sqrt((root**2).sum(axis=1))
        expected = stats.invwishart(4, np.diag([1, 2])).logpdf(G[:2, :2])
        expected += 2 * np.log(2) + 2 * np.log(sd[:2]).sum()
        expected += stats.wishart(3, 0.5).logpdf(G[2, 2]) + np.log(2 * sd[2])
        assert density == pytest.approx(expected, abs=1e-9)
    table = model.priors.frame()["prior"]
    assert table["G"].to_dict() == {
        "Intercept|h, x|h": "InverseWishart(4, [1, 2])", "Intercept|h:g": "Wishart(3, 0.5)",
    }  # fmt: skip
    assert pose(little, SLOPES, **model.priors.stated()).priors.families == model.priors.families


def test_one_prior_of_G_is_that_of_every_block(little: pd.DataFrame) -> None:
    each = {"h": hb.InverseWishart(4, 2), "g": hb.InverseWishart(4, 2)}
    one = pose(little, SLOPES, G=hb.InverseWishart(4, 2)).priors
    assert one == pose(little, SLOPES, G=each).priors
    blocks = "y ~ x + (1 | g) + (0 + x | g)"
    apart = pose(little, blocks, G={"g": hb.Wishart(3, 1)}).priors
    assert apart.frame().loc["G"].index.tolist() == ["Intercept", "x"]


def test_a_prior_of_one_block_leaves_the_others_their_defaults(little: pd.DataFrame) -> None:
    usual = pose(little, SLOPES).priors
    model = pose(little, SLOPES, G={"h": hb.InverseWishart(4, (1, 2))})
    table, default = model.priors.frame(), usual.frame()
    assert table.loc["G", "prior"].to_dict() == {"Intercept|h, x|h": "InverseWishart(4, [1, 2])"}
    assert "corr" not in table.index
    assert table.loc["sd"].equals(default.loc["sd"].loc[["Intercept|h:g"]])
    again = pose(little, SLOPES, **model.priors.stated()).priors
    assert again.families == model.priors.families
    other = pose(little, SLOPES, G={"g": hb.Wishart(3, 0.5)}, sd=hb.HalfNormal(2)).priors
    assert other.frame().loc["sd", "prior"].unique().tolist() == ["HalfNormal(2)"]
    assert other.frame().loc["corr"].equals(default.loc["corr"])
    assert pose(little, SLOPES, G={}).priors == usual


def test_draws_of_one_block_are_of_its_prior_and_the_rest_of_theirs(little: pd.DataFrame) -> None:
    stated = {"h": hb.Wishart(4, (1, 2))}
    model = pose(little, SLOPES, G=stated, sd=hb.HalfNormal(1))
    both = pose(little, SLOPES, G=stated | {"g": hb.Wishart(3, 0.5)})
    drawn, other = (draw_priors(one.priors, one.problem, 2000, seed=5) for one in (model, both))
    np.testing.assert_array_equal(drawn.theta.G[:, :2, :2], other.theta.G[:, :2, :2])
    assert stats.kstest(drawn.theta.sd[:, 2], stats.halfnorm.cdf).pvalue > 1e-3


def log_prior(name: str, sd: Array, sigma: float, spread: Array) -> float:
    """Log density of two sds from textbook distributions; of the icc with uniform shares."""
    if name.startswith("G"):
        a = stats.invgamma(2.0, scale=1.5).logpdf(sd[0] ** 2) + np.log(2.0 * sd[0])
        if name == "G of one":
            return float(a + stats.halfnorm(scale=0.7).logpdf(sd[1]))
        return float(a + stats.gamma(1.5, scale=2.0).logpdf(sd[1] ** 2) + np.log(2.0 * sd[1]))
    v = sd**2 * spread  # (T, share) -> v has the volume T, icc -> T has σ²/(T + σ²)²
    T = v.sum()
    density = stats.beta(2, 3).logpdf(T / (T + sigma**2)) + np.log(sigma**2 / (T + sigma**2) ** 2)
    return float(density - np.log(T) + np.log(2.0 * sd * spread).sum())


STATED: dict[str, dict[str, Any]] = {
    "G": {"G": {"g": hb.InverseWishart(4, 3), "k": hb.Wishart(3, 1)}},
    "G of one": {"G": {"g": hb.InverseWishart(4, 3)}, "sd": hb.HalfNormal(0.7)},
    "icc": {"icc": hb.Beta(2, 3)},
}


@pytest.mark.parametrize("name", STATED)
def test_the_mode_is_that_of_dense_likelihood_times_prior(name: str, little: pd.DataFrame) -> None:
    model = pose(little, CROSSED, gamma=hb.Flat(), sigma=hb.HalfNormal(2), **STATED[name])
    rows = model.problem.design.rows
    one = np.ones((32, 1))
    dense = FactorRows(rows.y, rows.X, tuple((codes, one) for codes in rows.codes_of))

    def log_density(log_theta: Array) -> float:
        *sd, sigma = np.exp(log_theta)
        roots = [np.array([[s]]) for s in sd]
        value = dense.log_density(roots, sigma, restricted=True)
        value += log_prior(name, np.array(sd), sigma, np.ones(2))
        return float(value + stats.halfnorm(scale=2).logpdf(sigma))

    fit = model.map()
    at, step = np.log([*fit.draws("sd").to_numpy().ravel(), fit.sigma]), 1e-3
    here = log_density(at)
    for direction in step * np.eye(3):  # a Newton step from the mode is none
        ahead, behind = log_density(at + direction), log_density(at - direction)
        curvature = (ahead - 2 * here + behind) / step**2
        assert curvature < 0
        assert abs((ahead - behind) / (2 * step) / curvature) < 1e-5


def test_drawn_shares_of_all_factors_are_those_stated(little: pd.DataFrame) -> None:
    """The icc is Beta, each factor's part of it uniform in shares of effects."""
    model = pose(little, SLOPES, icc=hb.Beta(2, 3), corr=hb.LKJ(1e6))
    drawn = draw_priors(model.priors, model.problem, 4000, seed=3)
    M = model.problem.design.rows.second_moment
    parts = drawn.theta.sd**2 * np.diagonal(M)
    total = np.einsum("dij,ji->d", drawn.theta.G, M)
    sigma = drawn.theta.sigma
    assert stats.kstest(total / (total + sigma**2), stats.beta(2, 3).cdf).pvalue > 1e-3
    share = parts[:, 2] / parts.sum(axis=1)
    assert stats.kstest(share, stats.beta(1, 2).cdf).pvalue > 1e-3
    assert (drawn.theta.G[:, 2, :2] == 0.0).all()


def test_drawn_r2_is_that_of_columns_and_effects_of_all_factors(little: pd.DataFrame) -> None:
    model = pose(little, CROSSED, r2=hb.R2D2M2(0.3, 5, 0.7))
    drawn, rows = draw_priors(model.priors, model.problem, 4000, seed=4), model.problem.design.rows
    by_random = drawn.theta.sd**2 * (rows.Z**2).mean(axis=0)
    # of γ ~ N(0, s²) only the square is seen: E γ² var(x) is the share of the fixed column
    by_fixed = drawn.gamma[:, 1] ** 2 * rows.X[:, 1].var()
    explained = (drawn.theta.sigma**2) * 0.3 / 0.7
    assert by_random.shape == (4000, 2)
    ratio = by_random[:, 0] / by_random.sum(axis=1)
    assert stats.kstest(ratio, stats.beta(0.7, 0.7).cdf).pvalue > 1e-3
    logs = [np.median(np.log(part / explained)) for part in (*by_random.T, by_fixed)]
    assert np.ptp(logs[:2]) < 0.4 and logs[2] < logs[0]


def test_draws_of_G_are_block_by_block(little: pd.DataFrame) -> None:
    stated = {"h": hb.Wishart(4, (1, 2)), "g": hb.Wishart(3, 0.5)}
    model = pose(little, SLOPES, G=stated)
    drawn = draw_priors(model.priors, model.problem, 4000, seed=5).theta.G
    np.testing.assert_allclose(drawn.mean(axis=0), np.diag([4, 8, 1.5]), atol=0.5)
    assert (drawn[:, 2, :2] == 0.0).all()
    other = pose(little, SLOPES, G=stated | {"g": hb.Wishart(9, 0.5)})
    again = draw_priors(other.priors, other.problem, 4000, seed=5).theta.G
    np.testing.assert_array_equal(drawn[:, :2, :2], again[:, :2, :2])


@pytest.mark.slow
@pytest.mark.parametrize("stated", ["G", "G of one", "icc", "r2"])
def test_posteriors_are_sampled_saved_and_shown(
    stated: str, little: pd.DataFrame, tmp_path: Any
) -> None:
    priors = {"r2": {"r2": hb.R2D2M2()}, **STATED}[stated]
    fit = pose(little, CROSSED, **priors).sample(200, tune=200, chains=2, seed=1, progress=False)
    fit.save(tmp_path / "a.fit")
    assert hb.load_fit(tmp_path / "a.fit").priors == fit.priors
    assert stated.partition(" ")[0] in str(fit.priors)


@pytest.mark.slow
def test_a_study_takes_priors_of_G_by_factor(little: pd.DataFrame) -> None:
    model = pose(little, CROSSED, **STATED["G"])
    fit = model.sample(200, tune=200, chains=2, seed=1, progress=False)
    one = {"one of them": {"k": hb.Wishart(4, 1)}, "both": hb.InverseWishart(3, 2)}
    study = hb.SensitivityStudy(fit, {"G": one, "icc": {"low": hb.Beta(1, 4)}})
    said = [answer.alternative.priors.joint for answer in study.answers]
    first, both, low = (one[0][1] for one in said[-3:])
    assert str(first) == "Intercept|g: InverseWishart(4, 3), Intercept|k: Wishart(4, 1)"
    assert str(both) == "Intercept|g: InverseWishart(3, 2), Intercept|k: InverseWishart(3, 2)"
    assert low == hb.Beta(1, 4)


def test_usual_alternatives_of_corr_leave_the_prior_of_one_block(little: pd.DataFrame) -> None:
    crossed = "y ~ x + (1 + x | h) + (1 | k)"
    model = pose(little, crossed, G={"k": hb.InverseWishart(4, 1)})
    grid = default_grid(model.problem, model.priors)
    read = read_alternatives({"corr": grid["corr"]}, model.problem, model.priors)
    assert len(read) >= 3
    assert all(one.priors.joint == model.priors.joint for one in read)


@pytest.mark.slow
def test_a_study_of_a_prior_of_one_block(little: pd.DataFrame) -> None:
    """Alternatives of the rest leave it; the densities of both agree with those of the fit."""
    model = pose(little, SLOPES, G={"h": hb.InverseWishart(5, (1, 2))})
    fit = model.sample(200, tune=200, chains=2, seed=1, progress=False)
    grid = {"sd": {"other": {"g": hb.HalfNormal(1)}}, "several": {"none": {"sd": {}}},
            "G": {"both": {"g": hb.Wishart(3, 1)}}}  # fmt: skip
    study, stated = hb.SensitivityStudy(fit, grid), model.priors.joint
    other, none, both = (answer.alternative.priors for answer in study.answers)
    assert other.joint == stated and str(other.own_sd[0][1]) == "HalfNormal(1)"
    assert not none.joint and len(none.own_sd) == 3
    assert both.frame().loc["G"].index.tolist() == ["Intercept|h, x|h", "Intercept|h:g"]
    numbers = study.derivatives()["number"].to_numpy().tolist()
    assert "sd(Intercept|h:g).sigma" in numbers
    assert not [name for name in numbers if "|h)" in name or name.startswith("corr")]


WRONG: tuple[tuple[str, dict[str, Any], str], ...] = (
    (SLOPES, {"G": {"h": hb.Wishart(3, 1)}, "sd": {"h": {"x": hb.HalfNormal(1)}}},
     "the prior of 'G' says what that of 'sd' for 'x' would say again; leave one of them out"),
    (SLOPES, {"G": {"h": hb.Wishart(3, 1)}, "corr": {"h": hb.LKJ(1)}},
     "the prior of 'G' says what that of 'corr' for 'Intercept|h, x|h' would say again; leave "
     "one of them out"),
    (SLOPES, {"G": {"h": hb.Wishart(3, 1), "g": hb.Wishart(3, 1)}, "sd": hb.HalfNormal(1)},
     "the prior of 'G' says what that of 'sd' would say again; leave one of them out"),
    (SLOPES, {"G": {"h": hb.Wishart(3, 1), "j": hb.Wishart(3, 1)}},
     "there is a prior of 'G' for 'j', which does not exist; valid names are: "
     "'Intercept|h, x|h', 'Intercept|h:g', 'h', 'h:g'"),
    (SLOPES, {"G": {"h": hb.Wishart(3, 1), "Intercept|h, x|h": hb.Wishart(3, 1)}},
     "the prior of 'G' for 'Intercept|h, x|h' is stated twice; leave one of them out"),
    (SLOPES, {"G": hb.Wishart(3, [[2, 1], [1, 2]])},
     "Wishart: scale is for 2 random effects, but the model has 1: 'Intercept'"),
    (SLOPES, {"G": {"h": hb.LKJ(2), "g": hb.Wishart(3, 1)}},
     "LKJ has no place as a prior of 'G'; use one of InverseWishart, Wishart"),
    (SLOPES, {"icc": {"h": hb.Beta(1, 2)}},
     "a prior of 'icc' is one of all random effects together, whatever they vary over: shares of "
     "one variance are not independent; state one, or 'sd' by grouping factor"),
    (SLOPES, {"icc": hb.Beta(1, 2), "sd": {"h": hb.HalfNormal(1)}},
     "the prior of 'icc' says what that of 'sd' would say again; leave one of them out"),
)  # fmt: skip


@pytest.mark.parametrize(("formula", "priors", "message"), WRONG)
def test_wrong_joint_priors_of_several_factors(
    formula: str, priors: dict[str, Any], message: str, little: pd.DataFrame
) -> None:
    with pytest.raises(hb.PriorError, match=f"^{re.escape(message)}$"):
        pose(little, formula, **priors)
