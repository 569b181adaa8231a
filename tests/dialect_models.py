"""Data and models on which code for other systems is held to numbers from R."""

from typing import Any

import numpy as np
import pandas as pd

import hierbayes as hb
from hierbayes.design.blocks import block_slices
from hierbayes.library.named_models import NAMED_MODELS
from hierbayes.priors.chosen_priors import choose_priors

FURTHER = {
    "independent": "mathach ~ ses + (ses || school)",
    "blocked": "steep ~ ses + wave + (1 + ses | school) + (0 + wave | school)",
    "levels": "mathach ~ ses * band + (1 | school)",
    "backticks": "mathach ~ `ses score` + (1 + `ses score` | school)",
    "transformed": "np.log(mathach + 10) ~ np.log(Size) + I(ses ** 2) + ses + (1 | school)",
    "polynomial": "mathach ~ poly(ses, 2) + (1 | school)",
    "effects_of_levels": "mathach ~ ses + Sex + (0 + Sex | school)",
    "share_of_level": "mathach ~ Sex + cvar(Sex, school) + (1 | school)",
    "scaled": "mathach ~ scale(ses) + center(Size) + (1 | school)",
    "no_intercept": "mathach ~ 0 + Sector + ses + (1 | school)",
    "labels_of_numbers": "mathach ~ C(HIMINTY) * ses + (1 | school)",
}

PRIORS: dict[str, dict[str, Any]] = {
    "mixed_priors": {
        "gamma": {"Intercept": hb.StudentT(4, 10, 5), "ses": hb.Flat()},
        "sd": {"Intercept": hb.Exponential(0.2), "ses": hb.Flat()},
        "corr": hb.LKJ(1),
        "sigma": hb.InverseGamma(2, 3),
    },
    "bounded_priors": {
        "gamma": hb.Uniform(-50, 50),
        "sd": hb.Uniform(0, 20),
        "corr": hb.LKJ(3),
        "sigma": hb.Gamma(2, 0.1),
    },
    "half_priors": {
        "gamma": hb.Flat(),
        "sd": {"Intercept": hb.PC(5, 0.05), "ses": hb.HalfNormal(2.5)},
        "sigma": hb.HalfCauchy(3),
    },
    "t_priors": {
        "gamma": hb.StudentT(3, 0, 10),
        "sd": hb.HalfCauchy(2),
        "sigma": hb.Exponential(0.1),
    },
}


def extended(hs: pd.DataFrame) -> pd.DataFrame:
    """``hs`` with a factor out of alphabetical order, an odd name and a second slope."""
    labels = ["small", "medium", "large"]
    band = pd.cut(hs["Size"], [0, 800, 1600, np.inf], right=False, labels=labels)
    wave = np.sin(7.0 * np.arange(len(hs)))
    codes = pd.factorize(hs["school"])[0]
    return hs.assign(
        **{"ses score": hs["ses"]},
        band=pd.Categorical(band, labels),
        wave=wave,
        steep=hs["mathach"] + 3.0 * wave * (codes % 5 - 2),
    )


def schools_and_items() -> pd.DataFrame:
    """Six schools of three classes, numbered in each, by five items; four rows a cell."""
    rng = np.random.default_rng(5)
    cells = pd.MultiIndex.from_product(
        [[f"s{k}" for k in range(6)], [1, 2, 3], list("abcde"), range(4)],
        names=["school", "klass", "item", "row"],
    )
    frame = cells.to_frame(index=False).drop(columns="row")
    frame["room"] = frame["school"] + "-" + frame["klass"].astype(str)
    frame["x"] = rng.normal(size=len(frame))
    for name in ("school", "room", "item"):
        codes = pd.factorize(frame[name])[0]
        effects = rng.normal(size=(codes.max() + 1, 2))[codes]
        frame[f"of_{name}"] = effects[:, 0] + 0.7 * effects[:, 1] * frame["x"]
    noise = rng.normal(size=len(frame))
    frame["y"] = frame["x"] + frame.filter(like="of_").sum(axis=1) + noise
    return frame[["y", "x", "school", "klass", "room", "item"]]


def dialect_models(hs: pd.DataFrame) -> dict[str, hb.Model]:
    """The catalogue and further models by name."""
    data = extended(hs)
    further = {name: with_plain_priors(hb.Model(text, data=data)) for name, text in FURTHER.items()}
    stated = {
        name: hb.Model("mathach ~ ses + (1 + ses | school)", data=data, priors=priors)
        for name, priors in PRIORS.items()
    }
    names = (model.file for model in NAMED_MODELS)
    named = {name: with_plain_priors(hb.load_model(name, data)) for name in names}
    return named | further | stated


def with_plain_priors(model: hb.Model) -> hb.Model:
    """The model with weak priors of each parameter by itself, on the scales of the data.

    Those of the code that was run in R.
    """
    design, basis = model.problem.design, model.problem.cross.basis
    scale = basis.scale
    gamma: dict[str, Any] = {}
    columns = zip(design.terms, basis.constant, basis.x.spread, strict=True)
    for name, is_constant, spread in columns:
        width = _distance(basis.x.shift, basis.x.spread) if is_constant else 1.0 / spread
        mean = _rounded(basis.center) if is_constant else 0
        gamma[name] = hb.Normal(mean, _rounded(2.5 * scale * width))
    sd: dict[Any, Any] = {}
    for at in block_slices(design.blocks):
        shift, spread = basis.z.shift[at], basis.z.spread[at]
        for k, effect in enumerate(design.effect_names[at]):
            constant = spread[k] == 1.0 and shift[k] == 0.0 and bool(shift.any())
            width = _distance(shift, spread) if constant else 1.0 / spread[k]
            sd[effect] = hb.HalfT(3, 0, _rounded(scale * width))
    sigma = hb.HalfT(3, 0, _rounded(scale))
    priors = {"gamma": gamma, "sd": sd, "sigma": sigma}
    model.__dict__["priors"] = choose_priors(priors, model.problem)
    return model


def _distance(shift: Any, spread: Any) -> float:
    return float(np.sqrt(1.0 + np.sum((shift / spread) ** 2)))


def _rounded(value: float) -> float:
    return float(f"{value:.3g}")
