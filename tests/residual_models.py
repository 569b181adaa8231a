"""Models with a residual structure, with what nlme's models come to at their maxima."""

import json
from functools import cache
from pathlib import Path
from typing import Any

import pandas as pd

import hierbayes as hb
from hierbayes import residuals as hr

FOLDER = Path(__file__).parent / "reference" / "residuals"
CASES: dict[str, dict[str, Any]] = json.loads((FOLDER / "nlme.json").read_text())

_CURVE = "(pressure + I(pressure**2) + I(pressure**3) + I(pressure**4)) * QB"
_SOYBEAN = "lw ~ t + I(t**2) + Variety * Year + (t | Plot)"

MODELS: dict[str, tuple[str, hr.ResidualStructure]] = {
    "BodyWeight_CAR1": ("weight ~ Time * Diet + (Time | Rat)", hr.CAR1("Time")),
    "BodyWeight_CAR1_power": (
        "weight ~ Time * Diet + (Time | Rat)",
        hr.CAR1("Time") * hr.Power("Time"),
    ),
    "Dialyzer_gls_power_AR1": (
        f"rate ~ {_CURVE}",
        hr.AR1(group="Subject") * hr.Power("pressure"),
    ),
    "Dialyzer_gls_exp": (f"rate ~ {_CURVE}", hr.Exponential("pressure")),
    "Dialyzer_lme_power": (f"rate ~ {_CURVE} + (pressure | Subject)", hr.Power("pressure")),
    "RatPup_varIdent": (
        "weight ~ sex * Treatment + Lsize + (1 | Litter)",
        hr.Strata("Treatment"),
    ),
    "RatPup_varIdent_two": (
        "weight ~ sex * Treatment + Lsize + (1 | Litter)",
        hr.Strata("sex", "Treatment"),
    ),
    "Soybean_CAR1_varIdent": (_SOYBEAN, hr.CAR1("t") * hr.Strata("Year")),
    "MMRM_unstructured": ("y ~ visit * arm", hr.Unstructured("visit", group="id")),
    "MMRM_CS": ("y ~ visit * arm", hr.CompoundSymmetry(group="id")),
    "MMRM_CS_het": ("y ~ visit * arm", hr.CompoundSymmetry(group="id") * hr.Strata("visit")),
    "MMRM_AR1_het": ("y ~ visit * arm", hr.AR1("v", group="id") * hr.Strata("visit")),
    "sim_AR1_varIdent_slope": ("y ~ t * sex + (t | id)", hr.AR1("t") * hr.Strata("sex")),
    "sim_AR1_row_order": ("y ~ t * sex + (t | id)", hr.AR1()),
}


@cache
def data(name: str) -> pd.DataFrame:
    case = CASES[name]
    frame = pd.read_csv(FOLDER / case["file"])
    for column, levels in case["levels"].items():
        frame[column] = pd.Categorical(frame[column].astype(str), levels)
    return frame


@cache
def model(name: str) -> hb.Model:
    formula, structure = MODELS[name]
    return hb.Model(formula, data(name), residual=structure)


@cache
def fit(name: str, engine: str) -> hb.PointFit:
    return model(name).reml() if engine == "REML" else model(name).ml()
