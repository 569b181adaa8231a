"""Data with responses that are not Gaussian, simulated after well-known sets."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.special import expit


@dataclass(frozen=True)
class FamilyData:
    """A model and its data.

    Parameters
    ----------
    title, formula, family : str
        ``family`` as a word of hierbayes.
    make : callable
        Makes the data.
    bambi, mixedlm : str, optional
        Formulas where these write them otherwise; mixedlm's is of shares, weighted by ``size``.
    remark : str, optional
        What bambi fits instead.
    """

    title: str
    formula: str
    family: str
    make: Callable[[], pd.DataFrame]
    bambi: str | None = None
    mixedlm: str | None = None
    remark: str | None = None


def herds() -> pd.DataFrame:
    """Cases of a disease in 15 herds at 4 periods, after cbpp."""
    rng = np.random.default_rng(5)
    herd, period = np.repeat(np.arange(15), 4), np.tile(np.arange(4), 15)
    size = rng.integers(3, 30, 60)
    eta = -1.4 + np.array([0, -1, -1.1, -1.6])[period] + rng.normal(0, 0.65, 15)[herd]
    k = rng.binomial(size, expit(eta))
    return pd.DataFrame({"herd": herd, "period": period.astype(str), "size": size, "k": k,
                         "rest": size - k, "share": k / size})  # fmt: skip


def districts() -> pd.DataFrame:
    """Use of contraception by 1920 women in 60 districts, after Contraception.

    Age is in standard deviations: the other packages sample or search with columns as they are.
    """
    rng = np.random.default_rng(6)
    district, n = np.repeat(np.arange(60), 32), 1920
    age, urban = rng.normal(0, 9, n), (rng.uniform(size=n) < 0.29) * 1.0
    children = (rng.uniform(size=n) < 0.73) * 1.0
    eta = -1.0 + 0.005 * age - 0.0045 * age**2 + 0.75 * urban + 0.8 * children
    eta += rng.normal(0, 0.5, 60)[district] + rng.normal(0, 0.6, 60)[district] * urban
    use = (rng.uniform(size=n) < expit(eta)).astype(int)
    age = age / 9.0
    return pd.DataFrame({"district": district, "age": age, "age2": age**2, "urban": urban,
                         "children": children, "use": use})  # fmt: skip


def ticks() -> pd.DataFrame:
    """Ticks on chicks of 126 broods in 63 places, after grouseticks."""
    rng = np.random.default_rng(7)
    place = np.repeat(np.arange(63), 6)
    brood = place * 2 + np.tile([0, 0, 0, 1, 1, 1], 63)
    year, height = place % 3, rng.normal(size=len(place))
    eta = 0.6 + 0.8 * (year == 1) - 0.3 * (year == 2) - 0.4 * height
    eta += rng.normal(0, 0.6, 63)[place] + rng.normal(0, 0.7, 126)[brood]
    return pd.DataFrame({"place": place, "brood": brood, "year": year.astype(str),
                         "height": height, "ticks": rng.poisson(np.exp(eta))})  # fmt: skip


def ratings() -> pd.DataFrame:
    """Bitterness in five grades by 40 judges, after wine."""
    rng = np.random.default_rng(8)
    judge, n = np.repeat(np.arange(40), 12), 480
    warm, contact = rng.integers(0, 2, n), rng.integers(0, 2, n)
    latent = 2.5 * warm + 1.3 * contact + rng.normal(0, 1.1, 40)[judge] + rng.logistic(size=n)
    grade = np.searchsorted([-1.0, 1.2, 3.2, 5.0], latent) + 1
    rating = pd.Categorical(grade.astype(str), list("12345"), ordered=True)
    return pd.DataFrame({"judge": judge, "warm": warm, "contact": contact, "rating": rating})


def answers(rows: int = 100_000) -> pd.DataFrame:
    """Binary answers in groups of a hundred."""
    rng = np.random.default_rng(9)
    group = np.repeat(np.arange(rows // 100), 100)
    x = rng.normal(size=rows)
    eta = -0.3 + 0.5 * x + rng.normal(0, 0.8, rows // 100)[group]
    return pd.DataFrame({"group": group, "x": x, "y": (rng.uniform(size=rows) < expit(eta)) * 1})


_WOMEN = "use ~ age + age2 + urban + children"
SETS = {
    "herds": FamilyData(
        "60 binomial rows in 15 herds", "cbind(k, rest) ~ period + (1 | herd)", "binomial",
        herds, "p(k, size) ~ period + (1 | herd)", "share ~ period + (1 | herd)",
    ),
    "districts": FamilyData(
        "1920 binary rows in 60 districts", f"{_WOMEN} + (1 | district)", "bernoulli", districts
    ),
    "districts, slope": FamilyData(
        "1920 binary rows in 60 districts", f"{_WOMEN} + (1 + urban | district)", "bernoulli",
        districts, remark="effects without correlation",
    ),
    "ticks": FamilyData(
        "378 counts in 126 broods of 63 places",
        "ticks ~ year + height + (1 | place) + (1 | brood)", "poisson", ticks,
    ),
    "ratings": FamilyData(
        "480 ratings in 5 grades by 40 judges", "rating ~ warm + contact + (1 | judge)",
        "cumulative", ratings,
    ),
    "answers": FamilyData(
        "100,000 binary rows in 1000 groups", "y ~ x + (1 | group)", "bernoulli", answers
    ),
}  # fmt: skip
