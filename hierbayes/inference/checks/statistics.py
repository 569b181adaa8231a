"""What is looked at in a response: of its rows, and of the groups of each factor."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np

from hierbayes.design.family_rows import FamilyRows
from hierbayes.design.problem import Problem
from hierbayes.frames.arrays import Floats, Integers
from hierbayes.inference.checks.group_summary import GroupSummary, spread_of_slopes

ROWS = "rows"
_FEW_COUNTS = 0.02  # share of zeros from which they are looked at
_LEAST_ROWS = 3  # of a group that has a slope


@dataclass(frozen=True, slots=True)
class Statistic:
    """One number of a response.

    Parameters
    ----------
    level : str
        ``"rows"``, or the factor whose groups it is about.
    name : str
    of : callable
        From a response (n,) to a number.
    """

    level: str
    name: str
    of: Callable[[Floats], float]


def usual_statistics(
    problem: Problem, further: tuple[Statistic, ...] = ()
) -> tuple[Statistic, ...]:
    """Those that matter in a hierarchical model of this response, and further ones of rows."""
    found = [*_of_rows(problem), *further]
    design, P = problem.design, problem.design.columns.n_predictors
    for k, factor in enumerate(design.named_factors):
        groups = Groups(design.rows.codes_of[k][::P], factor.J)
        if design.n == factor.J:  # a group is a row, and its statistics are those of rows
            continue
        name = factor.name
        outcomes = _outcomes(problem.family_rows) if problem.family is not None else ()
        if outcomes:
            for c, label in enumerate(outcomes):
                share = partial(_spread_of_share, groups, c)
                found.append(Statistic(name, f"sd of shares of {label}", share))
            continue
        found += [
            Statistic(name, "sd of means", groups.spread),
            Statistic(name, "smallest mean", groups.smallest),
            Statistic(name, "largest mean", groups.largest),
            Statistic(name, "sd within", groups.within),
            Statistic(name, "intraclass correlation", groups.icc),
        ]
        for effect, column in _numbers(problem, k):
            slopes = Slopes.of_column(groups, column)
            found.append(Statistic(name, f"sd of slopes of {effect}", slopes.spread))
    return tuple(found)


def _of_rows(problem: Problem) -> list[Statistic]:
    """Mean, spread and extremes; of categories and of 0 and 1 the shares; zeros of counts."""
    if problem.family is None:
        return [Statistic(ROWS, name, NUMBERS[name]) for name in MOMENTS]
    rows = problem.family_rows
    outcomes = _outcomes(rows)
    if outcomes:
        return [
            Statistic(ROWS, f"share of {label}", partial(_share, c))
            for c, label in enumerate(outcomes)
        ]
    return [Statistic(ROWS, name, NUMBERS[name]) for name in numbers_of_rows(rows)]


def numbers_of_rows(rows: FamilyRows, times: Floats | None = None) -> tuple[str, ...]:
    """What is looked at in responses that are numbers, each as often as ``times`` (n,) says."""
    if set(np.unique(rows.y)) <= {0.0, 1.0} and not rows.of_trials:
        return ("mean",)
    zeros = np.average(rows.y == 0.0, weights=times)
    return (*MOMENTS, *("share of zeros",) * bool((rows.y >= 0.0).all() and zeros > _FEW_COUNTS))


MOMENTS = ("mean", "sd", "smallest", "largest")
NUMBERS: dict[str, Callable[[Floats], float]] = {
    "mean": lambda y: float(y.mean()),
    "sd": lambda y: float(y.std(ddof=1)),
    "smallest": lambda y: float(y.min()),
    "largest": lambda y: float(y.max()),
    "share of zeros": lambda y: float((y == 0.0).mean()),
}


def _outcomes(rows: FamilyRows) -> tuple[str, ...]:
    """Labels of more than two categories, whose shares say what numbers of them do not."""
    return rows.outcomes if len(rows.outcomes) > 2 else ()


def _share(category: int, y: Floats) -> float:
    return float((y == category).mean())


def _spread_of_share(groups: Groups, category: int, y: Floats) -> float:
    return groups.spread((y == category).astype(np.float64))


@dataclass(frozen=True, slots=True, eq=False)
class Groups:
    """The groups of one factor.

    Parameters
    ----------
    codes : (n,) int
    J : int
    """

    codes: Integers
    J: int

    @property
    def sizes(self) -> Floats:
        """Rows of each group (J,)."""
        return np.bincount(self.codes, minlength=self.J).astype(np.float64)

    def means(self, y: Floats) -> Floats:
        """Mean of each group (J,)."""
        return np.asarray(np.bincount(self.codes, y, self.J) / self.sizes)

    def summary(self, y: Floats) -> GroupSummary:
        """Means and squares within groups."""
        means = self.means(y)
        return GroupSummary(means, self.sizes, float(((y - means[self.codes]) ** 2).sum()))

    def spread(self, y: Floats) -> float:
        """Standard deviation of group means."""
        return self.summary(y).spread

    def smallest(self, y: Floats) -> float:
        """The smallest group mean."""
        return self.summary(y).smallest

    def largest(self, y: Floats) -> float:
        """The largest group mean."""
        return self.summary(y).largest

    def within(self, y: Floats) -> float:
        """Standard deviation within groups, pooled."""
        return self.summary(y).within

    def icc(self, y: Floats) -> float:
        """Intraclass correlation by one-way analysis of variance; it may be below 0."""
        return self.summary(y).icc


@dataclass(frozen=True, slots=True, eq=False)
class Slopes:
    """Least-squares slopes of groups whose rows tell one.

    Parameters
    ----------
    groups : Groups
    deviation : (n,) float
        Of the column from its group mean.
    square : (J,) float
        Σ deviation² of each group; NaN where it has no slope.
    """

    groups: Groups
    deviation: Floats
    square: Floats

    @classmethod
    def of_column(cls, groups: Groups, x: Floats) -> Slopes:
        """Of a column (n,)."""
        deviation = x - groups.means(x)[groups.codes]
        square = np.bincount(groups.codes, deviation**2, groups.J)
        return cls(groups, deviation, usable_squares(square, groups.sizes, float((x**2).sum())))

    def spread(self, y: Floats) -> float:
        """Standard deviation of the slopes of a response (n,)."""
        return spread_of_slopes(
            np.bincount(self.groups.codes, self.deviation * y, self.groups.J) / self.square
        )


def usable_squares(square: Floats, sizes: Floats, whole: float) -> Floats:
    """Σ deviation² (J,) of groups, NaN where they have no slope; ``whole`` is Σ x² of all rows."""
    usable = (sizes >= _LEAST_ROWS) & (square > 1e-12 * whole)
    return np.where(usable, square, np.nan)


def _numbers(problem: Problem, k: int) -> list[tuple[str, Floats]]:
    """Names and columns of the random slopes of a factor that are numbers, of one predictor."""
    design = problem.design
    if design.columns.predictors:
        return []
    at = design.spans[k]
    columns = zip(design.effects[at], design.rows.Z[:, at].T, strict=True)
    return [(name, z) for name, z in columns if name != "Intercept" and len(np.unique(z)) > 2]
