"""brm of R's brms: lme4's formula, and priors by class and coefficient.

References
----------
Bürkner (2017), *brms: An R Package for Bayesian Multilevel Models Using Stan*,
doi:10.18637/jss.v080.i01.
"""

from __future__ import annotations

from collections.abc import Sequence

from hierbayes.errors import FormulaError
from hierbayes.families.cumulative import Cumulative
from hierbayes.specification.terms import INTERCEPT, read_terms
from hierbayes.translation.dialect import Dialect, ModelToWrite, StatedModel, pointed
from hierbayes.translation.r.arguments import LMER
from hierbayes.translation.r.brms_families import (
    FAMILIES,
    WORDS,
    dispersions,
    family_of,
    formula_of,
    refuse_more_formulas,
)
from hierbayes.translation.r.brms_priors import coefficients_and_effects
from hierbayes.translation.r.code import program, r_fixed
from hierbayes.translation.r.families import read_family, read_mixed
from hierbayes.translation.r.model_call import Signature, find_model
from hierbayes.translation.r.reading import formula_text, refuse_split_factors
from hierbayes.translation.r.stan_priors import refuse_joint_priors, shared_priors
from hierbayes.translation.r.syntax import Node
from hierbayes.translation.r.words import r_name
from hierbayes.translation.responses import threshold_priors

_BRM = Signature(
    "brm",
    ("formula", "data", "family", "prior", "autocor", "data2", "cov_ranef", "sample_prior",
     "sparse", "knots", "drop_unused_levels", "stanvars", "stan_funs", "fit", "save_pars",
     "save_ranef", "save_mevars", "save_all_pars", "init", "inits", "chains", "iter", "warmup",
     "thin", "cores", "threads", "opencl", "normalize", "control", "algorithm", "backend",
     "future", "silent", "seed", "save_model", "stan_model_args", "file", "file_compress",
     "file_refit", "empty", "rename", "refresh"),
    {
        "autocor": "residuals that are correlated within groups",
        "cov_ranef": "groups that are correlated",
        "stanvars": "code of Stan added to the model",
        "knots": "splines",
    },
    {
        **LMER,
        "stan_lmer": "this is a call of rstanarm's stan_lmer; read it as 'rstanarm'",
    },
)  # fmt: skip
_SPECIAL = {
    "gr", "mm", "gp", "s", "t2", "me", "mo", "mi", "ar", "ma", "arma", "cosy", "unstr", "cs", "car",
}  # fmt: skip


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
        for text in [*threshold_priors(model), *shared_priors(model)]
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


def read(text: str, columns: Sequence[str]) -> StatedModel:
    """The model of a call of brm, or of a formula as brms writes it; priors are not read."""
    call = find_model(text, columns, _BRM)
    given, columns = call.arguments, call.columns
    node = given["formula"]
    if node.function in ("bf", "brmsformula"):
        refuse_more_formulas(node, text)
        node = node.parts[1]
    family = read_family(given.get("family"), WORDS, text, "brms")
    for inner in node.walk():
        _refuse_special(inner, columns, text)
    has_own = any(part.kind == "name" and part.text == "Intercept" for part in node.walk())
    if has_own and "Intercept" not in columns:
        node = _plain_intercept(node)
    return StatedModel(call.checked(read_mixed({"formula": node}, columns, text)), family)


def _refuse_special(node: Node, columns: Sequence[str], text: str) -> None:
    """Refuse what only formulas of brms can say."""
    if node.kind == "infix" and node.text == "||":
        written = formula_text(node.parts[0], columns, text)
        spelling = f"({written} || {formula_text(node.parts[1], columns, text)})"
        refuse_split_factors(read_terms(written, "random part"), columns, spelling, "brm")
    if node.function in _SPECIAL:
        raise pointed(
            text,
            node.place,
            f"{node.function}(...) has a meaning of its own in brms, which models here do not have",
        )
    bars = node.kind == "infix" and node.text == "|"
    if bars and node.parts[0].kind == "infix" and node.parts[0].text == "|":
        raise pointed(
            text,
            node.parts[0].parts[1].place,
            "an ID between two bars ties effects of several terms; write one term with all of them",
        )
    left = node.parts[0] if node.kind == "infix" and node.text == "~" else node
    bar = left is not node and left.kind == "infix" and left.text == "|"
    if bar and left.parts[1].function != "trials":
        raise pointed(
            text,
            left.parts[1].place,
            "what stands after the response changes its likelihood; trials(...) is read, and "
            "models here have nothing else",
        )


def _plain_intercept(node: Node) -> Node:
    """The formula with brms's ``0 + Intercept`` as 1."""
    if node.kind == "name" and node.text == "Intercept":
        return Node("number", "1", place=node.place)
    parts = tuple(_plain_intercept(part) for part in node.parts)
    return Node(node.kind, node.text, parts, node.names, node.place)


DIALECT = Dialect(
    "brms",
    "R: brms::brm",
    emit,
    read,
    FAMILIES,
)
