"""Where the draws of a baseline can be trusted to answer another prior, and where they cannot."""

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pymc as pm
import pytest
from scipy import stats

import hierbayes as hb
from hierbayes.likelihood.reading import NORMAL, REML
from hierbayes.likelihood.reduction import reduce_draws
from hierbayes.specification.effect_name import EffectName
from hierbayes.studies.sensitivity.moments import error_of_mean
from hierbayes.studies.sensitivity.quantities import ICC, SD, Sigma
from hierbayes.studies.sensitivity.weights import even
from tests.dense import Array
from tests.exact import exact_posterior, under

pytestmark = pytest.mark.slow

FIXED, RANDOM = "y ~ x + w", "~ 1 + x | g"


# ---------------------------------------------------------------- few groups

GAMMA = {"flat": hb.Flat(), "normal": hb.Normal(0, 5)}


def few_groups(J: int) -> pd.DataFrame:
    """J groups of six rows: y = 1 + u + e, sd(u) = σ = 1."""
    rng = np.random.default_rng(J)
    g = np.repeat(np.arange(J), 6)
    return pd.DataFrame({"y": 1.0 + rng.normal(size=J)[g] + rng.normal(size=6 * J), "g": g})


def scale_of(model: hb.Model) -> float:
    """The scale of the default half-t priors of sd and σ."""
    priors = model.priors.families
    intercept = priors["sd", EffectName("g", "Intercept")]
    assert intercept == priors["sigma", "sigma"]
    return float(intercept.parameters["sigma"])


def exact_means(model: hb.Model, prior: Any, top: float) -> Array:
    """Posterior means of sd, σ and ICC by Gauss–Legendre quadrature over (log sd, log σ).

    Parameters
    ----------
    prior : scipy distribution
        Of the sd.
    top : float
        Where its grid ends.
    """
    x, wx = np.polynomial.legendre.leggauss(200)
    z, wz = np.polynomial.legendre.leggauss(60)
    low, high = np.log(1e-6), np.log(top)
    log_sd, log_sigma = low + (high - low) * (x + 1.0) / 2.0, 1.5 * z
    sd, sigma = (np.exp(a.ravel()) for a in np.meshgrid(log_sd, log_sigma, indexing="ij"))
    cross = model.problem.cross
    internal = sigma / cross.basis.scale
    roots = cross.basis.root_internal(sd[:, None, None]) / internal[:, None, None]
    reading = REML if model.priors.gamma[0][1] == hb.Flat() else NORMAL
    log_p = reduce_draws(roots, internal, cross).log_density(
        model.priors.normal_gamma(cross), reading
    )
    log_p += stats.t(3, 0, scale_of(model)).logpdf(sigma) + prior.logpdf(sd) + np.log(sd * sigma)
    weight = np.outer(wx, wz).ravel() * np.exp(log_p - log_p.max())
    weight /= weight.sum()
    ends = weight.reshape(200, 60)
    assert ends[:, [0, -1]].sum() < 1e-6 and ends[0].sum() < 1e-6  # the grid is wide enough
    icc = sd**2 / (sd**2 + sigma**2)
    return np.array([weight @ sd, weight @ sigma, weight @ icc])


@pytest.mark.parametrize("gamma", GAMMA)
@pytest.mark.parametrize("J", [4, 5])
def test_few_groups_and_heavy_tails_equal_quadrature(J: int, gamma: str) -> None:
    """Whatever the route: the default half-t gives way to priors with far heavier tails."""
    model = hb.Model("y ~ 1", "~ 1 | g", data=few_groups(J), priors={"gamma": GAMMA[gamma]})
    s = scale_of(model)
    fit = model.sample(draws=1000, chains=4, seed=J, progress=False)
    grid = {
        "sd": {
            "uniform": hb.Uniform(0, 10 * s),
            "half-Cauchy": hb.HalfCauchy(10 * s),
            "half-normal": hb.HalfNormal(s),
        }
    }
    study = hb.SensitivityStudy(fit, grid, [SD("Intercept"), Sigma(), ICC()], progress=False)
    exact = {
        "uniform": exact_means(model, stats.uniform(0, 10 * s), 10 * s),
        "half-Cauchy": exact_means(model, stats.halfcauchy(scale=10 * s), 1e5),
        "half-normal": exact_means(model, stats.halfnorm(scale=s), 1e3),
    }
    base = study.estimands.values(fit)
    gap = base.flat.mean(axis=1) - exact_means(model, stats.t(3, 0, s), 1e5)
    assert (np.abs(gap) < 4.5 * error_of_mean(base, even(4000))).all()
    for answer in study.answers:
        assert answer.fit is not None
        values = study.estimands.values(answer.fit)
        gap = values.flat @ answer.weights.values - exact[answer.alternative.name]
        assert (np.abs(gap) < 4.5 * error_of_mean(values, answer.weights)).all()
    how = study.alternatives["how"]
    assert (how["uniform"], how["half-Cauchy"]) == ("refitted", "refitted")


# ---------------------------------------------------------------- what a baseline excludes


@pytest.fixture(scope="module")
def direct(small: hb.Model) -> hb.Fit:
    return exact_posterior(small, draws=500, seed=12)


BOUNDED: dict[str, tuple[dict[str, Any], str]] = {
    "gamma": ({"gamma": {"x": hb.Uniform(-1, 1)}}, "gamma(x), Uniform(-1, 1)"),
    "sd": ({"sd": {"x": hb.Uniform(0, 1)}}, "sd(x), Uniform(0, 1)"),
    "sigma": ({"sigma": hb.Uniform(0, 6)}, "sigma, Uniform(0, 6)"),
    "above": ({"sd": {"x": pm.Uniform.dist(0, 1)}}, "sd(x), PyMC Uniform(0, 1)"),
    "below": ({"gamma": {"x": pm.HalfNormal.dist(2)}}, "gamma(x), PyMC HalfNormal(0, 2)"),
}


@pytest.mark.parametrize("case", BOUNDED)
def test_what_the_baseline_excludes_is_sampled(
    case: str, small: hb.Model, small_data: pd.DataFrame, direct: hb.Fit
) -> None:
    """Back to the default prior, which reaches beyond: no weight of any draw could tell."""
    stated, said = BOUNDED[case]
    model = hb.Model(FIXED, RANDOM, data=small_data, priors=stated)
    if case == "above":
        twin = hb.Model(FIXED, RANDOM, data=small_data, priors=BOUNDED["sd"][0])
        fit = under(exact_posterior(twin, draws=500), model)
    elif case == "below":  # draws as bounded; it does not matter more, for all is sampled anew
        twin = hb.Model(FIXED, RANDOM, data=small_data, priors={"gamma": {"x": hb.Uniform(0, 8)}})
        fit = under(twin.sample(draws=500, chains=4, seed=3, progress=False), model)
    else:
        fit = model.sample(draws=500, chains=4, seed=3, progress=False)
    (block,) = stated
    grid = {block: {"usual": small.priors.stated()[block]}}
    study = hb.SensitivityStudy(fit, grid, progress=False)
    (answer,) = study.answers
    words = f"the baseline's prior of {said}, excludes what it allows"
    assert answer.how == "refitted" and answer.fit is not None
    assert answer.reason.startswith(words)
    ours, theirs = study.estimands.values(answer.fit), study.estimands.values(direct)
    error = np.hypot(error_of_mean(ours, even(2000)), error_of_mean(theirs, even(2000)))
    assert (np.abs(ours.flat.mean(axis=1) - theirs.flat.mean(axis=1)) < 4.5 * error).all()
    alone = hb.SensitivityStudy(fit, grid, refit=False, progress=False).alternatives.loc["usual"]
    assert alone["how"] == "not answered"
    assert alone["reason"] == f"{words}; allow refit=True to sample it"


def test_what_lies_inside_is_weighted(small_data: pd.DataFrame) -> None:
    """A density of 0 at 0 alone excludes nothing."""
    priors = {"sd": {"x": hb.Uniform(0, 4)}, "sigma": pm.Gamma.dist(2.5, 1)}
    model = hb.Model(FIXED, RANDOM, data=small_data, priors=priors)
    twin = hb.Model(FIXED, RANDOM, data=small_data, priors=priors | {"sigma": hb.Gamma(2.5, 1)})
    fit = under(exact_posterior(twin, draws=500), model)
    grid = {
        "sd": {"inside": {"x": hb.Uniform(0, 3)}},
        "sigma": {"to 0": hb.Gamma(2, 1)},
    }
    table = hb.SensitivityStudy(fit, grid, refit=False, progress=False).alternatives
    assert table["how"].tolist() == ["re-weighted", "re-weighted"]


# ---------------------------------------------------------------- what verdicts rest on


def test_cautionary_alternatives_are_shown_and_do_not_count(small_posterior: hb.Fit) -> None:
    far = {"sd": hb.HalfNormal(0.1)}
    counted = {"corr": {"lkj 3": hb.LKJ(3)}}
    alone = hb.SensitivityStudy(small_posterior, counted, progress=False)
    both = hb.SensitivityStudy(small_posterior, {**counted, "cautionary": {"far": far}},
                               progress=False)  # fmt: skip
    columns = ["smallest", "largest", "moved_by", "sign_flips", "decision_flips", "verdict"]
    pd.testing.assert_frame_equal(both.table[columns], alone.table[columns])
    assert both.blocks.loc["sd(x)", "cautionary"] > 0.25  # were it counted, it would decide
    assert both.alternatives.loc["far", "prior"] == "sd ~ HalfNormal(0.1)"
    only = hb.SensitivityStudy(small_posterior, {"cautionary": {"far": far}}, progress=False)
    assert (only.verdicts == "no alternative could be answered").all()


def test_a_prior_that_was_not_varied_is_named(small_posterior: hb.Fit) -> None:
    """A half-t prior of σ that is the baseline's again moves nothing at all."""
    same: dict[str, Any] = {"sigma": {"same": {}}}
    said = hb.SensitivityStudy(small_posterior, same, refit=False, progress=False).verdicts
    for name, block in (("x", "gamma"), ("sd(x)", "sd"), ("corr(Intercept, x)", "corr")):
        assert said[name].split("; REML")[0] == (
            f"no prior tried moves it beyond Monte Carlo error, but its own prior, of {block}, "
            "was not varied"
        )
    lower, upper = (
        float(small_posterior.draws("corr")[..., 0, 1].quantile(p)) for p in (0.025, 0.975)
    )
    assert said["corr(Intercept, x)"].endswith(
        f"; REML's -1 lies outside the baseline's interval, {lower:.4g} to {upper:.4g}"
    )
    assert said["sigma"].startswith("robust: no prior tried moves it beyond Monte Carlo error")
    several: dict[str, Any] = {"several": {"same": {"sigma": {}}}}
    whole = hb.SensitivityStudy(small_posterior, several, refit=False, progress=False).verdicts
    assert not whole.str.contains("was not varied").any()


def test_noise_that_hides_what_is_noticeable_is_named(small: hb.Model) -> None:
    """A refit of 100 draws has errors near 0.1·√2 sd: three of them exceed 0.25 sd."""
    fit = exact_posterior(small, draws=25)
    grid = {"gamma": {"same again": small.priors.stated()["gamma"]}}
    study = hb.SensitivityStudy(fit, grid, ["x"], refit=False, progress=False)
    study.baseline = replace(study.baseline, r_hat=1.0)
    cells, mcse = study.cells, 0.1
    study.cells = cells.assign(mcse=cells["mcse"] * 0.0 + mcse, distance=cells["distance"] * 0.0)
    assert study.verdicts["x"] == (
        "cannot tell: the Monte Carlo error under 'same again' is 0.10 sd; sample more draws"
    )


def test_a_baseline_whose_chains_disagree_is_warned_of(small_posterior: hb.Fit) -> None:
    grid = {"corr": {"lkj 3": hb.LKJ(3)}}
    for r_hat, line in ((1.009, None), (1.34, "chains disagree (R-hat 1.34)")):
        study = hb.SensitivityStudy(small_posterior, grid, ["x"], progress=False)
        study.baseline = replace(study.baseline, r_hat=r_hat)
        page = " ".join(str(study).split())
        expected = (
            f"Beware: diagnose() rejects the draws of the baseline: {line}; there is no verdict "
            "before they are sampled anew"
        )
        assert (expected in page) == ("Beware" in page) == (line is not None)
        said = f"no verdict: diagnose() rejects the draws of the baseline ({line})"
        assert (study.verdicts["x"] == said) == (line is not None)


def test_movements_are_printed_with_their_errors(small_posterior: hb.Fit) -> None:
    grid = {"corr": {"lkj 9": hb.LKJ(9)}}
    study = hb.SensitivityStudy(small_posterior, grid, progress=False)
    row = study.table.loc["corr(Intercept, x)"]
    (line,) = (text for text in str(study).splitlines() if text.startswith("corr(Intercept, x)  "))
    assert f"  {row['movement']:+.2f} ± {row['mcse']:.2f}  " in line
