"""Coefficients on the scale of a link, in words: what they are of, and what e to them is.

References
----------
Zeger, Liang & Albert (1988), *Models for Longitudinal Data: A Generalized Estimating Equation
Approach*, Biometrics 44, 1049-1060: the population-averaged logit.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from hierbayes.design.problem import Problem
from hierbayes.families.family import ResponseFamily
from hierbayes.families.positive import Lognormal
from hierbayes.language.estimates import Estimates
from hierbayes.language.family_words import (
    LinkWords,
    counted,
    is_above_zero,
    is_ordered,
    is_own,
    link_words,
)
from hierbayes.language.nouns import listed, plural, singular
from hierbayes.language.structure import Coefficient, Entry, Structure

_LOGIT_SHRINKAGE = (16.0 * math.sqrt(3.0) / (15.0 * math.pi)) ** 2  # c²


@dataclass(frozen=True, slots=True)
class LinkScale:
    """What coefficients are of.

    Parameters
    ----------
    family : ResponseFamily or None
        None of a Gaussian response, of whose scale nothing needs to be said.
    success : str
        The label of a success; empty where the response is a number.
    words : LinkWords
    """

    family: ResponseFamily | None
    success: str
    words: LinkWords

    def noun(self, response: str) -> str:
        """What a coefficient is a mean of."""
        if self.success:
            response = f"{response} = {self.success}"
        return self.words.noun.format(response)

    def on(self, structure: Structure) -> Structure:
        """The equations of the response on this scale."""
        return replace(structure, response=self.noun(structure.response))

    def exponential(self, beta: Coefficient, entry: Entry) -> str:
        """What e to a coefficient is, as the end of a sentence; empty where it has no name.

        Of a constant a value, of a slope or a difference a ratio, of a product a ratio of these.
        """
        if not self.words.ratio:
            return ""
        order = sum(not f.is_every_level for f in (*beta.factors, *entry.factors))
        said = self.words.value if not order else self.words.ratio
        for _ in range(order - 1):
            said = "ratio of " + said.replace("ratio", "ratios", 1)
        return f"; exp: {said}"


def link_scale(problem: Problem, predictor: str = "") -> LinkScale:
    """The scale of a model's coefficients; of nominal categories those of one, or of each."""
    family, rows = problem.family, problem.design.rows.family
    if family is None or rows is None:
        return LinkScale(None, "", LinkWords("{}"))
    if family.predictors:
        against = f"{predictor or 'each category'} against {rows.outcomes[0]}"
        return LinkScale(family, against, link_words(family))
    success = rows.outcomes[1] if rows.outcomes and not is_ordered(family) else ""
    return LinkScale(family, success, link_words(family))


def scale_notes(problem: Problem, scale: LinkScale, estimates: Estimates | None) -> tuple[str, ...]:
    """On which scale coefficients are, and of which groups they hold; none if Gaussian."""
    if scale.family is None or scale.words.noun == "{}":
        return ()
    columns = problem.design.specification.columns_of
    one = listed([singular(names[-1]) for names in columns.values()])
    many = listed([plural(names[-1]) for names in columns.values()])
    noun = scale.noun(problem.design.specification.response)
    about = (
        f"Scale: the {noun}; means, slopes and differences are of it.",
        *_of_thresholds(problem),
        *_of_zeros(scale.family),
    )
    if not columns:
        return about
    conditional = (
        f"Conditional: given u, that is for one {one} whose random effects stay as they are; a "
        f"mean is over {many} on this scale."
    )
    averaged = _averaged(problem, scale.family, many, estimates)
    return (about[0], conditional, *about[1:], *averaged)


def _of_thresholds(problem: Problem) -> tuple[str, ...]:
    """Which categories the intercept is of."""
    rows = problem.family_rows
    if not is_ordered(rows.family):
        return ()
    return (
        f"Thresholds: the intercept is of what is above '{rows.outcomes[0]}'; of what is above a "
        "later category its threshold is taken off.",
    )


def _of_zeros(family: ResponseFamily) -> tuple[str, ...]:
    """Which responses the coefficients are of, where zeros have a probability of their own."""
    inside = counted(family)
    if inside is family:
        return ()
    if is_above_zero(family):
        return (
            f"Zeros: the coefficients are of the mean of the {inside.name} distribution with its "
            "zeros, which are taken out; how many zeros there are is told by their probability.",
        )
    which = "a zero with the further probability" if family.name == "ZeroInflated" else "0"
    return (f"Zeros: the coefficients are of a response that is not {which}.",)


def _averaged(
    problem: Problem, family: ResponseFamily, many: str, estimates: Estimates | None
) -> tuple[str, ...]:
    """How effects on averages over the groups differ."""
    intercepts = set(problem.design.effects) == {"Intercept"}
    g = None if estimates is None or not intercepts else float(np.trace(estimates.G))
    link = counted(family).link
    said = f"Population-averaged: over all {many}, "
    if is_own(family):
        return ()
    if isinstance(family, Lognormal):
        by = "exp(½ z'Gz)" if g is None else f"{math.exp(0.5 * g):.3g}"
        return (f"{said}medians, slopes and differences stay as they are; expected responses are "
                f"{by} times those of an average group.",)  # fmt: skip
    if link == "identity":
        return ()
    if family.predictors:
        return (f"{said}effects are other ones, as a rule smaller in size.",)
    if link == "log":
        whole = "random intercepts leave slopes and differences as they are; means are higher"
        rest = "" if intercepts else ", and columns with random effects change theirs"
        higher = "" if g is None else f", exp of them {math.exp(0.5 * g):.3g} times"
        return (f"{said}{whole}{higher}{rest}.",)
    weights = {"logit": _LOGIT_SHRINKAGE, "probit": 1.0}
    if link not in weights:
        return (f"{said}effects are other ones, as a rule smaller in size.",)
    by = f"1/√(1 + {weights[link]:.3g} g), g the variance of the random intercepts"
    source = " (approximation of Zeger, Liang & Albert, 1988)" if link == "logit" else ""
    if g is not None:
        factor = 1.0 / math.sqrt(1.0 + weights[link] * g)
        by = f"{factor:.3g} = {by.partition(',')[0]} with g = {g:.3g}"
    size = f", by the factor {by}{source}" if intercepts else "; how much depends on the columns"
    return (f"{said}effects are smaller in size{size}.",)
