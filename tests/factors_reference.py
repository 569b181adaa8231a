"""Models of several grouping factors, with what lme4 says of them."""

import json
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

import hierbayes as hb

FOLDER = Path(__file__).parent / "reference" / "factors"
CASES: dict[str, dict[str, Any]] = json.loads((FOLDER / "lme4.json").read_text())


@cache
def model(name: str) -> hb.Model:
    case = CASES[name]
    data = pd.read_csv(FOLDER / case["file"])
    for column, levels in case["levels"].items():
        data[column] = pd.Categorical(data[column].astype(str), levels)
    return hb.Model(case["formula"], data)


@cache
def fit(name: str, engine: str) -> hb.PointFit:
    return model(name).reml() if engine == "REML" else model(name).ml()


@cache
def short_posterior(name: str) -> hb.PosteriorFit:
    """Few draws, for what is asked of draws whatever they are."""
    return model(name).sample(chains=2, draws=200, tune=200, seed=1, progress=False)


def factor_of(fitted: hb.PointFit, called: str) -> str:
    """Our name of a factor: lme4 turns the columns of an inner factor around."""
    wanted = set(called.split(":"))
    (found,) = (
        name for name in fitted.design.specification.factors if set(name.split(":")) == wanted
    )
    return found


def levels_of(fitted: hb.PointFit, called: str, levels: list[str]) -> list[str]:
    """Our names of its levels."""
    ours, theirs = factor_of(fitted, called).split(":"), called.split(":")
    if len(ours) == 1:
        return levels
    parts = (dict(zip(theirs, level.split(":"), strict=True)) for level in levels)
    return [":".join(part[column] for column in ours) for part in parts]


def by_level(frame: pd.DataFrame, levels: list[str]) -> np.ndarray:
    """The rows of these levels, called by their text."""
    return frame.set_axis(frame.index.astype(str)).loc[levels].to_numpy()
