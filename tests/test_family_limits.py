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
