"""Fits with a residual structure beside each other, and beside one without."""

from itertools import permutations

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

import hierbayes as hb
from hierbayes import residuals as hr

FORMULA = "distance ~ age * Sex + (1 | Subject)"
ERRORS = hr.CAR1("age") * hr.Strata("Sex")


@pytest.fixture(scope="module")
def orthodont() -> pd.DataFrame:
    return hb.load_dataset("orthodont")


@pytest.fixture(scope="module")
def fits(orthodont: pd.DataFrame) -> dict[str, hb.Fit]:
    model = hb.Model(FORMULA, orthodont, residual=ERRORS)
    return {
        "alike": hb.Model(FORMULA, orthodont).reml(),
        "own": model.reml(),
        "post": model.sample(draws=200, chains=2, seed=1, progress=False),
    }


def test_parameters_of_the_errors_have_rows_of_their_own(fits: dict[str, hb.Fit]) -> None:
    found = hb.compare(fits)
    own, drawn = fits["own"], fits["post"]
    table = found.variance.loc["residual"]
    assert list(dict.fromkeys(table.index.get_level_values(0))) == ["phi", "ratio[Female]"]
    assert table.loc[("phi", "alike")].isna().all()
    limits = own.intervals().loc["residual"]
    names, draws = drawn.error_draws
    for k, name in enumerate(names):
        assert_allclose(table.loc[(name, "post"), "estimate"], draws[..., k].mean(), rtol=1e-12)
        assert_allclose(table.loc[(name, "own"), "estimate"], limits.loc[name, "estimate"])
    lower, upper = limits.loc["ratio[Female]", "lower"], limits.loc["ratio[Female]", "upper"]
    se = limits.loc["ratio[Female]", "estimate"] * np.log(upper / lower) / (2 * 1.959963984540054)
    assert_allclose(table.loc[("ratio[Female]", "own"), "se"], se, rtol=1e-8)
    sigma = found.variance.loc[("sigma", "sigma", "own")]
    width = np.log(sigma["upper"] / sigma["lower"]) / (2 * 1.959963984540054)
    assert_allclose(sigma["se"], sigma["estimate"] * width, rtol=1e-8)


def test_another_structure_is_another_model(fits: dict[str, hb.Fit]) -> None:
    printed = str(hb.compare(fits["alike"], fits["own"]))
    words = " ".join(printed.split())
    assert f"the errors differ, alike and independent and {ERRORS.text}" in words


def test_shares_between_groups_are_of_the_mean_variance_of_the_rows(
    fits: dict[str, hb.Fit], orthodont: pd.DataFrame
) -> None:
    found = hb.compare(fits)
    shares = found.variance.loc["icc"]["estimate"]
    assert_allclose(shares["icc", "own"], fits["own"].icc(), rtol=1e-10)
    assert_allclose(shares["icc", "post"], fits["post"].icc()["icc"], rtol=1e-10)
    wanted = (
        "the icc of 'own', 'post' is of the mean of the variances of errors over the rows; "
        "fit.icc(by=..., data=...) has that of each stratum."
    )
    assert wanted in found.notes
    known = hb.Model(FORMULA, orthodont.assign(se=1.5), known_sd="se").reml()
    assert hb.compare(fits["alike"], known).notes[-1].startswith("no icc of 'REML 2': each row")


def test_what_has_no_one_value_is_missing(fits: dict[str, hb.Fit]) -> None:
    """Moments of γ given each draw's errors."""
    found = hb.compare(fits["own"], fits["post"])
    split = found.uncertainty[["given_theta", "from_theta"]]
    assert split.isna().to_numpy().all()
    assert (found.uncertainty["posterior"] > 0.0).all()


def test_posteriors_of_different_structures_stand_beside_each_other_in_any_order(
    orthodont: pd.DataFrame,
) -> None:
    """What the errors of one have no parameter for is empty, and has no prior that differs."""
    rows = orthodont.assign(visit=orthodont.groupby("Subject", observed=True).cumcount())
    structures = {"alike": None, "ar": hr.AR1("visit"), "un": hr.Unstructured("visit")}
    posts = {
        name: hb.Model("distance ~ age + (1 | Subject)", rows, residual=one).sample(
            draws=50, chains=2, seed=1, progress=False
        )
        for name, one in structures.items()
    }
    for first, second in permutations(posts, 2):
        found = hb.compare({name: posts[name] for name in (first, second)})
        table = found.variance.loc["residual"]["estimate"]
        own = {name: set(posts[name].error_draws[0]) for name in (first, second)}
        assert set(table.index.get_level_values(0)) == own[first] | own[second]
        for (parameter, name), value in table.items():
            assert np.isnan(value) == (parameter not in own[name])
        assert "the priors of residual" not in " ".join(str(found).split())
