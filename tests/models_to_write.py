"""Models that every dialect must be able to say, and what its writer is told of them."""

import numpy as np
import pandas as pd

import hierbayes as hb
from hierbayes.design.variables import describe_variables
from hierbayes.translation.dialect import ModelToWrite

# The shipped models.
CATALOGUE = (
    "contextual_mean_and_centred_within_group",
    "contextual_mean_and_raw_variable",
    "intercepts_and_slopes_as_outcomes",
    "intercepts_and_slopes_as_outcomes_with_contextual_mean",
    "means_as_outcomes",
    "non_random_slopes",
    "one_way_ancova",
    "one_way_anova_with_random_effects",
    "parallel_mean_slopes",
    "random_coefficients",
)

# What else the spellings must carry: independent blocks, factors of two and three levels within
# groups, no intercept, transformations, contextual variables of factors and of expressions.
FORMULAS = (
    "mathach ~ ses * Sector + (1 + ses | school)",
    "mathach ~ Sector:ses + ses + (1 | school)",
    "mathach ~ Sector:ses + (1 | school)",
    "mathach ~ ses + (ses || school)",
    "mathach ~ ses + (1 + ses | school) + (0 + I(ses ** 2) | school)",
    "mathach ~ ses * Track + (1 | school)",
    "mathach ~ Track + (1 + Track | school)",
    "mathach ~ Track * Sector + (1 | school) + (0 + ses | school)",
    "mathach ~ Sex * Track + (1 + ses * Sex | school)",
    "mathach ~ 0 + ses + (1 | school)",
    "mathach ~ 0 + ses + Sector + (0 + ses | school)",
    "mathach ~ 0 + Track + (0 + Track | school)",
    "mathach ~ np.log(Size) + I(ses ** 2) + ses + (1 + ses + I(ses ** 2) | school)",
    "np.log(mathach + 10) ~ log(Size) + exp(ses) + (1 | school)",
    "mathach ~ np.sqrt(Size) + I((ses + 1) / 2) + abs(ses) + (1 | school)",
    "mathach ~ cvar(Sex, school) + Sex + dvar(Sex, school):ses + (1 | school)",
    "mathach ~ cvar(np.log(Size), school) + I(cvar(ses, school) ** 2) + (1 | school)",
    "mathach ~ dvar(ses, school) + (1 | school)",
    "mathach ~ I(ses - cvar(ses, school)) + (1 | school)",
    "mathach ~ ses * Sex * Sector + (1 + ses | school)",
)


def with_tracks(hs: pd.DataFrame) -> pd.DataFrame:
    """The data with a factor of three levels that varies within schools."""
    tracks = np.array(["general", "academic", "technical"])[np.arange(len(hs)) % 3]
    levels = ["general", "academic", "technical"]  # not in alphabetical order
    return hs.assign(Track=pd.Categorical(tracks, categories=levels))


def to_write(model: hb.Model, *, data: str = "hs", ml: bool = False) -> ModelToWrite:
    """What a writer is told of a model."""
    variables = describe_variables(model.problem, model.data)
    return ModelToWrite(model.specification, variables, model.priors, data, ml)


def complaint(error: BaseException) -> tuple[str, str]:
    """The sentence of a refusal, and the rest of the line from the place it points at."""
    lines = str(error).split("\n    ")
    if len(lines) < 3:
        return lines[0], ""
    return lines[0], lines[1][lines[2].index("^") :]
