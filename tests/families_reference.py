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
FAMILIES = {"binomial": "bernoulli", "poisson": "poisson"}
SINGULAR = tuple(name for name, case in CASES.items() if case["laplace"].get("singular"))


def is_made(name: str) -> bool:
    """Whether the model is one of the families above, without a part for zeros."""
    case = CASES[name]
    return case["family"] in FAMILIES and case["ziformula"] is None


NAMES = tuple(filter(is_made, CASES))


def data_of(name: str) -> pd.DataFrame:
    case = CASES[name]
    data = pd.read_csv(FOLDER / case["file"])
    for column, levels in (case["factor_levels"] or {}).items():
        data[column] = pd.Categorical(data[column].astype(str), [str(one) for one in levels])
    return data


@cache
def model(name: str) -> hb.Model:
    case = CASES[name]
    trials = case["formula"].startswith("cbind")
    family = "binomial" if trials else FAMILIES[case["family"]]
    return hb.Model(case["formula"], data_of(name), family=family)


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
