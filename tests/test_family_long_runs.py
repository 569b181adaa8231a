"""Posteriors of every family against long runs of explicit PyMC models, random effects included."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from arviz_stats.base import array_stats
from numpy.typing import NDArray

import hierbayes as hb

F = hb.families
AXES: dict[str, Any] = {"chain_axis": 0, "draw_axis": 1}
POSITIVE = hb.Exponential(1)
CASES: dict[str, tuple[str, F.ResponseFamily, dict[str, Any]]] = {
    "Bernoulli": ("b", F.Bernoulli(), {}),
    "Binomial": ("k | trials(n)", F.Binomial(link="probit"), {}),
    "BetaBinomial": ("k | trials(n)", F.BetaBinomial(), {"precision": POSITIVE}),
    "Poisson": ("c", F.Poisson(), {}),
    "NegativeBinomial": ("c", F.NegativeBinomial(), {"phi": POSITIVE}),
    "NegativeBinomial1": ("c", F.NegativeBinomial1(), {"phi": POSITIVE}),
    "Gamma": ("r", F.Gamma(), {"shape": POSITIVE}),
    "Lognormal": ("r", F.Lognormal(), {"sigma": POSITIVE}),
    "Beta": ("s", F.Beta(), {"precision": POSITIVE}),
    "StudentT": ("t", F.StudentT(df=5), {"sigma": POSITIVE}),
    "Cumulative": ("o", F.Cumulative(), {"thresholds": POSITIVE}),
    "ZeroInflated": ("z", F.ZeroInflated(F.Poisson()), {"logit zero": hb.Normal(-1, 0.5)}),
    "Hurdle": ("z", F.Hurdle(F.Poisson()), {"logit zero": hb.Normal(-1, 0.5)}),
    "Categorical": ("m", F.Categorical(), {}),
}


@pytest.fixture(scope="module")
def reference() -> dict[str, Any]:
    file = Path(__file__).parent / "reference" / "families_posterior.json"
    found: dict[str, Any] = json.loads(file.read_text())
    return found


def drawn(fit: hb.PosteriorFit, name: str) -> NDArray[np.float64]:
    """Draws (chains, draws, k) of what the reference calls so, the last axis fastest."""
    match name:
        case "sd":
            values = fit.theta.sd
        case "distance":  # of two thresholds
            values = fit.draws("1|2").to_numpy() - fit.draws("0|1").to_numpy()
        case _:
            values = fit.draws(name).to_numpy()
    return np.asarray(values).reshape(*fit.theta.sigma.shape, -1)


@pytest.mark.slow
@pytest.mark.parametrize("name", CASES)
def test_the_posterior_is_that_of_a_long_run(name: str, reference: dict[str, Any]) -> None:
    """Means and sds within six Monte Carlo errors of the two runs together."""
    left, family, own = CASES[name]
    data = pd.DataFrame(reference["data"])
    priors = {"gamma": hb.Normal(0, 2), "sd": hb.HalfNormal(1)} | own
    model = hb.Model(f"{left} ~ x + (1 | g)", data, family=family, priors=priors)
    fit = model.sample(draws=300, tune=250, chains=4, seed=5, progress=False)
    known = reference["posteriors"][name]
    assert {"gamma", "sd", "u"} <= set(known)
    assert len(known) == 3 + len(own)
    for parameter, moments in known.items():
        values = drawn(fit, parameter)
        assert values.shape[-1] == len(moments["mean"])
        for method, found in (("mean", values.mean((0, 1))), ("sd", values.std((0, 1)))):
            error = [
                array_stats.mcse(one, method=method, **AXES) for one in np.moveaxis(values, -1, 0)
            ]
            both = np.hypot(error, moments[f"{method}_error"])
            away = np.abs(found - moments[method]) / both
            assert away.max() < 6.0, (parameter, method, away)


def test_every_family_has_its_long_run(reference: dict[str, Any]) -> None:
    assert set(reference["posteriors"]) == set(CASES)
    others = {"Family", "Response", "ResponseFamily", "by_word"}
    assert set(CASES) == set(F.__all__) - others
