"""One group left out: exactly in the likelihood, and as a refit without its rows would have it."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

import hierbayes as hb
from hierbayes.design.crossproducts import within_totals
from hierbayes.likelihood.conditional import log_jacobian
from hierbayes.likelihood.gaussian import Likelihood
from hierbayes.likelihood.reading import NORMAL, REML, Reading
from hierbayes.likelihood.theta import Theta
from hierbayes.priors.chosen_priors import choose_priors
from hierbayes.studies.sensitivity.moments import Values, error_of_mean
from hierbayes.studies.sensitivity.quantities import SD, Contrast
from hierbayes.studies.sensitivity.weights import even, pareto_smoothed
from tests import dense
from tests.conftest import Cache
from tests.dense import Array
from tests.exact import exact_posterior

pytestmark = pytest.mark.slow


def totals_of(fit: hb.Fit | hb.Model) -> Array:
    design, cross = fit.problem.design, fit.problem.cross
    return within_totals(design.rows, cross)


def test_what_groups_add_is_what_there_is(small: hb.Model) -> None:
    assert_allclose(totals_of(small).sum(axis=0), small.problem.cross.W, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("reading", [REML, NORMAL])
def test_densities_without_a_group_are_those_of_the_other_rows(
    small: hb.Model, reading: Reading
) -> None:
    """Against n×n matrices of the rows that stay, for each group and for none."""
    rng = np.random.default_rng(5)
    priors = choose_priors({"gamma": hb.Normal(1, 4)}, small.problem)
    design, cross, basis = small.problem.design, small.problem.cross, small.problem.cross.basis
    roots, sigmas = np.tril(rng.normal(size=(6, 2, 2))), rng.uniform(0.5, 2.0, 6)
    likelihood = Likelihood(cross, reading, priors.normal_gamma(cross))
    values, gammas = likelihood.without_groups(Theta.of(roots, sigmas), totals_of(small))
    assert values.shape == (6, 9) and gammas.shape == (6, 9, 3)
    stated = [prior.parameters for _, prior, _ in priors.gamma]
    mean, sd = (np.array([p[name] for p in stated]) for name in ("mu", "sigma"))
    prior = (mean, np.diag(sd**2)) if reading == NORMAL else None
    for j in range(9):
        kept = design.rows.codes != j
        codes = np.unique(design.rows.codes[kept], return_inverse=True)[1]
        rows = dense.Rows(design.rows.y[kept], design.rows.X[kept], design.rows.Z[kept], codes)
        n = float(kept.sum())
        for i in range(6):
            G = roots[i] @ roots[i].T
            exact = dense.log_density(rows, G, sigmas[i], reading, prior=prior)
            in_user_units = values[i, j] + log_jacobian(reading, basis, n)
            assert in_user_units == pytest.approx(exact, abs=1e-9)
            centre = dense.moments(rows, G, sigmas[i], prior).gamma
            assert_allclose(gammas[i, j], centre, rtol=1e-8, atol=1e-9)


@pytest.fixture(scope="module")
def study(baselines: Cache[hb.Fit]) -> hb.SensitivityStudy:
    grid = {"gamma": {"flat": hb.Flat()}, "corr": {"lkj 10": hb.LKJ(10)}}
    return hb.SensitivityStudy(baselines["hs"], grid, refit=False, progress=False)


def test_with_no_group_left_out_it_is_the_study(study: hb.SensitivityStudy) -> None:
    """Functions of θ have the same weights on the same draws; γ is at its mean given θ here."""
    found = study.deletion(["flat", "lkj 10"])
    assert found["alternative"].to_numpy().tolist() == ["baseline", "flat", "lkj 10"]
    assert found["group"].to_numpy().tolist()[-1] == "none"
    whole = found["movement"].sel(group="none")
    assert_allclose(whole.sel(alternative="baseline"), 0.0, atol=1e-12)
    theta = ["sd(Intercept)", "sd(ses)", "corr(Intercept, ses)", "sigma", "icc"]
    names = ["Intercept", "ses", "Sector[T.Public]", "ses:Sector[T.Public]"]
    for name in ("flat", "lkj 10"):
        cell = study.cells.sel(alternative=name)
        of_theta = whole.sel(alternative=name, quantity=theta)
        assert_allclose(of_theta, cell["movement"].sel(quantity=theta), atol=1e-7)
        gap = whole.sel(alternative=name) - cell["movement"]
        assert (np.abs(gap.sel(quantity=names)) < 4.5 * cell["mcse"].sel(quantity=names)).all()


def test_a_study_leaves_out_groups_under_the_alternatives_that_matter(
    study: hb.SensitivityStudy,
) -> None:
    found = study.deletion()
    moved = study.cells["distance"].max("quantity")
    assert float(moved.sel(alternative="lkj 10")) > 0.1
    assert "lkj 10" in found["alternative"].to_numpy()
    assert "R2 of fixed part" not in found["quantity"].to_numpy()
    assert len(found["group"]) == 41


def worth(fit: hb.Fit, j: int) -> float:
    """The share of the draws that weights to the posterior without a group are worth."""
    cross = fit.problem.cross
    assert fit.priors is not None
    likelihood = Likelihood(cross, NORMAL, fit.priors.normal_gamma(cross))
    values, _ = likelihood.without_groups(fit.theta.flat, totals_of(fit))
    return pareto_smoothed(values[:, j] - values[:, -1]).ess / len(values)


@pytest.mark.parametrize("place", [0, 1])
def test_it_is_the_posterior_that_is_sampled_without_the_group(
    study: hb.SensitivityStudy, hs: pd.DataFrame, place: int
) -> None:
    """For the two schools that move γ and sd most, under the priors of the baseline."""
    fit = study.baseline.fit
    found = study.deletion([])["movement"].sel(alternative="baseline").fillna(0.0)
    size = np.abs(found.isel(group=slice(0, 40)).to_numpy()).max(axis=1)
    j = int(np.argsort(-size)[place])
    assert size[j] > 0.4
    school = fit.design.groups[j]
    model = hb.Model(
        "mathach ~ ses * Sector", "~ 1 + ses | school", data=hs[hs["school"] != school],
        priors=study.baseline.priors.stated(),
    )  # fmt: skip
    fresh = exact_posterior(model, seed=9)
    share = worth(fit, j)
    kept = [one for one in study.estimands.quantities if one.name in found["quantity"].to_numpy()]
    assert sum(isinstance(one, Contrast | SD) for one in kept) == 6
    for one in kept:
        ours, theirs = (Values(one.draws(f)[..., None]) for f in (fit, fresh))
        moved = float(found.isel(group=j).sel(quantity=one.name))
        mean = ours.flat.mean() + moved * ours.flat.std()
        # weights make the error of the baseline's mean larger by 1/√share
        error = np.hypot(
            error_of_mean(ours, even(4000))[0] / np.sqrt(share),
            error_of_mean(theirs, even(4000))[0],
        )
        assert abs(mean - theirs.flat.mean()) < 4.5 * error
