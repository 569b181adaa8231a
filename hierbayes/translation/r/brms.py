"""brm of R's brms: lme4's formula, and priors by class and coefficient.

References
----------
Bürkner (2017), *brms: An R Package for Bayesian Multilevel Models Using Stan*,
doi:10.18637/jss.v080.i01.
"""

from __future__ import annotations

from hierbayes.errors import FormulaError
from hierbayes.families.cumulative import Cumulative
from hierbayes.specification.terms import INTERCEPT
from hierbayes.translation.dialect import Dialect, ModelToWrite
from hierbayes.translation.r.brms_errors import STRUCTURES, notes_on_errors
from hierbayes.translation.r.brms_families import (
    FAMILIES,
    dispersions,
    family_of,
    formula_of,
)
from hierbayes.translation.r.brms_priors import coefficients_and_effects
from hierbayes.translation.r.brms_reader import read
from hierbayes.translation.r.code import program, r_fixed
from hierbayes.translation.r.stan_priors import refuse_joint_priors, shared_priors
from hierbayes.translation.r.words import r_name
from hierbayes.translation.responses import threshold_priors


def emit(model: ModelToWrite) -> str:
    """The model as a call of brm with the priors in force.

    ``0 + Intercept`` makes the intercept a coefficient like the others, so that its prior is
    where the columns are 0 and not where they have their means.

    Raises
    ------
    FormulaError
        For a prior or a name that brms does not have.

    Notes
    -----
    Comments name the priors that several coefficients share, and those of centred columns.
    """
    refuse_joint_priors(model, "brm")
    _refuse_names(model)
    fixed = r_fixed(model)
    ordered = isinstance(model.family, Cumulative)
    if INTERCEPT in model.specification.fixed and not ordered:
        fixed = "0 + Intercept" if fixed == INTERCEPT else f"0 + Intercept + {fixed}"
    notes = [
        f"# Not carried over, brms has priors of its own there: {text}"
        for text in [*threshold_priors(model), *shared_priors(model), *notes_on_errors(model)]
    ]
    priors = [*coefficients_and_effects(model), *dispersions(model)]
    listed = ",\n    ".join(priors)
    call = (
        "fit <- brm(\n"
        f"  {formula_of(model, fixed)},\n"
        f"  data = {model.data},\n"
        f"  family = {family_of(model)}"
        + (f",\n  prior = c(\n    {listed}\n  )\n" if priors else "\n")
        + ")"
    )
    return program(model, "brms", "\n".join([*notes, call]), "brm")


def _refuse_names(model: ModelToWrite) -> None:
    for name in model.variables.needed:
        if r_name(name) != name or "__" in name or name.endswith("_"):
            raise FormulaError(
                f"brm does not take a column called '{name}'; rename it (letters, digits, single "
                "underscores)"
            )


DIALECT = Dialect(
    "brms",
    "R: brms::brm",
    emit,
    read,
    FAMILIES,
    STRUCTURES,
    without_random=True,
)
