"""glmmTMB of R: lme4's formula, and a family with its dispersion and further zeros.

Where it calls parameters by other names: ``nbinom2`` has variance μ + μ²/φ, ``nbinom1`` μ(1 + φ).

References
----------
Brooks, Kristensen, van Benthem, Magnusson, Berg, Nielsen, Skaug, Mächler & Bolker (2017),
*glmmTMB Balances Speed and Flexibility Among Packages for Zero-inflated Generalized Linear
Mixed Modeling*, doi:10.32614/RJ-2017-066.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace

from hierbayes.errors import FormulaError
from hierbayes.families.family import ResponseFamily
from hierbayes.families.hurdle import Hurdle
from hierbayes.families.student_t import StudentT
from hierbayes.families.zero_part import ZeroPart
from hierbayes.specification.terms import read_terms
from hierbayes.translation.coding import compact
from hierbayes.translation.dialect import Dialect, ModelToWrite, StatedModel, pointed
from hierbayes.translation.error_structures import with_own_group
from hierbayes.translation.r.arguments import CHOICES, LMER
from hierbayes.translation.r.code import bound_counts, mixed_formula, program, r_term
from hierbayes.translation.r.families import (
    GLM,
    Words,
    inflated,
    read_family,
    read_mixed,
    single_or_trials,
)
from hierbayes.translation.r.glmmtmb_errors import STRUCTURES, error_terms, rows_with_times
from hierbayes.translation.r.glmmtmb_errors_reader import take_errors
from hierbayes.translation.r.glmmtmb_rows import held_dispersion, take_known, version_wanted
from hierbayes.translation.r.model_call import Signature, find_model
from hierbayes.translation.r.syntax import Node
from hierbayes.translation.responses import linked

_GLMMTMB = Signature(
    "glmmTMB",
    ("formula", "data", "family", "ziformula", "dispformula", "weights", "offset", "contrasts",
     "na.action", "se", "verbose", "doFit", "control", "REML", "start", "map", "sparseX",
     "priors", "subset"),
    {
        **CHOICES,
        "priors": "priors (give them in Python, with priors={...})",
    },
    {
        **LMER,
        "glmer": "this is a call of lme4's glmer; read it as 'lme4'",
    },
)  # fmt: skip
_WORDS: Words = {
    **GLM,
    "nbinom2": ("NegativeBinomial", "log"),
    "nbinom1": ("NegativeBinomial1", "log"),
    "beta_family": ("Beta", "logit"),
    "betabinomial": ("BetaBinomial", "logit"),
    "truncated_poisson": ("Poisson", "log"),
    "truncated_nbinom2": ("NegativeBinomial", "log"),
    "truncated_nbinom1": ("NegativeBinomial1", "log"),
    "ziGamma": ("Gamma", "inverse"),
    "t_family": ("StudentT", "identity"),
}
_FAMILIES = {
    "Bernoulli": "binomial", "Binomial": "binomial", "Poisson": "poisson", "Gamma": "Gamma",
    "NegativeBinomial": "nbinom2", "NegativeBinomial1": "nbinom1", "Beta": "beta_family",
    "BetaBinomial": "betabinomial", "StudentT": "t_family",
}  # fmt: skip
_BEHIND_HURDLE = {
    "Poisson": "truncated_poisson", "NegativeBinomial": "truncated_nbinom2",
    "NegativeBinomial1": "truncated_nbinom1", "Gamma": "ziGamma",
}  # fmt: skip
_DEGREES = ("psi", "thetaf")  # names of the logarithm of the degrees of freedom, now and once
_STRUCTURES = {"us": "|", "diag": "||"}
_OTHER_STRUCTURES = (
    "ar1", "cs", "homcs", "homdiag", "toep", "ou", "exp", "gau", "mat", "rr", "propto", "hetar1",
    "homtoep",
)  # fmt: skip
_EXPONENTIAL = re.compile(r"(?<![\w.`])exp\(")
_TAKEN_OUT = (
    "glmmTMB takes exp(...) for its structure of that name, wherever it stands, and leaves it out "
    "of the formula; make a column of it"
)


def emit(model: ModelToWrite) -> str:
    """The model as a call of glmmTMB."""
    terms, dispersion = error_terms(model)
    formula = mixed_formula(model, left=bound_counts(model), further=terms)
    arguments = [formula, f"data = {model.data}"]
    family = model.family
    if family is None:
        arguments += [f"dispformula = {dispersion}"] if dispersion else []
        arguments += held_dispersion(model)
        arguments.append(f"REML = {'FALSE' if model.ml else 'TRUE'}")
    elif isinstance(family, ZeroPart):
        words = _BEHIND_HURDLE if isinstance(family, Hurdle) else _FAMILIES
        arguments += [_family(family.inside, words), f"ziformula = ~ {_zeros(family, model)}"]
    else:
        arguments.append(_family(family, _FAMILIES))
    if isinstance(family, StudentT) and family.df is not None:
        held = f"start = list({_DEGREES[0]} = log({family.df:.15g}))"
        arguments += [held, f"map = list({_DEGREES[0]} = factor(NA))"]
    before = version_wanted(model) + rows_with_times(model)
    call = before + "fit <- glmmTMB(\n  " + ",\n  ".join(arguments) + "\n)"
    if _EXPONENTIAL.search(call):
        raise FormulaError(f"{_TAKEN_OUT} (lme4 has it)")
    return program(model, "glmmTMB", call, "glmmTMB")


def _zeros(family: ZeroPart, model: ModelToWrite) -> str:
    """What the probability of zeros depends on, as R writes it."""
    terms = read_terms(family.zeros.removeprefix("~"), "zeros")
    return compact(terms, lambda term: r_term(term, model))


def _family(family: ResponseFamily, words: Mapping[str, str]) -> str:
    return f'family = {words[family.name]}(link = "{family.link}")'


def read(text: str, columns: Sequence[str]) -> StatedModel:
    """The model of a call of glmmTMB, or of a formula as lme4 writes it.

    Raises
    ------
    FormulaError
        Also for structures of G but ``us`` and ``diag``, where they do not stand for errors, and
        for a dispersion of another family that depends on columns.
    """
    call = find_model(text, columns, _GLMMTMB)
    given = dict(call.arguments)
    family = read_family(given.get("family"), _WORDS, text, "glmmTMB")
    residual, weights, known = None, "", ""
    if family is None:
        given, known = take_known(given, call.columns, text)
        given["formula"], residual, weights = take_errors(
            given["formula"], given.get("dispformula"), call.columns, text
        )
    else:
        _refuse_dispersion(given, text)
    given["formula"] = _plain_structures(given["formula"], columns, text)
    stated = read_mixed(given, call.columns, text, family, residual, may_be_fixed=True)
    stated = replace(stated, weights=weights, known_sd=known)
    model = call.checked(with_own_group(stated))
    family = single_or_trials(_with_df(family, given, text), model)
    zeros = given.get("ziformula")
    word = _word(given.get("family"))
    found = inflated(family, zeros, columns, text, hurdle=word in _BEHIND_HURDLE.values())
    if found is family and word.startswith("truncated_"):
        raise pointed(
            text, given["family"].place, f"{word} by itself is of counts above 0 alone, which "
            "models here do not have; with ziformula = ~ 1 it is a hurdle"
        )  # fmt: skip
    return StatedModel(model, found)


def _with_df(
    family: ResponseFamily | None, given: Mapping[str, Node], text: str
) -> ResponseFamily | None:
    """The family with degrees of freedom that ``map`` holds where ``start`` has them.

    Raises
    ------
    FormulaError
        For anything else that is held.
    """
    held = given.get("map")
    if held is None or held.text == "NULL":
        return replace(family, df=None) if isinstance(family, StudentT) else family
    names = [name for name, _ in held.arguments]
    start = given.get("start")
    values = dict(start.arguments) if start is not None and start.function == "list" else {}
    one = values.get(names[0]) if len(names) == 1 else None
    df = _logarithm(one) if one is not None and names[0] in _DEGREES else None
    if not isinstance(family, StudentT) or df is None:
        raise pointed(
            text, held.place, "the argument 'map' holds parameters fixed; the degrees of freedom "
            "of t_family are read, as in start = list(psi = log(5)), map = list(psi = factor(NA))"
        )  # fmt: skip
    return replace(family, df=df)


def _logarithm(node: Node) -> float | None:
    """5 of ``log(5)``, and exp(x) of a number x."""
    inner = node.parts[1] if node.function == "log" and len(node.parts) == 2 else node
    if inner.kind != "number":
        return None
    return float(inner.text) if inner is not node else math.exp(float(inner.text))


def _word(family: Node | None) -> str:
    """The word of a family, empty where it is left out."""
    return (family.function or family.text.strip("\"'")) if family is not None else ""


def _refuse_dispersion(given: Mapping[str, Node], text: str) -> None:
    node = given.get("dispformula")
    if node is not None and (node.kind != "prefix" or node.parts[0].text != "1"):
        raise pointed(
            text, node.place, "dispformula = ~ 1 is read of a family; a dispersion of it that "
            "depends on columns models here do not have"
        )  # fmt: skip


def _plain_structures(node: Node, columns: Sequence[str], text: str) -> Node:
    """``us(x | g)`` as ``(x | g)``, and ``diag(x | g)`` as ``(x || g)``."""
    if node.function in _OTHER_STRUCTURES and any(part.text == "|" for part in node.parts[1:]):
        raise pointed(
            text, node.place, f"the structure {node.function}(...) of random effects models here "
            "do not have beside a residual variance; us(...) and diag(...) are read, and with "
            "dispformula = ~ 0 what stands for the errors"
        )  # fmt: skip
    if node.function == "exp":
        raise pointed(text, node.place, _TAKEN_OUT)
    if node.function in _STRUCTURES and node.parts[1].text == "|":
        bar = node.parts[1]
        inner = Node("infix", _STRUCTURES[node.function], bar.parts, place=bar.place)
        return Node("paren", "(", (inner,), place=node.place)
    parts = tuple(_plain_structures(part, columns, text) for part in node.parts)
    return Node(node.kind, node.text, parts, node.names, node.place)


_INFLATED = ("Poisson", "NegativeBinomial", "NegativeBinomial1", "Binomial", "BetaBinomial")
DIALECT = Dialect(
    "glmmtmb", "R: glmmTMB::glmmTMB", emit, read, linked(_FAMILIES, _INFLATED, _BEHIND_HURDLE),
    STRUCTURES, without_random=True,
)  # fmt: skip
