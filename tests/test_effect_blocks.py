"""Effects of very many groups: what a posterior says of them without keeping all draws."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

import hierbayes as hb
from hierbayes.display.interval import Interval
from hierbayes.fit import effect_blocks
from tests.pieces import Pieces

FEW = Interval(0.5)


def rows() -> pd.DataFrame:
    rng = np.random.default_rng(2)
    g, x = np.repeat(np.arange(60), 5), rng.normal(size=300)
    y = rng.normal(size=60)[g] + 0.5 * x * rng.normal(size=60)[g] + rng.normal(size=300)
    return pd.DataFrame({"y": y, "x": x, "g": g})


@pytest.fixture(scope="module")
def fit() -> hb.PosteriorFit:
    model = hb.Model("y ~ x + (1 + x | g)", data=Pieces(rows(), (100,)))
    made = model.sample(draws=150, tune=150, chains=2, seed=1)
    assert made.effect_blocks is None
    assert len(made.us) == 1  # kept, from before groups are many
    return made


@pytest.fixture
def many(fit: hb.PosteriorFit, monkeypatch: pytest.MonkeyPatch) -> hb.PosteriorFit:
    """The same where sixty groups are very many, seven of them a block."""
    monkeypatch.setattr(effect_blocks, "MOST_BYTES", 150_000)
    monkeypatch.setattr(effect_blocks, "KEPT_BYTES", 150_000)
    monkeypatch.setattr(effect_blocks, "_OF_BLOCK", 8 * 2 * 300 * 7)
    monkeypatch.setattr(effect_blocks, "_JUDGED", 10)
    return replace(fit)


def test_blocks_say_what_their_draws_say(many: hb.PosteriorFit) -> None:
    means, cov = many.ranef(), many.ranef_cov()
    limits = many.u_limits(0, FEW, given_gamma=False)
    assert "us" not in many.__dict__  # nothing of this keeps all draws
    (u,) = many.us
    assert u.shape == (2, 150, 60, 2)
    off = u.mean(axis=(0, 1)) - means
    assert (np.abs(off) < 6.0 * u.std(axis=(0, 1)) / np.sqrt(300 / 4)).all(axis=None)
    np.testing.assert_allclose(cov[7], np.cov(u[:, :, 7].reshape(-1, 2), rowvar=False), rtol=1e-10)
    np.testing.assert_allclose(limits, FEW.of_draws(u), rtol=1e-12)


def test_means_are_those_given_each_draw_averaged(
    many: hb.PosteriorFit, monkeypatch: pytest.MonkeyPatch
) -> None:
    """E(u | y, γ, θ) = GZ'(ZGZ' + σ²I)⁻¹(y − Xγ) of a group at all 300 draws, then at three."""
    first = rows().query("g == 40")
    X = np.column_stack([np.ones(5), first["x"]])

    def mean_at(at: list[int]) -> np.ndarray:
        found = []
        for k in at:
            G, sigma = many.theta.G.reshape(-1, 2, 2)[k], many.theta.sigma.ravel()[k]
            V = X @ G @ X.T + sigma**2 * np.eye(5)
            left = first["y"] - X @ many.gamma_draws.reshape(-1, 2)[k]
            found.append(G @ X.T @ np.linalg.solve(V, left))
        return np.mean(found, axis=0)

    np.testing.assert_allclose(many.ranef().iloc[40], mean_at(list(range(300))), rtol=1e-9)
    monkeypatch.setattr(effect_blocks, "_AVERAGED", 3)
    np.testing.assert_allclose(replace(many).ranef().iloc[40], mean_at([0, 149, 299]), rtol=1e-9)


def test_blocks_are_of_the_law_of_all_groups_together(
    fit: hb.PosteriorFit, many: hb.PosteriorFit
) -> None:
    together, own = (one.us[0].reshape(-1, 60, 2) for one in (fit, many))
    assert not np.array_equal(together, own)
    error = together.std(axis=0) * np.sqrt(2.0 / (len(own) / 4))
    assert (np.abs(together.mean(axis=0) - own.mean(axis=0)) < 6.0 * error).all()
    ratio = own.std(axis=0) / together.std(axis=0)
    np.testing.assert_allclose(np.log(ratio), 0.0, atol=6.0 / np.sqrt(len(own) / 4))


def test_chains_are_judged_by_some_groups(many: hb.PosteriorFit) -> None:
    assert "20 of 120 random effects included" in str(many.diagnose())


def test_few_draws_are_used_where_those_of_all_effects_are_too_many(many: hb.PosteriorFit) -> None:
    found = hb.loo(many)
    assert (
        "Draws of the effects of 60 groups take 0.0 GB: one of 2 was used, 150 in all."
        in found.notes
    )
    assert hb.predictive_check(many, n=20, seed=1).draws.shape[0] == 20
