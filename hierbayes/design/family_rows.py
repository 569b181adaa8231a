"""The responses of a family that is not Gaussian, row by row, and what stands for them."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from hierbayes.design.further_columns import FurtherColumns, further_columns
from hierbayes.design.matrices import one_column
from hierbayes.errors import DataError, FormulaError
from hierbayes.families.categorical import Categorical
from hierbayes.families.family import ResponseFamily
from hierbayes.families.response import FAILURES, PLAIN, TRIALS, Response
from hierbayes.families.zero_part import ZeroPart
from hierbayes.frames.arrays import Floats, Integers
from hierbayes.frames.seen_columns import DataColumns, frame_of
from hierbayes.specification.formula import Specification

_FURTHEST = 40.0  # of a linear predictor from 0, where the response of all rows is looked for
_HALVINGS, _AT_A_TIME = 60, 6


@dataclass(frozen=True, slots=True, eq=False)
class FamilyRows:
    """Responses as a family reads them.

    Where rows have P linear predictors, arrays are of the predictors of each row in turn (n P,).

    Parameters
    ----------
    family : ResponseFamily
    y, m : (n,) float
        Responses and their sizes.
    offset : (n,) float
        What is added to every η.
    of_trials : bool
        Whether m counts trials.
    outcomes : tuple of str
        Labels of what y counts as 0, 1, …; none where it is a number.
    further : FurtherColumns, optional
        What the response depends on beside η; their values stand behind the sizes, m (n, 1 + k).
    """

    family: ResponseFamily
    y: Floats
    m: Floats
    offset: Floats
    of_trials: bool
    outcomes: tuple[str, ...]
    further: FurtherColumns | None = None

    @property
    def sizes(self) -> Floats:
        """m alone (n,), without further columns."""
        return self.m if self.m.ndim == 1 else self.m[:, 0]

    @property
    def first(self) -> float:
        """The response of the first row."""
        return float(self.y[0])

    @property
    def observed(self) -> Floats:
        """One number for each row of the data (n,): y, or of nominal categories their number."""
        return self.as_observed(self.y)

    @property
    def is_whole(self) -> bool:
        """Whether responses are whole numbers: counts, successes, or numbers of categories."""
        return self.family.is_whole

    def as_observed(self, y: Floats) -> Floats:
        """The same of other responses."""
        return self.family.codes(y)

    def some(self, at: Integers) -> FamilyRows:
        """Those of some rows, of one linear predictor each."""
        return replace(self, y=self.y[at], m=self.m[at], offset=self.offset[at])

    def with_observed(self, observed: Floats) -> FamilyRows:
        """With other responses (n,), one number for each row as `observed` has it."""
        return replace(self, y=self.family.indicators(observed))


_OF_GROUPS = "ranef() and coef() have the effects of groups, plots.plot_caterpillar() shows them"
_OF_ROWS = "residuals(kind='quantile', seed=1) are normal of any family where the model is right"
_INSTEAD = {
    "blue()": _OF_GROUPS,
    "shrinkage()": _OF_GROUPS,
    "plot_shrinkage()": _OF_GROUPS,
    "plot_shrinkage_factors()": _OF_GROUPS,
    "level2_residuals()": _OF_GROUPS,
    "level1_residuals()": _OF_ROWS,
    "residual_acf()": _OF_ROWS,
    "residual_variogram()": _OF_ROWS,
    "contextual()": "summary() has the coefficients of a column and of its cvar()",
    "a cluster-robust covariance": "leave robust= out, or refit by hb.bootstrap(fit)",
}  # what any family has in place of what was asked for


def gaussian_only(family: ResponseFamily, what: str = "this") -> str:
    """Words for a request that only a model of a Gaussian response can answer."""
    said = f"{what} is made for Gaussian responses, and the family of this model is {family}"
    return f"{said}; {_INSTEAD[what]}" if what in _INSTEAD else said


def refuse_counts(spec: Specification) -> None:
    """Refuse counts out of trials of a Gaussian response.

    Raises
    ------
    FormulaError
    """
    if spec.trials is not None:
        raise FormulaError(
            f"the response '{spec.left}' counts successes out of trials: state the family, as in "
            "hb.Model(..., family='binomial')"
        )


def read_family_rows(family: ResponseFamily, spec: Specification, frame: DataColumns) -> FamilyRows:
    """The responses of complete rows, as a family reads them.

    Raises
    ------
    DataError
        When they do not fit the family; the message names the first such row.
    """
    columns: list[pd.Series] = [_column(spec.response, spec, frame)]
    form = PLAIN
    if spec.trials is not None:
        columns.append(_column(spec.trials.other, spec, frame))
        form = FAILURES if spec.trials.kind == "failures" else TRIALS
    response = Response(spec.left, tuple(columns), form)
    family = family.of_response(response)
    y, m = family.read(response)
    if family.predictors and spec.offsets:
        raise FormulaError(
            f"an offset has no place with the family {family.name}: it would be added to the log "
            "odds of every category against the first; leave it out"
        )
    offset = offset_or_none(spec, frame)
    offset = np.zeros(len(y)) if offset is None else np.repeat(offset, len(y) // len(frame))
    further = None
    if isinstance(family, ZeroPart) and family.further_terms:
        further = further_columns(family.further_terms, frame_of(frame), spec.functions)
        family = family.of_columns(further.names, further.turn)
        m = further.beside(m, frame_of(frame))
    outcomes = family.outcomes(response)
    return FamilyRows(family, y, m, offset, spec.trials is not None, outcomes, further)


def offset_or_none(spec: Specification, frame: DataColumns) -> Floats | None:
    """The offset (n,) of a formula; None where there is none.

    Raises
    ------
    DataError
        When it is not finite in a row, which is named.
    """
    if not spec.offsets:
        return None
    offset = offset_of(spec, frame)
    _refuse_no_offset(offset, spec, frame)
    return offset


def _refuse_no_offset(offset: Floats, spec: Specification, frame: DataColumns) -> None:
    if not np.isfinite(offset).all():
        row = frame.index[int((~np.isfinite(offset)).argmax())]
        raise DataError(
            f"the offset '{spec.offsets[0]}' is missing or infinite, first at row label {row}; "
            "the exposure in log(exposure) must be above 0"
        )


def offset_of(spec: Specification, frame: DataColumns) -> Floats:
    """The sum of the offsets of a formula on the rows of a frame (n,)."""
    total = np.zeros(len(frame))
    for text in spec.offsets:
        total = total + one_column(text, frame, spec.functions, "offset")
    return total


def _column(text: str, spec: Specification, frame: DataColumns) -> pd.Series:
    """A column as it is, with its type, or an expression of columns computed."""
    if text == f"`{text[1:-1]}`" or text.isidentifier():
        return frame[text.strip("`")]
    return pd.Series(one_column(text, frame, spec.functions, "response"), frame.index)


def has_thresholds(family: ResponseFamily) -> bool:
    """Whether the dispersion of a family is thresholds on the scale of η.

    The first of them is 0 where η is computed, which leaves it its intercept.
    """
    return "ordered" in family.dispersion_kinds


def working_response(rows: FamilyRows, times: Floats | None = None) -> Floats:
    """What stands for the responses on the scale of η, less the offset (n,).

    Its mean is the η of all rows together, and its standard deviation is 1 but for an identity
    link, whatever the responses are: it is what default priors are scaled by.  In between it
    follows the rows.  Of P linear predictors it is 1/√P, for a column is 0 in all rows but those
    of its own, so that priors are what they are of one.

    ``times`` (n,) is how often each row counts, by default once.
    """
    each = rows.family.start(rows.y, rows.m) - rows.offset
    count = float(len(each) if times is None else times.sum())
    away = each - float(each.sum() if times is None else times @ each) / count
    spread = math.sqrt(float(away @ (away if times is None else times * away)) / count)
    spread *= math.sqrt(max(len(rows.family.predictors), 1))
    if spread == 0.0 or rows.family.link == "identity":
        return each
    return common_predictor(rows, times) + away / spread


def _for_one_mean(
    family: ResponseFamily, offset: Floats, m: Floats, phi: Floats, mean: float
) -> float:
    """`common_predictor` where it gives all rows one mean: many are tried at a time."""
    size, low, high = 2**_AT_A_TIME, -_FURTHEST, _FURTHEST
    m = np.repeat(m, size - 1, axis=0)
    with np.errstate(over="ignore"):
        for _ in range(_HALVINGS // _AT_A_TIME):
            width = (high - low) / size
            found = family.mean(low + width * np.arange(1, size) + offset, m, phi)
            below = int(np.count_nonzero(found < mean))
            low, high = low + width * below, low + width * (below + 1)
    return 0.5 * (low + high)


def common_predictor(rows: FamilyRows, times: Floats | None = None) -> float:
    """The constant that, with the offsets, gives all rows together the mean that they have."""
    if isinstance(rows.family, Categorical):
        return rows.family.common_predictor(rows.y, rows.m)
    if has_thresholds(rows.family):
        return float(rows.family.start(rows.y, rows.m).mean())
    offset, m = rows.offset, rows.m
    if times is None:
        total, counts = float(rows.y.sum()), rows.sizes if rows.of_trials else np.ones(len(rows.y))
    else:
        total, counts = float(times @ rows.y), times * rows.sizes if rows.of_trials else times
    mean, is_one_offset = total / float(counts.sum()), not np.count_nonzero(offset != offset[0])
    (least, most), found = rows.family.mean_range, None
    if is_one_offset and least < mean < most:
        found = rows.family.predictor_of_mean(mean)
    if found is not None:
        return max(min(found - float(offset[0]), _FURTHEST), -_FURTHEST)
    phi = rows.family.dispersion_start(rows.y, m)
    if is_one_offset and not np.ptp(m, axis=0).any():  # one mean for all rows
        return _for_one_mean(rows.family, offset[:1], m[:1], phi, mean)
    low, high = -_FURTHEST, _FURTHEST
    with np.errstate(over="ignore"):
        for _ in range(_HALVINGS):
            middle = 0.5 * (low + high)
            expected = float((counts * rows.family.mean(middle + offset, m, phi)).sum())
            low, high = (middle, high) if expected < total else (low, middle)
    return 0.5 * (low + high)
