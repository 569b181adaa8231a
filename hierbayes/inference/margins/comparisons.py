"""Comparisons and slopes of expected responses, in the words of marginaleffects."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from hierbayes.design.matrices import columns_needed
from hierbayes.display.interval import DEFAULT_PROB, Interval
from hierbayes.errors import DataError, InferenceError
from hierbayes.fit.fit import Fit
from hierbayes.fit.predictions.prediction_rows import counted_factors
from hierbayes.inference.margins.arguments import (
    Effects,
    asked_of_call,
    effects_in_words,
    needed_rows,
    shown_columns,
)
from hierbayes.inference.margins.averages import By, averages_of
from hierbayes.inference.margins.combination import Combination, combination_of, derivative
from hierbayes.inference.margins.contrasts import (
    Variables,
    asked_variables,
    contrasts_of,
    slope_of,
)
from hierbayes.inference.margins.expected_rows import Asked, expected_rows
from hierbayes.inference.margins.margins import Margins, Request, margins_of
from hierbayes.inference.margins.quantity import Quantity


def comparisons(
    fit: Fit,
    newdata: pd.DataFrame,
    variables: Variables = None,
    *,
    by: By = True,
    comparison: str = "difference",
    effects: Effects = "all",
    kind: str = "mean",
    group_means: str = "remembered",
    prob: float = DEFAULT_PROB,
    uncertainty: str | None = None,
    seed: int | None = None,
) -> Margins:
    """Expected responses of the same rows with a variable at two values, compared.

    Parameters
    ----------
    fit, by, effects, kind, group_means, prob, uncertainty, seed
        As in `predictions`.
    newdata : DataFrame
        The rows, as the data of the fit or a `datagrid`.
    variables : str, list of str or mapping, optional
        Which are varied, each by itself; by default all of the fixed part.  A mapping says how.
        Numbers: a step, half of it to either side of each row's value (1 by default; 0 and 1 where
        there are no other values), two values ``[lo, hi]``, or of the rows ``"sd"``, ``"2sd"``,
        ``"iqr"`` or ``"minmax"``.  Labels: each level and the ``"reference"`` (the default),
        ``"sequential"`` or ``"pairwise"`` levels, or two, ``[lo, hi]``.
    comparison : str
        ``"difference"``, ``"ratio"``, ``"lnratio"``, ``"lnor"`` (log odds ratio) or ``"lift"``
        (relative difference), of the averages where there are any.

    Returns
    -------
    Margins

    Raises
    ------
    DataError, EstimationError, InferenceError
        As `predictions`.

    Examples
    --------
    >>> import hierbayes as hb
    >>> hs = hb.load_dataset("hs")
    >>> fit = hb.Model("mathach ~ ses * Sector + (1 | school)", data=hs).reml()
    >>> hb.comparisons(fit, hs, "ses", by="Sector").table.round(2)
      term contrast    Sector  estimate    se  lower  upper
    0  ses       +1  Catholic      1.82  0.28   1.27   2.37
    1  ses       +1    Public      3.20  0.31   2.59   3.82
    """
    combined, columns = combination_of(comparison), fit.design.columns
    if comparison == "lnor" and fit.problem.family is None:
        raise InferenceError(
            "comparison='lnor' is of probabilities, and the response is Gaussian; take "
            "'difference' or 'ratio'"
        )
    wanted = _Wanted(fit, asked_of_call(fit, "comparisons", effects, kind, group_means), by)
    rows = needed_rows(newdata, "newdata")
    found = []
    for name, how in asked_variables(columns, rows, variables).items():
        for one in contrasts_of(columns, rows, name, how):
            plain = comparison == "difference" and one.step
            label = one.step if plain else combined.label.format(hi=one.hi_label, lo=one.lo_label)
            found.append(wanted.quantity(name, label, rows, one.sides(rows), combined))
    request = Request(Interval(prob), uncertainty, seed)
    return margins_of(fit, "Comparisons", found, request, wanted.effects)


def slopes(
    fit: Fit,
    newdata: pd.DataFrame,
    variables: str | Sequence[str] | None = None,
    *,
    by: By = True,
    effects: Effects = "all",
    kind: str = "mean",
    group_means: str = "remembered",
    prob: float = DEFAULT_PROB,
    uncertainty: str | None = None,
    seed: int | None = None,
) -> Margins:
    """How much the expected response of rows changes with a number, at its value there.

    The derivative is a difference over 1/10000 of the range of the number.  Labels are compared
    with their reference level, as in `comparisons`.

    Parameters
    ----------
    fit, newdata, by, effects, kind, group_means, prob, uncertainty, seed
        As in `comparisons`.
    variables : str or list of str, optional
        Which; by default all of the fixed part.

    Returns
    -------
    Margins

    Raises
    ------
    DataError, EstimationError, InferenceError
        As `predictions`.

    Examples
    --------
    >>> import hierbayes as hb
    >>> hs = hb.load_dataset("hs")
    >>> fit = hb.Model("mathach ~ ses * Sector + (1 | school)", data=hs).reml()
    >>> grid = hb.datagrid(fit, hs, Sector=["Catholic", "Public"])
    >>> hb.slopes(fit, grid, "ses", by="Sector", effects="none").table.round(2)
      term contrast    Sector  estimate    se  lower  upper
    0  ses    dY/dX  Catholic      1.82  0.28   1.27   2.37
    1  ses    dY/dX    Public      3.20  0.31   2.59   3.82
    """
    columns = fit.design.columns
    wanted = _Wanted(fit, asked_of_call(fit, "slopes", effects, kind, group_means), by)
    rows = needed_rows(newdata, "newdata")
    if isinstance(variables, Mapping):
        raise DataError(
            "slopes() takes names of variables; comparisons() takes how they are varied"
        )
    found = []
    for name in asked_variables(columns, rows, variables):
        small = slope_of(columns, rows, name)
        if small is not None:
            combined = derivative(small[1])
            sides = small[0].sides(rows)
            found.append(wanted.quantity(name, combined.label, rows, sides, combined))
            continue
        combined = combination_of("difference")
        for one in contrasts_of(columns, rows, name, None):
            label = combined.label.format(hi=one.hi_label, lo=one.lo_label)
            found.append(wanted.quantity(name, label, rows, one.sides(rows), combined))
    request = Request(Interval(prob), uncertainty, seed)
    return margins_of(fit, "Slopes", found, request, wanted.effects)


@dataclass(frozen=True, slots=True, eq=False)
class _Wanted:
    """What all comparisons of one call share."""

    fit: Fit
    asked: Asked
    by: By

    @property
    def effects(self) -> str:
        return effects_in_words(self.fit, self.asked)

    def quantity(
        self,
        term: str,
        label: str,
        rows: pd.DataFrame,
        sides: tuple[pd.DataFrame, pd.DataFrame],
        combined: Combination,
    ) -> Quantity:
        _refuse_uncounted(self.fit, self.asked.effects, term)
        hi, lo = (expected_rows(self.fit, one, self.asked) for one in sides)
        averages = averages_of(self.by, rows, rows.index, (), shown_columns(self.fit, rows, term))
        return Quantity(term, label, (hi, lo), averages, combined)


def _refuse_uncounted(fit: Fit, effects: Effects, name: str) -> None:
    """Refuse to compare groups whose own effects are not counted: every difference would be 0."""
    spec = fit.design.specification
    if name in columns_needed(spec.fixed, *spec.random_effects, spec.offsets):
        return
    counted = () if effects == "new" else counted_factors(fit.design, effects)
    if not any(name in spec.columns_of[spec.factors[k]] for k in counted):
        raise DataError(
            f"with effects={effects!r} the effects of the groups of '{name}' are not counted, and "
            "nothing changes with it; effects='all' compares the groups of the fit"
        )
