"""A posterior found again without a chain."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_allclose

import hierbayes as hb
from hierbayes.estimation.family_importance import log_folded, signs
from hierbayes.fit.of_family.posterior import FamilyPosteriorFit
from hierbayes.inference.recheck import findings_of
from tests import family_fits


@pytest.fixture(scope="module")
def fit() -> FamilyPosteriorFit:
    model = hb.load_model("illness_in_herds")
    sampled = model.sample(draws=400, tune=300, chains=2, seed=4, progress=False)
    assert isinstance(sampled, FamilyPosteriorFit)
    return sampled


@pytest.fixture(scope="module")
def checked(fit: FamilyPosteriorFit) -> hb.Recheck:
    return hb.recheck(fit, 250, seed=2, progress=False)


def test_draws_and_weighted_points_agree(checked: hb.Recheck) -> None:
    frame = checked.frame
    assert list(frame.index.get_level_values("block").unique()) == ["gamma", "sd"]
    assert (frame["apart"].abs() < 6.0 * frame["error"]).all()
    ratio = frame["sd"] / frame["check_sd"]
    assert ((ratio > 0.7) & (ratio < 1.4)).all()
    assert frame["agrees"].all()
    assert checked.k_hat < 0.7
    text = str(checked)
    assert "beside importance sampling (adaptive Gauss–Hermite quadrature with 15 nodes)" in text
    assert "Both ways agree: means part by " in text


def test_draws_that_are_wrong_are_named(fit: FamilyPosteriorFit) -> None:
    gamma = fit.gamma_draws.copy()
    gamma[..., 2] += 1.5 * gamma[..., 2].std()
    wrong = hb.recheck(replace(fit, gamma_draws=gamma), 200, nodes=1, progress=False)
    assert list(wrong.frame.index[~wrong.frame["agrees"]]) == [("gamma", "period[T.3]")]
    assert wrong.findings == (
        "The two ways part in gamma period[T.3]: do not use these draws before it is known why. "
        "Laplace's approximation has an error of its own.",
    )


def test_weights_that_cannot_be_relied_on_check_nothing(checked: hb.Recheck) -> None:
    assert findings_of(checked.frame, 0.9, 15) == [
        "The weights cannot stand for the posterior (Pareto k̂ 0.90, limit 0.7): nothing is "
        "checked; more points may help."
    ]


def test_what_cannot_be_checked_is_refused(fit: FamilyPosteriorFit) -> None:
    gaussian = hb.Model("mathach ~ ses + (1 | school)", hb.load_dataset("hs"))
    with pytest.raises(hb.InferenceError, match=r"recheck\(\) takes the posterior of a response "):
        hb.recheck(gaussian.reml())
    with pytest.raises(hb.InferenceError, match="this is ML, a maximum; give it"):
        hb.recheck(family_fits.bernoulli())
    with pytest.raises(hb.InferenceError, match="n must be a whole number from 50, not 10"):
        hb.recheck(fit, 10)
    assert np.isfinite(fit.gamma_draws).all()


def test_proposals_are_alike_at_all_signs_of_a_root() -> None:
    rng = np.random.default_rng(1)
    lower = np.tril_indices(2)
    flips = signs(lower[1], 1, 5)  # γ, three entries of a root, φ
    assert len(np.unique(flips, axis=0)) == 4
    x, centre = rng.normal(size=(3, 5)), rng.normal(size=5)
    root = np.linalg.cholesky(np.cov(rng.normal(size=(5, 40))))
    found = [log_folded(x * flip, centre, root, flips) for flip in flips]
    assert_allclose(found, np.broadcast_to(found[0], (4, 3)), rtol=1e-12)
    L = np.zeros((2, 2))
    for flip in flips:
        L[lower] = (x[0] * flip)[1:4]
        G = L @ L.T
        L[lower] = x[0][1:4]
        assert_allclose(G, L @ L.T, rtol=1e-12)
    assert signs(np.arange(40), 0, 40).tolist() == [[1.0] * 40]
