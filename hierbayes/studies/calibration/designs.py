"""The design of a model with other numbers of groups, and of rows in each."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
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
from hierbayes.specification.factor_name import factor_called
from hierbayes.studies.calibration.drawn_levels import as_often, drawn_levels, relabelled

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
    """How many groups, and rows of each; None for those of the data.

    Parameters
    ----------
    groups : int, tuple of (factor, int), optional
        Of several grouping factors by factor, one that varies between designs first.
    rows : int, optional
    """

    groups: int | tuple[tuple[str, int], ...] | None
    rows: int | None

    @property
    def name(self) -> str:
        """As a file knows it."""
        groups = str(self.groups or "all")
        if isinstance(self.groups, tuple):
            groups = ", ".join(f"{count} {factor}" for factor, count in self.groups)
        return f"{groups} x {self.rows or 'all'}"

    @property
    def words(self) -> str:
        """Its groups, as a table names them."""
        if isinstance(self.groups, tuple):
            return ", ".join(f"{count} groups ({factor})" for factor, count in self.groups)
        return f"{self.groups} groups"

    @property
    def counted(self) -> tuple[str, int] | None:
        """The factor whose number stands for the design, empty of the only one, and its number."""
        if isinstance(self.groups, tuple):
            return self.groups[0]
        return None if self.groups is None else ("", self.groups)


def read_groups(
    stated: Any, factors: tuple[str, ...]
) -> list[int | tuple[tuple[str, int], ...] | None]:
    """Numbers of groups of each design; of several factors of all that are stated.

    Raises
    ------
    StudyError
        When they are no numbers of groups of these factors, or several factors have several.
    """
    if stated is not None and not factors:
        raise StudyError(
            "groups= are numbers of groups, and the model names none; give rows=, their number in "
            "all, or add a term such as (1 | group)"
        )
    if stated is None or (len(factors) < 2 and not isinstance(stated, Mapping)):
        return list(read_sizes("groups", stated))
    if not isinstance(stated, Mapping):
        raise StudyError(
            f"groups= of several grouping factors goes by factor, as in "
            f"{{'{factors[0]}': {stated!r}}}; they are: {in_quotes(factors)}"
        )
    numbers: dict[str, Sequence[int]] = {}
    for name, given in stated.items():
        factor = factor_called(name, factors)
        if factor is None:
            raise StudyError(
                f"groups: {name!r} is no grouping factor of this model; they are: "
                f"{in_quotes(factors)}"
            )
        numbers[factor] = [one for one in read_sizes("groups", given, least=1) if one is not None]
    varied = [factor for factor, found in numbers.items() if len(found) > 1]
    if len(varied) > 1:
        raise StudyError(
            f"groups: {in_quotes(varied)} have several numbers each; vary one, and give one number "
            "of the others"
        )
    order = sorted(numbers, key=lambda factor: factor not in varied)
    if not order:
        return [None]
    if len(factors) == 1:
        return list(numbers[order[0]])
    each = itertools.product(*(numbers[factor] for factor in order))
    return [tuple(zip(order, one, strict=True)) for one in each]


def read_sizes(name: str, stated: Any, least: int | None = None) -> Sequence[int | None]:
    """Numbers of groups or of rows, in increasing order; None where nothing is stated.

    Raises
    ------
    StudyError
        When they are no whole numbers of at least 2 (groups) or 1 (rows).
    """
    if stated is None:
        return [None]
    values = [stated] if is_whole(stated) else list(stated) if np.iterable(stated) else []
    least = (2 if name == "groups" else 1) if least is None else least
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
    """
    if not isinstance(getattr(model, "priors", None), PriorSet) or not hasattr(model, "data"):
        raise StudyError(
            f"{caller}() takes a model, and this is of type {type(model).__name__}; models are "
            "what hb.Model() returns"
        )
    problem = getattr(model, "problem", None)
    if isinstance(problem, Problem):
        problem.refuse_fitted_variances(f"{caller}()")


def resized(model: OnData, size: Size, seed: int) -> Problem:
    """The problem of a model with other numbers of groups and rows.

    Groups of the data are drawn, each as often as every other or once more, with their variables;
    in each of them rows are drawn likewise.  What a formula computes from them (group means,
    splines) is computed anew.  Of several grouping factors see `drawn_levels`.

    Raises
    ------
    StudyError
        When so few groups do not have every column of the model.
    """
    if size.groups is None and size.rows is None:
        return model.problem
    design = model.problem.design
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
    words = "so many rows" if size.groups is None else size.words
    raise StudyError(f"{words} do not carry this model: {reason}")


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
    if len(design.factors) > 1:
        return _drawn_cells(model, size, rng)
    assert not isinstance(size.groups, tuple)
    kept = model.data.iloc[np.flatnonzero(_kept(model))]
    codes, J = design.rows.codes, design.factor.J
    parts, labels = [], []
    for label, j in enumerate(as_often(J, size.groups or J, rng)):
        mine = np.flatnonzero(codes == j)
        parts.append(mine[as_often(len(mine), size.rows or len(mine), rng)])
        labels.append(np.full(len(parts[-1]), label + 1))
    frame = kept.iloc[np.concatenate(parts)].reset_index(drop=True)
    found = np.concatenate(labels)
    frame = frame.assign(**{design.factor.name: found})
    return _with_error_groups(model, frame, [found], (design.factor.name,))


def _drawn_cells(model: OnData, size: Size, rng: np.random.Generator) -> pd.DataFrame:
    """The same of several grouping factors."""
    design = model.problem.design
    groups = dict(size.groups) if isinstance(size.groups, tuple) else {}
    at, levels = drawn_levels(design, groups, size.rows, rng)
    kept = model.data.iloc[np.flatnonzero(_kept(model))]
    frame = relabelled(kept.iloc[at].reset_index(drop=True), design, levels)
    names = tuple(factor.name for factor in design.factors)
    return _with_error_groups(model, frame, list(levels.values()), names)


def _with_error_groups(
    model: OnData, frame: pd.DataFrame, labels: list[Integers], factors: tuple[str, ...]
) -> pd.DataFrame:
    """Rows whose errors are correlated within groups of their own, in each new group apart."""
    errors = model.problem.moments
    if errors is None or errors.rows.group in ("", *factors):
        return frame
    inner = frame[errors.rows.group].astype(str)
    for found in reversed(labels):
        inner = pd.Series(found.astype(str)) + "." + inner
    return frame.assign(**{errors.rows.group: inner})


def _kept(model: OnData) -> Any:
    """Which rows of the data (n,) are in the design."""
    kept = model.problem.design.rows.kept
    return np.ones(len(model.data), dtype=bool) if kept is None else np.asarray(kept)
