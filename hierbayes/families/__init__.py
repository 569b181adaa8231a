"""Families of responses: what a row's response is, given its linear predictor.

A family is a light value, ``hb.families.Binomial(link="probit")``; ``by_word`` finds one by its
name in lower case.  What an analyst gives as response, and what is refused, says each family.
"""

from typing import TYPE_CHECKING

from hierbayes.public_names import public_names

if TYPE_CHECKING:
    from hierbayes.families.binomial import Bernoulli, Binomial
    from hierbayes.families.family import Family
    from hierbayes.families.poisson import Poisson
    from hierbayes.families.response import Response
    from hierbayes.families.words import by_word

__all__ = ["Bernoulli", "Binomial", "Family", "Poisson", "Response", "by_word"]

_HOMES = {
    "hierbayes.families.binomial": ("Bernoulli", "Binomial"),
    "hierbayes.families.family": ("Family",),
    "hierbayes.families.poisson": ("Poisson",),
    "hierbayes.families.response": ("Response",),
    "hierbayes.families.words": ("by_word",),
}

if not TYPE_CHECKING:
    __getattr__, __dir__ = public_names(__name__, _HOMES)
