"""What Hausman's test says, in words."""

from __future__ import annotations

import pandas as pd

from hierbayes.design.problem import Problem
from hierbayes.display.cell import p_words
from hierbayes.errors import in_quotes
from hierbayes.inference.context.fixed_effects import WithinFit
from hierbayes.inference.context.swamy_arora import SwamyArora

ALPHA = 0.05
VERSIONS = ("REML, each its own sigma", "REML, common sigma", "Swamy-Arora")
_NORMAL = 1.959963984540054


def conclusion(
    tests: pd.DataFrame, estimates: pd.DataFrame, balanced: bool = False
) -> tuple[str, ...]:
    """What the versions together say of the slopes, in words; of ``balanced`` columns too."""
    if int(tests["df"].iloc[0]) == 0:
        return (_nothing_to_test(estimates, balanced),)
    p = tests["p"].dropna()
    if p.empty:
        return (
            "no version has a statistic: in none is the difference of the covariances positive "
            "definite; see mundlak(), which asks the same question as a Wald test",
        )
    values = "; ".join(f"{name}: p {p_words(value)}" for name, value in p.items())
    if (p < ALPHA).all():
        return _slopes_differ(estimates, values)
    if (p >= ALPHA).all():
        return _slopes_agree(estimates, values)
    return (
        f"the versions disagree at the {ALPHA:g} level ({values}): they differ in how σ² and τ² "
        "are estimated, and the evidence is near the border; see mundlak(), which says how large "
        "the contextual effect is",
    )


def _nothing_to_test(estimates: pd.DataFrame, balanced: bool) -> str:
    if balanced:
        return (
            f"the data are balanced: {in_quotes(estimates.index)} has the same mean in every "
            "group, so that all of its variation is within groups, both estimates are the same, "
            "and nothing is left to test"
        )
    return (
        "the two estimates are the same to rounding, and nothing is left to test: the model has "
        "the group means of these terms, or they are deviations from them; see mundlak()"
    )


def _slopes_differ(estimates: pd.DataFrame, values: str) -> tuple[str, ...]:
    differing = estimates.index[estimates["se_difference"] > 0.0]
    whose = "of " if len(differing) == 1 else "of at least one of "
    return (
        f"the slopes within groups differ from those of random effects by more than chance "
        f"({values})",
        f"so the coefficient {whose}{in_quotes(differing)} mixes two different slopes, within "
        "groups and between them. Either the groups' means matter beyond each row's own value (a "
        "contextual effect), or unmeasured properties of the groups go with them (endogeneity at "
        "level 2), or both; the test cannot tell these apart",
        "with the group means in the model, see mundlak(), random effects estimate the slopes "
        "within groups, as fixed effects do; neither protects against confounding within groups",
    )


def _slopes_agree(estimates: pd.DataFrame, values: str) -> tuple[str, ...]:
    limits = ", ".join(
        f"'{term}' {row.difference - _NORMAL * row.se_difference:+.3f} to "
        f"{row.difference + _NORMAL * row.se_difference:+.3f}"
        for term, row in estimates.iterrows()
    )
    return (
        f"the slopes within groups and those of random effects differ by no more than chance "
        f"allows ({values})",
        "this is no proof that random effects are independent of the predictors; differences "
        f"(fixed less random) within these 95% limits are compatible with the data: {limits}",
    )


def notes(
    problem: Problem, within: WithinFit, moments: SwamyArora | None, tests: pd.DataFrame
) -> tuple[str, ...]:
    """What to know of the versions in these data."""
    found = [
        "three versions of one test, all valid in large samples: REML with the σ of each "
        "estimator in its own covariance, REML with the σ of the random-effects model in both, "
        "and moments by Swamy and Arora as plm has it"
    ]
    if problem.moments is not None:
        text = problem.moments.rows.structure.text
        found.append(f"errors {text} are held at their estimates, in both")
    if problem.design.effects != ("Intercept",):
        found.append(
            "all estimators have a random intercept alone, though the model has more: a slope "
            "that varies between groups makes the standard errors here too small"
        )
    if within.left_out:
        listed = in_quotes(within.left_out)
        found.append(f"left out, for within groups it is a combination of the others: {listed}")
    if not problem.has_like_rows:
        found.append("Swamy and Arora's moments are of errors that are alike")
    elif moments is None:
        found.append("Swamy and Arora's moments need more groups than columns of group means")
    elif moments.negative:
        found.append("Swamy and Arora's τ² is negative and was set to 0: pooled least squares")
    not_definite = tests.index[tests["chisq"].isna()]
    if moments is None:
        not_definite = not_definite.drop(VERSIONS[2])
    for name in not_definite:
        found.append(
            f"'{name}' has no statistic: the difference of its covariances is not positive definite"
        )
    return tuple(found)
