"""Flat priors that responses other than Gaussian ones leave improper."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.special import log_expit, logsumexp

import hierbayes as hb
from hierbayes.priors.propriety import refuse_improper
from hierbayes.priors.recession_cone import by_group, loosened
from hierbayes.priors.response_propriety import _conditions, _exponent


def _data(pattern: str, n: int = 4) -> pd.DataFrame:
    """A group for each letter: all 0, all 1, or half of each (m)."""
    of = {"0": [0] * n, "1": [1] * n, "m": [0, 1] * (n // 2)}
    rows = [(j, y, i + 0.3 * j) for j, one in enumerate(pattern) for i, y in enumerate(of[one])]
    return pd.DataFrame(rows, columns=["g", "y", "x"])


def _verdict(formula: str, data: pd.DataFrame, family: Any, **priors: Any) -> str:
    model = hb.Model(formula, data, family=family, priors=priors)
    try:
        refuse_improper(model.problem, model.priors)
    except hb.PriorError as error:
        return str(error)
    return "proper"


def _slope(data: pd.DataFrame, flat_gamma: bool) -> float:
    """−d log L/d log s of the likelihood at two large sds, γ integrated out or N(0, 1)."""
    counts = data.groupby("g")["y"].agg(["sum", "size"]).to_numpy()
    found = []
    for s in (60.0, 120.0):
        grid = np.arange(-8.0 * s, 8.0 * s, 0.5)
        eta = grid[None]  # γ + u, u ~ N(0, s²)
        rows = counts[:, :1] * log_expit(eta) + (counts[:, 1:] - counts[:, :1]) * log_expit(-eta)
        gammas = np.linspace(-8.0 * s, 8.0 * s, 150) if flat_gamma else np.linspace(-6, 6, 60)
        whole = []
        for gamma in gammas:
            prior = -0.5 * ((grid - gamma) / s) ** 2 - np.log(s)
            weight = 0.0 if flat_gamma else -0.5 * gamma**2
            whole.append(logsumexp(rows + prior, axis=1).sum() + weight)
        found.append(logsumexp(whole) + np.log(gammas[1] - gammas[0]))
    return float((found[0] - found[1]) / np.log(2.0))


@pytest.mark.parametrize("flat_gamma", [False, True])
@pytest.mark.parametrize("pattern", ["mm", "mmm", "m01", "mm011", "001", "mmmm1"])
def test_the_exponent_is_that_of_the_likelihood(pattern: str, flat_gamma: bool) -> None:
    data = _data(pattern)
    rows = _conditions(hb.Model("y ~ 1 + (1 | g)", data, family="bernoulli").problem)
    X = rows.X if flat_gamma else rows.X[:, :0]
    held = ~loosened(by_group(X, rows.Z, rows.codes_of[0]), rows.sign)[0]
    informed, lost = _exponent(X[held], rows.Z[held], rows.codes_of[0][held])
    assert informed - lost == pytest.approx(_slope(data, flat_gamma), abs=0.06)


FLAT: dict[str, Any] = {"sd": hb.Flat()}
BOTH: dict[str, Any] = {"sd": hb.Flat(), "gamma": hb.Flat()}
NO_LIMIT = "the posterior is improper: with a flat prior the sd of 'Intercept' has no upper limit"


@pytest.mark.parametrize(
    ("pattern", "priors", "proper"),
    [("mm", FLAT, True), ("m0", FLAT, False), ("0101", FLAT, False), ("mmm", BOTH, True),
     ("mm", BOTH, False), ("mm01", BOTH, False), ("mmm01", BOTH, True), ("01", {}, True)],
)  # fmt: skip
def test_a_flat_sd_needs_groups_that_differ_within(
    pattern: str, priors: dict[str, Any], proper: bool
) -> None:
    found = _verdict("y ~ 1 + (1 | g)", _data(pattern), "bernoulli", **priors)
    assert found == "proper" if proper else found.startswith(NO_LIMIT)


def test_sampling_refuses_it() -> None:
    model = hb.Model("y ~ 1 + (1 | g)", _data("m01"), family="bernoulli", priors=FLAT)
    with pytest.raises(hb.PriorError) as refused:
        model.sample()
    assert str(refused.value) == (
        f"{NO_LIMIT}, for the responses keep 1 coefficients of the groups in bounds and the fixed "
        "part takes 0 of them (more than 1 must be left); state a proper prior, such as HalfNormal "
        "or HalfT"
    )


def test_separation_is_improper_under_flat_priors_alone() -> None:
    data = _data("mmmm").assign(z=lambda d: (d["y"] * (d["g"] % 2)).astype(float))
    found = _verdict("y ~ x + z + (1 | g)", data, "bernoulli", gamma=hb.Flat())
    assert found.startswith("the posterior is improper: the priors of ")
    assert "'z'" in found.split(" are flat")[0] and "(separation)" in found
    assert _verdict("y ~ x + z + (1 | g)", data, "bernoulli", gamma={"x": hb.Flat()}) == "proper"
    assert _verdict("y ~ x + z + (1 | g)", data, "bernoulli") == "proper"
    assert _verdict("y ~ x + (1 | g)", data, "bernoulli", gamma=hb.Flat()) == "proper"


def test_counts_categories_and_slopes() -> None:
    counts = _data("mm0").assign(y=lambda d: 3 * d["y"])
    zeros = counts.assign(y=[2, 1, 3, 4] + [0] * 8)
    assert _verdict("y ~ 1 + (1 | g)", counts, "poisson", **FLAT) == "proper"
    assert NO_LIMIT in _verdict("y ~ 1 + (1 | g)", zeros, "poisson", **FLAT)
    assert _verdict("y ~ 1 + (1 | g)", counts.assign(y=counts["y"] + 0.5), "gamma", **BOTH) == (
        "proper"
    )
    ordered = counts.assign(y=pd.Categorical(list("abcb" + "cccc" + "aaaa"), ordered=True))
    assert NO_LIMIT in _verdict("y ~ 1 + (1 | g)", ordered, "cumulative", **FLAT)
    slopes = "y ~ x + (1 + x | g)"
    assert _verdict(slopes, _data("mmm01", 6), "bernoulli", **BOTH) == "proper"
    assert NO_LIMIT in _verdict(slopes, _data("mm", 6), "bernoulli", **BOTH)
    assert _verdict(slopes, _data("mm", 6), "bernoulli", **FLAT) == "proper"


def test_nominal_categories_are_held_by_pairs_of_categories() -> None:
    labels = "abcabc" + "abcabc" + "aabbcc"
    data = pd.DataFrame({"g": np.repeat([0, 1, 2], 6), "y": list(labels)})
    assert _verdict("y ~ 1 + (1 | g)", data, "categorical", **BOTH) == "proper"
    alike = data.assign(y=list("abcabc" + "aaaaaa" + "bbbbbb"))
    assert "the posterior is improper" in _verdict("y ~ 1 + (1 | g)", alike, "categorical", **BOTH)
    parted = data.assign(z=(data["y"] == "a") * 1.0)
    assert "(separation)" in _verdict("y ~ z + (1 | g)", parted, "categorical", gamma=hb.Flat())


@pytest.mark.parametrize(
    ("family", "name", "words"),
    [("negativebinomial", "phi", "goes to infinity"),
     (hb.families.ZeroInflated(), "logit zero", "goes to −infinity"),
     (hb.families.Hurdle(), "logit zero", ""), ("negativebinomial1", "phi", "")],
)  # fmt: skip
def test_a_flat_dispersion_needs_an_end_where_the_likelihood_falls(
    family: Any, name: str, words: str
) -> None:
    data = _data("mmm0").assign(y=lambda d: d["y"] * (1 + d["g"] + d.index % 3))
    names = hb.Model("y ~ 1 + (1 | g)", data, family=family).problem.dispersion
    found = _verdict("y ~ 1 + (1 | g)", data, family, **{names[0]: hb.Flat()})
    assert words in found if words else found == "proper"
