"""Small models of families and their fits, made once for all tests that read them."""

from functools import cache

import numpy as np
import pandas as pd

import hierbayes as hb


def _data() -> pd.DataFrame:
    rng = np.random.default_rng(2)
    g = np.repeat(np.arange(12), 5)
    data = pd.DataFrame({"g": g, "h": np.arange(60) % 4, "x": rng.normal(size=60), "t": 1.5})
    data["y"] = (rng.random(60) < 0.5).astype(int)
    data["c"] = rng.poisson(2.0, 60)
    data["k"], data["n"] = rng.binomial(5, 0.4, 60), 5
    data["s"] = np.where(data["y"] == 1, "b", "a")
    data["o"] = pd.Categorical(data["s"], ["a", "b"], ordered=True)
    data["row"] = np.arange(60)
    return data


DATA = _data()
MODEL = hb.Model("y ~ x + (1 | g)", DATA, family="bernoulli")
COUNTS = hb.Model("c ~ x + offset(log(t)) + (1 | g) + (1 | h)", DATA, family="poisson")


@cache
def bernoulli() -> hb.PointFit:
    return MODEL.ml()


@cache
def counts() -> hb.PointFit:
    return COUNTS.ml()


@cache
def posterior() -> hb.PosteriorFit:
    return MODEL.sample(draws=120, tune=60, chains=1, seed=1, progress=False)
