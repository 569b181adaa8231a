"""stan_lmer and stan_glmer of R's rstanarm: lme4's formula, with those priors that it can take.

Its prior of G (``decov``) ties standard deviations to σ and to each other, and its prior of the
intercept is where the columns have their means; what is lost thereby is said in comments.

References
----------
Goodrich, Gabry, Ali & Brilleman, *rstanarm: Bayesian applied regression modeling via Stan*,
https://mc-stan.org/rstanarm/articles/priors.html
"""

from __future__ import annotations

from collections.abc import Sequence

from hierbayes.families.negative_binomial import NegativeBinomial
from hierbayes.priors.families import (
    PC,
    DesignNormal,
    Exponential,
    Flat,
    HalfCauchy,
    HalfNormal,
    HalfT,
    Normal,
    Prior,
    StudentT,
)
from hierbayes.priors.prior_set import Entry
from hierbayes.translation.dialect import Dialect, ModelToWrite, StatedModel
from hierbayes.translation.r.arguments import CHOICES, LMER, OF_COUNTS, OF_GAUSSIAN, OF_ROWS
from hierbayes.translation.r.code import bound_counts, mixed_formula, program
from hierbayes.translation.r.families import GLM, Words, read_family, read_mixed, single_or_trials
from hierbayes.translation.r.model_call import Signature, find_model
from hierbayes.translation.r.stan_priors import number
from hierbayes.translation.responses import linked

_PRIORS = (
    "prior", "prior_intercept", "prior_aux", "prior_covariance", "prior_PD", "algorithm",
    "adapt_delta", "QR",
)  # fmt: skip
_SAMPLING = ("chains", "iter", "warmup", "seed", "cores", "refresh", "control")
_STAN_LMER = Signature(
    "stan_lmer", ("formula", "data", *OF_ROWS, *_PRIORS, *_SAMPLING), OF_GAUSSIAN, LMER
)
_STAN_GLMER = Signature(
    "stan_glmer",
    ("formula", "data", "family", *OF_ROWS, *_PRIORS, "sparse", *_SAMPLING),
    CHOICES,
    {},
)
_STAN_GLMER_NB = Signature(
    "stan_glmer.nb", ("formula", "data", *OF_ROWS, "link", *_PRIORS, *_SAMPLING), OF_COUNTS, {}
)
_WORDS: Words = {**GLM, "neg_binomial_2": ("NegativeBinomial", "log")}
# What rstanarm calls a family, and the word here of what prior_aux is of.
_FAMILIES = {
    "Bernoulli": ("binomial", ""), "Binomial": ("binomial", ""), "Poisson": ("poisson", ""),
    "NegativeBinomial": ("neg_binomial_2", "phi"), "Gamma": ("Gamma", "shape"),
}  # fmt: skip


def emit(model: ModelToWrite) -> str:
    """The model as a call of stan_lmer, of a response that is not Gaussian of stan_glmer.

    Comments name the priors that are not carried over.
    """
    arguments, lost = _arguments(model)
    notes = [f"# Not carried over, rstanarm has priors of its own there: {text}" for text in lost]
    parts = [mixed_formula(model, left=bound_counts(model)), f"data = {model.data}"]
    function = "stan_lmer" if model.family is None else "stan_glmer"
    if model.family is not None:
        parts.append(f'family = {_FAMILIES[model.family.name][0]}(link = "{model.family.link}")')
    call = "\n".join(
        [*notes, f"fit <- {function}(", "  " + ",\n  ".join([*parts, *arguments]), ")"]
    )
    return program(model, "rstanarm", call, function)


def _arguments(model: ModelToWrite) -> tuple[list[str], list[str]]:
    """Arguments that state priors, and words for each prior that has none."""
    priors = model.priors
    lost = [f"{block} ~ {prior}" for block, prior, _ in priors.joint]
    slopes = [entry for entry in priors.gamma if entry[0] != "Intercept"]
    constant = [entry for entry in priors.gamma if entry[0] == "Intercept"]
    found: list[str] = []
    _state("prior", _vector(slopes), slopes, found, lost)
    at_zero = constant if not slopes or _is_flat(constant) else []  # no column moves its place
    _state("prior_intercept", _vector(at_zero), constant, found, lost)
    if model.family is None or _FAMILIES[model.family.name][1]:
        _state("prior_aux", _scale(priors.sigma[1]), [priors.sigma], found, lost)
    etas = {prior.parameters["eta"] for _, prior, _ in priors.own_corr}
    if len(etas) == 1:
        found.append(f"prior_covariance = decov(regularization = {number(etas.pop())})")
    lost += [f"sd({priors.label(name)}) ~ {prior}" for name, prior, _ in priors.own_sd]
    if len(etas) > 1:
        lost += [f"corr({name}) ~ {prior}" for name, prior, _ in priors.own_corr]
    return found, lost


def _state(
    argument: str, text: str, entries: Sequence[Entry], found: list[str], lost: list[str]
) -> None:
    """Put a prior among the arguments, or among those that are lost."""
    if text:
        found.append(f"{argument} = {text}")
    else:
        lost += [f"{name} ~ {prior}" for name, prior, _ in entries]


def _is_flat(entries: Sequence[Entry]) -> bool:
    return bool(entries) and all(isinstance(prior, Flat) for _, prior, _ in entries)


def _vector(entries: Sequence[Entry]) -> str:
    """One prior for several coefficients, if they are of one family; else nothing."""
    families = [prior for _, prior, _ in entries]
    if _is_flat(entries):
        return "NULL"
    if len(families) > 1 and any(isinstance(prior, DesignNormal) for prior in families):
        return ""
    if families and all(isinstance(prior, Normal) for prior in families):
        return f"normal({_places(families)}, autoscale = FALSE)"
    degrees = {prior.nu for prior in families if isinstance(prior, StudentT)}
    if len(degrees) == 1 and all(isinstance(prior, StudentT) for prior in families):
        return f"student_t({number(degrees.pop())}, {_places(families)}, autoscale = FALSE)"
    return ""


def _places(families: Sequence[Prior]) -> str:
    values = [prior.parameters for prior in families]
    return ", ".join(_r_vector([value[key] for value in values]) for key in ("mu", "sigma"))


def _r_vector(values: Sequence[float]) -> str:
    texts = [number(value) for value in values]
    return texts[0] if len(texts) == 1 else f"c({', '.join(texts)})"


def _scale(prior: Prior) -> str:
    """A prior of σ, cut off at 0 there; nothing for a family that is not taken."""
    match prior:
        case Flat():
            return "NULL"
        case HalfNormal(sigma):
            return f"normal(0, {number(sigma)}, autoscale = FALSE)"
        case HalfT(nu, _, sigma):
            return f"student_t({number(nu)}, 0, {number(sigma)}, autoscale = FALSE)"
        case HalfCauchy(beta):
            return f"cauchy(0, {number(beta)}, autoscale = FALSE)"
        case Exponential() | PC():
            return f"exponential({number(prior.parameters['lam'])}, autoscale = FALSE)"
    return ""


def read(text: str, columns: Sequence[str]) -> StatedModel:
    """The model of a call of stan_lmer, stan_glmer or stan_glmer.nb, or of a formula alone."""
    call = find_model(text, columns, _STAN_LMER, _STAN_GLMER, _STAN_GLMER_NB)
    given = call.arguments
    family = read_family(given.get("family"), _WORDS, text, call.system)
    family = NegativeBinomial() if call.system == "stan_glmer.nb" else family
    model = call.checked(read_mixed(given, call.columns, text, family))
    return StatedModel(model, single_or_trials(family, model))


DIALECT = Dialect(
    "rstanarm",
    "R: rstanarm::stan_lmer and stan_glmer",
    emit,
    read,
    linked(_FAMILIES),
)
