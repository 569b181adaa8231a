"""Families by word."""

from __future__ import annotations

from hierbayes.errors import FamilyError
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
from hierbayes.families.student_t import StudentT
from hierbayes.families.zero_inflated import ZeroInflated

_FAMILIES: tuple[ResponseFamily, ...] = (
    Bernoulli(), Binomial(), BetaBinomial(), Poisson(), NegativeBinomial(), NegativeBinomial1(),
    Gamma(), Lognormal(), Beta(), StudentT(), Cumulative(), Categorical(), ZeroInflated(),
    Hurdle(),
)  # fmt: skip
WORDS = {one.name.lower(): one for one in _FAMILIES}


def by_word(word: str) -> ResponseFamily:
    """The family of a name in any capitals, with its own link.

    Raises
    ------
    FamilyError
        There is no such family; the message lists those there are.

    Examples
    --------
    >>> by_word("binomial")
    Binomial(link='logit')
    """
    plain = str(word).lower().replace("_", "").replace(" ", "")
    if plain not in WORDS:
        raise FamilyError(f"there is no family {word!r}; there are: gaussian, {', '.join(WORDS)}")
    return WORDS[plain]
