"""The design of a model with other numbers of groups, and of rows in each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol
from zlib import crc32

import numpy as np
import pandas as pd

from hierbayes.design.problem import Problem, pose_problem
from hierbayes.errors import DataError, FormulaError, StudyError, in_quotes
from hierbayes.frames.arrays import Integers
from hierbayes.priors.prior_set import PriorSet
from hierbayes.specification.counts import is_whole

_TRIALS = 20  # draws of groups, until the design has every column


class OnData(Protocol):
    """A model: its problem, its priors and its data."""

    @property
    def problem(self) -> Problem:
        """The design on data."""

    @property
    def priors(self) -> PriorSet:
        """The priors in force."""

    @property
    def data(self) -> pd.DataFrame:
        """The data as they were given."""


@dataclass(frozen=True, slots=True)
class Size:
    """How many groups, and rows of each; None for those of the data."""

    groups: int | None
    rows: int | None

    @property
    def name(self) -> str:
        """As a file knows it."""
        return f"{self.groups or 'all'} x {self.rows or 'all'}"


def read_sizes(name: str, stated: Any) -> Sequence[int | None]:
    """Numbers of groups or of rows, in increasing order; None where nothing is stated.

    Raises
    ------
    StudyError
        When they are no whole numbers of at least 2 (groups) or 1 (rows).
    """
    if stated is None:
        return [None]
    values = [stated] if is_whole(stated) else list(stated) if np.iterable(stated) else []
    least = 2 if name == "groups" else 1
    if isinstance(stated, str) or not values or not all(is_whole(v) and v >= least for v in values):
        raise StudyError(
            f"{name} are whole numbers of at least {least}, one or several, not {stated!r}"
        )
    return sorted({int(value) for value in values})


def refuse_no_model(model: object, caller: str) -> None:
    """Refuse what is no model, or one whose data are not simulated here.

    Raises
    ------
    StudyError
        Naming its type.
    ResidualError
        When variances of errors follow the fitted values.
    FormulaError
        When it has neither a random part nor a residual structure.
    """
    if not isinstance(getattr(model, "priors", None), PriorSet) or not hasattr(model, "data"):
        raise StudyError(
            f"{caller}() takes a model, and this is of type {type(model).__name__}; models are "
            "what hb.Model() returns"
        )
    problem = getattr(model, "problem", None)
    if isinstance(problem, Problem):
        problem.refuse_fitted_variances(f"{caller}()")
        if problem.moments is None:
            problem.design.specification.refuse_no_random_part(f"{caller}()")


def resized(model: OnData, size: Size, seed: int) -> Problem:
    """The problem of a model with other numbers of groups and rows.

    Groups of the data are drawn, each as often as every other or once more, with their variables;
    in each of them rows are drawn likewise.  What a formula computes from them (group means,
    splines) is computed anew.

    Raises
    ------
    FormulaError
        When the model has several grouping factors.
    StudyError
        When so few groups do not have every column of the model.
    """
    if size.groups is None and size.rows is None:
        return model.problem
    design = model.problem.design
    design.specification.refuse_several_factors("other numbers of groups= or rows= are")
    rng = np.random.default_rng([seed, crc32(size.name.encode())])
    reason = ""
    for _ in range(_TRIALS):
        frame = _drawn_rows(model, size, rng)
        try:
            problem = pose_problem(design.specification, frame, None, model.problem.family)
        except (DataError, FormulaError) as error:
            reason = str(error)
            continue
        missing = [term for term in design.terms if term not in problem.design.terms]
        if tuple(problem.design.terms) == tuple(design.terms):
            _refuse_lost_columns(model.problem, problem)
            return problem
        reason = f"it lacks {in_quotes(missing)}"
    raise StudyError(f"{size.groups or design.J} groups do not carry this model: {reason}")


def _refuse_lost_columns(before: Problem, after: Problem) -> None:
    """Refuse weights or an offset that are no column of the data, and not in the new design."""
    for name, of in (("weights", "root_weights"), ("an offset", "added")):
        if (getattr(before.design.rows, of) is None) != (getattr(after.design.rows, of) is None):
            raise StudyError(
                f"{name} of the model are no column of its data, and groups cannot be drawn with "
                "them; make them one"
            )


def _drawn_rows(model: OnData, size: Size, rng: np.random.Generator) -> pd.DataFrame:
    design = model.problem.design
    kept = model.data.iloc[np.flatnonzero(_kept(model))]
    codes, J = design.rows.codes, design.factor.J
    parts, labels = [], []
    for label, j in enumerate(_as_often(J, size.groups or J, rng)):
        mine = np.flatnonzero(codes == j)
        parts.append(mine[_as_often(len(mine), size.rows or len(mine), rng)])
        labels.append(np.full(len(parts[-1]), label + 1))
    frame = kept.iloc[np.concatenate(parts)].reset_index(drop=True)
    found = np.concatenate(labels)
    frame = frame.assign(**{design.factor.name: found})
    errors = model.problem.moments
    if errors is not None and errors.rows.group not in ("", design.factor.name):
        inner = pd.Series(found.astype(str)) + "." + frame[errors.rows.group].astype(str)
        frame = frame.assign(**{errors.rows.group: inner})
    return frame


def _kept(model: OnData) -> Any:
    """Which rows of the data (n,) are in the design."""
    kept = model.problem.design.rows.kept
    return np.ones(len(model.data), dtype=bool) if kept is None else np.asarray(kept)


def _as_often(there: int, wanted: int, rng: np.random.Generator) -> Integers:
    """Places of so many things out of others, each as often as every other or once more."""
    whole, rest = divmod(wanted, there)
    places = np.concatenate([np.tile(np.arange(there), whole), rng.permutation(there)[:rest]])
    return np.sort(places).astype(np.intp)
