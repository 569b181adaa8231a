"""Models of families that are not Gaussian, with what R says of them."""

import json
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

import hierbayes as hb

FOLDER = Path(__file__).parent / "reference" / "families_r"
CASES: dict[str, dict[str, Any]] = json.loads((FOLDER / "r.json").read_text())
FAMILIES = {
    "binomial": hb.families.Bernoulli(),
    "poisson": hb.families.Poisson(),
    "nbinom2": hb.families.NegativeBinomial(),
    "Gamma": hb.families.Gamma(),
    "beta": hb.families.Beta(),
    "ordinal": hb.families.Cumulative(),
}
SINGULAR = tuple(name for name, case in CASES.items() if case["laplace"].get("singular"))


NAMES = tuple(CASES)


def data_of(name: str) -> pd.DataFrame:
    case = CASES[name]
    data = pd.read_csv(FOLDER / case["file"])
    levels_of = case["factor_levels"] if isinstance(case["factor_levels"], dict) else {}
    if case["family"] == "ordinal":
        levels_of = {"rating": [], "temp": ["cold", "warm"], "contact": ["no", "yes"]}
    for column, levels in levels_of.items():
        ordered = column == "rating"
        texts = sorted(set(data[column].astype(str))) if ordered else [str(one) for one in levels]
        data[column] = pd.Categorical(data[column].astype(str), texts, ordered=ordered)
    return data


def family_of(name: str) -> hb.families.ResponseFamily:
    case = CASES[name]
    if case["family"] == "t":  # the df that R estimates is given
        (df,) = case["laplace"]["family_params"].values()
        return hb.families.StudentT(df=df)
    if case["formula"].startswith("cbind"):
        return hb.families.Binomial()
    family = FAMILIES[case["family"]]
    zeros = case.get("ziformula")
    return family if zeros is None else hb.families.ZeroInflated(family, zeros)


@cache
def model(name: str) -> hb.Model:
    return hb.Model(CASES[name]["formula"], data_of(name), family=family_of(name))


@cache
def fit(name: str, nodes: int = 1) -> hb.PointFit:
    return model(name).ml(nodes=nodes)


def ours(names: dict[str, float]) -> np.ndarray:
    """R's numbers of fixed effects in the order of the formula, which is ours."""
    return np.array(list(names.values()))


def sds(varcorr: dict[str, Any]) -> list[np.ndarray]:
    """R's standard deviations by term; of one term without its name."""
    terms = [varcorr] if "sd" in varcorr else list(varcorr.values())
    return [np.atleast_1d(term["sd"]) for term in terms]
