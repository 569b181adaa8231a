"""Maxima at infinity: responses that are told for certain, zeros that are no more than expected."""

import re

import numpy as np
import pandas as pd
import pytest

import hierbayes as hb

F = hb.families


@pytest.fixture(scope="module")
def data() -> pd.DataFrame:
    rng = np.random.default_rng(0)
    x, g = rng.normal(size=180), np.repeat(np.arange(60), 3)
    return pd.DataFrame(
        {
            "g": g,
            "x": x,
            "sign": (x > 0).astype(int),
            "third": np.digitize(x, [-0.5, 0.5]),
            "name": np.array(["a", "b", "c"])[np.digitize(x, [-0.5, 0.5])],
            "k": 1 + rng.poisson(np.exp(0.5 + 0.3 * x)),
        }
    )


GROWING = r"separation: the likelihood goes on growing, to the value shown, as the coeff.*'x' go"


@pytest.mark.parametrize("response", ["sign", "third"])
@pytest.mark.parametrize("random", ["", " + (1 | g)"])
def test_responses_that_are_all_told_are_said_to_be(
    data: pd.DataFrame, response: str, random: str
) -> None:
    family = "bernoulli" if response == "sign" else "cumulative"
    fit = hb.Model(f"{response} ~ x{random}", data, family=family).ml()
    assert not fit.diagnose().ok
    assert re.match(GROWING, fit.diagnose().findings[0])
    assert "  Beware: The ML maximum is not certain; see diagnose()\n" in str(fit)


def test_so_are_nominal_ones(data: pd.DataFrame) -> None:
    found = hb.Model("name ~ x", data, family="categorical").ml().diagnose()
    assert found.findings[0].startswith("separation: the likelihood goes on growing")


@pytest.mark.parametrize("family", [F.ZeroInflated(F.Poisson()), F.Hurdle(F.Poisson())])
def test_zeros_that_there_are_none_of_are_said_to_be_none(
    data: pd.DataFrame, family: F.ResponseFamily
) -> None:
    found = hb.Model("k ~ x", data, family=family).ml().diagnose()
    assert found.ok
    assert found.verdict == ("The ML maximum lies on the boundary, where 'logit zero' is infinite.")
    assert "the data show no more zeros than the family without it has; leave it out" in str(
        found.findings
    )


def test_zeros_that_there_are_keep_their_share(data: pd.DataFrame) -> None:
    zeros = data.assign(k=np.where(data.index % 4 == 0, 0, data["k"]))
    found = hb.Model("k ~ x", zeros, family=F.Hurdle(F.Poisson())).ml().diagnose()
    assert found.verdict == "The ML maximum is inside the parameter space."


def test_what_can_be_used_has_no_warning(data: pd.DataFrame) -> None:
    assert "Beware" not in str(hb.Model("k ~ x + (1 | g)", data, family="poisson").ml())


def test_responses_that_are_told_exactly_have_their_coefficients() -> None:
    g = np.repeat(np.arange(12), 5)
    data = pd.DataFrame({"g": g, "x": g % 3, "k": 2 ** (g % 3)})
    model = hb.Model("k ~ x + (1 | g)", data, family="poisson")
    fit = model.ml()
    np.testing.assert_allclose(fit.fixef(), [0.0, np.log(2.0)], atol=1e-6)
    np.testing.assert_allclose(fit.predict(), data["k"], rtol=1e-6)
    np.testing.assert_allclose(model.map().fixef(), fit.fixef(), atol=0.05)


EXACT = {
    "lognormal": lambda x: np.exp(1.0 + 0.3 * x), "gamma": lambda x: np.exp(1.0 + 0.3 * x),
    "beta": lambda x: 1.0 / (1.0 + np.exp(-0.2 - x)), "studentt": lambda x: 2.0 - 3.0 * x,
}  # fmt: skip


@pytest.mark.parametrize("family", EXACT)
def test_what_is_reproduced_without_dispersion_is_refused(data: pd.DataFrame, family: str) -> None:
    exact = data.assign(y=EXACT[family](data["x"]))
    for random in ("", " + (1 | g)"):
        with pytest.raises(hb.DataError) as refused:
            hb.Model(f"y ~ x{random}", exact, family=family)
        assert str(refused.value) == (
            "the likelihood has no bound where the dispersion vanishes: the fixed part and the "
            "groups' own coefficients reproduce every row exactly; use fewer random effects, or "
            "look for a copy of the response among the predictors"
        )
    near = exact.assign(y=exact["y"] + 1e-4 * np.sin(1e3 * exact["x"]))
    assert hb.Model("y ~ x", near, family=family).ml().fixef()["x"] == pytest.approx(
        {"beta": 1.0, "studentt": -3.0}.get(family, 0.3), abs=1e-3
    )


def test_groups_of_one_response_each_have_no_largest_sd(data: pd.DataFrame) -> None:
    alike = data.assign(y=data["g"] % 2)
    found = hb.Model("y ~ x + (1 | g)", alike, family="bernoulli").ml().diagnose()
    assert not found.ok
    assert found.findings[0] == (
        "the likelihood does not fall as the sd of 'Intercept' goes to infinity, because within "
        "groups some responses are told for certain, as where all are successes or all failures; "
        "the numbers printed mean nothing: state a prior of it and use map() or sample()"
    )


def test_columns_that_tell_zeros_are_named(data: pd.DataFrame) -> None:
    told = data.assign(k=np.where(data["x"] > 0.2, 0, data["k"]))
    found = hb.Model("k ~ 1 + (1 | g)", told, family=F.Hurdle(F.Poisson(), "~ x")).ml().diagnose()
    assert not found.ok
    assert found.findings[0].startswith(
        "separation: the likelihood goes on growing, to the value shown, as the coefficients of "
        "'zero: Intercept', 'zero: x' go to infinity"
    )


@pytest.mark.parametrize("df", [4.0, None])
def test_one_response_far_away_moves_a_robust_location_by_little(
    data: pd.DataFrame, df: float | None
) -> None:
    y = 1.0 + 0.5 * data["x"] + np.random.default_rng(2).normal(size=180)
    far = data.assign(y=np.where(data.index == 3, 1e8, y))
    found = [
        hb.Model("y ~ x + (1 | g)", one, family=F.StudentT(df=df)).ml().fixef()
        for one in (far, data.assign(y=y).drop(index=3))
    ]
    np.testing.assert_allclose(found[0], found[1], atol=0.1)


@pytest.mark.parametrize("family", ["poisson", "negativebinomial", "binomial"])
def test_millions_of_counts_have_the_errors_of_their_groups(family: str) -> None:
    rng = np.random.default_rng(0)
    g, x = np.repeat(np.arange(12), 10), rng.normal(size=120)
    p = 1.0 / (1.0 + np.exp(-0.3 - 0.5 * x - 0.7 * rng.normal(size=12)[g]))
    data = pd.DataFrame({"g": g, "x": x, "n": 10**8, "k": rng.binomial(10**8, p)})
    response = "k | trials(n)" if family == "binomial" else "k"
    fit = hb.Model(f"{response} ~ x + (1 | g)", data, family=family).ml()
    sd, errors = fit.var_corr()["sd"].iloc[0], np.sqrt(np.diag(fit.vcov()))
    assert errors[0] == pytest.approx(sd / np.sqrt(12.0), rel=2e-2)
    assert np.isfinite(errors).all()
    assert "separation" not in str(fit.diagnose())


def test_coefficients_of_zeros_that_go_to_infinity_together_are_named() -> None:
    none, many = [0, 1, 1, 2, 2, 2, 3, 3, 4, 1, 2, 2], [0, 0, 0, 0, 0, 1, 2, 3, 2, 0, 4, 0]
    data = pd.DataFrame({"y": np.tile([none, many], 4).ravel(), "x": np.repeat([0, 1], 48)})
    data["g"] = np.arange(96) % 8
    family = hb.families.ZeroInflated(hb.families.Poisson(), "~ x")
    found = hb.Model("y ~ 1 + (1 | g)", data, family=family).ml().diagnose()
    assert found.verdict == "The ML maximum is not certain:"
    assert found.findings[0].startswith(
        "the likelihood goes on growing, to the value shown, as 'zero: Intercept', 'zero: x' go to "
        "infinity: in some rows the data show no further zeros, or nothing else"
    )
