"""Families of responses as brms has them, and priors of their parameters."""

from __future__ import annotations

from hierbayes.families.zero_part import LOGIT_ZERO, ZeroPart
from hierbayes.priors.families import DesignNormal
from hierbayes.specification.terms import INTERCEPT, read_terms
from hierbayes.translation.coding import compact
from hierbayes.translation.dialect import ModelToWrite
from hierbayes.translation.r.brms_errors import (
    correlation_terms,
    has_own_sigma,
    known_errors,
    sigma_formula,
)
from hierbayes.translation.r.brms_priors import coefficient, prior_call
from hierbayes.translation.r.code import mixed_formula, r_term, r_trials
from hierbayes.translation.r.families import Words
from hierbayes.translation.r.stan_priors import r_column
from hierbayes.translation.responses import dispersion_priors, linked, zero_priors

# What brms calls a family, and the class of its dispersion.
_FAMILIES = {
    "Bernoulli": ("bernoulli", ""), "Binomial": ("binomial", ""), "Poisson": ("poisson", ""),
    "BetaBinomial": ("beta_binomial", "phi"), "NegativeBinomial": ("negbinomial", "shape"),
    "Gamma": ("Gamma", "shape"), "Lognormal": ("lognormal", "sigma"), "Beta": ("Beta", "phi"),
    "StudentT": ("student", "sigma"), "Cumulative": ("cumulative", ""),
    "Categorical": ("categorical", ""),
}  # fmt: skip
_INFLATED = ("Poisson", "NegativeBinomial", "Binomial", "BetaBinomial")
_WITH_HURDLE = ("Poisson", "NegativeBinomial", "Gamma", "Lognormal")
_ZEROS = {"ZeroInflated": ("zero_inflated_", "zi"), "Hurdle": ("hurdle_", "hu")}
WORDS: Words = {
    "bernoulli": ("Bernoulli", "logit"), "binomial": ("Binomial", "logit"),
    "beta_binomial": ("BetaBinomial", "logit"), "poisson": ("Poisson", "log"),
    "negbinomial": ("NegativeBinomial", "log"), "Gamma": ("Gamma", "inverse"),
    "lognormal": ("Lognormal", "identity"), "Beta": ("Beta", "logit"),
    "cumulative": ("Cumulative", "logit"), "student": ("StudentT", "identity"),
    "categorical": ("Categorical", "logit"),
    "zero_inflated_poisson": ("Poisson", "log"),
    "zero_inflated_negbinomial": ("NegativeBinomial", "log"),
    "zero_inflated_binomial": ("Binomial", "logit"),
    "zero_inflated_beta_binomial": ("BetaBinomial", "logit"),
    "hurdle_poisson": ("Poisson", "log"), "hurdle_negbinomial": ("NegativeBinomial", "log"),
    "hurdle_gamma": ("Gamma", "log"), "hurdle_lognormal": ("Lognormal", "identity"),
}  # fmt: skip
FAMILIES = linked(_FAMILIES, inflated=_INFLATED, with_hurdle=_WITH_HURDLE)


def _left(model: ModelToWrite) -> str:
    """Counts out of trials, or errors that are known; empty of a response of one column."""
    counted, other, failures = r_trials(model)
    if known := known_errors(model):
        return f"{counted} | {known}"
    whole = f"{counted} + {other}" if failures else other
    return f"{counted} | trials({whole})" if other else ""


def formula_of(model: ModelToWrite, fixed: str) -> str:
    """The formula, and beside it that of σ or of the logit of zeros, where there is one."""
    formula = mixed_formula(model, fixed, _left(model), correlation_terms(model))
    family = model.family
    if not isinstance(family, ZeroPart):
        sigma = sigma_formula(model)
        return f"bf({formula},\n    {sigma})" if sigma else formula
    return f"bf({formula}, {_ZEROS[family.name][1]} ~ {_zeros(family, model)})"


def _zeros(family: ZeroPart, model: ModelToWrite) -> str:
    """What the logit of zeros depends on; its intercept is a coefficient beside others."""
    terms = read_terms(family.zeros.removeprefix("~"), "zeros")
    written = compact(terms, lambda term: r_term(term, model))
    if not family.further_terms or INTERCEPT not in terms:
        return written
    return f"0 + Intercept + {written}"


def family_of(model: ModelToWrite) -> str:
    """The family as brm is told it."""
    family = model.family
    if family is None:
        return "gaussian()"
    inner, head = family, ""
    if isinstance(family, ZeroPart):
        inner, head = family.inside, _ZEROS[family.name][0]
    word = _FAMILIES[inner.name][0]
    return f'{head}{word.lower() if head else word}(link = "{family.link}")'


def dispersions(model: ModelToWrite) -> list[str]:
    """Priors of the dispersion, by the names brms has for it; degrees of freedom as given."""
    family = model.family
    if family is None:
        return [prior_call(model.priors.sigma[1], "sigma")] if has_own_sigma(model) else []
    inner = family.inside if isinstance(family, ZeroPart) else family
    lines = []
    for name, prior in dispersion_priors(model).items():
        if isinstance(family, ZeroPart) and name == LOGIT_ZERO:
            part = _ZEROS[family.name][1]
            lines.append(prior_call(prior, "Intercept", f'dpar = "{part}"'))
        else:
            kind = "nu" if name == "df" else _FAMILIES[inner.name][1]
            lines.append(prior_call(prior, kind))
    for name, prior, _ in zero_priors(model):
        if not isinstance(prior, DesignNormal):
            part = _ZEROS[family.name][1]
            where = f'coef = {coefficient(r_column(name, model))}, dpar = "{part}"'
            lines.append(prior_call(prior, "b", where))
    fixed = [f'prior(constant({family.constant:g}), class = "nu")']
    given = family.name == "StudentT" and "df" not in family.dispersion
    return lines + fixed * given
