"""The words of a family and of a link: its distribution in symbols, what a coefficient is of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from hierbayes.families.cumulative import Cumulative
from hierbayes.families.family import ResponseFamily
from hierbayes.families.hurdle import Hurdle
from hierbayes.families.user_family import Family
from hierbayes.families.zero_part import ZeroPart


@dataclass(frozen=True, slots=True)
class FamilyWords:
    """A family in symbols.

    Parameters
    ----------
    mean : str
        The letter of what the link is of; empty where the distribution has η itself.
    distribution : str
        Its name in equations.
    arguments : tuple of str
        ``"m"`` the trials, ``"mean"``, ``"σ²"``, ``"df"``, or a letter of the dispersion.
    remark : str
        What the name leaves open, such as the variance; formulas between dollar signs.
    """

    mean: str
    distribution: str
    arguments: tuple[str, ...]
    remark: str = ""


@dataclass(frozen=True, slots=True)
class LinkWords:
    """A link in words.

    Parameters
    ----------
    noun : str
        What a coefficient is a mean of; ``{}`` stands for the response.
    value, ratio : str
        What e to a constant is, and e to a difference or a change per unit; empty where nothing
        with a name.
    """

    noun: str
    value: str = ""
    ratio: str = ""


_FAMILIES: Mapping[str, FamilyWords] = MappingProxyType({
    "Bernoulli": FamilyWords("p", "Bernoulli", ("mean",)),
    "Binomial": FamilyWords("p", "Binomial", ("m", "mean")),
    "BetaBinomial": FamilyWords(
        "p", "BetaBinomial", ("m", "mean", "φ"), "probabilities from Beta$(φp, φ(1 − p))$"
    ),
    "Poisson": FamilyWords("μ", "Poisson", ("mean",)),
    "NegativeBinomial": FamilyWords(
        "μ", "NegativeBinomial", ("mean", "φ"), "variance $μ + μ²/φ$"
    ),
    "NegativeBinomial1": FamilyWords(
        "μ", "NegativeBinomial", ("mean", "φ"), "variance $μ(1 + φ)$"
    ),
    "Gamma": FamilyWords("μ", "Gamma", ("mean", "φ"), "mean $μ$, shape $φ$, variance $μ²/φ$"),
    "Lognormal": FamilyWords("", "Lognormal", ("mean", "σ²"), "its logarithm is $N(η, σ²)$"),
    "Beta": FamilyWords("p", "Beta", ("mean", "φ"), "mean $p$, variance $p(1 − p)/(1 + φ)$"),
    "StudentT": FamilyWords(
        "", "t", ("df", "mean", "σ²"), "degrees of freedom, location, squared scale"
    ),
})  # fmt: skip
_LINKS: Mapping[str, LinkWords] = MappingProxyType({
    "logit": LinkWords("log odds of {}", "odds", "odds ratio"),
    "probit": LinkWords("probit of the probability of {}"),
    "cloglog": LinkWords(
        "log cumulative hazard of {}", "cumulative hazard, −log(1 − p)", "hazard ratio"
    ),
    "log": LinkWords("log of expected {}", "expected value", "ratio of expected values"),
    "identity": LinkWords("{}"),
})  # fmt: skip
_OWN_LINKS: Mapping[str, LinkWords] = MappingProxyType({
    "Lognormal": LinkWords("log {}", "median", "ratio of medians"),
    "Beta": LinkWords("log odds of the mean of {}", "odds", "odds ratio"),
    "Gamma": LinkWords("log of expected {}", "expected value", "ratio of means"),
})  # fmt: skip
_ORDERED: Mapping[str, LinkWords] = MappingProxyType({
    "logit": LinkWords("log odds of a higher {}", "odds", "odds ratio"),
    "probit": LinkWords("probit of the probability of a higher {}"),
})  # fmt: skip
_COUNTS = LinkWords("log of expected {}", "expected count", "rate ratio")


def family_words(family: ResponseFamily) -> FamilyWords:
    """A family in symbols; of one made elsewhere its name, of η and its dispersion."""
    named = tuple(family.dispersion)
    mean = "" if family.link == "identity" else "μ"
    return _FAMILIES.get(family.name, FamilyWords(mean, family.name, ("mean", *named)))


def link_words(family: ResponseFamily) -> LinkWords:
    """The link of a family in words."""
    family = counted(family)
    if is_own(family):
        return LinkWords("linear predictor of {}")
    if family.name in ("Poisson", "NegativeBinomial", "NegativeBinomial1"):
        return _COUNTS
    if is_ordered(family):
        return _ORDERED.get(family.link, LinkWords("location of {} on the scale of the thresholds"))
    other = LinkWords(f"{family.link} of the mean of {{}}")
    return _OWN_LINKS.get(family.name, _LINKS.get(family.link, other))


def counted(family: ResponseFamily) -> ResponseFamily:
    """The family beside which there are zeros with a probability of their own; itself without."""
    return family.inside if isinstance(family, ZeroPart) else family


def is_above_zero(family: ResponseFamily) -> bool:
    """Whether it is a family of counts whose own zeros are taken out."""
    return isinstance(family, Hurdle) and family.of_counts


def is_own(family: ResponseFamily) -> bool:
    """Whether a user has made it, so that nothing is known of what its η means."""
    return isinstance(family, Family)


def is_ordered(family: ResponseFamily) -> bool:
    """Whether its response is categories between thresholds."""
    return isinstance(family, Cumulative)
