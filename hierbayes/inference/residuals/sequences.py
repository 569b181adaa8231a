"""Residuals of rows in the order of time within groups, and the pairs of rows that are so apart."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from hierbayes.design.design import Design
from hierbayes.design.group_codes import ALL_ROWS, factor_codes
from hierbayes.design.residual_rows import ResidualRows
from hierbayes.design.subject import subject_of
from hierbayes.errors import DataError, EstimationError, in_quotes
from hierbayes.fit.fit import Fit
from hierbayes.frames.arrays import Floats, Integers
from hierbayes.inference.accepted_fits import refuse_other_than_fit
from hierbayes.residuals.number_columns import numbers_of

KINDS = ("normalized", "pearson", "response")
_WHAT = "times of residuals"


@dataclass(frozen=True, slots=True, eq=False)
class Sequences:
    """Residuals in order of group, and of time within it.

    Parameters
    ----------
    values, times : (n,) float
        Residuals, and when they are; without a stated time their places within groups.
    codes : (n,) int
        Groups, in ascending order.
    labels : (n,) object
        Those of the rows.
    group, time : str
        What they are called; no time where rows are counted.
    error_variance : float
        What the mean square of the errors is by the fit, in units of the residuals.
    has_effects : bool
        Whether effects of groups are estimated.
    about : tuple of str
        Lines on the model, the data and the residuals.
    """

    values: Floats
    times: Floats
    codes: Integers
    labels: pd.Index
    group: str
    time: str
    error_variance: float
    has_effects: bool
    about: tuple[str, ...]

    @property
    def variance(self) -> float:
        """The mean of the squared residuals."""
        return float(np.mean(self.values**2))

    @property
    def sizes(self) -> Integers:
        """Rows of each group."""
        sizes = np.bincount(self.codes)
        return sizes[sizes > 0]

    def pairs(self) -> Iterator[tuple[Integers, Integers]]:
        """Places of rows that are next to each other in a group, then of those two rows on ..."""
        for step in range(1, int(self.sizes.max())):
            left = np.flatnonzero(self.codes[step:] == self.codes[:-step])
            yield left, left + step

    def pulled(self) -> tuple[str, ...]:
        """Why residuals of a model that is right are no white noise."""
        if not self.has_effects:
            return ()
        return (
            "residuals are what estimated effects of their group leave, which makes them correlate "
            "negatively even if the errors do not, most in small groups: half of the groups "
            f"have at most {int(np.median(self.sizes))} rows",
        )


def sequences_of(
    fit: Fit, caller: str, time: str | Any | None, kind: str, group: str | Any | None
) -> Sequences:
    """The residuals of a fit in sequence.

    Raises
    ------
    HypothesisError
        When it is no fit.
    FormulaError
        When its response is not Gaussian.
    DataError
        When there is no such kind, group or time, or no two rows of a group.
    EstimationError
        When residuals are 0 or not finite.
    """
    refuse_other_than_fit(fit, caller, structured=True)
    fit.problem.refuse_other_families(f"{caller}()")
    if kind not in KINDS:
        raise DataError(f"there are no residuals {kind!r}; kind is one of: {in_quotes(KINDS)}")
    name, codes = _groups(fit, group)
    word, times = _times(fit, time, codes)
    order = np.lexsort((times, codes))
    values = residuals_of(fit, kind)[order]
    codes, times = codes[order], times[order]
    if not np.diff(codes).size or np.all(np.diff(codes) != 0):
        raise DataError(f"no group of '{name}' has two rows, so that no residuals can be compared")
    if not np.isfinite(values).all() or not (values != 0.0).any():
        raise EstimationError("the residuals of this fit are 0 or not finite: it leaves no errors")
    if not word:
        times = _places(codes)
    given = f"θ̂ by {fit.engine}" if not fit.sampled else "posterior means"
    along = f"in order of {word}" if word else "counted as rows"
    lines = (("Errors", f"{kind} residuals within {name}, {along}"), ("Given", given))
    about = subject_of(fit.design).lines(*lines)
    return Sequences(
        values, times, codes, fit.design.rows.index[order], name, word,
        error_variance_of(fit, kind), bool(fit.design.effects), about,
    )  # fmt: skip


def residuals_of(fit: Fit, kind: str) -> Floats:
    """Residuals (n,) of a kind; those without a residual structure are normalized by their σ."""
    plain = kind == "normalized" and _structure(fit) is None
    residuals = fit.residuals(kind="pearson" if plain else kind)
    return np.asarray(residuals, dtype=np.float64)


def error_variance_of(fit: Fit, kind: str) -> float:
    """The mean variance of the errors of the rows, in units of the residuals of a kind."""
    if kind != "response":
        return 1.0
    sd = fit.sigma * fit.design.rows.row_sd * fit.problem.error_scale()
    return float(np.mean(np.square(sd)))


def _structure(fit: Fit) -> ResidualRows | None:
    moments = fit.problem.moments
    return None if moments is None else moments.rows


def _groups(fit: Fit, group: str | Any | None) -> tuple[str, Integers]:
    """The name of the groups and the group of each row (n,)."""
    design, structure = fit.design, _structure(fit)
    if group is not None and not isinstance(group, str):
        return _stated_groups(design, group)
    of_errors = "" if structure is None or structure.correlation is None else structure.group
    if structure is not None and of_errors and group in (None, of_errors):
        return of_errors, structure.codes
    names = [factor.name for factor in design.factors]
    if group is None:
        if names == [ALL_ROWS]:
            raise DataError(
                "the model names no groups of rows; give that of each row, as in group=data['id']"
            )
        sizes = [factor.J for factor in design.factors]
        group = names[int(np.argmax(sizes))]
    if group in names:
        return group, design.rows.codes_of[names.index(group)]
    column = _column(design, group, "group")
    return group, factor_codes(column.to_frame(), group, (group,))[0]


def _times(fit: Fit, time: str | Any | None, codes: Integers) -> tuple[str, Floats]:
    """What times are called, and the time of each row (n,)."""
    design, structure = fit.design, _structure(fit)
    if time is None:
        correlation = None if structure is None else structure.correlation
        order = _places(codes) if correlation is None else correlation.times
        return "", np.asarray(order, dtype=np.float64)
    if isinstance(time, str):
        column = _column(design, time, "time")
        return time, numbers_of(column.to_frame(), time, _WHAT)
    return _stated_times(design, time)


def _stated_times(design: Design, time: Any) -> tuple[str, Floats]:
    """Times that are numbers: one for each row of the fit, or of its data."""
    column = _stated(design, time, "time", "number")
    word = str(column.name) if column.name is not None else "time"
    return word, numbers_of(column.to_frame(word), word, _WHAT)


def _stated_groups(design: Design, group: Any) -> tuple[str, Integers]:
    """Groups that are labels: one for each row of the fit, or of its data."""
    column = _stated(design, group, "group", "label")
    word = str(column.name) if column.name is not None else "group"
    if column.isna().any():
        row = column.index[int(column.isna().to_numpy().argmax())]
        raise DataError(f"group is missing at row label {row}; every row of the fit needs one")
    return word, factor_codes(column.to_frame(word), word, (word,))[0]


def _stated(design: Design, given: Any, argument: str, what: str) -> pd.Series:
    """What is given for each row of the fit, or of its data, at the rows (n,) of the fit."""
    column = pd.Series(given) if np.ndim(given) == 1 else pd.Series(dtype=np.float64)
    kept = design.rows.kept
    if len(column) == len(kept):
        column = column[kept]
    if len(column) != design.n:
        raise DataError(
            f"{argument} must be the name of a column, or a {what} for each of the {design.n} rows "
            f"of the fit or {len(kept)} rows of the data"
        )
    return column.set_axis(design.rows.index)


def _column(design: Design, name: object, argument: str) -> pd.Series:
    """A column (n,) of what the fit keeps of the data."""
    for frame in reversed(design.rows.frames):
        if isinstance(name, str) and name in frame.columns:
            return frame[name]
    known = list(dict.fromkeys(str(one) for frame in design.rows.frames for one in frame.columns))
    other = (
        "its numbers, one for each row"
        if argument == "time"
        else f"the group of each row, as in group=data[{name!r}]"
    )
    raise DataError(
        f"{argument}={name!r} is no column that the model uses; they are: "
        f"{in_quotes(known) or 'none'}; or give {other}"
    )


def _places(codes: Integers) -> Floats:
    """The place of each row within its group, from 0."""
    return pd.Series(codes).groupby(codes).cumcount().to_numpy(dtype=np.float64)
