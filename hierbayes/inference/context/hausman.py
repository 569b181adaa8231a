"""Hausman's test: within-group (fixed-effects) against random-effects estimates."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import chdtrc

from hierbayes.design.design import Design
from hierbayes.design.levels import is_outer
from hierbayes.design.subject import subject_of
from hierbayes.display.blocks import Block, Items, Table
from hierbayes.display.cell import p_words
from hierbayes.display.page import Page, Printed
from hierbayes.errors import DataError
from hierbayes.frames.arrays import Floats
from hierbayes.inference.context.fixed_effects import WithinFit, within_fit
from hierbayes.inference.context.spread import deviations
from hierbayes.inference.context.submodel import fit_columns
from hierbayes.inference.context.swamy_arora import SwamyArora, swamy_arora
from hierbayes.inference.residuals.anchor import problem_of
from hierbayes.likelihood.reading import REML
from hierbayes.likelihood.state import State

ALPHA = 0.05
VERSIONS = ("REML, each its own sigma", "REML, common sigma", "Swamy-Arora")
_SAME = 1e-7  # of the variance of the difference against that within, in any direction
_NORMAL = 1.959963984540054


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Hausman(Printed):
    """Hausman's test in three versions.

    Parameters
    ----------
    estimates : DataFrame
        A row per term that varies within groups: ``fixed`` (within groups) and ``random``
        (REML, random intercept) with their standard errors, their ``difference`` with its
        standard error at a common σ, and ``swamy_arora`` with its own.
    tests : DataFrame
        By version: ``chisq``, ``df``, ``p``; missing where the difference of the covariances
        is not positive definite.
    variances : DataFrame
        σ² and τ² of each estimator.
    about, conclusion, notes : tuple of str
    """

    estimates: pd.DataFrame
    tests: pd.DataFrame
    variances: pd.DataFrame
    about: tuple[str, ...]
    conclusion: tuple[str, ...]
    notes: tuple[str, ...]

    def page(self) -> Page:
        """Estimates and tests, and what they mean."""
        moments = self.estimates.columns.str.endswith("swamy_arora")
        by_moments = self.estimates.loc[:, moments]
        own = [Table(by_moments, "Estimates by Swamy and Arora's moments")] * bool(moments.any())
        blocks: tuple[Block, ...] = (
            Table(
                self.estimates.loc[:, ~moments],
                "Estimates within groups and with random intercepts",
            ),
            *own,
            Table(self.tests, "Tests of their equality"),
            Table(self.variances, "Variances"),
            Items(self.conclusion, "What this says"),
            Items(self.notes, "Notes"),
        )
        return Page("Hausman's test: fixed against random effects", self.about, blocks)


def hausman(source: Any) -> Hausman:
    """Test whether fixed-effects and random-effects estimates agree.

    Parameters
    ----------
    source : Model or Fit
        Whose fixed part, rows and groups are used; all estimates are made here, with a random
        intercept alone, whatever the random part or the engine.

    Returns
    -------
    Hausman
        With the statistic in three versions, each valid and each of another value:
        REML with each estimator's own σ; REML with the σ of the random-effects model in both;
        and Swamy and Arora's moments, as R's plm computes it.

    Raises
    ------
    HypothesisError
        When it is neither model nor fit.
    DataError
        When no term varies within groups, or no degrees of freedom are left there or between.

    References
    ----------
    Hausman (1978), doi:10.2307/1913827; Mundlak (1978), doi:10.2307/1913646.

    Examples
    --------
    >>> import hierbayes as hb
    >>> model = hb.Model("mathach ~ ses", random="~ 1 | school", data=hb.load_dataset("hs"))
    >>> hb.hausman(model).tests["chisq"].round(2).tolist()
    [15.76, 15.55, 26.22]
    """
    design = problem_of(source, "hausman").design
    within = within_fit(design)
    _refuse_no_between(design)
    random = fit_columns(design, design.rows.X, REML)
    moments = swamy_arora(design, within.sigma2)
    differences = _Differences(within, random, moments)
    names = [design.terms[place] for place in within.places]
    tests = differences.tests()
    estimates = differences.estimates(names)
    return Hausman(
        estimates=estimates,
        tests=tests,
        variances=_variances(within, random, moments),
        about=subject_of(design).lines(),
        conclusion=conclusion(tests, estimates, _balanced(design, names)),
        notes=_notes(design, within, moments, tests),
    )


def _refuse_no_between(design: Design) -> None:
    outer = int(is_outer(design.rows.X, design.rows.codes, design.J).sum())
    if outer >= design.J:
        raise DataError(
            f"the fixed part has {outer} columns that are constant within groups, for {design.J} "
            "groups: nothing is left between groups that random effects could use; use fewer"
        )


class _Differences:
    """The coefficients both estimators have, in units of the within estimator's errors."""

    def __init__(self, within: WithinFit, random: State, moments: SwamyArora | None) -> None:
        self.within, self.random, self.moments = within, random, moments
        self.at = np.ix_(within.places, within.places)
        self.places = list(within.places)
        self.scale = np.sqrt(np.diag(within.gamma_cov))
        common = self._scaled(
            within.gamma_cov * float(random.theta.sigma) ** 2 / within.sigma2
            - random.gamma_cov[self.at]
        )
        size, vectors = np.linalg.eigh(common)
        # elsewhere the two estimators are the same function of the data
        self.directions = vectors[:, size > _SAME]
        self.common = common

    def _scaled(self, matrix: Floats) -> Floats:
        scaled: Floats = matrix / np.outer(self.scale, self.scale)
        return scaled

    def _test(self, gamma: Floats, variance: Floats) -> tuple[float, int, float]:
        """χ², its degrees of freedom and p of the difference from γ, variances scaled."""
        D = self.directions
        df = D.shape[1]
        if df == 0:
            return 0.0, 0, np.nan
        inside = D.T @ variance @ D
        if np.linalg.eigvalsh(inside)[0] <= 0.0:
            return np.nan, df, np.nan
        step = D.T @ ((self.within.gamma - gamma) / self.scale)
        chisq = float(step @ np.linalg.solve(inside, step))
        return chisq, df, float(chdtrc(df, chisq))

    def tests(self) -> pd.DataFrame:
        """The three versions."""
        random = self.random.gamma[self.places]
        own = self._scaled(self.within.gamma_cov - self.random.gamma_cov[self.at])
        rows = [self._test(random, own), self._test(random, self.common)]
        if self.moments is None:
            rows.append((np.nan, self.directions.shape[1], np.nan))
        else:
            cov = self._scaled(self.within.gamma_cov - self.moments.gamma_cov[self.at])
            rows.append(self._test(self.moments.gamma[self.places], cov))
        index = pd.Index(VERSIONS, name="version")
        return pd.DataFrame(rows, index=index, columns=["chisq", "df", "p"])

    def estimates(self, names: list[str]) -> pd.DataFrame:
        """Both estimates of every coefficient, and their difference."""
        random = self.random.gamma[self.places]
        share = np.diag(self.common)
        difference = np.sqrt(np.where(share > _SAME, share, 0.0)) * self.scale
        table = {
            "fixed": self.within.gamma,
            "se_fixed": self.scale,
            "random": random,
            "se_random": np.sqrt(np.diag(self.random.gamma_cov)[self.places]),
            "difference": self.within.gamma - random,
            "se_difference": difference,
        }
        if self.moments is not None:
            table["swamy_arora"] = self.moments.gamma[self.places]
            table["se_swamy_arora"] = np.sqrt(np.diag(self.moments.gamma_cov)[self.places])
        return pd.DataFrame(table, index=pd.Index(names, name="term"))


def _variances(within: WithinFit, random: State, moments: SwamyArora | None) -> pd.DataFrame:
    rows = {
        "fixed effects": (within.sigma2, np.nan),
        "random effects, REML": (float(random.theta.sigma) ** 2, float(random.theta.G[0, 0])),
    }
    if moments is not None:
        rows["random effects, Swamy-Arora"] = (moments.sigma2, moments.tau2)
    frame = pd.DataFrame.from_dict(rows, orient="index", columns=["sigma2", "tau2"])
    return frame.rename_axis("estimator")


def _balanced(design: Design, names: list[str]) -> bool:
    """Whether these columns have the same mean in every group, and not as deviations from it."""
    columns = design.rows.X[:, [design.terms.index(name) for name in names]]
    rest = deviations(columns, design.rows.codes, design.J)
    between, small = columns - columns.mean(axis=0) - rest, 1e-10 * columns.std(axis=0)
    same = (np.abs(between) <= small).all(axis=0)
    return bool((same & (np.abs(columns.mean(axis=0)) > small)).all())


def conclusion(
    tests: pd.DataFrame, estimates: pd.DataFrame, balanced: bool = False
) -> tuple[str, ...]:
    """What the versions together say of the slopes, in words; of ``balanced`` columns too."""
    if int(tests["df"].iloc[0]) == 0 and balanced:
        listed = ", ".join(f"'{term}'" for term in estimates.index)
        return (
            f"the data are balanced: {listed} has the same mean in every group, so that all of its "
            "variation is within groups, both estimates are the same, and nothing is left to test",
        )
    if int(tests["df"].iloc[0]) == 0:
        return (
            "the two estimates are the same to rounding, and nothing is left to test: the model "
            "has the group means of these terms, or they are deviations from them; see mundlak()",
        )
    p = tests["p"].dropna()
    differing = estimates.index[estimates["se_difference"] > 0.0]
    listed = ", ".join(f"'{term}'" for term in differing)
    whose = f"of {listed}" if len(differing) == 1 else f"of at least one of {listed}"
    values = "; ".join(f"{name}: p {p_words(value)}" for name, value in p.items())
    if p.empty:
        return (
            "no version has a statistic: in none is the difference of the covariances positive "
            "definite; see mundlak(), which asks the same question as a Wald test",
        )
    if (p < ALPHA).all():
        return (
            f"the slopes within groups differ from those of random effects by more than chance "
            f"({values})",
            f"so the coefficient {whose} mixes two different slopes, within groups and between "
            "them. Either the groups' means matter beyond each row's own value (a contextual "
            "effect), or unmeasured properties of the groups go with them (endogeneity at level "
            "2), or both; the test cannot tell these apart",
            "with the group means in the model, see mundlak(), random effects estimate the slopes "
            "within groups, as fixed effects do; neither protects against confounding within "
            "groups",
        )
    if (p >= ALPHA).all():
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
    return (
        f"the versions disagree at the {ALPHA:g} level ({values}): they differ in how σ² and τ² "
        "are estimated, and the evidence is near the border; see mundlak(), which says how large "
        "the contextual effect is",
    )


def _notes(
    design: Design, within: WithinFit, moments: SwamyArora | None, tests: pd.DataFrame
) -> tuple[str, ...]:
    notes = [
        "three versions of one test, all valid in large samples: REML with the σ of each "
        "estimator in its own covariance, REML with the σ of the random-effects model in both, "
        "and moments by Swamy and Arora as plm has it"
    ]
    if design.effects != ("Intercept",):
        notes.append(
            "all estimators have a random intercept alone, though the model has more: a slope "
            "that varies between groups makes the standard errors here too small"
        )
    if within.left_out:
        listed = ", ".join(f"'{name}'" for name in within.left_out)
        notes.append(f"left out, for within groups it is a combination of the others: {listed}")
    if moments is None:
        notes.append("Swamy and Arora's moments need more groups than columns of group means")
    elif moments.negative:
        notes.append("Swamy and Arora's τ² is negative and was set to 0: pooled least squares")
    not_definite = tests.index[tests["chisq"].isna()]
    if moments is None:
        not_definite = not_definite.drop(VERSIONS[2])
    for name in not_definite:
        notes.append(
            f"'{name}' has no statistic: the difference of its covariances is not positive definite"
        )
    return tuple(notes)
