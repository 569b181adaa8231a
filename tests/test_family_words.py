"""What every family answers, with one grouping factor and with several, or refuses by name."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

import hierbayes as hb

F = hb.families


def _data() -> pd.DataFrame:
    rng = np.random.default_rng(3)
    g, h = np.repeat(np.arange(12), 6), np.arange(72) % 6
    x = rng.normal(size=72)
    eta = 0.3 + 0.4 * x + 0.6 * rng.normal(size=12)[g] + 0.4 * rng.normal(size=6)[h]
    count = rng.poisson(np.exp(eta))
    zero = rng.random(72) < 0.3
    return pd.DataFrame(
        {"g": g, "h": h, "x": x, "p": rng.gamma(2.0, np.exp(eta) / 2.0) + 0.01, "c": count,
         "zc": np.where(zero, 0, count), "n": 6, "k": rng.binomial(6, 0.5, 72),
         "o": np.digitize(eta, [-0.4, 0.3, 1.0]), "cat": rng.choice(list("abc"), 72)}
    )  # fmt: skip


DATA = _data()
ZEROS = F.ZeroInflated(F.NegativeBinomial(), "~ x")
FITTED: dict[str, tuple[str, F.ResponseFamily]] = {
    "lognormal": ("p", F.Lognormal()), "beta-binomial": ("k | trials(n)", F.BetaBinomial()),
    "zeros by column": ("zc", ZEROS), "ordered": ("o", F.Cumulative()),
    "nominal": ("cat", F.Categorical()),
}  # fmt: skip
ASKED: dict[str, Any] = {
    "latent icc": lambda f: f.icc(), "icc": lambda f: f.icc(scale="response"),
    "quantile": lambda f: f.residuals(kind="quantile", seed=1),
    "deviance": lambda f: f.residuals(kind="deviance"),
    "pearson": lambda f: f.residuals(kind="pearson"),
    "simulate": lambda f: f.simulate(2, seed=1), "meanings": lambda f: f.meanings(),
    "variance_explained": hb.variance_explained, "predictions": hb.predictions,
    "influence": lambda f: hb.influence(f, factor="g"),
    "wald": lambda f: hb.wald(f, f.design.terms[-1]),
}  # fmt: skip
REFUSED = {
    ("beta-binomial", "latent icc"): "BetaBinomial with the logit link has no latent response",
    ("zeros by column", "latent icc"): "ZeroInflated with the log link has no latent response",
    ("nominal", "latent icc"): "nominal categories have a linear predictor each",
    ("nominal", "icc"): "nominal categories have no variance that could be shared out",
    ("nominal", "variance_explained"): "nominal categories have a linear predictor each",
    ("nominal", "quantile"): "categories without an order have no distribution function, and so "
    "no quantiles; residuals(kind='response') and kind='pearson' are of each category",
}


ONE, TWO = "(1 | g)", "(1 | g) + (1 | h)"


@pytest.mark.parametrize(
    ("name", "random"),
    [
        ("lognormal", TWO),
        ("beta-binomial", ONE),
        pytest.param("zeros by column", TWO, marks=pytest.mark.slow),
        ("ordered", ONE),
        pytest.param("ordered", TWO, marks=pytest.mark.slow),
        ("nominal", ONE),
    ],
)
def test_every_word_is_answered_or_refused_by_name(name: str, random: str) -> None:
    response, family = FITTED[name]
    fit = hb.Model(f"{response} ~ x + {random}", DATA, family=family).ml()
    for word, ask in ASKED.items():
        if (name, word) in REFUSED:
            with pytest.raises(hb.HierbayesError) as refused:
                ask(fit)
            assert str(refused.value).startswith(REFUSED[name, word])
        else:
            assert ask(fit) is not None


def test_medians_of_lognormal_responses_are_those_of_all_groups() -> None:
    fit = hb.Model("p ~ x + (1 | g)", DATA, family="lognormal").ml()
    g = float(fit.theta.G[0, 0, 0, 0])
    said = " ".join(str(fit.meanings()).split())
    assert (
        "Population-averaged: over all groups, medians, slopes and differences stay as they are; "
        f"expected responses are {np.exp(0.5 * g):.3g} times those of an average group."
    ) in said
