"""Priors in the language of Stan, and the names R gives to coefficients.

A prior of a standard deviation is cut off at 0 there, as the half families are here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from hierbayes.errors import FormulaError
from hierbayes.families.cumulative import Cumulative
from hierbayes.priors.correlation_families import LKJ
from hierbayes.priors.families import (
    PC,
    DesignNormal,
    Exponential,
    Flat,
    Gamma,
    HalfCauchy,
    HalfNormal,
    HalfT,
    InverseGamma,
    Normal,
    Prior,
    StudentT,
    Uniform,
)
from hierbayes.priors.prior_set import Entry
from hierbayes.specification.terms import bare, factors_of
from hierbayes.translation.coding import all_factors, column_parts
from hierbayes.translation.dialect import ModelToWrite
from hierbayes.translation.r.expression import to_r
from hierbayes.translation.r.words import r_name
from hierbayes.translation.responses import zero_priors

_DIGITS = 10  # more than any fit tells of a prior


def number(value: float) -> str:
    """A number in ten digits, without those that rounding has left behind.

    Examples
    --------
    >>> number(0.9999999999999997), number(2.5), number(1e6)
    ('1', '2.5', '1000000')
    """
    whole = value == int(value) and abs(value) < 1e15
    return repr(int(value)) if whole else f"{value:.{_DIGITS}g}"


def stan_prior(prior: Prior, system: str) -> str:
    """A prior as Stan writes it; empty for the flat one.

    Raises
    ------
    FormulaError
        When Stan has none of that family.

    Examples
    --------
    >>> stan_prior(HalfT(3, 0, 2.5), "brm")
    'student_t(3, 0, 2.5)'
    """
    values: tuple[float, ...]
    match prior:
        case Flat():
            return ""
        case Normal(mu, sigma):
            name, values = "normal", (mu, sigma)
        case StudentT(nu, mu, sigma) | HalfT(nu, mu, sigma):
            name, values = "student_t", (nu, mu, sigma)
        case HalfNormal(sigma):
            name, values = "normal", (0.0, sigma)
        case HalfCauchy(beta):
            name, values = "cauchy", (0.0, beta)
        case Exponential() | PC():
            name, values = "exponential", (prior.parameters["lam"],)
        case Gamma(alpha, beta):
            name, values = "gamma", (alpha, beta)
        case InverseGamma(alpha, beta):
            name, values = "inv_gamma", (alpha, beta)
        case Uniform(lower, upper):
            name, values = "uniform", (lower, upper)
        case LKJ(eta):
            name, values = "lkj", (eta,)
        case _:
            raise FormulaError(f"{system} cannot say the prior {prior}; state another")
    return f"{name}({', '.join(map(number, values))})"


def refuse_joint_priors(model: ModelToWrite, system: str) -> None:
    """Refuse priors of several parameters at once.

    Raises
    ------
    FormulaError
        Naming the block and the prior.
    """
    for block, prior, _ in model.priors.joint:
        raise FormulaError(
            f"{system} cannot say the prior {prior} of '{block}'; state priors of sd, corr and "
            "gamma instead"
        )


def coefficient_priors(model: ModelToWrite) -> list[Entry]:
    """Priors of γ; of ordered categories without the intercept, which thresholds stand for."""
    ordered = isinstance(model.family, Cumulative)
    return [one for one in model.priors.gamma if not (ordered and one[0] == "Intercept")]


def shared_priors(model: ModelToWrite) -> list[str]:
    """Priors that no list of coefficients can say, in words: those shared, or of centred columns.

    One term alone shares its prior with none.
    """
    priors = model.priors
    shared = [
        f"{name} ~ {prior}"
        for name, prior, _ in coefficient_priors(model)
        if isinstance(prior, DesignNormal)
    ]
    shared = shared if len(priors.gamma) > 1 else []
    pairs = zip(priors.sd, priors.centred, strict=False)
    shared += [
        f"zero: {name} ~ {prior}"
        for name, prior, _ in zero_priors(model)
        if isinstance(prior, DesignNormal)
    ]
    return shared + [
        f"sd({priors.label(name)}) ~ Centred({prior})" for (name, prior, _), is_so in pairs if is_so
    ]


def r_columns(names: Sequence[str], model: ModelToWrite) -> dict[str, str]:
    """R's name of each of these fixed columns, by the name it has here.

    R orders the factors of a product as they first appear in the formula.
    """
    order: dict[str, int] = {}
    for term in model.specification.fixed:
        for factor in factors_of(term):
            order.setdefault(to_r(factor, model.variables), len(order))
    return {name: _r_column(name, model, order) for name in names}


def r_column(name: str, model: ModelToWrite) -> str:
    """R's name of one column by itself."""
    return _r_column(name, model, {})


def _r_column(name: str, model: ModelToWrite, order: Mapping[str, int]) -> str:
    if name == "Intercept":
        return name
    pieces = []
    # Names of columns have lost braces and backticks.
    written_out = {bare(factor): factor for factor in all_factors(model.specification)}
    for factor, level in column_parts(name, model.variables):
        known = factor in model.variables.columns
        spelled = written_out.get(factor, f"{{{factor}}}")
        written = r_name(factor) if known else to_r(spelled, model.variables)
        pieces.append((order.get(written, 0), written + level))
    return ":".join(text for _, text in sorted(pieces, key=lambda pair: pair[0]))
