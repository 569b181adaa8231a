"""Families of responses: what a row's response is, given its linear predictor.

A family is a light value, ``hb.families.Binomial(link="probit")``; ``by_word`` finds one by its
name in lower case.  What an analyst gives as response, and what is refused, says each family.
"""

from typing import TYPE_CHECKING

from hierbayes.public_names import public_names

if TYPE_CHECKING:
    from hierbayes.families.beta import Beta
    from hierbayes.families.beta_binomial import BetaBinomial
    from hierbayes.families.binomial import Bernoulli, Binomial
    from hierbayes.families.categorical import Categorical
    from hierbayes.families.cumulative import Cumulative
    from hierbayes.families.family import ResponseFamily
    from hierbayes.families.hurdle import Hurdle
    from hierbayes.families.negative_binomial import NegativeBinomial, NegativeBinomial1
    from hierbayes.families.poisson import Poisson
    from hierbayes.families.positive import Gamma, Lognormal
    from hierbayes.families.response import Response
    from hierbayes.families.student_t import StudentT
    from hierbayes.families.user_family import Family
    from hierbayes.families.words import by_word
    from hierbayes.families.zero_inflated import ZeroInflated

__all__ = [
    "Bernoulli", "Beta", "BetaBinomial", "Binomial", "Categorical", "Cumulative", "Family", "Gamma",
    "Hurdle", "Lognormal", "NegativeBinomial", "NegativeBinomial1", "Poisson", "Response",
    "ResponseFamily", "StudentT", "ZeroInflated", "by_word",
]  # fmt: skip

_HOMES = {
    "hierbayes.families.beta": ("Beta",),
    "hierbayes.families.beta_binomial": ("BetaBinomial",),
    "hierbayes.families.binomial": ("Bernoulli", "Binomial"),
    "hierbayes.families.categorical": ("Categorical",),
    "hierbayes.families.cumulative": ("Cumulative",),
    "hierbayes.families.family": ("ResponseFamily",),
    "hierbayes.families.hurdle": ("Hurdle",),
    "hierbayes.families.negative_binomial": ("NegativeBinomial", "NegativeBinomial1"),
    "hierbayes.families.poisson": ("Poisson",),
    "hierbayes.families.positive": ("Gamma", "Lognormal"),
    "hierbayes.families.response": ("Response",),
    "hierbayes.families.student_t": ("StudentT",),
    "hierbayes.families.user_family": ("Family",),
    "hierbayes.families.words": ("by_word",),
    "hierbayes.families.zero_inflated": ("ZeroInflated",),
}

if not TYPE_CHECKING:
    __getattr__, __dir__ = public_names(__name__, _HOMES)
