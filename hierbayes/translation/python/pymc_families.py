"""PyMC: responses that are not Gaussian, written out."""

from __future__ import annotations

from collections.abc import Callable

from hierbayes.families.categorical import Categorical
from hierbayes.families.cumulative import Cumulative
from hierbayes.families.zero_part import LOGIT_ZERO, ZeroPart
from hierbayes.translation.dialect import ModelToWrite
from hierbayes.translation.python.code import quoted
from hierbayes.translation.python.priors import coefficients, variable, vector
from hierbayes.translation.responses import dispersion_priors, linked, zero_priors

# Inverse links of mu, and distributions of a response with that mean.
_MEANS = {
    "logit": "pm.math.invlogit(mu)", "probit": "pm.math.invprobit(mu)",
    "cloglog": "(1 - pm.math.exp(-pm.math.exp(mu)))", "log": "pm.math.exp(mu)", "identity": "mu",
}  # fmt: skip
_RESPONSES = {
    "Bernoulli": "Bernoulli(p={mean}", "Binomial": "Binomial(n=m, p={mean}",
    "BetaBinomial": "BetaBinomial(n=m, alpha=precision * {mean}, beta=precision * (1 - {mean})",
    "Poisson": "Poisson(mu={mean}", "NegativeBinomial": "NegativeBinomial(mu={mean}, alpha=phi",
    "NegativeBinomial1": "NegativeBinomial(mu={mean}, alpha={mean} / phi",
    "Gamma": "Gamma(alpha=shape, beta=shape / {mean}",
    "Lognormal": "LogNormal(mu={mean}, sigma=sigma",
    "Beta": "Beta(alpha=precision * {mean}, beta=precision * (1 - {mean})",
    "StudentT": "StudentT(nu={df}, mu={mean}, sigma=sigma",
}  # fmt: skip
_ORDERED = {
    "logit": 'OrderedLogistic("y", eta=mu, cutpoints=thresholds, compute_p=False',
    "probit": 'OrderedProbit("y", eta=mu, cutpoints=thresholds, compute_p=False',
    "cloglog": 'Categorical("y", p=pt.concatenate([below, between, above[:, -1:]], axis=1)',
}
_INFLATED = ("Poisson", "NegativeBinomial", "NegativeBinomial1", "Binomial", "BetaBinomial")
_MIXED = ("BetaBinomial",)  # of which PyMC has no distribution with further zeros
_MIXTURE = (
    'pm.Mixture("y", w=pm.math.stack([pm.math.invlogit(logit_zero), '
    "pm.math.invlogit(-logit_zero)], axis=-1), comp_dists=[pm.DiracDelta.dist(0), pm.{}]"
)
_BEHIND_HURDLE = ("Poisson", "NegativeBinomial", "NegativeBinomial1", "Gamma", "Lognormal")
FAMILIES = linked([*_RESPONSES, "Cumulative", "Categorical"], _INFLATED, _BEHIND_HURDLE)


def categories(model: ModelToWrite) -> list[str]:
    """What ends the names of each linear predictor: its number where there are several."""
    if not isinstance(model.family, Categorical):
        return [""]
    return [f"_{number}" for number in range(1, len(model.outcomes))]


def response(model: ModelToWrite) -> str:
    """The distribution of a response that is not Gaussian given its linear predictor, mu."""
    family = model.family
    assert family is not None
    if isinstance(family, Cumulative):
        return f"pm.{_ORDERED[family.link]}"
    if isinstance(family, Categorical):
        mus = [f"mu{name}" for name in categories(model)]
        listed = ", ".join(["pt.zeros(len(y))", *mus])
        return f'pm.Categorical("y", logit_p=pt.stack([{listed}], axis=1)'
    inner = family.inside if isinstance(family, ZeroPart) else family
    mean = _MEANS[family.link]
    df = "df" if "df" in family.dispersion else f"{family.constant:g}"
    arguments = _RESPONSES[inner.name].format(mean=mean, df=df)
    if isinstance(family, ZeroPart) and inner.name in _MIXED:
        return _MIXTURE.format(arguments.replace("(", ".dist(", 1) + ")")
    if isinstance(family, ZeroPart):
        arguments = f"{family.name}{arguments}, psi=pm.math.invlogit(-logit_zero)"
    return f"pm.{arguments.replace('(', '("y", ', 1)}"


def dispersion_statements(model: ModelToWrite) -> list[str]:
    """Statements that make the dispersion; thresholds from the first, which is 0, by distances."""
    priors = model.priors
    if isinstance(model.family, Cumulative):
        lines = vector("distances", priors.dispersion, "sigma", "distance")
        return [*lines, "    thresholds = pt.concatenate([[0.0], pt.cumsum(distances)])"]
    lines = []
    for name, prior in dispersion_priors(model).items():
        block = "gamma" if name == LOGIT_ZERO else "sigma"
        made = variable(name, [(name, prior, "")], block)
        lines.append(f"    {name.replace(' ', '_')} = {made}")
    if of_zeros := zero_priors(model):
        lines += coefficients("zero", "W", of_zeros, "zero_term")
        lines.append("    logit_zero = W.to_numpy() @ zero")
    return lines


def zero_columns(model: ModelToWrite, matrix: Callable[[tuple[str, ...]], str]) -> list[str]:
    """The statement that makes the columns that further zeros depend on."""
    family = model.family
    return [f"W = {matrix(family.further_terms)}"] if family and family.further_terms else []


def observed(model: ModelToWrite, matrix: Callable[[tuple[str, ...]], str]) -> str:
    """The statement that makes y; categories are numbered from 0.

    ``matrix`` gives the code of columns of terms.
    """
    response, data = model.specification.response, model.data
    if not isinstance(model.family, Cumulative | Categorical):
        return f"y = {matrix((response,))}.to_numpy()[:, 0]"
    name = response.strip("`")
    if not model.variables.columns[name].is_factor:
        return f"y = pd.factorize({data}[{quoted(name)}], sort=True)[0]"
    levels = ", ".join(map(quoted, model.outcomes))
    return f"y = pd.Categorical({data}[{quoted(name)}], [{levels}]).codes"
