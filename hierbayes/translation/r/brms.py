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
from hierbayes.families.zero_part import ZeroPart
from hierbayes.priors.families import DesignNormal, Flat, Prior, Uniform
from hierbayes.specification.effect_name import EffectName
from hierbayes.specification.terms import INTERCEPT, read_terms
from hierbayes.translation.dialect import Dialect, ModelToWrite, StatedModel, pointed
from hierbayes.translation.r.code import mixed_formula, program, r_fixed, r_trials
from hierbayes.translation.r.families import Words, read_family, read_mixed
from hierbayes.translation.r.model_call import Signature, find_model
from hierbayes.translation.r.reading import formula_text, refuse_split_factors
from hierbayes.translation.r.stan_priors import (
    coefficient_priors,
    r_columns,
    r_effect,
    refuse_joint_priors,
    shared_priors,
    stan_prior,
)
from hierbayes.translation.r.syntax import Node
from hierbayes.translation.r.words import r_name, r_string
from hierbayes.translation.responses import dispersion_priors, linked, threshold_priors

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
        "lmer": "this is a call of lme4's lmer; read it as 'lme4'",
        "stan_lmer": "this is a call of rstanarm's stan_lmer; read it as 'rstanarm'",
    },
)  # fmt: skip
# What brms calls a family, and the class of its dispersion.
_FAMILIES = {
    "Bernoulli": ("bernoulli", ""), "Binomial": ("binomial", ""), "Poisson": ("poisson", ""),
    "BetaBinomial": ("beta_binomial", "phi"), "NegativeBinomial": ("negbinomial", "shape"),
    "Gamma": ("Gamma", "shape"), "Lognormal": ("lognormal", "sigma"), "Beta": ("Beta", "phi"),
    "StudentT": ("student", "sigma"), "Cumulative": ("cumulative", ""),
}  # fmt: skip
_INFLATED = ("Poisson", "NegativeBinomial", "Binomial", "BetaBinomial")
_WITH_HURDLE = ("Poisson", "NegativeBinomial", "Gamma", "Lognormal")
_ZEROS = {"ZeroInflated": ("zero_inflated_", "zi"), "Hurdle": ("hurdle_", "hu")}
_WORDS: Words = {
    "bernoulli": ("Bernoulli", "logit"), "binomial": ("Binomial", "logit"),
    "beta_binomial": ("BetaBinomial", "logit"), "poisson": ("Poisson", "log"),
    "negbinomial": ("NegativeBinomial", "log"), "Gamma": ("Gamma", "inverse"),
    "lognormal": ("Lognormal", "identity"), "Beta": ("Beta", "logit"),
    "cumulative": ("Cumulative", "logit"),
    "zero_inflated_poisson": ("Poisson", "log"),
    "zero_inflated_negbinomial": ("NegativeBinomial", "log"),
    "zero_inflated_binomial": ("Binomial", "logit"),
    "zero_inflated_beta_binomial": ("BetaBinomial", "logit"),
    "hurdle_poisson": ("Poisson", "log"), "hurdle_negbinomial": ("NegativeBinomial", "log"),
    "hurdle_gamma": ("Gamma", "log"), "hurdle_lognormal": ("Lognormal", "identity"),
}  # fmt: skip
_RENAMED = {"+": "P", "-": "M", "*": "MU", "/": "D", "^": "E", "=": "EQ"}
_SPECIAL = {
    "gr", "mm", "gp", "s", "t2", "me", "mo", "mi", "ar", "ma", "arma", "cosy", "unstr", "cs", "car",
}  # fmt: skip
_REMOVED = " ()[],\"'?"


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
    priors = _priors(model)
    listed = ",\n    ".join(priors)
    call = (
        "fit <- brm(\n"
        f"  {_formula(model, fixed)},\n"
        f"  data = {model.data},\n"
        f"  family = {_family(model)}"
        + (f",\n  prior = c(\n    {listed}\n  )\n" if priors else "\n")
        + ")"
    )
    return program(model, "brms", "\n".join([*notes, call]), "brm")


def _priors(model: ModelToWrite) -> list[str]:
    priors, fixed = model.priors, r_columns(model)
    own = [
        entry
        for entry in coefficient_priors(model)
        if len(priors.gamma) == 1 or not isinstance(entry[1], DesignNormal)
    ]
    lines = _class(
        "b",
        own,
        {name: f"coef = {_coef(fixed[name])}" for name in fixed},
        whole=len(own) == len(coefficient_priors(model)),
    )
    where = {
        name: f"coef = {_coef(r_effect(name.effect, model))}, group = {r_string(name.factor)}"
        for name, _, _ in priors.sd
    }
    plain = [entry for k, entry in enumerate(priors.sd) if not priors.centred[k]]
    lines += _class("sd", plain, where, whole=len(plain) == len(priors.sd))
    lines += _correlations(model)
    return [*lines, *_dispersion(model)]


def _left(model: ModelToWrite) -> str:
    """Counts out of trials; empty of a response of one column."""
    counted, other, failures = r_trials(model)
    whole = f"{counted} + {other}" if failures else other
    return f"{counted} | trials({whole})" if other else ""


def _formula(model: ModelToWrite, fixed: str) -> str:
    """The formula; with further zeros also that of their logit, which has the prior stated."""
    formula = mixed_formula(model, fixed, _left(model))
    family = model.family
    if not isinstance(family, ZeroPart):
        return formula
    return f"bf({formula}, {_ZEROS[family.name][1]} {family.zeros})"


def _family(model: ModelToWrite) -> str:
    family = model.family
    if family is None:
        return "gaussian()"
    inner, head = family, ""
    if isinstance(family, ZeroPart):
        inner, head = family.inside, _ZEROS[family.name][0]
    word = _FAMILIES[inner.name][0]
    return f'{head}{word.lower() if head else word}(link = "{family.link}")'


def _dispersion(model: ModelToWrite) -> list[str]:
    """Priors of the dispersion, by the names brms has for it; degrees of freedom as given."""
    family = model.family
    if family is None:
        return [_prior(model.priors.sigma[1], "sigma")]
    inner = family.inside if isinstance(family, ZeroPart) else family
    lines = []
    for name, prior in dispersion_priors(model).items():
        if isinstance(family, ZeroPart) and name == "logit zero":
            part = _ZEROS[family.name][1]
            lines.append(_prior(prior, "Intercept", f'dpar = "{part}"'))
        else:
            kind = "nu" if name == "df" else _FAMILIES[inner.name][1]
            lines.append(_prior(prior, kind))
    fixed = [f'prior(constant({family.constant:g}), class = "nu")']
    given = family.name == "StudentT" and "df" not in family.dispersion
    return lines + fixed * given


def _correlations(model: ModelToWrite) -> list[str]:
    """Priors of correlations: one where all are equal, else one for each grouping factor."""
    priors = model.priors
    owners = {priors.label(name): name.factor for name, _, _ in priors.sd}
    found: dict[str, Prior] = {}
    for block, prior, _ in priors.corr:
        factor = next(owners[label] for label in owners if block.startswith(f"{label}, "))
        if found.setdefault(factor, prior) != prior:
            raise FormulaError(
                "brm has one prior for all correlations of a group, and this model has several "
                "blocks of effects with different ones; state one prior of 'corr'"
            )
    if len(set(map(str, found.values()))) == 1:
        return [_prior(priors.corr[0][1], "cor")]
    return [_prior(prior, "cor", f"group = {r_string(name)}") for name, prior in found.items()]


def _class[Name: (str, EffectName)](
    kind: str, entries: Sequence[tuple[Name, Prior, str]], where: dict[Name, str], *, whole: bool
) -> list[str]:
    """Priors of a class: one for all where they are equal, else one for each coefficient.

    Where they are not the whole class, brms keeps its own priors of the others.
    """
    families = [prior for _, prior, _ in entries]
    if not families:
        return []
    if whole and all(prior == families[0] for prior in families):
        flat_by_itself = kind == "b" and isinstance(families[0], Flat)
        return [] if flat_by_itself else [_prior(families[0], kind)]
    for name, prior, _ in entries:
        if isinstance(prior, Uniform):
            raise FormulaError(
                f"brm has bounds for all parameters of class '{kind}' together, so that the prior "
                f"{prior} of '{name}' cannot stand beside others; state another"
            )
    lines = []
    if kind == "sd" and any(isinstance(prior, Flat) for prior in families):
        lines.append(_prior(Flat(), kind))  # what coefficients without a prior of their own get
    for name, prior, _ in entries:
        if not isinstance(prior, Flat):
            lines.append(_prior(prior, kind, where[name]))
    return lines


def _prior(prior: Prior, kind: str, where: str = "") -> str:
    parts = [stan_prior(prior, "brm") or '""', f'class = "{kind}"']
    parts += [where] if where else []
    if isinstance(prior, Uniform):
        parts += [f"lb = {prior.lower:.15g}", f"ub = {prior.upper:.15g}"]
    return f"prior({', '.join(parts)})"


def _coef(name: str) -> str:
    """A coefficient as brms calls it: without spaces and brackets, operators as letters."""
    kept = "".join(mark for mark in name if mark not in _REMOVED)
    return r_string("".join(_RENAMED.get(mark, mark) for mark in kept))


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
        _refuse_more_formulas(node, text)
        node = node.parts[1]
    family = read_family(given.get("family"), _WORDS, text, "brms")
    for inner in node.walk():
        _refuse_special(inner, columns, text)
    has_own = any(part.kind == "name" and part.text == "Intercept" for part in node.walk())
    if has_own and "Intercept" not in columns:
        node = _plain_intercept(node)
    return StatedModel(call.checked(read_mixed({"formula": node}, columns, text)), family)


def _refuse_more_formulas(node: Node, text: str) -> None:
    """Refuse formulas of more than the mean, but that of one share of further zeros."""
    for part in node.parts[2:]:
        sides = [one.text for one in part.parts] if part.text == "~" else []
        if sides not in (["zi", "1"], ["hu", "1"]):
            raise pointed(
                text, node.place, "bf(...) with more than one formula models more than the mean"
            )


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
    linked(_FAMILIES, inflated=_INFLATED, with_hurdle=_WITH_HURDLE),
)
