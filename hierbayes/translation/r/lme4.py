"""lmer, glmer and glmer.nb of R's lme4: one formula, a parenthesis for each block of effects.

References
----------
Bates, Mächler, Bolker & Walker (2015), *Fitting Linear Mixed-Effects Models Using lme4*,
doi:10.18637/jss.v067.i01.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from hierbayes.families.negative_binomial import NegativeBinomial
from hierbayes.translation.dialect import Dialect, ModelToWrite, StatedModel, pointed
from hierbayes.translation.r.arguments import CHOICES, OF_COUNTS, OF_ROWS
from hierbayes.translation.r.code import bound_counts, mixed_formula, program
from hierbayes.translation.r.families import GLM, read_family, read_mixed, single_or_trials
from hierbayes.translation.r.model_call import Signature, find_model
from hierbayes.translation.r.syntax import Node
from hierbayes.translation.r.words import r_name
from hierbayes.translation.responses import linked

_FAMILIES = {
    "Bernoulli": "binomial", "Binomial": "binomial", "Poisson": "poisson", "Gamma": "Gamma",
}  # fmt: skip
_LMER = Signature(
    "lmer",
    ("formula", "data", "REML", "control", "start", "verbose", *OF_ROWS, "devFunOnly"),
    CHOICES,
    {
        "nlmer": "nlmer fits curves that are not linear in their parameters, which models here do "
        "not have; lmer is read",
        "lme": "this is a call of nlme's lme; read it as 'nlme'",
        "glmmTMB": "this is a call of glmmTMB; read it as 'glmmtmb'",
    },
)
_OF_SEARCH = ("control", "start", "verbose", "nAGQ")
_GLMER = Signature(
    "glmer",
    ("formula", "data", "family", *_OF_SEARCH, *OF_ROWS, "mustart", "etastart", "devFunOnly"),
    CHOICES,
    {},
)
_GLMER_NB = Signature(
    "glmer.nb",
    ("formula", "data", *_OF_SEARCH, *OF_ROWS, "interval", "tol", "nb.control", "initCtrl"),
    OF_COUNTS,
    {},
)


def emit(model: ModelToWrite) -> str:
    """The model as a call of lmer, block by block: lme4's ``||`` does not split factors.

    Of a response that is not Gaussian a call of glmer, or of glmer.nb.
    """
    if model.family is not None:
        return _glmer(model)
    call = (
        "fit <- lmer(\n"
        f"  {mixed_formula(model)},\n"
        f"  data = {model.data},\n"
        f"{_weights(model)}"
        f"  REML = {'FALSE' if model.ml else 'TRUE'}\n"
        ")"
    )
    return program(model, "lme4", call, "lmer")


def _weights(model: ModelToWrite) -> str:
    weights = model.specification.weights
    return f"  weights = {r_name(weights)},\n" if weights else ""


def _glmer(model: ModelToWrite) -> str:
    assert model.family is not None
    function = "glmer.nb" if model.family.name == "NegativeBinomial" else "glmer"
    arguments = [mixed_formula(model, left=bound_counts(model)), f"data = {model.data}"]
    if function == "glmer":
        named = _FAMILIES[model.family.name]
        arguments.append(f'family = {named}(link = "{model.family.link}")')
    call = f"fit <- {function}(\n  " + ",\n  ".join(arguments) + "\n)"
    return program(model, "lme4", call, function)


def read(text: str, columns: Sequence[str]) -> StatedModel:
    """The model of a call of lmer, glmer or glmer.nb, or of a formula as lme4 writes it."""
    call = find_model(text, columns, _LMER, _GLMER, _GLMER_NB)
    given = call.arguments
    family = read_family(given.get("family"), GLM, text, call.system)
    family = NegativeBinomial() if call.system == "glmer.nb" else family
    weights = given.get("weights") if call.system == "lmer" else None
    if weights is None or weights.text == "NULL":
        model = read_mixed(given, call.columns, text, family)
    else:
        rest = {name: node for name, node in given.items() if name != "weights"}
        column = _weights_read(weights, call.columns, text)
        model = replace(read_mixed(rest, call.columns, text, family), weights=column)
    model = call.checked(model)
    return StatedModel(model, single_or_trials(family, model))


def _weights_read(node: Node, columns: Sequence[str], text: str) -> str:
    """The column of precision weights."""
    name = node.text.strip("`")
    if name not in columns:
        raise pointed(
            text,
            node.place,
            "the weights of lmer are read as a column of the data, and this is none; make a column "
            "of them",
        )
    return name


DIALECT = Dialect(
    "lme4",
    "R: lme4::lmer and glmer",
    emit,
    read,
    linked([*_FAMILIES, "NegativeBinomial"]),
    drops_aliased=True,
)
