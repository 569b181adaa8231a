"""Responses of a family, drawn, with their trials and offsets."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from hierbayes.design.family_rows import offset_of
from hierbayes.design.matrices import columns_needed, one_column
from hierbayes.errors import StudyError
from hierbayes.families.binomial import Bernoulli, Binomial
from hierbayes.families.family import ResponseFamily
from hierbayes.frames.arrays import Floats
from hierbayes.specification.formula import Specification
from hierbayes.specification.response import FAILURES


@dataclass(frozen=True, slots=True, eq=False)
class DrawnRows:
    """Drawn responses.

    Parameters
    ----------
    y, m : (n,) float
        Responses as the family counts them, and their sizes.
    residuals : (n,) float
        What y has beyond its expectation.
    """

    y: Floats
    m: Floats
    residuals: Floats


def row_columns(spec: Specification) -> tuple[str, ...]:
    """Columns that trials, offsets and errors are made of, but for the response itself."""
    other = (spec.trials.other,) if spec.trials is not None else ()
    response = spec.response.strip("`")
    of_errors = () if spec.residual is None else spec.residual.columns
    by_row = filter(None, (spec.weights, spec.known_sd))
    names = dict.fromkeys((*columns_needed(other, spec.offsets), *of_errors, *by_row))
    return tuple(name for name in names if name != response)


def complete_sizes(rows: pd.DataFrame, spec: Specification) -> pd.DataFrame:
    """The rows whose trials, offsets and columns of errors are there.

    Raises
    ------
    StudyError
        When a column of them is not.
    """
    names = row_columns(spec)
    for name in names:
        if name not in rows:
            raise StudyError(f"the model needs '{name}', which the data have not")
    return rows.loc[~rows[list(names)].isna().any(axis=1)] if names else rows


def draw_rows(
    family: ResponseFamily,
    spec: Specification,
    rows: pd.DataFrame,
    eta: Floats,
    phi: Floats,
    rng: np.random.Generator,
) -> DrawnRows:
    """Responses of rows given η without offsets.

    Raises
    ------
    StudyError
        When the trials are no whole numbers, or the family counts them and there are none.
    """
    m, eta = _sizes(family, spec, rows), eta + offset_of(spec, rows)
    y = family.draw(rng, m, eta, phi)
    size = m if spec.trials is not None else 1.0
    return DrawnRows(y, m, y - size * family.mean(eta, m, phi))


def with_response(
    rows: pd.DataFrame, spec: Specification, drawn: DrawnRows, labels: tuple[str, ...]
) -> pd.DataFrame:
    """The rows with the drawn response in its column; failures in theirs, where they have one."""
    response = spec.response.strip("`")
    values: object = drawn.y
    if labels:
        ordered = len(labels) > 2
        values = pd.Categorical.from_codes(drawn.y.astype(int), list(labels), ordered=ordered)
    elif (drawn.y == np.floor(drawn.y)).all():
        values = drawn.y.astype(np.int64)
    made = rows.assign(**{response: values})
    trials = spec.trials
    if trials is not None and trials.kind == FAILURES and _is_column(trials.other):
        left = (drawn.m - drawn.y).astype(np.int64)
        made = made.assign(**{trials.other.strip("`"): left})
    return made


def _sizes(family: ResponseFamily, spec: Specification, rows: pd.DataFrame) -> Floats:
    if spec.trials is None:
        inside = getattr(family, "inside", family)
        if isinstance(inside, Binomial) and type(family) not in (Bernoulli, Binomial):
            raise StudyError(
                f"{family} counts out of trials, and '{spec}' states none; write "
                f"'{spec.response} | trials(size)'"
            )
        return np.full(len(rows), family.constant)
    other, response = spec.trials.other, spec.response.strip("`")
    if spec.trials.kind == FAILURES and response not in rows:
        if _is_column(other):
            raise StudyError(
                "trials are successes and failures, which data= has to hold; or write "
                f"'{spec.response} | trials(size)'"
            )
        rows = rows.assign(**{response: 0.0})
    m = one_column(other, rows, spec.functions, "response").astype(np.float64)
    if spec.trials.kind == FAILURES:
        m = m + rows[response].to_numpy(dtype=np.float64)
    if not ((m >= 0.0) & (m == np.floor(m))).all():
        row = rows.index[int((~((m >= 0.0) & (m == np.floor(m)))).argmax())]
        raise StudyError(f"trials are whole numbers; those of row {row} are not")
    return m


def _is_column(text: str) -> bool:
    return text.isidentifier() or text == f"`{text[1:-1]}`"
