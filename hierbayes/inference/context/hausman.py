"""Hausman's test: within-group (fixed-effects) against random-effects estimates."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import chdtrc

from hierbayes.design.design import Design
from hierbayes.design.levels import is_outer
from hierbayes.design.problem import Problem
from hierbayes.design.subject import subject_of
from hierbayes.display.blocks import Block, Items, Table
from hierbayes.display.page import Page, Printed
from hierbayes.errors import DataError
from hierbayes.fit.maximised import maximum_likelihood
from hierbayes.frames.arrays import Floats
from hierbayes.inference.accepted_fits import problem_of
from hierbayes.inference.context.fixed_effects import WithinFit, within_fit
from hierbayes.inference.context.hausman_words import VERSIONS, conclusion, notes
from hierbayes.inference.context.spread import deviations
from hierbayes.inference.context.submodel import fit_intercepts
from hierbayes.inference.context.swamy_arora import SwamyArora, swamy_arora
from hierbayes.likelihood.reading import REML
from hierbayes.likelihood.state import State

_SAME = 1e-7  # of the variance of the difference against that within, in any direction


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
        intercept alone, whatever the random part or the engine.  Errors have their weights, and
        a residual structure as the fit has it (of a model its REML fit).

    Returns
    -------
    Hausman
        With the statistic in three versions, each valid and each of another value:
        REML with each estimator's own σ; REML with the σ of the random-effects model in both;
        and Swamy and Arora's moments, as R's plm computes it, where errors are alike.

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
    problem = _estimated(source)
    design = problem.design
    design.specification.refuse_no_random_part("hausman()")
    design.specification.refuse_several_factors(
        "hausman() is", "mundlak(model, factor=...) asks the same question of one of them"
    )
    within = within_fit(problem)
    _refuse_no_between(design)
    random = fit_intercepts(problem, REML)
    moments = swamy_arora(design, within.sigma2) if problem.has_like_rows else None
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
        notes=notes(problem, within, moments, tests),
    )


def _estimated(source: Any) -> Problem:
    """The problem, with a residual structure at its estimates.

    Raises
    ------
    ResidualError
        When variances follow the fitted values.
    """
    problem = problem_of(source, "hausman", structured=True)
    problem.refuse_fitted_variances("hausman()")
    unfitted = problem.moments is not None and problem.z is None
    return maximum_likelihood(problem, REML).problem if unfitted else problem


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
            within.gamma_cov * (float(random.theta.sigma) ** 2 / within.sigma2)
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
