"""Every structure of errors in every system's code: equal when read back, or refused by name."""

from collections import Counter
from typing import Any

import numpy as np
import pandas as pd
import pytest

import hierbayes as hb
from hierbayes import residuals as hr
from hierbayes.translation.registry import DIALECTS

RANDOM = {"": "id", " + (1 | pair/id)": None, " + (1 | id) + (1 | item)": "id"}
ROWS: dict[str, dict[str, Any]] = {"plain": {}, "weights": {"weights": "w"}}
STRUCTURES = {
    "AR1": lambda group: hr.AR1("v", group),
    "order": lambda group: hr.AR1(group=group),
    "CAR1": lambda group: hr.CAR1("t", group),
    "exchangeable": hr.CompoundSymmetry,
    "unstructured": lambda group: hr.Unstructured("visit", group),
    "Toeplitz": lambda group: hr.Toeplitz("v", group),
    "ARMA": lambda group: hr.ARMA(1, 1, "v", group),
    "strata": lambda _: hr.Strata("sex", "visit"),
    "fitted": lambda _: hr.Power(),
    "covariates": lambda _: hr.Power("x") * hr.Exponential("x"),
    "by time": lambda group: hr.CompoundSymmetry(group) * hr.Strata("visit"),
    "product": lambda group: hr.ARMA("v", group) * hr.Strata("sex") * hr.Power("x"),
}
SAID = {"nlme": 48, "glmmtmb": 22, "brms": 20, "sas": 44, "stata": 12, "bambi": 4}


@pytest.fixture(scope="module")
def data() -> pd.DataFrame:
    """Thirty persons in pairs at four occasions, three of them missing."""
    rng = np.random.default_rng(7)
    rows = [(i // 8, i // 4, i % 4 + 1) for i in range(120)]
    frame = pd.DataFrame(rows, columns=["pair", "id", "v"])
    noise = rng.normal(size=(120, 5)).round(3)
    frame = frame.assign(
        t=frame["v"] + noise[:, 0] / 20, sex=frame["id"].mod(2).map({0: "F", 1: "M"}),
        visit=frame["v"].map({1: "start", 2: "mid", 3: "late", 4: "end"}),
        item=rng.integers(0, 6, 120), x=np.exp(noise[:, 1] / 3), w=np.exp(noise[:, 2] / 2),
    )  # fmt: skip
    of_persons = rng.normal(size=30)[frame["id"]] + rng.normal(size=15)[frame["pair"]]
    frame["y"] = frame["v"] + of_persons + rng.normal(size=6)[frame["item"]] + noise[:, 4]
    return frame.drop(index=[3, 17, 50]).reset_index(drop=True)


def posed(random: str, rows: str, name: str, data: pd.DataFrame) -> hb.Model | None:
    """A model; None where its groups of errors cut across another factor."""
    structure = STRUCTURES[name](RANDOM[random])
    crossed = "item" in random and structure.correlation is not None
    if crossed:
        return None
    return hb.Model(f"y ~ v + sex{random}", data, residual=structure, **ROWS[rows])


def test_structures_are_read_back_or_refused(data: pd.DataFrame) -> None:
    said: Counter[str] = Counter()
    for random in RANDOM:
        for rows in ROWS:
            for name in STRUCTURES:
                model = posed(random, rows, name, data)
                if model is not None:
                    said.update(systems_that_say(model, data))
    assert said == SAID


def systems_that_say(model: hb.Model, data: pd.DataFrame) -> list[str]:
    """Systems whose code of a model is the model again; the others refuse it."""
    found = []
    for system, dialect in DIALECTS.items():
        if dialect.read is None:
            continue
        try:
            code = model.emit(system)
        except hb.FormulaError:
            continue
        again = hb.read_code(system, code, data=data)
        same = again.specification == model.specification
        assert same or hb.equivalence(model, again).identical, (system, code)
        found.append(system)
    return found
