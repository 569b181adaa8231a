"""What a study says where the truth is known by construction."""

from html import escape
from typing import Any

import numpy as np
import pandas as pd
import pytest

import hierbayes as hb
from hierbayes.studies.sensitivity.moments import error_of_mean
from hierbayes.studies.sensitivity.quantities import R2, SD, Corr, Sigma
from hierbayes.studies.sensitivity.weights import even
from tests.conftest import Cache
from tests.exact import exact_posterior

pytestmark = pytest.mark.slow

CORR = "corr(Intercept, ses)"


def studied_under(fit: hb.Fit, grid: Any, quantities: Any = None, **how: Any) -> Any:
    return hb.SensitivityStudy(fit, grid, quantities, progress=False, **how)


# ---------------------------------------------------------------- a prior that must matter


@pytest.fixture(scope="module")
def pulled(baselines: Cache[hb.Fit]) -> hb.SensitivityStudy:
    """The data say 1.8 ± 0.3 of the slope: one prior pulls it up, one down across 0."""
    grid = {
        "gamma": {"up": {"ses": hb.Normal(5, 0.3)}, "down": {"ses": hb.Normal(-1, 0.1)}},
        "sigma": {"sigma wide": hb.HalfT(3, 0, 20)},
    }
    return studied_under(baselines["hs"], grid)


def test_the_verdict_names_the_prior_that_decides(pulled: hb.SensitivityStudy) -> None:
    """Were θ as before, precisions would add up: 'down' pulls from 1.81 ± 0.30 to
    (1.81/0.30² − 1/0.10²)/(1/0.30² + 1/0.10²), 'up' likewise, and what θ concedes takes
    them further.
    """
    row = pulled.table.loc["ses"]
    down, up = (pulled.cells.sel(quantity="ses", alternative=name) for name in ("down", "up"))
    precision = row["sd"] ** -2
    for cell, mu, sd in ((down, -1.0, 0.1), (up, 5.0, 0.3)):
        naive = (precision * row["mean"] + mu / sd**2) / (precision + sd**-2)
        assert min(naive, mu) < float(cell["mean"]) < max(naive, mu)
        assert float(cell["decision"]) == np.sign(mu)
    assert (row["moved_by"], row["block"]) == (("down", "up")[np.argmax(
        [float(down["distance"]), float(up["distance"])])], "gamma")  # fmt: skip
    assert (row["sign_flips"], row["decision_flips"]) == (1, 1)
    shift, error = row["movement"], row["mcse"]
    said = row["verdict"]
    assert said.startswith(
        f"decided by the prior of gamma: '{row['moved_by']}' moves it by "
        f"{shift:+.2f} ± {error:.2f} sd; priors of other blocks by at most: sigma 0.00"
    )
    assert said.endswith("; no longer positive under 1 of 3: down")
    assert pulled.blocks.loc["ses", "gamma"] == pytest.approx(row["distance"])


def test_what_was_sampled_for_one_prior_serves_another(
    pulled: hb.SensitivityStudy, hs: pd.DataFrame
) -> None:
    """γ integrated out, 'up' and 'down' ask the same of θ: much spread between the slopes."""
    up, down, _ = pulled.answers
    assert up.how == "refitted" and up.weights.k_hat > 0.5
    assert down.how == "re-weighted" and not down.same_theta and down.fit is not None
    assert down.reason.startswith("Pareto k-hat is ")
    assert down.reason.endswith(", above 0.5: re-weighted from the draws under 'up'")
    model = hb.Model(
        "mathach ~ ses * Sector", "~ 1 + ses | school", data=hs,
        priors=down.alternative.priors.stated(),
    )  # fmt: skip
    fresh = exact_posterior(model, seed=12)
    ours, theirs = pulled.estimands.values(down.fit), pulled.estimands.values(fresh)
    error = np.hypot(error_of_mean(ours, down.weights), error_of_mean(theirs, even(4000)))
    gap = ours.flat @ down.weights.values - theirs.flat.mean(axis=1)
    assert (np.abs(gap) < 4.5 * error).all()
    assert pulled.cells["mcse"].sel(alternative="down").to_numpy() == pytest.approx(
        np.hypot(error_of_mean(ours, down.weights), pulled.before["mcse"]) / pulled.before["sd"]
    )


def test_a_prior_of_one_effect_leaves_the_others_their_signs(pulled: hb.SensitivityStudy) -> None:
    table = pulled.table
    assert table.loc["Intercept", "sign_flips"] == 0
    assert table.loc["Intercept", "decision_flips"] == 0
    assert table.loc["Intercept", "smallest"] > 12.0


# ---------------------------------------------------------------- priors that cannot matter


def test_where_a_prior_cannot_matter_all_is_robust(baselines: Cache[hb.Fit]) -> None:
    """7185 rows against the prior of σ: nothing moves by 1% of its sd, and nothing drives it."""
    grid = {"sigma": {"half-normal": hb.HalfNormal(6.88), "half-t": hb.HalfT(3, 0, 30)}}
    study = studied_under(baselines["hsfull"], grid)
    for quantity in study.estimands.quantities:
        said = study.verdicts[quantity.name]
        if quantity.block in (None, "sigma"):
            assert said.startswith("robust: no prior tried moves it ")
        else:
            assert said.startswith("no prior tried moves it ")
            own = f", but its own prior, of {quantity.block}, was not varied"
            assert said.split("; REML")[0].endswith(own)
    assert (study.blocks["sigma"] < 0.01).all()
    assert (study.table["decision_flips"] == 0).all()
    others = study.table.drop(index="sigma")
    assert (others.loc[others["distance"] == 0.0, "moved_by"] == "-").all()


@pytest.fixture(scope="module")
def large() -> hb.Fit:
    """100 groups of 100 rows: y = 1 + 2x + u + e, sd(u) = 1, σ = 2."""
    rng = np.random.default_rng(8)
    g, x = np.repeat(np.arange(100), 100), rng.normal(size=10_000)
    y = 1 + 2 * x + rng.normal(size=100)[g] + rng.normal(0, 2, 10_000)
    model = hb.Model("y ~ x", "~ 1 | g", data=pd.DataFrame({"y": y, "x": x, "g": g}))
    return exact_posterior(model, seed=4)


def test_much_data_are_robust_to_the_usual_priors_of_the_same_width(large: hb.Fit) -> None:
    """x has sd 0.02 after the data; a prior with sd 1 moves it by 0.02 · (2/1²) sds at most."""
    grid = {
        "gamma": {"narrow": hb.Normal(0, 1), "flat": hb.Flat()},
        "sd": {"half": hb.HalfT(3, 0, 1), "twice": hb.HalfT(3, 0, 5)},
        "sigma": {"half-normal": hb.HalfNormal(2)},
    }
    study = studied_under(large, grid, ["x", Sigma(), SD("Intercept")], refit=False)
    assert study.verdicts.str.startswith("robust: ").all()
    sd = study.table.loc["x", "sd"]
    assert sd == pytest.approx(2 / np.sqrt(10_000 - 100), rel=0.1)
    moved = study.cells["movement"].sel(quantity="x", alternative="narrow")
    exact = -study.table.loc["x", "mean"] * sd / (1 + sd**2)  # y ~ N(m, s²) under N(0, 1): m/(1+s²)
    assert float(moved) == pytest.approx(exact, abs=4.5 * float(
        study.cells["mcse"].sel(quantity="x", alternative="narrow")) + 1e-3)  # fmt: skip
    assert study.information().loc[("gamma", "x"), "reading"] == "much was learnt from the data"


# ---------------------------------------------------------------- what drives a correlation


@pytest.fixture(scope="module")
def usual(baselines: Cache[hb.Fit]) -> hb.SensitivityStudy:
    return studied_under(baselines["hsfull"], None)


def test_the_prior_of_corr_drives_rho_and_the_study_says_so(usual: hb.SensitivityStudy) -> None:
    row = usual.table.loc[CORR]
    assert (row["block"], row["moved_by"]) == ("corr", "corr LKJ(10)")
    assert row["verdict"].startswith(
        f"depends on the prior of corr: 'corr LKJ(10)' moves it by {row['movement']:+.2f} ± "
    )
    assert row["movement"] < -0.25
    assert usual.blocks.loc[CORR].idxmax() == "corr"
    scaling = usual.power_scaling.loc[CORR, ["gamma", "sd", "corr", "sigma"]].astype(float)
    assert scaling.idxmax() == "corr"
    assert (
        f"near the baseline it answers to the prior of corr ({scaling['corr']:.2f})"
        in (row["verdict"])
    )
    slope = usual.derivatives()["derivative"].sel(quantity=CORR)
    names = slope["number"].to_numpy()
    steepest = names[int(np.argmax(np.abs(slope.to_numpy())))]
    assert steepest == "corr(Intercept, ses).eta"
    assert usual.table.loc["sd(ses)", "block"] == "sd"


def test_rho_moves_with_eta_and_hardly_with_the_scale(usual: hb.SensitivityStudy) -> None:
    tips = usual.tipping(CORR, scales=(0.25, 1.0, 4.0), etas=(1.0, 2.0, 10.0), progress=False)
    mean = tips.cells["mean"].to_pandas()
    assert mean.index.tolist() == [0.25, 1.0, 4.0] and mean.columns.tolist() == [1.0, 2.0, 10.0]
    assert (np.diff(mean.to_numpy(), axis=1) < -0.05).all()
    along_eta = float((mean.max(axis=1) - mean.min(axis=1)).max())
    along_scale = float((mean.max(axis=0) - mean.min(axis=0)).max())
    assert along_eta > 20 * along_scale
    assert mean.loc[1.0, 2.0] == pytest.approx(usual.table.loc[CORR, "mean"], abs=1e-9)
    assert tips.flips.empty
    assert tips.verdict == (
        f"'{CORR} is undecided' stands over all scales of sd from 0.25 to 4 times the baseline's "
        f"and LKJ(η) from 1 to 10; its mean moves by up to {along_eta:.3g} with η and by up to "
        f"{along_scale:.3g} with the scale."
    )


def test_what_is_within_three_errors_is_noise(usual: hb.SensitivityStudy) -> None:
    cells = usual.cells
    distance, error = cells["distance"].to_numpy(), cells["mcse"].to_numpy()
    real = np.where(distance > 3.0 * error, distance, 0.0)
    assert ((real == 0.0) & (distance > 0.01)).any()  # there is noise to be told apart
    blocks = cells["block"].to_numpy()
    for block in ("gamma", "sd", "corr", "sigma"):
        expected = real[:, blocks == block].max(axis=1)
        assert usual.blocks[block].to_numpy() == pytest.approx(expected)
    counted = np.where(blocks == "cautionary", -1.0, real)
    assert (real[:, blocks == "cautionary"].max(axis=1) > counted.max(axis=1)).any()
    assert usual.table["distance"].to_numpy() == pytest.approx(
        distance[np.arange(10), counted.argmax(axis=1)]
    )


# ---------------------------------------------------------------- tipping points


def test_a_decision_gives_way_nearest_first(baselines: Cache[hb.Fit]) -> None:
    """With 80% intervals ρ is positive under LKJ(2); LKJ(η) → 0 as η grows, whatever the scale."""
    study = studied_under(
        baselines["hsfull"], {"corr": hb.LKJ(3)}, [Corr("Intercept", "ses")], prob=0.8
    )
    assert float(study.before["decision"][0]) == 1.0
    tips = study.tipping(CORR, scales=(0.5, 1.0, 2.0), etas=(1.0, 2.0, 50.0), progress=False)
    decision = tips.cells["decision"].to_pandas()
    sides = np.sign(tips.cells["lower"]) + np.sign(tips.cells["upper"])
    assert (decision.to_numpy() * 2 == sides.to_numpy()).all()
    flips = tips.flips
    assert (flips["eta"] == 50.0).all() and sorted(flips["scale"]) == [0.5, 1.0, 2.0]
    expected = np.abs(np.log(flips["scale"])) + np.log(50.0 / 2.0)
    assert flips["distance"].to_numpy() == pytest.approx(expected.to_numpy())
    assert flips["distance"].is_monotonic_increasing
    assert tips.verdict.startswith(
        f"'{CORR} is positive' gives way at 3 of 9 points over scales of sd from 0.5 to 2 times "
        "the baseline's and LKJ(η) from 1 to 50; nearest to the baseline at 1 times the scale of "
        "sd and LKJ(50), where it is undecided; its mean moves by up to "
    )
    assert "Nearest tipping points" in " ".join(str(tips).split())
    assert escape(tips.verdict) in tips._repr_html_()


def test_a_quantity_without_a_decision_has_a_range(usual: hb.SensitivityStudy) -> None:
    tips = usual.tipping("sd(ses)", scales=(0.5, 1.0), etas=(1.0, 2.0), progress=False)
    mean = tips.cells["mean"].to_numpy()
    assert tips.verdict.startswith(
        f"The mean of sd(ses) runs from {mean.min():.4g} to {mean.max():.4g} over scales of sd "
        "from 0.5 to 1 times the baseline's and LKJ(η) from 1 to 2; its mean moves by up to "
    )
    assert tips.flips.empty and bool(tips.cells["decision"].isnull().all())


def test_without_correlations_only_the_scale_is_pushed(large: hb.Fit) -> None:
    study = studied_under(large, {"sd": {"narrow": hb.HalfT(3, 0, 1)}}, ["x"], refit=False)
    tips = study.tipping("x", scales=(0.5, 1.0, 2.0), progress=False)
    assert tips.verdict == (
        "'x is positive' stands over all scales of sd from 0.5 to 2 times the baseline's."
    )
    assert tips.cells.sizes == {"scale": 3}
    assert str(tips).startswith(tips.verdict) and "<table" in tips._repr_html_()


def test_a_quantity_that_is_fixed_by_the_model(small_data: pd.DataFrame) -> None:
    """Without columns in the fixed part, its R² is 0 whatever the priors."""
    fit = exact_posterior(hb.Model("y ~ 1 + (1 | g)", data=small_data), draws=250)
    grid = {"sd": {"narrow": hb.HalfNormal(2)}}
    study = hb.SensitivityStudy(fit, grid, [R2()], progress=False)
    assert study.verdicts.iloc[0] == "0 by construction: no prior can move it"
